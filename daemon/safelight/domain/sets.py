"""Decides which frames of one camera were taken as a deliberate set: exposure bracket, focus stack or panorama.

A set is kept whole, so a burst that is taken for a set would keep its failures: every rule asks for a pattern that an
ordinary burst hardly shows, and the camera's own word, where it is recorded, comes first. A stack of three or four
frames without the camera's word is not told from a burst, and is left a burst.
Invariant: the spans are disjoint, and each is a run of consecutive frames.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from safelight.domain.brackets import bracket_length, untold_bracket_length
from safelight.domain.frame import SetKind
from safelight.domain.panorama import panorama_length
from safelight.domain.series_view import STILL, SeriesView, Stretch
from safelight.domain.signature import focus_of
from safelight.domain.similarity import aligned

STACK_S = 10.0  # seconds between two frames of a focus stack, which is often made by hand
FEWEST_UNTOLD = 5  # frames of a stack that is told by the pictures alone: chance order is 1 in 60 then
SHARPENED = 0.5  # doublings of fine detail that a tile must gain or lose over a focus stack
MOVING_SHARE = 0.7  # of what changes in focus, explained by one movement
STEADY = 1.5  # doublings by which the whole picture's fine detail may change while focus moves through it
TILES_MOVED = 0.1  # share of the tiles that must gain, and that must lose
_FOCUS_SERIES = re.compile(r"focus[ -]?(bracket|stack|shift|series|bkt)", re.IGNORECASE)


def spans(view: SeriesView) -> Iterator[tuple[SetKind, list[int]]]:
    """Yield the sets in one camera's frames, given in order: kind and positions.

    What the camera or the exposures tell is looked for first, then what only the pictures tell.
    """
    used: set[int] = set()
    for kind, stretch_from in (
        (SetKind.FOCUS, told_stack),
        (SetKind.BRACKET, bracket_length),
        (SetKind.PANORAMA, panorama_length),
        (SetKind.BRACKET, untold_bracket_length),
        (SetKind.FOCUS, untold_stack),
    ):
        start = 0
        while start < len(view.shots):
            stretch = stretch_from(view, start)
            chosen = list(range(stretch.first, stretch.first + stretch.length))
            if chosen and used.isdisjoint(chosen):
                used.update(chosen)
                yield kind, chosen
            start = max(stretch.looked_to, start + 1)


def told_stack(view: SeriesView, start: int) -> Stretch:
    """Return the focus stack that the camera's drive mode names, at least two frames."""
    at = start
    while at < len(view.shots) and _FOCUS_SERIES.search(view.shots[at].facts.drive or ""):
        if at > start and not (view.soon(at, STACK_S) and view.framed(at)):
            break
        at += 1
    return Stretch(start, at - start if at - start >= 2 else 0, at)


def untold_stack(view: SeriesView, start: int) -> Stretch:
    """Return the focus stack that a whole run of still frames of one exposure shows, at most its ends left out."""
    at = start + 1
    while at < len(view.shots) and view.soon(at, STACK_S) and view.same_exposure(start, at):
        if view.cosine(at) < STILL - 0.25 or aligned(view.looks[at - 1], view.looks[at]) < STILL:
            break
        at += 1
    for first, last in ((start, at), (start + 1, at), (start, at - 1)):
        tiles = [focus_of(shot.signature) for shot in view.shots[first:last]]
        if len(tiles) >= FEWEST_UNTOLD and focus_moves(np.stack(tiles)):
            return Stretch(first, last - first, at)
    return Stretch(start, 0, at)


def focus_moves(tiles: NDArray[np.float32]) -> bool:
    """Tell whether the plane of focus moves steadily through the frames, given focus tiles (frames, TILES, TILES).

    Per tile, log2 of fine detail; the frame's mean is taken out (shake and haze change all tiles alike), and the
    tile's mean (subject). What is left is projected on its strongest pattern: over a stack, that projection runs from
    one end to the other without turning back, explains most of what changes, and parts of the picture gain what
    others lose, so that the whole stays about as detailed: noise and overall blur do not.
    """
    flat = tiles.reshape(len(tiles), -1)
    whole = flat.mean(axis=1, keepdims=True)
    change = flat - whole
    change = change - change.mean(axis=0)
    left, strength, right = np.linalg.svd(change, full_matrices=False)
    course = left[:, 0] * strength[0]
    steps = np.diff(course) * np.sign(course[-1] - course[0])
    share = float(strength[0] ** 2 / max(float((strength**2).sum()), 1e-9))
    swing = right[0] * (course[-1] - course[0])
    moved = min((swing >= SHARPENED).mean(), (swing <= -SHARPENED).mean())
    steady = float(np.ptp(whole)) <= STEADY
    return bool(steady and np.all(steps > 0) and share >= MOVING_SHARE and moved >= TILES_MOVED)
