"""Finds the faces in a preview and says of each how open its eyes are and how sharp it is.

Two detectors look, as neither sees both: one over the whole preview for faces that fill it, one over overlapping parts
of it for small ones. Both take a pan of tomatoes for a face now and then, so what they find is only a face when the
model that lays points on it agrees. That model costs the most, so it looks at the largest few finds only.
Invariant: every face that comes out lies inside the picture, and every number of it is finite.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.faces import Face
from safelight.domain.technical import measure
from safelight.errors import BundleError
from safelight.inference.face_boxes import FAR_GRID, NEAR_GRID, Detector, Found, merged
from safelight.inference.face_crops import Halves, squares_over
from safelight.inference.face_marks import eyes_open, mark, upright
from safelight.inference.face_models import FAR, LANDMARKS, NEAR, open_models
from safelight.inference.installed import read_installed, spoiled
from safelight.inference.session import Session

READING = 1  # raised whenever the same models read the same face otherwise
LEAST_CONFIDENCE = 0.6  # of a detector: at 0.5 twice as many finds are none (measured on photographs without faces)
MOST_FACES = 10  # the largest; in a crowd the rest is too small to judge
FAR_SHARE = 0.67  # of the long edge, as the side of the parts: an ordinary frame has two
_DETAIL_PX = 192  # a face is measured at this size, whatever its size in the picture
_LEAST_PICTURE_PX = 16


class FaceModels:
    """The reader of faces; `safelight.ports.FaceReader`."""

    def __init__(self, sessions: Mapping[str, Session], *, bundle: str) -> None:
        self._near = Detector(sessions[NEAR.name], NEAR, NEAR_GRID)
        self._far = Detector(sessions[FAR.name], FAR, FAR_GRID)
        self.landmarks = sessions[LANDMARKS.name]
        self._bundle = bundle

    @property
    def bundle(self) -> str:
        """Name and sum of the bundle and the version of the reading, "faces:<12 hex>:r1"."""
        return self._bundle

    def read(self, preview: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces in an upright sRGB preview, uint8 (H, W, 3), the largest first.

        Raises BundleError for another shape, and when a model fails or answers what cannot be.
        """
        if preview.ndim != 3 or preview.shape[2] != 3 or preview.dtype != np.uint8:
            raise BundleError(f"The face models were given a picture of {preview.dtype} {preview.shape}.")
        if min(preview.shape[:2]) < _LEAST_PICTURE_PX:
            return ()
        halves = Halves(preview)
        found = sorted(self.finds(halves), key=lambda each: -_width(each))[:MOST_FACES]
        faces = [face for each in found if (face := self._face(halves, each)) is not None]
        return tuple(faces)

    def finds(self, halves: Halves) -> list[Found]:
        """Return what the detectors take for faces, one entry each."""
        shape = halves.preview.shape
        near = [self._near.find(halves, square, least=LEAST_CONFIDENCE) for square in squares_over(shape, 1.0)]
        far = [self._far.find(halves, square, least=LEAST_CONFIDENCE) for square in squares_over(shape, FAR_SHARE)]
        return merged([each for part in (*near, *far) for each in part])

    def _face(self, halves: Halves, found: Found) -> Face | None:
        high, wide = halves.preview.shape[:2]
        left, right = (float(np.clip(edge / wide, 0, 1)) for edge in found.box[[0, 2]])
        top, bottom = (float(np.clip(edge / high, 0, 1)) for edge in found.box[[1, 3]])
        if right <= left or bottom <= top:
            return None
        marks = mark(self.landmarks, halves, found)
        if not marks.is_face:
            return None
        cut = halves.cut(upright(found, 1.0), _DETAIL_PX)
        detail = measure(np.rint(cut).astype(np.uint8)).focus
        open_right, open_left = eyes_open(marks, detail)
        return Face(
            left=left, top=top, width=right - left, height=bottom - top,
            confidence=found.confidence, open_right=open_right, open_left=open_left, detail=detail,
        )  # fmt: skip


def open_faces(folder: Path, *, threads: int = 1) -> FaceModels:
    """Open the installed bundle in `folder`, every model proven on a known picture (about 0.2 s).

    Raises BundleError when it is missing, damaged, was made ready by another version, or computes something else.
    """
    installed = read_installed(folder)
    task = next((file for file in installed.manifest.files if file.role == NEAR.role), None)
    if installed.manifest.kind != "faces" or task is None or task.path not in installed.received:
        raise spoiled(installed.name, "it is no bundle of face models")
    checksum = installed.received[task.path].sha256
    return FaceModels(open_models(installed, threads=threads), bundle=f"{installed.name}:{checksum[:12]}:r{READING}")


def _width(found: Found) -> float:
    return float(found.box[2] - found.box[0])
