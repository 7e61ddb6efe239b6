"""Decides whose maker notes are worth the time of reading.

Drive and bracket modes stand in maker notes that only a separate program can read, at several milliseconds a frame.
They matter only where a deliberate set is possible: in a rapid run of at least three frames of one camera.
"""

from collections.abc import Sequence
from dataclasses import fields, replace

from safelight.domain.frame import CaptureFacts

RAPID_S = 2.0
FEWEST = 3


def worth_asking(facts: Sequence[CaptureFacts]) -> tuple[int, ...]:
    """Return the positions of frames whose drive mode is untold and that stand in a rapid run, ascending."""
    timed = [
        (entry.make or "", entry.camera or "", entry.taken_s, position)
        for position, entry in enumerate(facts)
        if entry.taken_s is not None and entry.has_maker_notes
    ]
    chosen: list[int] = []
    run: list[tuple[str, str, float, int]] = []
    for frame in [*sorted(timed), None]:
        if frame is not None and run and frame[:2] == run[-1][:2] and frame[2] - run[-1][2] <= RAPID_S:
            run.append(frame)
            continue
        if len(run) >= FEWEST:
            chosen.extend(position for *_, position in run if facts[position].drive is None)
        run = [frame] if frame is not None else []
    return tuple(sorted(chosen))


def filled(facts: CaptureFacts, more: CaptureFacts) -> CaptureFacts:
    """Return `facts` with what was not told taken from `more`."""
    gaps = {
        entry.name: getattr(more, entry.name)
        for entry in fields(CaptureFacts)
        if getattr(facts, entry.name) in (None, False) and getattr(more, entry.name) is not None
    }
    return replace(facts, **gaps)
