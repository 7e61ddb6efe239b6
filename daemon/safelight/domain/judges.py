"""Says how judges are named: whose numbers may be compared with whose.

A judge is a bundle and the version of the measures, "embedded:0123456789ab:fp32/m3". A second bundle that looks beside
it is named before a plus sign, "siglip2-base:ba9876543210:int8+embedded:0123456789ab:fp32/m3": its embeddings are its
own, while technical quality and the scale of the scores stay those of the judge after the sign.
Invariant: scores are placed among each other only where `scale_of` agrees, embeddings compared only where judges do.
"""

_BESIDE = "+"


def beside(bundle: str, judge: str) -> str:
    """Return the judge that looks with `bundle` beside `judge`."""
    return f"{bundle}{_BESIDE}{judge}"


def scale_of(judge: str) -> str:
    """Return the judge whose scale the scores of `judge` are on: itself, where nothing looks beside it."""
    return judge.rpartition(_BESIDE)[2]


def looks_alone(judge: str) -> bool:
    """Tell whether nothing looks beside this judge."""
    return _BESIDE not in judge


def bundle_of(judge: str) -> str:
    """Return the name of the bundle whose embeddings a judge has."""
    return judge.partition(":")[0]
