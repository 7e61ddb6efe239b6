"""Decides which frames show one moment: deliberate sets first, bursts by time and likeness from the rest.

Time and names say which pairs to look at, pictures say which of them belong together: no pair is joined by time alone,
and file modification times are not even known here. Groups grow from the surest pair on, and two groups join only if
most of their frames are alike, so that a slow pan does not chain unrelated scenes together.
Invariants: every frame is in exactly one group; the answer does not depend on the order of the input; frames of
two cameras never share a group, nor do frames of two folders (a card's numbered folders count as one).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.domain.candidates import Pair, Room, close_pairs, likely_pairs
from safelight.domain.frame import SetKind
from safelight.domain.overlays import Overlays
from safelight.domain.series_view import SeriesView
from safelight.domain.sets import spans
from safelight.domain.shots import Shot, body, home, name_key, times
from safelight.domain.similarity import Hints, Limits, Look, closeness, mostly_alike

RAPID_S = 0.7  # a camera that is held on its release: what lies between two frames is continuous
TRIES = 3  # pairs looked at before two groups are left apart


@dataclass(frozen=True, slots=True)
class Group:
    """Frames of one moment in the order they were taken; `kind` is None for a burst or a frame alone."""

    members: tuple[int, ...]
    kind: SetKind | None = None


def bursts(shots: Iterable[Shot], *, limits: Limits | None = None) -> tuple[Group, ...]:
    """Part `shots` into groups, ordered by folder, time and name.

    Exposure brackets, focus stacks and panoramas come back whole with their kind; the rest as bursts and single
    frames. `limits` are the likeness limits of the bundle that made the embeddings (default: the embedded bundle).
    Raises ValueError when two shots have one key.
    """
    given = tuple(shots)
    if len({shot.key for shot in given}) != len(given):
        raise ValueError("two shots have the same key")
    when = times(given)
    ordered = sorted(given, key=lambda shot: _place(shot, when[shot.key]))
    groups: list[Group] = []
    for part in _folders(ordered):
        embeddings = np.stack([shot.embedding for shot in part])
        room = Room(part, [when[shot.key] for shot in part], embeddings)
        groups.extend(_grouped(room, limits or Limits()))
    return tuple(groups)


def _place(shot: Shot, taken: float | None) -> tuple[object, ...]:
    return (home(shot.folder), taken is None, taken or 0.0, name_key(shot.name), shot.folder, shot.name, shot.key)


def _folders(ordered: Sequence[Shot]) -> Iterator[list[Shot]]:
    part: list[Shot] = []
    for shot in ordered:
        if part and home(shot.folder) != home(part[-1].folder):
            yield part
            part = []
        part.append(shot)
    if part:
        yield part


def _grouped(room: Room, limits: Limits) -> list[Group]:
    looks = [shot.look() for shot in room.shots]
    sets: dict[tuple[int, ...], SetKind] = {}
    for line in room.streams():
        shots, taken = [room.shots[at] for at in line], [room.taken[at] for at in line]
        for kind, chosen in spans(SeriesView(shots, [looks[at] for at in line], taken)):
            sets[tuple(line[at] for at in chosen)] = kind
    growth = Growth(room, looks, limits, settled=frozenset(at for members in sets for at in members))
    growth.join_surest(close_pairs(room))
    growth.join_likely(likely_pairs(room))
    parts = sorted([*growth.parts(), *sets])
    return [Group(tuple(room.shots[at].key for at in part), sets.get(part)) for part in parts]


class Growth:
    """Groups while they grow; each position is in exactly one."""

    def __init__(self, room: Room, looks: Sequence[Look], limits: Limits, *, settled: frozenset[int]) -> None:
        """Start with every position alone; `settled` ones are in a set already and take no part."""
        self._room, self._looks, self._limits = room, looks, limits
        self._of: dict[int, tuple[int, ...]] = {at: (at,) for at in range(len(looks)) if at not in settled}
        self._overlays = Overlays(np.stack([look.layout for look in looks]))
        self._linked: set[tuple[int, int]] = set()
        self._tries: Counter[tuple[int, int]] = Counter()

    def parts(self) -> list[tuple[int, ...]]:
        """Return the groups as they stand."""
        return sorted(set(self._of.values()))

    def join_surest(self, pairs: Sequence[Pair]) -> None:
        """Compare all pairs closely, then join along them, the surest first."""
        free = [pair for pair in pairs if pair.first in self._of and pair.second in self._of]
        links = []
        for pair, margin in zip(free, self._margins(free), strict=True):
            if margin >= 0:
                links.append((-round(margin, 4), pair.first, pair.second))
                self._linked.add((pair.first, pair.second))
        for _, first, second in sorted(links):
            self._join(first, second)

    def join_likely(self, pairs: Sequence[Pair]) -> None:
        """Join along further pairs in their order, comparing only what is still apart and not tried too often."""
        for pair in pairs:
            one, other = self._of.get(pair.first), self._of.get(pair.second)
            if one is None or other is None or one is other:
                continue
            ends = (one[0], other[0])
            self._tries[ends] += 1
            if self._tries[ends] <= TRIES and self._margins([pair])[0] >= 0:
                self._linked.add((pair.first, pair.second))
                self._join(pair.first, pair.second)

    def _margins(self, pairs: Sequence[Pair]) -> list[float]:
        first = np.array([pair.first for pair in pairs], dtype=np.intp)
        second = np.array([pair.second for pair in pairs], dtype=np.intp)
        vectors = self._room.embeddings
        near = [float(vectors[pair.first] @ vectors[pair.second]) for pair in pairs]
        laid = self._overlays.best(first, second)
        return [
            closeness(
                self._looks[pair.first],
                self._looks[pair.second],
                cosine,
                float(overlay),
                limits=self._limits,
                hints=self._hints(pair),
            )
            for pair, cosine, overlay in zip(pairs, near, laid, strict=True)
        ]

    def _hints(self, pair: Pair) -> Hints:
        rapid = pair.gap_s is not None and pair.gap_s <= RAPID_S and self._room.shots[pair.first].facts.subsecond
        return Hints(rapid, pair.next_to, pair.namesakes)

    def _join(self, first: int, second: int) -> None:
        one, other = self._of[first], self._of[second]
        if one is other or not self._one_camera(one, other) or not self._alike(one, other):
            return
        joined = tuple(sorted(one + other))
        self._of.update((at, joined) for at in joined)

    def _one_camera(self, one: Sequence[int], other: Sequence[int]) -> bool:
        return len({body(self._room.shots[at].facts) for at in (*one, *other)} - {None}) <= 1

    def _alike(self, one: Sequence[int], other: Sequence[int]) -> bool:
        """Tell whether most of a sample of the pairs between two groups are alike; a pair that is linked counts."""
        if len(one) == len(other) == 1:
            return True
        ours, theirs = _sample(one), _sample(other)
        known = [[(min(a, b), max(a, b)) in self._linked for b in theirs] for a in ours]
        return mostly_alike(
            [self._looks[at] for at in ours], [self._looks[at] for at in theirs], np.array(known), limits=self._limits
        )


def _sample(members: Sequence[int]) -> list[int]:
    """Return up to five positions, evenly spread."""
    if len(members) <= 5:
        return list(members)
    return [members[round(n * (len(members) - 1) / 4)] for n in range(5)]
