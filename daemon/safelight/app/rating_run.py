"""Runs the services of `rate` once over folders, in order, and nothing that has no work.

Scan, assess, rank, publish, index: each asks the catalog what stands at its stage, so a run that was killed anywhere is
simply run again. What costs start-up time (numpy, the model, workers) is loaded only when a frame needs it, because
the usual second run finds nothing new.
Invariant: ranking waits until every frame in scope is assessed, so that an interrupted run ends with the same ratings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safelight.app.wiring import Parts
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFrame
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
    run_id: int = field(default=0)


def rate(folders: Sequence[Path], *, parts: Parts, progress: Progress, dry_run: bool = False) -> Outcome:
    """Rate folders. Raises CannotStart when nothing can be done at all."""
    store, clock = parts.store, parts.clock
    started_s = clock.now()
    publish = Publish(
        store=store, sidecars=parts.sidecars, volumes=parts.volumes, clock=clock, progress=progress.advance
    )
    publish.recover()
    progress.begin("Looking for photographs", 0)
    arrivals = Intake(scanner=parts.scanner, identifier=parts.identifier, store=store, clock=clock).take_in(folders)
    with store.transaction():
        run_id = store.receipts.start_run(folders, at_s=started_s)
    assessed = _judge(arrivals, parts=parts, progress=progress)
    frames = list(store.catalog.frames(arrivals.frames))
    progress.begin("Writing sidecars", sum(frame.stage is Stage.RANKED for frame in frames))
    publish.step(frames, seen=arrivals.sidecars, run_id=run_id, dry_run=dry_run)
    with store.transaction():
        store.receipts.finish_run(run_id, at_s=clock.now())
    return Outcome(
        frames=tuple(arrivals.frames),
        not_looked=tuple(arrivals.not_looked),
        seconds=clock.now() - started_s,
        assessed=assessed,
        run_id=run_id,
    )


def _judge(arrivals: Arrivals, *, parts: Parts, progress: Progress) -> int:
    """Assess and rank what has not been; return how many frames were assessed."""
    frames = list(parts.store.catalog.frames(arrivals.frames))
    waiting = [frame for frame in frames if frame.stage is Stage.ARRIVED or _to_retry(frame)]
    if not waiting and not any(frame.stage is Stage.ASSESSED for frame in frames):
        return 0
    with parts.judging() as judging:
        progress.begin("Rating", len(waiting))
        parted = judging.assess(progress.advance).step(waiting)
        arrivals.frames.update(dict.fromkeys(parted))
        judging.rank().step(parts.store.catalog.frames(arrivals.frames, Stage.ASSESSED))
        judging.index().step()
    return len(waiting) + len(parted)


def _to_retry(frame: KnownFrame) -> bool:
    return frame.stage is Stage.UNREADABLE and frame.passing
