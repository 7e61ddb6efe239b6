"""Finds faces in a preview: what the two detectors answer, turned into boxes with six points, one for each face.

Both detectors answer for a fixed grid of places: how sure they are of a face there, where its box lies and where six
points of it lie (right eye, left eye, nose, mouth, right ear, left ear, the person's own right). Several places answer
for one face; their boxes are averaged, weighted by how sure each is, which keeps the points steady.
Source of grids and weights: MediaPipe, modules/face_detection (face_detection_short_range, face_detection_full_range)
and non_max_suppression_calculator (weighted).
Invariant: no two faces that come out overlap by more than `OVERLAP`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.inference.face_crops import Halves, Square
from safelight.inference.face_models import Model, answers
from safelight.inference.session import Session

Floats = NDArray[np.float64]

POINTS = 6
RIGHT_EYE, LEFT_EYE, NOSE, MOUTH = range(4)
OVERLAP = 0.3  # share of the union of two boxes from which they are one face
COVERED = 0.6  # share of the smaller box from which it is a part of the same face
_NUMBERS = 4 + 2 * POINTS
_NO_AREA = 1e-9
_MOST_ANSWERS = 200  # looked at of one detector's, the surest: a face has a dozen
_STEEP = 80.0  # logits beyond it are certain either way, and would overflow


# For each detector, the rows of places it answers for: (cells along an edge, answers per cell).
NEAR_GRID = ((16, 2), (8, 6))
FAR_GRID = ((48, 1),)


def middles(grid: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return the place (n, 2) of each answer of a detector, in shares of its input."""
    parts = []
    for cells, each in grid:
        steps = (np.arange(cells) + 0.5) / cells
        places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
        parts.append(np.repeat(places, each, axis=0))
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A face: box (left, top, right, bottom) and points (6, 2) in pixels of the preview, and how sure it is, 0-1."""

    box: NDArray[np.float64]
    points: NDArray[np.float64]
    confidence: float


class Detector:
    """One detector with its grid."""

    def __init__(self, session: Session, model: Model, grid: Sequence[tuple[int, int]]) -> None:
        self._session, self._model, self._middles = session, model, middles(grid)

    def find(self, halves: Halves, square: Square, *, least: float) -> list[Found]:
        """Return every answer in `square` with a confidence from `least`, many for one face.

        Raises BundleError when the model fails or answers what cannot be.
        """
        side = self._model.side_px
        picture = self._model.scaled(halves.cut(square, side))
        boxes, scores = answers(self._session, self._model, picture)
        sure = 1 / (1 + np.exp(-np.clip(scores.astype(np.float64), -_STEEP, _STEEP)))
        rows = boxes.reshape(len(self._middles), _NUMBERS).astype(np.float64) / side
        surest = np.argsort(-sure, kind="stable")[:_MOST_ANSWERS]
        return [_found(square, rows[at], self._middles[at], float(sure[at])) for at in surest if sure[at] >= least]


def _found(square: Square, numbers: NDArray[np.float64], middle: NDArray[np.float64], sure: float) -> Found:
    centre, size = numbers[:2] + middle, np.abs(numbers[2:4])
    places = np.concatenate([[centre - size / 2, centre + size / 2], numbers[4:].reshape(POINTS, 2) + middle])
    pixels = square.outwards(places)
    return Found(pixels[:2].ravel(), pixels[2:], sure)


def merged(found: list[Found]) -> list[Found]:
    """Return one entry for each face, the surest first."""
    if not found:
        return []
    rest = sorted(found, key=lambda each: -each.confidence)
    boxes = np.array([each.box for each in rest])
    points = np.array([each.points for each in rest])
    sure = np.array([each.confidence for each in rest])
    left, faces = np.arange(len(rest)), []
    while left.size:
        best = left[0]
        union, smaller = _shared(boxes[best], boxes[left])
        # a box that only shows a part of the face goes with it, but does not move the average
        alike = left[(union >= OVERLAP) | (left == best)]
        weights = sure[alike] / sure[alike].sum()
        box, six = np.tensordot(weights, boxes[alike], 1), np.tensordot(weights, points[alike], 1)
        faces.append(Found(box, six, float(sure[best])))
        left = left[(union < OVERLAP) & (smaller < COVERED) & (left != best)]
    return faces


def _shared(box: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Return the areas that a box shares with each of others, over those of their union and over the smaller ones."""
    size = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0)
    both = size.prod(axis=1)
    own, theirs = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    return both / np.maximum(own + theirs - both, _NO_AREA), both / np.maximum(np.minimum(own, theirs), _NO_AREA)
