"""Decides which frames of one folder are worth comparing: near in time, near by name, or nearly identical.

Comparing all with all costs the square of a folder and invites chance likeness, so the neighbourhood is small: in a
camera's own time order for frames that have times, in the order of names for those that have none.
Invariant: two frames of two cameras, and two frames further apart in time than one moment, are never compared.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.shots import Shot, body, name_key, origin_stems, stem

MOMENT_S = 120.0  # frames further apart in time are two moments, however alike
BESIDE = 2  # frames ahead that each frame is compared with even where the embeddings differ
AHEAD = 16  # frames ahead among which a likely frame is looked for
AHEAD_COSINE = 0.6  # embedding cosine that makes it likely
BAND = 256  # neighbours by name among which untimed frames that look the same find each other
TWIN_COSINE = 0.80  # embedding cosine from which two of them are looked at
FEW = 400  # frames in a folder that is small enough to look further
FEW_COSINE = 0.45  # embedding cosine from which two of so few are looked at


@dataclass(frozen=True, slots=True)
class Pair:
    """Two positions worth comparing, the earlier first."""

    first: int
    second: int
    gap_s: float | None  # None: at least one has no time
    next_to: bool = False  # neighbours in their order
    namesakes: bool = False  # one file is named as an edit of the other


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """The frames of one folder in their order, with the times that are believed (None for no time)."""

    shots: Sequence[Shot]
    taken: Sequence[float | None]
    embeddings: NDArray[np.float32]  # (frames, d)

    def streams(self) -> list[list[int]]:
        """Return the positions of each camera's frames, the timed and the untimed apart."""
        found: dict[tuple[object, bool], list[int]] = {}
        for at, shot in enumerate(self.shots):
            found.setdefault((body(shot.facts), self.taken[at] is None), []).append(at)
        return list(found.values())

    def by_name(self) -> list[int]:
        """Return all positions in the order of their names."""
        keys = [(name_key(shot.name), shot.folder, shot.name, shot.key) for shot in self.shots]
        return sorted(range(len(keys)), key=keys.__getitem__)

    def pair(self, a: int, b: int, *, next_to: bool = False, namesakes: bool = False) -> Pair | None:
        """Return the two as a pair, None where time or camera forbids it."""
        first, second = min(a, b), max(a, b)
        cameras = body(self.shots[a].facts), body(self.shots[b].facts)
        if cameras[0] and cameras[1] and cameras[0] != cameras[1]:
            return None
        one, other = self.taken[first], self.taken[second]
        gap = None if one is None or other is None else abs(other - one)
        if gap is not None and gap > MOMENT_S:
            return None
        return Pair(first, second, gap, next_to, namesakes)


def close_pairs(room: Room) -> list[Pair]:
    """Return the pairs next to each other in time or by name, and the namesakes: to be compared closely."""
    found: list[Pair | None] = _namesakes(room)
    for line in _lines(room):
        for step in range(1, BESIDE + 1):
            found.extend(room.pair(a, b, next_to=step == 1) for a, b in zip(line, line[step:], strict=False))
    return _once(pair for pair in found if pair is not None)


def likely_pairs(room: Room) -> list[Pair]:
    """Return the pairs a little further apart whose embeddings are alike, the most alike first."""
    found: dict[tuple[int, int], float] = {}
    for line in _lines(room):
        order = np.asarray(line)
        for step in range(BESIDE + 1, min(AHEAD, len(line) - 1) + 1):
            cosines = np.einsum("nd,nd->n", room.embeddings[order[:-step]], room.embeddings[order[step:]])
            for at in np.flatnonzero(cosines >= AHEAD_COSINE):
                found[line[at], line[at + step]] = float(cosines[at])
    if any(moment is None for moment in room.taken):
        found.update(_twins(room))
    ranked = sorted(found, key=lambda ends: (-round(found[ends], 4), min(ends), max(ends)))
    return _once(pair for pair in (room.pair(a, b) for a, b in ranked) if pair is not None)


def _lines(room: Room) -> list[list[int]]:
    """Return the orders to look along: each camera's time, and the names where frames have no time."""
    lines = [stream for stream in room.streams() if room.taken[stream[0]] is not None]
    if any(moment is None for moment in room.taken):
        lines.append(_loose_ends(room))
    return lines


def _loose_ends(room: Room) -> list[int]:
    """Return, in the order of names, the frames without a time and the timed frames just beside them."""
    line = room.by_name()
    untimed = [room.taken[at] is None for at in line]
    return [at for n, at in enumerate(line) if any(untimed[max(n - 1, 0) : n + 2])]


def _namesakes(room: Room) -> list[Pair | None]:
    by_stem: dict[tuple[bytes, bytes], int] = {}
    for at in range(len(room.shots) - 1, -1, -1):
        by_stem[room.shots[at].folder, stem(room.shots[at].name)] = at
    found: list[Pair | None] = []
    for at, shot in enumerate(room.shots):
        origins = (by_stem.get((shot.folder, origin)) for origin in origin_stems(shot.name))
        found.extend(room.pair(origin, at, namesakes=True) for origin in origins if origin not in (None, at))
    return found


def _twins(room: Room) -> dict[tuple[int, int], float]:
    """Return pairs of like embeddings within a band of names, at least one of them without a time."""
    line = np.asarray(room.by_name())
    likely = FEW_COSINE if len(line) <= FEW else TWIN_COSINE
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(line), BAND):
        near, far = line[start : start + BAND], line[start : start + 2 * BAND]
        cosines = room.embeddings[near] @ room.embeddings[far].T
        for row, col in np.argwhere(cosines >= likely):
            a, b = int(near[row]), int(far[col])
            if a != b and (room.taken[a] is None or room.taken[b] is None):
                found[a, b] = float(cosines[row, col])
    return found


def _once(pairs: Iterable[Pair]) -> list[Pair]:
    found: dict[tuple[int, int], Pair] = {}
    for pair in pairs:
        found.setdefault((pair.first, pair.second), pair)
    return list(found.values())
