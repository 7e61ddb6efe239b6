"""Reads a found face closely: is it one, and how open is each eye.

The face is cut out upright and given to a model that lays 478 points on it; the opening of an eye is the mean distance
of its lids over the distance of its corners (the "eye aspect ratio" of Soukupova and Cech, 2016, with five pairs of
points instead of two). That ratio is turned into the share of an ordinary opening that is left, by what it came to when
the lids of portraits were closed by known amounts (tests/bench/faces.py). What cannot be seen is not told: an eye that
is turned away, a few pixels large or out of focus has no number, since the points then lie where eyes usually are.
Invariant: an openness lies in 0-1 or is None.
"""

from dataclasses import dataclass
from math import atan2

import numpy as np
from numpy.typing import NDArray

from safelight.inference.face_boxes import LEFT_EYE, MOUTH, NOSE, RIGHT_EYE, Found
from safelight.inference.face_crops import Halves, Square
from safelight.inference.face_models import LANDMARKS, answers
from safelight.inference.session import Session

_AROUND = 1.5  # side of the cut over that of the box: what the model was trained with

# Points of each eye from the outer to the inner corner, along the upper and along the lower lid.
_RIGHT = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133))
_LEFT = ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362))
LIDS = (_RIGHT, _LEFT)
_RIGHT_CHEEK, _LEFT_CHEEK, _NOSE_TIP, _LIPS = 234, 454, 1, (13, 14)

# Ratio of lids to corners -> share of an ordinary opening, on a portrait whose lids were closed step by step.
_RATIOS = (0.075, 0.11, 0.17, 0.23, 0.25, 0.28)
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)

LEAST_PRESENCE = 0.5  # of the model's own word that this is a face
_SURE_PRESENCE = 0.8  # for a word on its eyes
# How far the points may lie from the detector's, in distances between the eyes: less, the less sure the detector was.
# What is none (a dog, a pan of tomatoes, a cup) seldom passes, and faces half turned away do (measured by eye on 1,200
# photographs).
_MISMATCH_AT_HALF = 0.1  # for a confidence of 0.5
_MISMATCH_PER_CONFIDENCE = 0.8
LEAST_EYES_PX = 24.0  # between the outer corners of the eyes, in the preview; below, open and half shut look alike
LEAST_DETAIL = -4.2  # octaves, as `Face.detail`: from a blur of about 1/50 of the face on, open eyes are read as shut
_MOST_TURNED = 4.5  # how much farther one cheek may be from the nose than the other, before no eye is read
_FAR_EYE_TURNED = 2.5  # the same, before the eye on the farther side is not read


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The 478 points of a face in pixels of the preview, and the model's word, 0-1, that it is one."""

    points: NDArray[np.float64]
    presence: float
    mismatch: float  # mean distance to the detector's points, in distances between the eyes
    confidence: float  # of the detector, 0-1

    @property
    def is_face(self) -> bool:
        """Tell whether this is a face at all."""
        most = _MISMATCH_AT_HALF + _MISMATCH_PER_CONFIDENCE * (self.confidence - 0.5)
        return self.presence >= LEAST_PRESENCE and self.mismatch <= most


def upright(found: Found, around: float) -> Square:
    """Return a square around a face, `around` times its box, with the eyes level."""
    left, top, right, bottom = (float(edge) for edge in found.box)
    across, down = found.points[LEFT_EYE] - found.points[RIGHT_EYE]
    side = max(right - left, bottom - top, 1.0)
    return Square((left + right) / 2, (top + bottom) / 2, around * side, atan2(down, across))


def mark(session: Session, halves: Halves, found: Found) -> Marks:
    """Lay the points on a face; raises BundleError when the model fails or answers what cannot be."""
    square = upright(found, _AROUND)
    side = LANDMARKS.side_px
    places, logit = answers(session, LANDMARKS, LANDMARKS.scaled(halves.cut(square, side)))
    points = square.outwards(places.reshape(-1, 3)[:, :2].astype(np.float64) / side)
    presence = 1 / (1 + np.exp(-np.clip(float(logit[0]), -80, 80)))
    return Marks(points, float(presence), _mismatch(points, found), found.confidence)


def _mismatch(points: NDArray[np.float64], found: Found) -> float:
    eyes = [(points[lids[0][0]] + points[lids[0][-1]]) / 2 for lids in (_RIGHT, _LEFT)]
    ours = np.array([*eyes, points[_NOSE_TIP], points[list(_LIPS)].mean(axis=0)])
    theirs = found.points[[RIGHT_EYE, LEFT_EYE, NOSE, MOUTH]]
    between = max(float(np.hypot(*(theirs[1] - theirs[0]))), 1e-6)
    return float(np.hypot(*(ours - theirs).T).mean() / between)


def eyes_open(marks: Marks, detail: float) -> tuple[float | None, float | None]:
    """Return how open the person's own right and left eye are, 0-1, None where it cannot be told."""
    points = marks.points
    between = float(np.hypot(*(points[_RIGHT[0][0]] - points[_LEFT[0][0]])))
    if marks.presence < _SURE_PRESENCE or between < LEAST_EYES_PX or detail < LEAST_DETAIL:
        return None, None
    to_right, to_left = (
        max(float(np.hypot(*(points[cheek] - points[_NOSE_TIP]))), 1e-6) for cheek in (_RIGHT_CHEEK, _LEFT_CHEEK)
    )
    turned = max(to_right, to_left) / min(to_right, to_left)
    if turned > _MOST_TURNED:
        return None, None
    right = None if turned > _FAR_EYE_TURNED and to_right < to_left else _openness(points, _RIGHT)
    left = None if turned > _FAR_EYE_TURNED and to_left < to_right else _openness(points, _LEFT)
    return right, left


def _openness(points: NDArray[np.float64], lids: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    return float(np.interp(lid_ratio(points, lids), _RATIOS, _SHARES))


def lid_ratio(points: NDArray[np.float64], lids: tuple[tuple[int, ...], tuple[int, ...]]) -> float:
    """Return the mean distance of the lids over the distance of the corners: about 0.28 open, 0.07 shut."""
    upper, lower = (points[list(lid)] for lid in lids)
    width = max(float(np.hypot(*(upper[0] - upper[-1]))), 1e-6)
    return float(np.hypot(*(upper[2:-2] - lower[2:-2]).T).mean()) / width
