"""Says how judges are named: whose numbers may be compared with whose.

A judge is a bundle and the version of the measures, "embedded:0123456789ab:fp32/m3". A second bundle that looks beside
it is named before a plus sign, "siglip2-base:ba9876543210:int8+embedded:0123456789ab:fp32/m3": its embeddings are its
own, while technical quality and the scale of the scores stay those of the judge after the sign.
Releases of one bundle differ in their heads, which all answer in deviations over unseen photographs: their scores stay
on one scale, and a frame that only an older release has seen is still known by what that saw. Another version of a
fetched bundle, which its sum tells, is another bundle: nothing that the one saw is compared with what the other sees.
Invariant: scores are placed among each other only where `scale_of` agrees, embeddings compared only where judges do.
"""

_BESIDE = "+"


LEAST_FRAMES = 200  # that a bundle has to have seen to take over: about three for each direction of a taste


def beside(bundle: str, judge: str) -> str:
    """Return the judge that looks with `bundle` beside `judge`."""
    return f"{bundle}{_BESIDE}{judge}"


def first_of(judge: str) -> str:
    """Return the judge that `judge` looks beside: itself, where it looks alone."""
    return judge.rpartition(_BESIDE)[2]


def second_of(judge: str) -> str:
    """Return what the names of all judges begin with in which the same model looks beside a release of the first."""
    return judge.rpartition(_BESIDE)[0] + _BESIDE


def scale_of(judge: str) -> str:
    """Return the name of the scale that the scores of a judge are on: that of the first bundle, of any release."""
    return bundle_of(first_of(judge))


def looks_alone(judge: str) -> bool:
    """Tell whether nothing looks beside this judge."""
    return _BESIDE not in judge


def embedder_of(judge: str) -> str:
    """Return the bundle, with sum and precision, whose embeddings a judge has: what is installed is known by that."""
    return judge.partition(_BESIDE)[0].partition("/")[0]


def bundle_of(judge: str) -> str:
    """Return the name of the bundle whose embeddings a judge has."""
    return judge.partition(":")[0]
