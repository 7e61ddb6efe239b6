"""Scores the frames of one moment: by what most people agree on first, then with what was learned of the person.

The same functions serve ranking, learning and replaying, so that the taste is learned from exactly the numbers that it
is added to. A burst's frames are spread around the one that is technically best, a set's are level; taste then moves
each frame of a burst by itself, and a whole set by the mean of its frames, so that a set is never taken apart.
Invariants: a set has no losers and no failures; without taste the scores are the generic ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum

from safelight.domain.face_terms import NO_FACES, FaceTerm, burst_terms, lone_term, with_faces
from safelight.domain.frame import SetKind
from safelight.domain.keeper import keeper_scores, octaves_behind
from safelight.domain.records import Assessment
from safelight.domain.score import Contribution, Part, Score, level, lone_score, spread, tidy
from safelight.domain.technical_failure import technical_failure, technical_failure_probability
from safelight.domain.technical_terms import Term, technical_score, technical_terms

TasteTerms = Sequence[tuple[str, float]]  # named summands in score units


@dataclass(frozen=True, slots=True)
class Standing:
    """One frame among those of its moment."""

    terms: tuple[Term, ...]
    score: Score
    keeper: bool
    failure: str  # the technical reason for 1 star, empty without one
    leads: bool = True  # technically the best of its burst, before faces and taste
    faces: FaceTerm = NO_FACES


def generic(looks: Sequence[Assessment], kind: SetKind | None) -> tuple[Standing, ...]:
    """Score the frames of one group, in its order, before anything is known of the person."""
    terms = [technical_terms(look.measures, look.quality) for look in looks]
    lone = [
        lone_score([(term.name, term.value) for term in own], look.appeal)
        for own, look in zip(terms, looks, strict=True)
    ]
    if kind is not None:
        return tuple(Standing(own, score, True, "") for own, score in zip(terms, level(lone), strict=True))
    measures = [look.measures for look in looks]
    behind = octaves_behind(measures)
    likely = [technical_failure_probability(technical_score(own)) for own in terms]
    failures = [
        technical_failure(each, octaves_behind=float(gap), probability=chance)
        for each, gap, chance in zip(measures, behind, likely, strict=True)
    ]
    reasons = [failure.reason if failure else "" for failure in failures]
    if len(looks) == 1:
        faces = lone_term(looks[0].faces)
        return (Standing(terms[0], with_faces(lone[0], faces), True, reasons[0], faces=faces),)
    own = [float(each) for each in keeper_scores(measures, [look.quality for look in looks])]
    said = burst_terms(own, [look.faces for look in looks])
    scores = [with_faces(score, faces) for score, faces in zip(spread(lone, own), said, strict=True)]
    leader = own.index(max(own))
    best = _first_best(scores, leader)
    rows = zip(terms, scores, reasons, said, strict=True)
    return tuple(
        Standing(term, score, place == best, reason, place == leader, faces)
        for place, (term, score, reason, faces) in enumerate(rows)
    )


def _first_best(scores: Sequence[Score], leader: int) -> int:
    """Return the place of the highest score; of equals the technically best frame, else the first."""
    values = [score.value for score in scores]
    top = max(values)
    return leader if values[leader] == top else values.index(top)


def weighed(standings: Sequence[Standing], kind: SetKind | None) -> tuple[tuple[Contribution, ...], ...]:
    """Return each frame's contributions as a taste weighs them: the same sums, told by moments.

    Who keeps the sharper of two frames of one moment says nothing of sharpness between photographs. So all frames of a
    burst have the technical terms of its best one, and how far a frame is behind that, shut eyes included, is told by
    "burst" alone. (With each frame's own terms, deletions inside bursts were taken for a love of sharpness, which cost
    half of what was learned of what people like: tests/bench/taste.py.)
    """
    if kind is not None or len(standings) == 1:
        return tuple(each.score.contributions for each in standings)
    best = next(each for each in standings if each.leads)
    shared = [entry for entry in best.score.contributions if entry.part is Part.TECHNICAL and entry.name != "burst"]
    level_of = fsum(entry.value for entry in shared)
    told = []
    for each in standings:
        own = each.score.of(Part.TECHNICAL) + each.score.of(Part.FACES)
        behind = Contribution(Part.TECHNICAL, "burst", tidy(own - level_of))
        others = (entry for entry in each.score.contributions if entry.part not in (Part.TECHNICAL, Part.FACES))
        told.append((*shared, behind, *others))
    return tuple(told)


def personal(standings: Sequence[Standing], taste: Sequence[TasteTerms], kind: SetKind | None) -> tuple[Standing, ...]:
    """Add what taste says of each frame, in the same order; the keeper of a burst is then the first of the highest."""
    if kind is not None:
        taste = [_mean(taste)] * len(standings)
    scores = [_with(each.score, terms) for each, terms in zip(standings, taste, strict=True)]
    values = [score.value for score in scores]
    best = values.index(max(values))
    return tuple(
        replace(each, score=score, keeper=kind is not None or place == best)
        for place, (each, score) in enumerate(zip(standings, scores, strict=True))
    )


def _with(score: Score, terms: TasteTerms) -> Score:
    added = tuple(Contribution(Part.TASTE, name, tidy(value)) for name, value in terms if tidy(value))
    return Score((*score.contributions, *added))


def _mean(taste: Sequence[TasteTerms]) -> TasteTerms:
    """Return the mean of each term; one that a frame does not name is 0 there."""
    sums: dict[str, float] = {}
    for name, value in (term for terms in taste for term in terms):
        sums[name] = sums.get(name, 0.0) + value
    return [(name, value / len(taste)) for name, value in sums.items()]
