"""Runs the services of `rate` once over folders, in order, and nothing that has no work.

Learn, scan, assess, rank, publish, index: each asks the catalog what stands at its stage, so a run that was killed
anywhere is simply run again. What costs start-up time (numpy, the model, workers) is loaded only when a frame needs it,
because the usual second run finds nothing new.
Invariant: ranking waits until every frame in scope is assessed, so that an interrupted run ends with the same ratings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.app import learning_run, rating_steps, reconcile_run
from safelight.app.progress import Progress
from safelight.app.wiring import Parts
from safelight.domain.frame import Stage
from safelight.errors import SafelightError, StateError
from safelight.ports import NotLooked
from safelight.services.intake import Arrivals, Intake
from safelight.services.learn import Learn


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
    """How many frames were judged, by whom with vectors of what length, and what went wrong with bundles."""

    frames: int
    tables: tuple[tuple[str, int], ...]
    trouble: str


def rate(folders: Sequence[Path], *, parts: Parts, progress: Progress, dry_run: bool = False) -> Outcome:
    """Rate folders. Raises CannotStart when nothing can be done at all."""
    store, clock = parts.store, parts.clock
    started_s = clock.now()
    roots = [parts.scanner.root(folder) for folder in folders]  # before anything is done: all of them or none
    publish = rating_steps.publisher(parts=parts, progress=progress)
    publish.recover()
    learning_run.forgetting(parts).step(frozenset())
    learn = learning_run.learner(parts)
    progress.begin("Looking for photographs", 0)
    seen = _look_back(roots, parts=parts)
    learn.step(force=True, as_of=parts.settings.as_of_s)
    arrivals = Intake(scanner=parts.scanner, identifier=parts.identifier, store=store, clock=clock).take_in(roots)
    first = store.receipts.last_run() is None
    run = rating_steps.open_run(None, roots, store=store, at_s=started_s)
    judged = _judge(arrivals, learn, seen.to_judge, parts=parts, progress=progress)
    absent = rating_steps.read_past(arrivals.frames, parts=parts)
    frames = [frame for frame in store.catalog.frames(arrivals.frames) if frame.id not in absent]
    rating_steps.publish(
        frames, publish=publish, run=run, parts=parts, progress=progress, seen=arrivals.sidecars, dry_run=dry_run
    )
    trouble = _index(judged, parts=parts) if judged else ""
    return Outcome(
        frames=tuple(arrivals.frames),
        not_looked=tuple(dict.fromkeys(arrivals.not_looked)),  # a folder may lie within another
        seconds=clock.now() - started_s,
        assessed=judged.frames if judged else 0,
        trouble=" ".join(filter(None, (seen.trouble, judged.trouble if judged else "", trouble))),
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


def _judge(
    arrivals: Arrivals, learn: Learn, also: Sequence[int], *, parts: Parts, progress: Progress
) -> _Judged | None:
    """Assess and rank what has not been, and look at files (`also`) that were written elsewhere; None without any."""
    store, scope = parts.store, {*arrivals.frames, *also}
    waiting = rating_steps.to_judge(scope, store=store)
    if not waiting and not any(store.catalog.frames(scope, Stage.ASSESSED)):
        return None
    with parts.judging(len(waiting)) as judging:
        parted = rating_steps.judge(waiting, scope, judging=judging, progress=progress)
        arrivals.frames.update(dict.fromkeys(parted))
        learn.step(force=True, as_of=parts.settings.as_of_s)  # a rating within a file is seen by a look at it
        rating_steps.rank(arrivals.frames, judging=judging, learn=learn, store=store)
        return _Judged(len(waiting) + len(parted), judging.tables, judging.trouble)


def _index(judged: _Judged, *, parts: Parts) -> str:
    """Fill the vectors; return what went wrong, because a cache that cannot be written spoils no rating."""
    try:
        for judge, length in judged.tables:
            parts.index(judge=judge, length=length).step()
    except StateError as error:
        return error.told
    return ""
