"""Examines one frame: decodes the first of its files that gives plausible pixels, measures them, gathers the facts.

This is what a decode worker does for each request, and all it does; it runs as well without any worker.
Invariant: answers with Examined or raises Unreadable; a frame's second file is decoded only if the first one failed.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import Picture, read_facts, read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.technical import Measures
from safelight.errors import Unreadable
from safelight.ports import Examined, Request

Measure = Callable[[NDArray[np.uint8]], Measures]


def examine_file(request: Request, *, measure: Measure, rules: DecodeRules) -> Examined:
    """Decode and measure the frame in `request`; `measure` takes uint8 (H, W, 3) sRGB.

    Raises Unreadable with the reason of the first source when none of them gives plausible pixels.
    """
    source, picture = _first_readable(request.sources, rules)
    return Examined(
        key=request.key,
        source=source,
        facts=picture.facts,
        other_taken_s=_other_times(request.sources, source),
        measures=measure(picture.rgb),
        thumb=picture.thumb,
        closeup=picture.closeup,
        squares=picture.squares,
        preview=picture.rgb if rules.keep_preview else None,
        width_px=picture.width_px,
        height_px=picture.height_px,
    )


def _first_readable(sources: tuple[Path, ...], rules: DecodeRules) -> tuple[Path, Picture]:
    refusals = []
    for source in sources:
        try:
            return source, read_picture(source, rules)
        except Unreadable as refusal:
            refusals.append(refusal)
    raise refusals[0] if refusals else Unreadable("The frame has no file that could hold a picture.")


def _other_times(sources: tuple[Path, ...], decoded: Path) -> dict[Path, float]:
    times = {}
    for source in sources:
        if source == decoded:
            continue
        try:
            taken_s = read_facts(source).taken_s
        except Unreadable:
            continue
        if taken_s is not None:
            times[source] = taken_s
    return times
