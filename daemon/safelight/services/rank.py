"""Ranks assessed frames: bursts and sets, score, taste, place in the library, stars, and the reason for them.

New frames are grouped together with what is already in their folders, because a late frame may belong to an early
burst; but the stars of frames that were ranked before stay as they are, unless they are asked for again. Everything is
written in one transaction, the journal with it, so an interrupted ranking never happened.
Invariant: the ratings depend on the frames, the library, the taste and the person's own histogram alone, not on the
order in which frames were assessed; all of that can be had from the journal again (`services.replay`).
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.domain.entries import Kind
from safelight.domain.explain import sentence
from safelight.domain.frame import SetKind, Stage
from safelight.domain.grouping import Group, bursts
from safelight.domain.moment import Standing, TasteTerms, generic, personal, weighed
from safelight.domain.rating import (
    CUTS,
    STARS_TOLD,
    Cuts,
    Library,
    Reference,
    beside_keeper,
    own_cuts,
    own_stars,
    stars,
)
from safelight.domain.records import Assessment, KnownFrame, Rating
from safelight.domain.score import Contribution, Part
from safelight.domain.shoots import shoots
from safelight.domain.shots import Shot
from safelight.ports import Assessments, Clock, Store

_STANDING = (Stage.ASSESSED, Stage.RANKED, Stage.PUBLISHED, Stage.KEPT)


@dataclass(frozen=True, slots=True)
class Leaning:
    """What was learned of the person, as ranking needs it."""

    version: int
    terms: Callable[[Sequence[Contribution], Assessment], TasteTerms]  # what taste adds to a generic score


@dataclass(frozen=True, slots=True)
class _Placed:
    """One frame of a group with everything that its stars follow from."""

    frame: KnownFrame
    seen: Assessment
    standing: Standing
    group: Group
    burst: str | None
    contents: Mapping[str, str]  # what was judged of each of the group, by frame, hexadecimal
    shoot: str
    order: int  # in its shoot

    def as_entry(self) -> dict[str, object]:
        """Return what the journal tells of its group."""
        kind = self.group.kind
        return {
            "shoot": self.shoot,
            "burst": self.burst,
            "set": kind.value if kind else None,
            "keeper": self.standing.keeper,
            "order": self.order,
        }


class Rank:
    """Gives stars to frames that have been assessed."""

    def __init__(
        self,
        *,
        store: Store,
        assessments: Assessments,
        reference: Reference,
        clock: Clock,
        leaning: Leaning | None = None,
        grouping: Assessments | None = None,
    ) -> None:
        """`grouping`: whose embeddings tell which frames are of one moment; None: those of `assessments`.

        How alike the frames of a burst are was measured for one bundle (tests/bench/grouping.py), and holds for no
        other.
        """
        self._store = store
        self._assessments = assessments
        self._reference = reference
        self._clock = clock
        self._leaning = leaning
        self._grouping = grouping or assessments

    def step(self, frames: Iterable[KnownFrame], *, stages: Sequence[Stage] = (Stage.ASSESSED,)) -> int:
        """Rank the frames among these that stand at one of `stages`; return how many."""
        fresh = {frame.id for frame in frames if frame.stage in stages}
        if not fresh:
            return 0
        placed = self._placed(fresh)
        self._rate(placed, fresh)
        return sum(each.frame.id in fresh for each in placed)

    def note(self, frames: Iterable[KnownFrame]) -> int:
        """Write into the journal how the assessed frames among these group, without giving stars; return how many.

        For pictures from before Safelight, whose past is learned from; a later `step` rates them.
        """
        last = self._store.journal.last
        waiting = [frame.id for frame in frames if frame.stage is Stage.ASSESSED]
        fresh = {frame_id for frame_id in waiting if last(frame_id, Kind.FRAME_RATED) is None}
        placed = [each for each in self._placed(fresh) if each.frame.id in fresh] if fresh else []
        with self._store.transaction():
            self._tell(
                [
                    (Kind.FRAME_RATED, each, {"stars": None, "score": each.standing.score.value, "imported": True})
                    for each in placed
                ]
            )
        return len(placed)

    def _placed(self, fresh: set[int]) -> list[_Placed]:
        """Group the fresh frames with their neighbours; return all members of every group with a fresh one."""
        known = self._neighbourhood(fresh)
        seen = {frame.id: look for frame in known if (look := self._assessments.assessment(frame.content or b""))}
        by_id = {frame.id: frame for frame in known if frame.id in seen}
        shots = [_shot(frame, self._alike(seen[frame.id])) for frame in by_id.values()]
        place_of = _places(shoots(shots), seen)
        placed = []
        for group in bursts(shots):
            if fresh.isdisjoint(group.members):
                continue
            looks = [seen[key] for key in group.members]
            burst = f"burst-{looks[0].content.hex()[:12]}" if len(looks) > 1 else None
            standings = standings_of(looks, group.kind, self._leaning)
            contents = {str(key): look.content.hex() for key, look in zip(group.members, looks, strict=True)}
            for key, look, standing in zip(group.members, looks, standings, strict=True):
                placed.append(_Placed(by_id[key], look, standing, group, burst, contents, *place_of[key]))
        return placed

    def _alike(self, seen: Assessment) -> Assessment:
        """Return the look whose embedding is compared with those of other frames."""
        return seen if self._grouping is self._assessments else self._grouping.assessment(seen.content) or seen

    def _neighbourhood(self, fresh: set[int]) -> list[KnownFrame]:
        """Return the fresh frames and every frame that lies in a folder with one of them."""
        frames = {frame.id: frame for frame in self._store.catalog.frames(fresh)}
        for folder in sorted({frame.path.parent for frame in frames.values()}, key=bytes):
            frames.update({frame.id: frame for frame in self._store.catalog.frames_in(folder, *_STANDING)})
        return [frames[frame_id] for frame_id in sorted(frames)]

    def _rate(self, placed: Sequence[_Placed], fresh: set[int]) -> None:
        judge = self._assessments.judge
        before = {made.frame_id: made for made in self._store.ratings.ratings([each.frame.id for each in placed])}
        offered = [each.standing.score.value for each in placed if each.standing.keeper and each.frame.id in fresh]
        scores = self._store.ratings.library_scores(judge, without=fresh)
        scale = Scale(Library.of(self._reference, [*scores, *offered]), self._cuts())
        keepers = {each.burst: each for each in placed if each.standing.keeper and each.burst}
        told: list[tuple[Kind, _Placed, dict[str, object]]] = []
        with self._store.transaction():
            for each in placed:
                given = before.get(each.frame.id)
                made = _rating(each, keepers.get(each.burst or ""), scale, given)
                if each.frame.id in fresh:
                    # Asked for again and found to be the same: what stands in its sidecar need not be written again.
                    if each.frame.stage is not Stage.PUBLISHED or given is None or given.stars != made.stars:
                        self._store.catalog.set_stage(each.frame.id, Stage.RANKED)
                    told.append((Kind.FRAME_RATED, each, {"stars": made.stars, "score": made.score}))
                elif given is not None:
                    made = _as_delivered(made, given)
                    if _grouped(made) != _grouped(given):
                        told.append((Kind.FRAME_GROUPED, each, {}))
                self._store.ratings.put_rating(made, judge=judge)
            self._tell(told)

    def _cuts(self) -> Cuts:
        if not self._store.journal.newest(Kind.PERSON_RATED):
            return CUTS
        return own_cuts(own_stars(self._store.journal.entries(*STARS_TOLD)))

    def _tell(self, told: Sequence[tuple[Kind, _Placed, dict[str, object]]]) -> None:
        """Write the entries of one ranking. The first says how many there are, the first of each group its members."""
        now_s = self._clock.now()
        shared: dict[str, object] = {
            "judge": self._assessments.judge,
            "taste": self._leaning.version if self._leaning else None,
        }
        groups: set[tuple[int, ...]] = set()
        for number, (kind, each, own) in enumerate(told):
            payload = each.as_entry() | own
            if kind is Kind.FRAME_RATED:
                payload |= shared | {"content": each.seen.content.hex()}
            if number == 0:
                payload["batch"] = len(told)
            if len(each.group.members) > 1 and each.group.members not in groups:
                groups.add(each.group.members)
                # What was judged: a frame that was edited and not rated since has another content than it was rated by.
                payload |= {"members": list(each.group.members), "contents": dict(each.contents)}
            self._store.journal.append(kind, at_s=now_s, frame_id=each.frame.id, **payload)


@dataclass(frozen=True, slots=True)
class Scale:
    """What a score is turned into stars by: the library that it has its place in, and the cuts between the stars."""

    library: Library
    cuts: Cuts = CUTS

    def stars(self, standing: Standing, keeper: Standing | None, given: int | None) -> int:
        """Return the stars of a frame whose burst has this `keeper` (None for a keeper); `given`: what it had."""
        failed = bool(standing.failure)
        granted = stars(self.library.place(standing.score.value), failed=failed, given=given, cuts=self.cuts)
        if keeper is None:
            return granted
        top = stars(self.library.place(keeper.score.value), failed=bool(keeper.failure), cuts=self.cuts)
        return beside_keeper(granted, top, failed=failed)


def standings_of(looks: Sequence[Assessment], kind: SetKind | None, leaning: Leaning | None) -> Sequence[Standing]:
    """Score the frames of one group, with taste where there is one."""
    standings = generic(looks, kind)
    if leaning is None:
        return standings
    pairs = zip(weighed(standings, kind), looks, strict=True)
    taste = [leaning.terms(contributions, look) for contributions, look in pairs]
    return personal(standings, taste, kind)


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


def _places(groups: Iterable[Sequence[int]], seen: Mapping[int, Assessment]) -> dict[int, tuple[str, int]]:
    """Name each shoot by the content of its first frame, the same in every catalog; return name and order by frame."""
    return {
        key: (f"shoot-{seen[keys[0]].content.hex()[:12]}", order) for keys in groups for order, key in enumerate(keys)
    }


def _rating(each: _Placed, keeper: _Placed | None, scale: Scale, given: Rating | None) -> Rating:
    standing = each.standing
    beside = keeper if keeper is not None and not standing.keeper else None
    granted = scale.stars(standing, beside.standing if beside else None, given.stars if given else None)
    reason = sentence(
        standing.terms,
        each.seen.appeal,
        group_size=len(each.group.members),
        kind=each.group.kind,
        keeper=beside.standing.terms if beside else None,
        failure=standing.failure if granted == 1 else "",
        taste=standing.score.of(Part.TASTE),
        keeper_taste=beside.standing.score.of(Part.TASTE) if beside else 0.0,
        faces=standing.faces,
    )
    return Rating(
        frame_id=each.frame.id,
        score=standing.score.value,
        stars=granted,
        contributions=standing.score.contributions,
        shoot=each.shoot,
        burst=each.burst,
        keeper=standing.keeper,
        set_kind=each.group.kind,
        reason=reason,
    )


def _grouped(made: Rating) -> tuple[object, ...]:
    return (made.shoot, made.burst, made.keeper, made.set_kind)


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
