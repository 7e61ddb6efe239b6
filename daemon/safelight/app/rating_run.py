"""Runs the services of `rate` once over folders, in order, and nothing that has no work.

Learn, scan, assess, rank, publish, index: each asks the catalog what stands at its stage, so a run that was killed
anywhere is simply run again. What costs start-up time (numpy, the model, workers) is loaded only when a frame needs it,
because the usual second run finds nothing new.
Invariant: ranking waits until every frame in scope is assessed, so that an interrupted run ends with the same ratings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.app import learning_run, reconcile_run
from safelight.app.progress import Progress
from safelight.app.wiring import Parts
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFrame
from safelight.errors import SafelightError, StateError
from safelight.ports import NotLooked
from safelight.services.intake import Arrivals, Intake
from safelight.services.learn import Learn
from safelight.services.publish import Publish


@dataclass(slots=True)
class Outcome:
    """What a run came to: the frames in scope, in order, and what was not looked at."""

    frames: tuple[int, ...] = ()
    not_looked: tuple[NotLooked, ...] = ()
    seconds: float = 0.0
    assessed: int = 0
    trouble: str = ""  # what went wrong beside the ratings: looking back, or writing the vectors for search
    leaning: float = 0.0  # how far scores lean on the person's taste, 0-1
    first: bool = False  # nothing was ever rated before


@dataclass(frozen=True, slots=True)
class _Seen:
    """What looking back found: frames whose pictures tell more, and what went wrong."""

    to_judge: tuple[int, ...]
    trouble: str = ""


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
    learning_run.forgetting(parts).step(frozenset())
    learn = learning_run.learner(parts)
    progress.begin("Looking for photographs", 0)
    seen = _look_back(roots, parts=parts)
    learn.step(force=True, as_of=parts.settings.as_of_s)
    arrivals = Intake(scanner=parts.scanner, identifier=parts.identifier, store=store, clock=clock).take_in(roots)
    first = store.receipts.last_run() is None
    with store.transaction():
        run_id = store.receipts.start_run(roots, at_s=started_s)
    judged = _judge(arrivals, learn, seen.to_judge, parts=parts, progress=progress)
    frames = _with_their_past(arrivals, parts=parts)
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
        trouble=" ".join(filter(None, (seen.trouble, trouble))),
        leaning=learn.gate(),
        first=first,
    )


def _look_back(roots: Sequence[Path], *, parts: Parts) -> _Seen:
    """Find out what happened since the last run; what goes wrong there keeps no frame from its stars."""
    try:
        service = reconcile_run.service(parts)
        service.accept(roots)
        done = service.step([*roots, *parts.store.receipts.rated_folders()])
    except StateError:
        raise  # nothing can be remembered, of ratings as little as of what happened
    except SafelightError as error:
        return _Seen((), error.told)
    return _Seen(tuple(done.to_judge))


def _with_their_past(arrivals: Arrivals, *, parts: Parts) -> list[KnownFrame]:
    """Return the frames in scope, after reading what other programs say of those that have no sidecar of ours yet."""
    frames = list(parts.store.catalog.frames(arrivals.frames))
    fresh = [frame.id for frame in frames if frame.stage is Stage.RANKED]
    if not fresh:
        return frames
    reconcile_run.service(parts).read_past(fresh)
    return list(parts.store.catalog.frames(arrivals.frames))


def _judge(
    arrivals: Arrivals, learn: Learn, also: Sequence[int], *, parts: Parts, progress: Progress
) -> _Judged | None:
    """Assess and rank what has not been, and look at files (`also`) that were written elsewhere; None without any."""
    catalog = parts.store.catalog
    frames = list(catalog.frames({*arrivals.frames, *also}))
    waiting = [frame for frame in frames if frame.stage is Stage.ARRIVED or _to_retry(frame)]
    if not waiting and not any(frame.stage is Stage.ASSESSED for frame in frames):
        return None
    with parts.judging(len(waiting)) as judging:
        progress.begin("Rating", len(waiting))
        parted = judging.assess(progress.advance).step(waiting)
        arrivals.frames.update(dict.fromkeys(parted))
        judging.look_closer({*arrivals.frames, *also})
        learn.step(force=True, as_of=parts.settings.as_of_s)  # a rating within a file is seen by a look at it
        judging.rank(learn.leaning()).step(catalog.frames(arrivals.frames, Stage.ASSESSED))
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
