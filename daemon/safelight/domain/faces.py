"""Says what is known of a face in a frame, and what the faces of a frame say of it together.

Plain values first: where a face is, how sure the detector was, how open each eye is and how much detail it has. Sizes
are shares of the picture, so that they hold whatever size it was looked at.
"""

from dataclasses import dataclass


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
