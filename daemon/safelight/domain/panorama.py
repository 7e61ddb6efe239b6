"""Decides whether frames were swept across a scene to be stitched: locked exposure, overlapping, always onward.

Invariant: at least three frames, each overlapping the next and none lying on the one before.
"""

import numpy as np
from numpy.typing import NDArray

from safelight.domain.series_view import SeriesView, Stretch
from safelight.domain.signature import GRID
from safelight.domain.similarity import Look

SWEEP_S = 15.0  # seconds between two frames of a sweep by hand
RELEASE_S = 0.35  # faster than this is a held release that follows a subject
LEAST_SHIFT, MOST_SHIFT = 0.15, 0.72  # of the picture's side, between neighbours
LEAST_MATCH = 0.6  # correlation in the overlap
SAME_SCENE = 0.35  # cosine of two views that share a part
SAME_SCENE_LUMA = 0.2  # of mean display luma: the exposure is locked, the scene is not the same all over
SIDEWAYS = 0.15  # of the side, off the direction of the sweep

Shift = NDArray[np.float64]


def panorama_length(view: SeriesView, start: int) -> Stretch:
    """Return the sweep that begins at `start`. Frames need times and a recorded exposure."""
    course: list[Shift] = []
    at = start + 1
    while at < len(view.shots) and _goes_on(view, at):
        shift = overlap_shift(view.looks[at - 1], view.looks[at])
        if shift is None or (course and not _onward(course[0], shift)):
            break
        course.append(shift)
        at += 1
    if len(course) < 2 or _held(view, start, at):
        return Stretch(start, 0, start + 1)
    return Stretch(start, at - start, at)


def _goes_on(view: SeriesView, at: int) -> bool:
    """Tell whether frame `at` may continue a sweep: soon after, exposure and focal length locked, not the same view."""
    before, now = view.shots[at - 1], view.shots[at]
    if view.taken[at] is None or view.taken[at - 1] is None or not view.soon(at, SWEEP_S):
        return False
    one, other = before.facts, now.facts
    locked = one.shutter_s is not None and one.shutter_s == other.shutter_s and one.focal_mm == other.focal_mm
    locked = locked and one.aperture_f == other.aperture_f and one.iso == other.iso
    alike = abs(before.aspect - now.aspect) < 0.01 and abs(before.luma - now.luma) <= SAME_SCENE_LUMA
    return locked and alike and view.cosine(at) >= SAME_SCENE


def _held(view: SeriesView, start: int, end: int) -> bool:
    """Tell whether the frames come as fast as from a held release: that is following a subject."""
    times = [moment for moment in view.taken[start:end] if moment is not None]
    return view.shots[start].facts.subsecond and bool(np.median(np.diff(times)) < RELEASE_S)


def _onward(first: Shift, shift: Shift) -> bool:
    axis = int(np.argmax(np.abs(first)))
    ahead = shift[axis] / first[axis]
    return bool(0.4 <= ahead <= 2.5 and abs(shift[1 - axis] - first[1 - axis]) <= SIDEWAYS)


def overlap_shift(a: Look, b: Look) -> Shift | None:
    """Return (down, right) by which `b`'s view lies from `a`'s, in shares of the side, None if they do not overlap so.

    The peak of the normalised cross-correlation over all shifts with at least a quarter in common; a shift along
    one side, with little sideways.
    """
    size = 2 * GRID
    whole = np.ones((GRID, GRID))
    f_a, f_b, f_one = (np.fft.rfft2(x, (size, size)) for x in (a.layout, b.layout, whole))
    f_aa, f_bb = (np.fft.rfft2(x * x, (size, size)) for x in (a.layout, b.layout))

    def correlate(x: NDArray[np.complex128], y: NDArray[np.complex128]) -> NDArray[np.float64]:
        return np.asarray(np.fft.irfft2(x * y.conj(), (size, size)))

    count = np.maximum(correlate(f_one, f_one), 1.0)
    sum_a, sum_b = correlate(f_a, f_one), correlate(f_one, f_b)
    power = np.maximum(correlate(f_aa, f_one) - sum_a**2 / count, 0.01 * count)
    power *= np.maximum(correlate(f_one, f_bb) - sum_b**2 / count, 0.01 * count)
    value = (correlate(f_a, f_b) - sum_a * sum_b / count) / np.sqrt(power)
    value = np.where(count >= 0.25 * GRID * GRID, value, -1.0)
    down, right = np.unravel_index(int(np.argmax(value)), value.shape)
    shift = np.array([(int(s) + GRID) % size - GRID for s in (down, right)], dtype=np.float64) / GRID
    along, off = np.sort(np.abs(shift))[::-1]
    if float(value.max()) < LEAST_MATCH or not LEAST_SHIFT <= along <= MOST_SHIFT or off > SIDEWAYS:
        return None
    return shift
