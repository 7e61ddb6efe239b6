"""Runs the services of `rate` once over folders, in order, and nothing that has no work.

Scan, assess, rank, publish, index: each asks the catalog what stands at its stage, so a run that was killed anywhere is
simply run again. What costs start-up time (numpy, the model, workers) is loaded only when a frame needs it, because
the usual second run finds nothing new.
Invariant: ranking waits until every frame in scope is assessed, so that an interrupted run ends with the same ratings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.app.wiring import Parts
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFrame
from safelight.errors import StateError
from safelight.ports import NotLooked
from safelight.services.intake import Arrivals, Intake
from safelight.services.publish import Publish


class Progress(Protocol):
    """Shows how far a run has come."""

    def begin(self, what: str, total: int) -> None:
        """Start a part of the run with `total` frames."""
        ...

    def advance(self, frames: int) -> None:
        """Tell that `frames` more are done."""
        ...


@dataclass(slots=True)
class Outcome:
    """What a run came to: the frames in scope, in order, and what was not looked at."""

    frames: tuple[int, ...] = ()
    not_looked: tuple[NotLooked, ...] = ()
    seconds: float = 0.0
    assessed: int = 0
    trouble: str = ""  # what went wrong beside the ratings: the vectors for search could not be written


@dataclass(frozen=True, slots=True)
class _Judged:
    """How many frames were judged, by whom, and how long that judge's vectors are."""

    frames: int
    judge: str
    length: int


def rate(folders: Sequence[Path], *, parts: Parts, progress: Progress, dry_run: bool = False) -> Outcome:
    """Rate folders. Raises CannotStart when nothing can be done at all."""
    store, clock = parts.store, parts.clock
    started_s = clock.now()
    roots = [parts.scanner.root(folder) for folder in folders]  # before anything is done: all of them or none
    publish = Publish(
        store=store, sidecars=parts.sidecars, volumes=parts.volumes, clock=clock, progress=progress.advance
    )
    publish.recover()
    progress.begin("Looking for photographs", 0)
    arrivals = Intake(scanner=parts.scanner, identifier=parts.identifier, store=store, clock=clock).take_in(roots)
    with store.transaction():
        run_id = store.receipts.start_run(roots, at_s=started_s)
    judged = _judge(arrivals, parts=parts, progress=progress)
    frames = list(store.catalog.frames(arrivals.frames))
    progress.begin("Writing sidecars", sum(frame.stage is Stage.RANKED for frame in frames))
    publish.step(frames, seen=arrivals.sidecars, run_id=run_id, dry_run=dry_run)
    with store.transaction():
        store.receipts.finish_run(run_id, at_s=clock.now())
    trouble = _index(judged, parts=parts) if judged else ""
    return Outcome(
        frames=tuple(arrivals.frames),
        not_looked=tuple(dict.fromkeys(arrivals.not_looked)),  # a folder may lie within another
        seconds=clock.now() - started_s,
        assessed=judged.frames if judged else 0,
        trouble=trouble,
    )


def _judge(arrivals: Arrivals, *, parts: Parts, progress: Progress) -> _Judged | None:
    """Assess and rank what has not been; None when there was nothing to do."""
    frames = list(parts.store.catalog.frames(arrivals.frames))
    waiting = [frame for frame in frames if frame.stage is Stage.ARRIVED or _to_retry(frame)]
    if not waiting and not any(frame.stage is Stage.ASSESSED for frame in frames):
        return None
    with parts.judging(len(waiting)) as judging:
        progress.begin("Rating", len(waiting))
        parted = judging.assess(progress.advance).step(waiting)
        arrivals.frames.update(dict.fromkeys(parted))
        judging.rank().step(parts.store.catalog.frames(arrivals.frames, Stage.ASSESSED))
        return _Judged(len(waiting) + len(parted), judging.judge, judging.length)


def _index(judged: _Judged, *, parts: Parts) -> str:
    """Fill the vectors; return what went wrong, because a cache that cannot be written spoils no rating."""
    try:
        parts.index(judge=judged.judge, length=judged.length).step()
    except StateError as error:
        return error.told
    return ""


def _to_retry(frame: KnownFrame) -> bool:
    return frame.stage is Stage.UNREADABLE and frame.passing
