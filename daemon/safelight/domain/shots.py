"""Decides what grouping may know of a frame, and what a file name or a recorded time is worth as evidence of order.

Invariant: a time that carries no information (a clock that was never set, one stamp on a whole scanned box) is no
time; a name is bytes, ordered so that 9 comes before 10.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts
from safelight.domain.signature import layout_of
from safelight.domain.similarity import Look

SAME_STAMP_FRAMES = 30  # more frames than this at one whole second is a stamp, not a time: no camera is that fast
_DAY_S = 86_400.0
_UNSET_DAYS = frozenset({0.0, 3652.0, 10957.0, 12053.0, 12784.0, 14610.0, 16436.0, 18262.0})
# 1 January 1970, 1980, 2000, 2003, 2005, 2010, 2015, 2020 at midnight sharp: clocks that were never set start there
_DIGITS = re.compile(rb"(\d+)")
_CARD_FOLDER = re.compile(rb"[1-9]\d\d[0-9A-Za-z_]{5}")
_JOINTS = b" _-.~+("

NameKey = tuple[tuple[int, int, bytes], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What grouping knows of one frame.

    `key` is the caller's handle, unique. `folder` and `name` are bytes as the file system has them. `embedding` is
    float32 (d,), L2-normalised, `signature` what `signature.signature` gave, `luma` the mean display luma 0..1,
    `aspect` width / height after orientation.
    """

    key: int
    folder: bytes
    name: bytes
    facts: CaptureFacts
    embedding: NDArray[np.float32]
    signature: NDArray[np.uint8]
    luma: float
    aspect: float = 1.0

    def look(self) -> Look:
        """Return what the similarity of two frames is computed from."""
        return Look(self.embedding, layout_of(self.signature), self.aspect)


def stem(name: bytes) -> bytes:
    """Return a file name without its last suffix."""
    head, dot, _ = name.rpartition(b".")
    return head if dot and head else name


def name_key(name: bytes) -> NameKey:
    """Return a sort key in which runs of digits count as numbers: IMG_9 before IMG_10."""
    parts = _DIGITS.split(stem(name))
    return tuple((1, int(part), part) if part.isdigit() else (0, 0, part.lower()) for part in parts if part)


def origin_stems(name: bytes) -> tuple[bytes, ...]:
    """Return the stems this file may be an edit of, nearest first: `a_b` for `a_b-edit`, `a_b (2)` or `a_b_crop`."""
    whole = stem(name)
    cuts = [at for at in range(len(whole) - 1, 3, -1) if whole[at] in _JOINTS]
    return tuple(dict.fromkeys(whole[:at].rstrip(_JOINTS) for at in cuts if any(48 <= b <= 57 for b in whole[:at])))


def home(folder: bytes) -> bytes:
    """Return the folder, or the parent for a card's numbered folders: 100CANON goes on in 101CANON."""
    parent, slash, last = folder.rstrip(b"/").rpartition(b"/")
    return parent + b"/*" if slash and _CARD_FOLDER.fullmatch(last) else folder.rstrip(b"/")


def body(facts: CaptureFacts) -> tuple[str, str] | None:
    """Return which camera took the frame, None if it is not told."""
    if facts.camera is None and facts.make is None:
        return None
    return (facts.make or "", facts.camera or "")


def times(shots: Sequence[Shot]) -> dict[int, float | None]:
    """Return by key the capture time in seconds of each shot that has one worth believing, else None."""
    stamps = Counter(
        (home(shot.folder), body(shot.facts), shot.facts.taken_s) for shot in shots if not shot.facts.subsecond
    )
    believed: dict[int, float | None] = {}
    for shot in shots:
        taken = shot.facts.taken_s
        crowd = stamps[(home(shot.folder), body(shot.facts), taken)]
        unset = taken is not None and taken % _DAY_S == 0 and taken / _DAY_S in _UNSET_DAYS
        believed[shot.key] = None if unset or crowd > SAME_STAMP_FRAMES else taken
    return believed
