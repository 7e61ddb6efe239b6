"""Ranks assessed frames: bursts and sets, score, place in the library, stars, and the reason for them.

New frames are grouped together with what is already in their folders, because a late frame may belong to an early
burst; but the stars of frames that were ranked before stay as they are. Everything is written in one transaction, so an
interrupted ranking never happened.
Invariant: the ratings depend on the frames and the library alone, not on the order in which frames were assessed.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.domain.explain import sentence
from safelight.domain.frame import Stage
from safelight.domain.grouping import Group, bursts
from safelight.domain.keeper import keeper_scores, octaves_behind
from safelight.domain.rating import Library, Reference, beside_keeper, stars
from safelight.domain.records import Assessment, KnownFrame, Rating
from safelight.domain.score import Score, level, lone_score, spread
from safelight.domain.shoots import shoots
from safelight.domain.shots import Shot
from safelight.domain.technical_failure import technical_failure
from safelight.domain.technical_terms import Term, technical_terms
from safelight.ports import Assessments, Clock, Store

_STANDING = (Stage.ASSESSED, Stage.RANKED, Stage.PUBLISHED, Stage.KEPT)


@dataclass(frozen=True, slots=True)
class _Placed:
    """One frame of a group with everything that its stars follow from."""

    frame: KnownFrame
    seen: Assessment
    terms: tuple[Term, ...]
    score: Score
    keeper: bool
    group: Group
    burst: str | None
    failure: str  # the technical reason for 1 star, empty without one


class Rank:
    """Gives stars to frames that have been assessed."""

    def __init__(self, *, store: Store, assessments: Assessments, reference: Reference, clock: Clock) -> None:
        self._store = store
        self._assessments = assessments
        self._reference = reference
        self._clock = clock

    def step(self, frames: Iterable[KnownFrame]) -> int:
        """Rank the frames among these that are assessed; return how many."""
        fresh = {frame.id for frame in frames if frame.stage is Stage.ASSESSED}
        if not fresh:
            return 0
        known = self._neighbourhood(fresh)
        seen = {frame.id: look for frame in known if (look := self._assessments.assessment(frame.content or b""))}
        known = [frame for frame in known if frame.id in seen]
        shots = [_shot(frame, seen[frame.id]) for frame in known]
        shoot_of = _names(shoots(shots), seen)
        by_id = {frame.id: frame for frame in known}
        placed = [
            entry
            for group in bursts(shots)
            if fresh.intersection(group.members)
            for entry in _placed([by_id[key] for key in group.members], seen, group)
        ]
        self._rate(placed, fresh, shoot_of)
        return len(fresh)

    def _neighbourhood(self, fresh: set[int]) -> list[KnownFrame]:
        """Return the fresh frames and every frame that lies in a folder with one of them."""
        frames = {frame.id: frame for frame in self._store.catalog.frames(fresh)}
        for folder in sorted({frame.path.parent for frame in frames.values()}, key=bytes):
            frames.update({frame.id: frame for frame in self._store.catalog.frames_in(folder, *_STANDING)})
        return [frames[frame_id] for frame_id in sorted(frames)]

    def _rate(self, placed: Sequence[_Placed], fresh: set[int], shoot_of: Mapping[int, str]) -> None:
        judge = self._assessments.judge
        ids = [each.frame.id for each in placed]
        before = {rating.frame_id: rating for rating in self._store.ratings.ratings(ids)}
        offered = [each.score.value for each in placed if each.keeper and each.frame.id in fresh]
        library = Library.of(self._reference, [*self._store.ratings.library_scores(judge), *offered])
        keepers = {each.burst: each for each in placed if each.keeper and each.burst}
        with self._store.transaction():
            for each in placed:
                keeper = keepers.get(each.burst) if each.burst else None
                given = before.get(each.frame.id)
                made = _rating(each, keeper, library, shoot_of[each.frame.id], given)
                if each.frame.id not in fresh and given is not None:
                    made = _as_delivered(made, given)
                self._store.ratings.put_rating(made, judge=judge)
                if each.frame.id in fresh:
                    self._store.catalog.set_stage(each.frame.id, Stage.RANKED)
                    self._store.journal.append(
                        "frame_rated",
                        at_s=self._clock.now(),
                        frame_id=each.frame.id,
                        stars=made.stars,
                        score=made.score,
                    )


def _shot(frame: KnownFrame, seen: Assessment) -> Shot:
    embedding = seen.embedding.astype(np.float32)
    return Shot(
        key=frame.id,
        folder=os.fsencode(frame.path.parent),
        name=os.fsencode(frame.path.name),
        facts=seen.facts,
        embedding=embedding / max(float(np.linalg.norm(embedding)), 1e-9),
        signature=seen.signature,
        luma=seen.measures.exposure,
        aspect=seen.width_px / max(seen.height_px, 1),
    )


def _names(groups: Iterable[Sequence[int]], seen: Mapping[int, Assessment]) -> dict[int, str]:
    """Name each shoot by the content of its first frame, which is the same in every catalog."""
    return {key: f"shoot-{seen[keys[0]].content.hex()[:12]}" for keys in groups for key in keys}


def _placed(frames: Sequence[KnownFrame], seen: Mapping[int, Assessment], group: Group) -> list[_Placed]:
    """Score the frames of one group around its keeper; a set has no losers and no failures."""
    looks = [seen[frame.id] for frame in frames]
    terms = [technical_terms(look.measures, look.quality) for look in looks]
    lone = [
        lone_score([(term.name, term.value) for term in own], look.appeal)
        for own, look in zip(terms, looks, strict=True)
    ]
    burst = f"burst-{looks[0].content.hex()[:12]}" if len(frames) > 1 else None
    whole = (level(lone), [True] * len(frames), [""] * len(frames))
    rows = zip(frames, looks, terms, *(whole if group.kind else _around_keeper(looks, lone)), strict=True)
    return [
        _Placed(frame, look, own, score, keeper, group, burst, failure)
        for frame, look, own, score, keeper, failure in rows
    ]


def _around_keeper(
    looks: Sequence[Assessment], lone: Sequence[Score]
) -> tuple[Sequence[Score], Sequence[bool], Sequence[str]]:
    """Return for each frame of a burst (or a frame alone) its score, whether it is the keeper, and why it failed."""
    measures = [look.measures for look in looks]
    behind = octaves_behind(measures)
    failures = [technical_failure(each, octaves_behind=float(gap)) for each, gap in zip(measures, behind, strict=True)]
    reasons = [failure.reason if failure else "" for failure in failures]
    if len(looks) == 1:
        return lone, [True], reasons
    standing = [float(each) for each in keeper_scores(measures, [look.quality for look in looks])]
    best = standing.index(max(standing))
    return spread(lone, standing), [position == best for position in range(len(looks))], reasons


def _rating(each: _Placed, keeper: _Placed | None, library: Library, shoot: str, given: Rating | None) -> Rating:
    failed = bool(each.failure)
    granted = stars(library.place(each.score.value), failed=failed, given=given.stars if given else None)
    beside = keeper if keeper is not None and not each.keeper else None
    if beside is not None:
        top = stars(library.place(beside.score.value), failed=bool(beside.failure))
        granted = beside_keeper(granted, top, failed=failed)
    reason = sentence(
        each.terms,
        each.seen.appeal,
        group_size=len(each.group.members),
        kind=each.group.kind,
        keeper=beside.terms if beside else None,
        failure=each.failure if granted == 1 else "",
    )
    return Rating(
        frame_id=each.frame.id,
        score=each.score.value,
        stars=granted,
        contributions=each.score.contributions,
        shoot=shoot,
        burst=each.burst,
        keeper=each.keeper,
        set_kind=each.group.kind,
        reason=reason,
    )


def _as_delivered(made: Rating, given: Rating) -> Rating:
    """Return what a frame had when it was delivered, with its place in a burst that has grown since."""
    return Rating(
        frame_id=given.frame_id,
        score=given.score,
        stars=given.stars,
        contributions=given.contributions,
        shoot=made.shoot,
        burst=made.burst,
        keeper=made.keeper,
        set_kind=made.set_kind,
        reason=given.reason,
    )
