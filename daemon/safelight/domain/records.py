"""What the catalog remembers of a frame, as values.

Services hand these on and the storage adapters write and read them; neither knows the other's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.domain.frame import CaptureFacts, FileStamp, Role, SetKind, Stage
from safelight.domain.score import Contribution, Part, Score

if TYPE_CHECKING:  # a run with nothing to judge never needs numpy: it is a third of the start-up cost
    import numpy as np
    from numpy.typing import NDArray

    from safelight.domain.faces import Face
    from safelight.domain.technical import Measures


@dataclass(frozen=True, slots=True)
class KnownFile:
    """One image file as it was when last looked at; `content` identifies its bytes."""

    path: Path
    frame_id: int
    role: Role
    stamp: FileStamp
    content: bytes
    gone: bool = False


@dataclass(frozen=True, slots=True)
class KnownFrame:
    """One frame and how far it has come; `path` is its main file."""

    id: int
    path: Path
    stage: Stage
    reason: str
    passing: bool
    embedded: int | None  # the rating that the file itself carries, -1 to 5
    given: int | None  # a person's rating, -1 (rejected) to 5, that stands
    content: bytes | None
    arrived_s: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Everything one look at the pixels told of a content, by one judge (bundle and version of the measures)."""

    content: bytes
    facts: CaptureFacts
    measures: Measures
    embedding: NDArray[np.float16]
    signature: NDArray[np.uint8]
    quality: float
    appeal: float
    width_px: int
    height_px: int
    judge: str = ""  # who looked; "" while it is being made
    faces: tuple[Face, ...] | None = None  # the largest first; None: nobody looked for faces


@dataclass(frozen=True, slots=True)
class Rating:
    """What a frame is worth, and why."""

    frame_id: int
    score: float
    stars: int  # 1-5
    contributions: tuple[Contribution, ...]
    shoot: str
    burst: str | None  # None: a lone frame
    keeper: bool  # what stays of its burst; true for lone frames and for every frame of a set
    set_kind: SetKind | None
    reason: str  # one sentence

    def part(self, part: Part) -> float:
        """Return the sum of one part's contributions."""
        return Score(self.contributions).of(part)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a sidecar's bytes are ours, and what they replaced (None: there was no file)."""

    id: int
    run_id: int
    frame_id: int
    path: Path
    before: bytes | None
    digest: bytes
    stars: int
    state: str  # planned, done, undone, void
    stamp: FileStamp | None  # of the file after writing; None while planned


@dataclass(frozen=True, slots=True)
class Run:
    """One command that wrote, or could have written, sidecars."""

    id: int
    started_s: float
    finished_s: float | None
    undone_s: float | None
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """A frame that is not where it was: the journal tells of it in entry `seq`."""

    frame_id: int
    seq: int
    since_s: float  # when it happened, or was noticed: the undo window starts here
    path: Path  # its main file
    final: bool = False  # confirmed, or no opinion from the start: there is nothing to wait for


@dataclass(frozen=True, slots=True)
class Reread:
    """A file of a frame that has to be looked at: written again, or new and perhaps made from another frame."""

    frame_id: int
    path: Path
    before: bytes  # its content then, to be compared with what it holds now; empty for a new file


@dataclass(frozen=True, slots=True)
class TasteVersion:
    """One version of the taste: what it was learned from, and its numbers (None: let go of)."""

    version: int
    made_s: float
    through: int  # the journal entry up to which it was learned
    judge: str  # who saw the frames that were compared, empty without any
    basis: str  # digest of what it started from
    comparisons: int
    gate: float  # how far it leans on the person, 0-1
    evidence: str  # digest of the comparisons, hexadecimal
    digest: str  # of the numbers, hexadecimal
    numbers: bytes | None


@dataclass(frozen=True, slots=True)
class TasteLook:
    """What a look into the journal for something to learn came to."""

    through: int  # the newest entry that was read
    next_s: float | None  # when time alone lets more of it speak, None: never
    waiting: int  # comparisons that changed since the last version, too few to learn anew
