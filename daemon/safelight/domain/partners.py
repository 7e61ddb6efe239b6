"""Chooses with which frames a frame is compared, where there are more than are worth comparing.

Five hundred picks among two thousand frames would make a million comparisons that say little more than a few thousand
do. All candidates lie on a ring in the order of a number made from their content; a frame throws a few darts, made from
its own content, and takes one of the next few candidates behind each (consistent hashing, Karger et al. 1997; of the
next few, so that one with a wide gap before it is not taken by everybody). So one more action adds or displaces few
comparisons and leaves all others as they were, every replay chooses the same, and choosing costs little however many
candidates there are.
Invariant: the choice does not depend on the order in which the candidates are given.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import chain, islice
from typing import Generic, TypeVar

_BITS = 64
_MASK = (1 << _BITS) - 1
_ODD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads neighbouring numbers over the whole range (Knuth, TAOCP 6.4)
_NEAR = 4  # candidates behind a dart; of 20 times on average, each is taken 20 +- 11 times; 20 +- 20 with 1

_T = TypeVar("_T")


def lot(content: str) -> int:
    """Return the number, below 2^64, that stands for a content in the choice."""
    return int.from_bytes(blake2b(content.encode(), digest_size=_BITS // 8).digest(), "big")


class Ring(Generic[_T]):
    """Candidates in the order of their lots."""

    __slots__ = ("_candidates", "_lots")

    def __init__(self, candidates: Iterable[_T], *, lot_of: Callable[[_T], int]) -> None:
        drawn = sorted(((lot_of(each), each) for each in candidates), key=lambda pair: pair[0])
        self._lots = [pair[0] for pair in drawn]
        self._candidates = [pair[1] for pair in drawn]

    def chosen(self, own: int, count: int, *, able: Callable[[_T], bool]) -> Iterator[_T]:
        """Yield at most `count` of the able candidates for the frame with the lot `own`; all if they are no more."""
        taken: set[int] = set()
        for dart in range(1, min(count, len(self._lots)) + 1):
            start = bisect_left(self._lots, ((own ^ (dart * _ODD)) * _ODD) & _MASK)
            near = list(islice(self._free(start, taken, able), _NEAR))
            if not near:
                return
            place = min(near, key=lambda place: ((self._lots[place] ^ own) * _ODD) & _MASK)
            taken.add(place)
            yield self._candidates[place]

    def _free(self, start: int, taken: set[int], able: Callable[[_T], bool]) -> Iterator[int]:
        """Yield the places of able candidates that are not taken, once around the ring."""
        for place in chain(range(start, len(self._lots)), range(start)):
            if place not in taken and able(self._candidates[place]):
                yield place
