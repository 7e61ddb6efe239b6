"""Finds the photographs that are nearest to a vector: like another photograph, or as words describe them.

A small library is compared one by one from the catalog: that is exact, and costs less than loading what is behind the
vectors. A large one asks the vectors, and compares besides what they do not have yet. Demands on stars and folders are
the catalog's to answer; when few frames are left by them, those are compared one by one.
Invariants: nothing is written; a photograph that fits is found whether it is in the vectors or not, and fewer than were
asked for are shown only if there are no more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import Stage
from safelight.domain.nearest import cosines
from safelight.domain.wanted import Wanted
from safelight.errors import StateError
from safelight.ports.search import Embedded, Near, NearestVectors, SearchRows, Shown

EXACT_UP_TO = 50_000  # rows; so many take half a second of processor time, loading what is behind the vectors two
_PICKED = 2_000  # rows that are read one by one rather than all of them in their order
_TOGETHER = 64  # candidates that are looked up at once
_FIRST_PAGE = 128  # candidates asked of the vectors, and so many times more whenever they did not suffice:
_MORE = 4

Thing = TypeVar("Thing")
Query = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """A frame that was found, how near it is (cosine), and how many more of its burst there are."""

    shown: Shown
    similarity: float
    more: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to, best first."""

    matches: tuple[Match, ...]
    searched: int  # contents that could have been found
    own_burst: int = 0  # further frames of the burst of the frame that was asked for, which are left out
    trouble: str = ""  # what went wrong on the way to a whole answer


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is asked: the vector (length,), how many, and what is not to be shown."""

    query: Query
    limit: int
    wanted: Wanted = field(default_factory=Wanted)
    every: bool = False  # each frame of a burst, and exports; else one for all of them
    but: int | None = None  # the frame whose likes are asked for
    burst: str | None = None  # that frame's


class Search:
    """Searches what one judge saw."""

    def __init__(
        self, *, rows: SearchRows, open_vectors: Callable[[], NearestVectors], exact_up_to: int = EXACT_UP_TO
    ) -> None:
        self._rows = rows
        self._open_vectors = open_vectors
        self._exact_up_to = exact_up_to
        self._vectors: NearestVectors | None = None

    def find(self, asked: Asked) -> Found:
        """Return the nearest frames. Raises StateError when the catalog cannot be read."""
        wanted = asked.wanted
        allowed = self._rows.fitting(stars=wanted.stars, below=wanted.below) if wanted.of_catalog else None
        indexed = self._rows.count_indexed()
        few = allowed is not None and len(allowed) <= self._exact_up_to
        if few or indexed < self._exact_up_to:
            return self._found(asked, self._by_one(asked, allowed))
        waiting = _nearest(self._rows.waiting(facts=wanted.of_facts), asked)  # before the vectors: none falls between
        try:
            return self._found(asked, self._by_vectors(asked, waiting, indexed))
        except StateError as error:
            return self._found(asked, self._by_one(asked, allowed), trouble=error.told)

    def _by_one(self, asked: Asked, allowed: frozenset[bytes] | None) -> list[Near]:
        """Return everything that fits the facts, best first."""
        facts = asked.wanted.of_facts
        if allowed is not None and len(allowed) <= _PICKED:
            return _nearest(self._rows.those(allowed, facts=facts), asked)
        return _nearest(self._rows.everything(facts=facts), asked, allowed)

    def _by_vectors(self, asked: Asked, waiting: list[Near], indexed: int) -> Iterator[Near]:
        """Yield what fits the facts, each content once, best first but for what an index first overlooks."""
        self._vectors = self._vectors or self._open_vectors()
        if self._vectors.count() < indexed:
            raise StateError("Part of the vectors was lost.", hint="The next rating, or the daemon, fills them again.")
        yielded: set[bytes] = set()
        page = max(_FIRST_PAGE, _MORE * asked.limit)
        while True:
            near = self._vectors.nearest(asked.query, limit=page, wanted=asked.wanted)
            whole = len(near) < page
            later = -1.0 if whole else near[-1].similarity  # what waits and is farther belongs to a later page
            own = {each.content: each for each in near}
            own |= {each.content: each for each in waiting if each.similarity >= later}
            fresh = [each for each in own.values() if each.content not in yielded]
            yielded.update(own)
            yield from sorted(fresh, key=_order)
            if whole:
                return
            page *= _MORE

    def _found(self, asked: Asked, candidates: Iterable[Near], *, trouble: str = "") -> Found:
        """Return the frames behind the best candidates, as many as are asked for."""
        matches: list[Match] = []
        seen: set[str | bytes] = set()
        for some in _chunks(candidates, _TOGETHER):
            matches += self._matches(some, asked, seen)
            if len(matches) >= asked.limit:
                break
        best = sorted(matches, key=lambda match: (-match.similarity, match.shown.path))[: asked.limit]
        own = 0 if asked.every or asked.burst is None else self._rows.burst_size(asked.burst) - 1
        counted = tuple(match if asked.every else self._counted(match) for match in best)
        return Found(counted, self._rows.count(), max(own, 0), trouble)

    def _matches(self, some: list[Near], asked: Asked, seen: set[str | bytes]) -> list[Match]:
        """Return what is to be shown of some candidates; notes in `seen` what bursts and contents they belong to."""
        near = {each.content: each.similarity for each in some}
        frames = [each for each in self._rows.shown(near, below=asked.wanted.below) if _fits(each, asked)]
        matches = []
        for frame in sorted(frames, key=lambda frame: (-near[frame.content], frame.path)):
            kind = frame.burst or frame.content
            if asked.every or kind not in seen:
                matches.append(Match(frame, near[frame.content]))
            seen.add(kind)
        return matches

    def _counted(self, match: Match) -> Match:
        burst = match.shown.burst
        return match if burst is None else replace(match, more=max(self._rows.burst_size(burst) - 1, 0))


def _fits(frame: Shown, asked: Asked) -> bool:
    """Tell whether a frame that is near is to be shown."""
    if frame.frame_id == asked.but:
        return False
    folded = frame.stage is Stage.DERIVED or (asked.burst is not None and frame.burst == asked.burst)
    if folded and not asked.every:
        return False
    stars = asked.wanted.stars
    return asked.wanted.facts_fit(frame.facts) and (stars is None or stars.fit(frame.stars))


def _nearest(pages: Iterable[Embedded], asked: Asked, allowed: frozenset[bytes] | None = None) -> list[Near]:
    """Return all rows that fit the facts (and are allowed), best first, each content once."""
    near: dict[bytes, float] = {}
    for page in pages:
        for number, cosine in enumerate(cosines(page.embeddings, asked.query).tolist()):
            content = page.contents[number]
            fits = not page.facts or asked.wanted.facts_fit(page.facts[number])
            if fits and (allowed is None or content in allowed):
                near[content] = cosine
    return sorted((Near(content, cosine) for content, cosine in near.items()), key=_order)


def _order(near: Near) -> tuple[float, bytes]:
    return -near.similarity, near.content


def _chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some
