"""Says in one sentence why a frame got its rating.

The sentence names the largest contributions and nothing that is not among them, in words that a photographer uses.
Invariant: what the sentence says helped has a positive contribution, what it says hurt a negative one.
"""

from collections.abc import Sequence

from safelight.domain.face_terms import NO_FACES, FaceTerm
from safelight.domain.frame import SetKind
from safelight.domain.technical_terms import Term, phrase

# How much appeal (z-score of the general head) is worth a word.
LIKED = 0.8

# How much learned taste (score units) is worth a word: about half a star.
LEANING = 0.3

SETS = {SetKind.BRACKET: "an exposure bracket", SetKind.FOCUS: "a focus stack", SetKind.PANORAMA: "a panorama"}


def sentence(
    terms: Sequence[Term],
    appeal: float,
    *,
    group_size: int = 1,
    kind: SetKind | None = None,
    keeper: Sequence[Term] | None = None,
    failure: str = "",
    taste: float = 0.0,
    keeper_taste: float = 0.0,
    faces: FaceTerm = NO_FACES,
) -> str:
    """Return one sentence.

    `terms` are the frame's technical terms and `appeal` its z-score. `keeper` are the terms of the burst's keeper, None
    for the keeper itself or a lone frame. `failure` is the technical reason for 1 star, if there is one. `taste` is
    what the person's own taste adds to the score, `keeper_taste` what it adds to the keeper's. `faces` is what the
    faces in it say.
    """
    alone = _alone(terms, appeal, taste, faces)
    if kind is not None:
        return f"One of {group_size} frames of {SETS[kind]}, kept whole; {alone}."
    if failure:
        return f"{failure[:1].upper()}{failure[1:]}."
    if keeper is not None:
        return f"Not the keeper of {group_size} alike: {_beside(terms, keeper, taste - keeper_taste, faces)}."
    if group_size > 1:
        return f"The keeper of {group_size} alike; {alone}."
    return f"{alone[:1].upper()}{alone[1:]}."


def _alone(terms: Sequence[Term], appeal: float, taste: float, faces: FaceTerm) -> str:
    """Name up to two things that helped and two that hurt, the strongest first."""
    good = [phrase(term) for term in sorted(terms, key=lambda term: -term.value) if term.value > 0]
    bad = [phrase(term) for term in sorted(terms, key=lambda term: term.value) if term.value < 0]
    good, bad = [words for words in good if words][:2], [words for words in bad if words][:2]
    if appeal >= LIKED:
        good = ["a kind of picture that people like", *good][:2]
    if appeal <= -LIKED:
        bad = [*bad, "a kind of picture that people like less"][-2:]
    if taste >= LEANING:
        good = ["more of what you keep", *good][:2]
    if taste <= -LEANING:
        bad = [*bad, "less of what you keep"][-2:]
    good, bad = [*faces.favour, *good][:2], [*faces.against, *bad][:2]
    if good and bad:
        return f"{' and '.join(good)}, but {' and '.join(bad)}"
    return " and ".join(good or bad) or "ordinary in every respect"


def _beside(terms: Sequence[Term], keeper: Sequence[Term], leaning: float, faces: FaceTerm) -> str:
    """Name what the keeper has over this frame, the largest differences first."""
    pairs = [(term.value - other.value, phrase(term, other)) for term, other in zip(terms, keeper, strict=True)]
    worse = [words for gap, words in sorted(pairs) if gap < 0 and words]
    if leaning <= -LEANING:
        worse = ["less of what you keep", *worse]
    worse = [*faces.against, *worse][:2]
    return " and ".join(worse) if worse else "a close second"
