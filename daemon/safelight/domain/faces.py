"""Says what is known of a face in a frame, and what the faces of a frame say of it together.

Plain values first: where a face is, how sure the detector was, how open each eye is and how much detail it has. Sizes
are shares of the picture, so that they hold whatever size it was looked at.
A frame is as good as its worst face, but a small face can only spoil as little as it is small: each fault is weighed
by the width of its face against the widest, and faces too small to be looked at count nothing.
Narrow eyes are no fault: laughing narrows them, and people differ. Only from well below half open does it begin to
count, and slowly. Invariant: faults lie in 0-1, and a frame nobody looked at, or without faces, has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

LEAST_WIDTH = 0.02  # of the frame: smaller faces do not count against it
FULL_WIDTH = 0.06  # of the frame: from here a face counts in full; between the two, in proportion
SHUT = 0.08  # mean openness of both eyes up to which they are shut: a lid that is closed to nine tenths reads 0.1
NARROW = 0.25  # and from which they are no fault: lids closed to three quarters
SOFT_FROM = 0.5  # octaves behind the same face elsewhere in the burst from which it is softer
SOFT_FULLY = 2.5  # octaves: nothing is left of what could have been had
_SAME_PLACE = 0.75  # of the mean width: how far the middles of two faces may lie apart to be one person's
_SAME_SIZE = 0.7  # octaves: how much their widths may differ
_UNTOLD = 0.5  # of the worst fault in the burst: what a frame is charged whose eyes cannot be told while others' can


@dataclass(frozen=True, slots=True)
class Face:
    """One face. `left`, `top`, `width`, `height` are shares of the picture's width and height, 0-1."""

    left: float
    top: float
    width: float
    height: float
    confidence: float  # of the detector, 0-1
    open_right: float | None  # how open the person's own right eye is, 0 shut to 1 wide open; None: not to be told
    open_left: float | None
    detail: float  # log2 of detail over contrast inside the face, as `Measures.focus` has it

    @property
    def openness(self) -> float | None:
        """Return how open the eyes are, 0-1: the mean of those that can be told, so that a wink is none; or None."""
        told = [each for each in (self.open_right, self.open_left) if each is not None]
        return sum(told) / len(told) if told else None


@dataclass(frozen=True, slots=True)
class Faults:
    """What the faces of one frame say against it, each 0-1: the size-weighted worst."""

    shut: float = 0.0  # eyes
    soft: float = 0.0  # beside the same face in the sharpest frame of the burst
    told: bool = False  # whether the eyes of a face that counts could be told

    def __post_init__(self) -> None:
        if not (0 <= self.shut <= 1 and 0 <= self.soft <= 1):
            raise ValueError(f"faults lie between 0 and 1: {self}")


def faults(frames: Sequence[Sequence[Face] | None]) -> tuple[Faults, ...]:
    """Return what the faces of each frame of one burst, or of a lone frame, say against it, in the same order.

    None stands for a frame in which nobody looked for faces; it has no faults, and when there is one in a burst, nobody
    has: faces of some frames only would be held against those that were looked at.
    """
    looked = [each for each in frames if each is not None]
    if len(looked) < len(frames):
        return (Faults(),) * len(frames)
    widest = max((face.width for each in looked for face in each), default=0.0)
    own = [_faults(each, looked, widest) for each in looked]
    return tuple(_untold_charged(own))


def shutness(face: Face) -> float:
    """Return how far the eyes of a face are a fault, 0-1, with a soft shoulder; 0 where they cannot be told."""
    openness = face.openness
    if openness is None:
        return 0.0
    share = min(1.0, max(0.0, (NARROW - openness) / (NARROW - SHUT)))
    return share * share * (3 - 2 * share)


def _faults(faces: Sequence[Face], frames: Sequence[Sequence[Face]], widest: float) -> Faults:
    counting = [(face, weight) for face in faces if (weight := _weight(face, widest)) > 0]
    return Faults(
        shut=max((weight * shutness(face) for face, weight in counting), default=0.0),
        soft=max((weight * _softness(face, frames) for face, weight in counting), default=0.0),
        told=any(face.openness is not None for face, _ in counting),
    )


def _weight(face: Face, widest: float) -> float:
    """Return how much a face counts, 0-1: its width against the widest of the burst, and less when it is tiny."""
    if face.width < LEAST_WIDTH:
        return 0.0
    large_enough = (face.width - LEAST_WIDTH) / (FULL_WIDTH - LEAST_WIDTH)
    return min(1.0, face.width / widest) * min(1.0, large_enough)


def _softness(face: Face, frames: Sequence[Sequence[Face]]) -> float:
    """Return how far a face is softer than the same one in the frame where it is sharpest, 0-1."""
    best = max((other.detail for each in frames for other in each if same_place(face, other)), default=face.detail)
    return min(1.0, max(0.0, (best - face.detail - SOFT_FROM) / (SOFT_FULLY - SOFT_FROM)))


def same_place(one: Face, other: Face) -> bool:
    """Tell whether two faces of two frames of a burst are likely one person's: about as large and in one place."""
    if min(one.width, other.width, one.height, other.height) <= 0:
        return False
    if abs(log2(one.width / other.width)) > _SAME_SIZE:
        return False
    # Heights and widths are shares of different edges, so each direction is counted in faces.
    across = abs((one.left + one.width / 2) - (other.left + other.width / 2)) * 2 / (one.width + other.width)
    down = abs((one.top + one.height / 2) - (other.top + other.height / 2)) * 2 / (one.height + other.height)
    return max(across, down) <= _SAME_PLACE


def _untold_charged(own: Sequence[Faults]) -> list[Faults]:
    """Charge frames whose eyes cannot be told half of the worst, so that turning away does not beat open eyes."""
    told = [each.shut for each in own if each.told]
    charge = _UNTOLD * max(told, default=0.0)
    return [each if each.told else Faults(shut=charge, soft=each.soft) for each in own]
