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

POINTS = 6
RIGHT_EYE, LEFT_EYE, NOSE, MOUTH = range(4)
OVERLAP = 0.3  # share of the union of two boxes from which they are one face
COVERED = 0.6  # share of the smaller box from which it is a part of the same face
_NUMBERS = 4 + 2 * POINTS
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
        return [_found(square, rows[at], self._middles[at], float(sure[at])) for at in np.flatnonzero(sure >= least)]


def _found(square: Square, numbers: NDArray[np.float64], middle: NDArray[np.float64], sure: float) -> Found:
    centre, size = numbers[:2] + middle, np.abs(numbers[2:4])
    places = np.concatenate([[centre - size / 2, centre + size / 2], numbers[4:].reshape(POINTS, 2) + middle])
    pixels = square.outwards(places)
    return Found(pixels[:2].ravel(), pixels[2:], sure)


def merged(found: list[Found]) -> list[Found]:
    """Return one entry for each face, the surest first."""
    rest = sorted(found, key=lambda each: -each.confidence)
    faces = []
    while rest:
        best = rest[0]
        near = [each for each in rest if _one_face(best.box, each.box)]
        rest = [each for each in rest if not _one_face(best.box, each.box)]
        # a box that only shows a part of the face does not move the average
        alike = [each for each in near if _shared(best.box, each.box)[0] >= OVERLAP]
        weights = np.array([each.confidence for each in alike])
        weights /= weights.sum()
        box = sum(weight * each.box for weight, each in zip(weights, alike, strict=True))
        points = sum(weight * each.points for weight, each in zip(weights, alike, strict=True))
        faces.append(Found(np.asarray(box), np.asarray(points), best.confidence))
    return faces


def _one_face(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    union, smaller = _shared(one, other)
    return union >= OVERLAP or smaller >= COVERED


def _shared(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Return the area that two boxes share, over that of their union and over that of the smaller."""
    size = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    both = float(size[0] * size[1])
    areas = [max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-9) for box in (one, other)]
    return both / max(sum(areas) - both, 1e-9), both / min(areas)
