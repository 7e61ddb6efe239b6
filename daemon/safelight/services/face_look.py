"""Looks for faces in frames, where the bundle for that is installed.

When its model fails, that is told once and frames are judged without faces.
Invariant: faces are never a reason not to rate.
"""

from collections.abc import Callable

from safelight.domain.faces import Face
from safelight.errors import BundleError
from safelight.ports import Examined, FaceReader


class FaceLook:
    """Reads the faces of frames, as long as that works."""

    def __init__(self, *, reader: FaceReader, say: Callable[[BundleError], None] = lambda _: None) -> None:
        self._reader = reader
        self._say = say
        self.failed = False

    def of(self, examined: Examined) -> tuple[Face, ...] | None:
        """Return the faces in a frame, the largest first; None when that cannot be told."""
        if self.failed or examined.preview is None:
            return None
        try:
            return self._reader.read(examined.preview)
        except BundleError as error:
            self.failed = True
            self._say(error)
            return None
