"""Decides which frames are an exposure bracket: even steps of light in rapid succession, and pictures that follow.

Automatic exposure also changes from frame to frame, but to keep the picture's brightness; in a bracket the brightness
follows the exposure. Invariant: frames whose recorded exposures are equal are never a bracket.
"""

from collections.abc import Sequence

import numpy as np

from safelight.domain.series_view import STILL, SeriesView, Stretch, light_ev
from safelight.domain.shots import Shot
from safelight.domain.similarity import aligned

RAPID_S = 2.0  # seconds between two frames, beside the exposures themselves
MOST = 9  # frames in one bracket: the most that cameras offer
LEAST_STEP_EV = 0.28  # brackets come in steps of a third of a stop or more
LEAST_RANGE_EV = 0.9
UNEVEN = 1.34  # recorded shutter speeds are rounded: 1/125, 1/60, 1/30
FEWEST_UNTOLD = 5  # frames, where no exposure is recorded
UNTOLD_RANGE_EV = 1.5
_GAMMA = 2.2  # of display values, roughly sRGB's


def levels(shots: Sequence[Shot]) -> list[float] | None:
    """Return each frame's exposure in stops: from shutter, aperture and ISO, or else from the compensation dial."""
    told = [light_ev(shot.facts) for shot in shots]
    bias = [shot.facts.bias_ev for shot in shots]
    for source in (told, bias):
        known = [float(value) for value in source if value is not None]
        if len(known) == len(shots):
            return known
    return None


def bracket_length(view: SeriesView, start: int) -> Stretch:
    """Return the longest bracket from `start` on that the recorded exposures show."""
    at = start + 1
    while at < min(len(view.shots), start + MOST) and view.taken[start] is not None:
        waiting = sum(shot.facts.shutter_s or 0.0 for shot in view.shots[at - 1 : at + 1])
        known = levels(view.shots[start : at + 1])
        if known is None or min(abs(known[-1] - level) for level in known[:-1]) < LEAST_STEP_EV:
            break
        if not view.soon(at, RAPID_S + waiting) or not view.framed(at):
            break
        at += 1
    for length in range(at - start, 1, -1):
        if is_bracket(view.shots[start : start + length]):
            return Stretch(start, length, start + length)
    return Stretch(start, 0, start + 1)


def is_bracket(span: Sequence[Shot]) -> bool:
    """Tell whether frames with distinct exposures are a bracket: two with the camera's word, three without."""
    told = all(shot.facts.bracketing for shot in span)
    known = levels(span)
    if known is None or len(span) < (2 if told else 3):
        return False
    lumas = np.array([shot.luma for shot in span])[np.argsort(known)]
    follows = bool(np.all(np.diff(lumas) >= -0.01) and lumas[-1] - lumas[0] >= 0.05)
    steps = np.diff(np.sort(known))
    even = bool(steps.max() <= UNEVEN * steps.min() + 0.1) and max(known) - min(known) >= LEAST_RANGE_EV
    return follows and (told or (even and _in_a_cameras_order(known)))


def _in_a_cameras_order(known: Sequence[float]) -> bool:
    """Tell whether cameras bracket so: straight up or down, or the middle first and then outwards or straight."""
    straight = abs(np.sign(np.diff(known)).sum()) == len(known) - 1
    rest_straight = abs(np.sign(np.diff(known[1:])).sum()) == len(known) - 2
    middle_first = abs(known[0] - np.median(known)) < LEAST_STEP_EV
    outwards = bool(np.all(np.diff(np.abs(np.subtract(known, known[0]))) >= -0.2))
    return bool(straight or (middle_first and (rest_straight or outwards)))


def untold_bracket_length(view: SeriesView, start: int) -> Stretch:
    """Return the bracket that the pictures alone show, where no exposure is recorded: steadily brighter or darker.

    The mean display luma stands for the light, at a gamma of 2.2. Five frames at least: three in order are chance.
    """
    at, way = start, 0.0
    while at < len(view.shots) and levels(view.shots[at : at + 1]) is None:
        if at > start:
            step = _stops(view.shots[at - 1], view.shots[at])
            way = way or step
            if abs(step) < LEAST_STEP_EV or step * way < 0 or not view.soon(at, RAPID_S):
                break
            if view.cosine(at) < STILL - 0.25 or aligned(view.looks[at - 1], view.looks[at]) < STILL:
                break
        at += 1
    if at - start < FEWEST_UNTOLD or abs(_stops(view.shots[start], view.shots[at - 1])) < UNTOLD_RANGE_EV:
        return Stretch(start, 0, max(at - 1, start + 1))
    return Stretch(start, at - start, at)


def _stops(a: Shot, b: Shot) -> float:
    return float(_GAMMA * np.log2((b.luma + 1e-3) / (a.luma + 1e-3)))
