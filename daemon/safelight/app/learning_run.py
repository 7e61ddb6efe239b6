"""Runs what has to do with learning: looking into the journal, taking back, forgetting, rating again.

What costs start-up time (numpy, the start of the taste) is loaded only when there is something to learn.
Invariant: whatever a command learned is what the next `rate` ranks with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import paths
from safelight.app import rating_steps, reconcile_run
from safelight.app.progress import Progress
from safelight.app.wiring import Parts, absolute
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK
from safelight.services.correct import Correct
from safelight.services.forget import Forget
from safelight.services.intake import Intake
from safelight.services.learn import TELLING, Learn, Learned
from safelight.services.publish import ON_CARD
from safelight.services.withdraw import TAKEN_BACK

if TYPE_CHECKING:
    from safelight.services.replay import Replayed

REST_S = 60.0  # without anything that teaches, before it is learned from while nobody waits


@dataclass(frozen=True, slots=True)
class Imported:
    """What looking into a folder's past came to."""

    frames: int  # in the folder
    fresh: int  # of them seen for the first time
    learned: Learned


@dataclass(frozen=True, slots=True)
class Rerated:
    """What rating again came to."""

    frames: int
    up: int
    down: int
    failed: tuple[tuple[Path, str], ...]  # sidecars that could not be written, and why


def learner(parts: Parts) -> Learn:
    """Return the service that learns, over the adapters of this process."""
    return Learn(store=parts.store, now=parts.clock.now, basis=parts.basis)


def learn(parts: Parts, *, force: bool = True) -> Learned:
    """Learn what is new, without `force` only if it is worth it. Raises BundleError without the start of the taste."""
    forgetting(parts).step(frozenset())  # what a killed process left of a forgetting is ended first
    return learner(parts).step(force=force, as_of=parts.settings.as_of_s)


def rested(parts: Parts) -> bool:
    """Tell whether nothing that teaches was written for a while: who culls a shoot is not done at the tenth frame."""
    newest = parts.store.journal.newest(*TELLING)
    entry = next(parts.store.journal.entries(*TELLING, after=newest - 1), None)
    return entry is None or not 0 <= parts.clock.now() - entry.at_s < REST_S


def learn_from(folder: Path, *, parts: Parts, progress: Progress) -> Imported:
    """Learn from what was rated, picked and edited in a folder before Safelight; no star is given or written."""
    root = parts.scanner.root(folder)
    progress.begin("Looking for photographs", 0)
    intake = Intake(
        scanner=parts.scanner, identifier=parts.identifier, store=parts.store, clock=parts.clock, imported=True
    )
    arrivals = intake.take_in([root])
    waiting = list(parts.store.catalog.frames(arrivals.frames, Stage.ARRIVED))
    if waiting or any(parts.store.catalog.frames(arrivals.frames, Stage.ASSESSED)):
        with parts.judging(len(waiting)) as judging:
            progress.begin("Looking at photographs", len(waiting))
            parted = judging.assess(progress.advance).step(waiting)
            arrivals.frames.update(dict.fromkeys(parted))
            judging.rank().note(parts.store.catalog.frames(arrivals.frames, Stage.ASSESSED))
    reconcile_run.service(parts).read_past(arrivals.frames)
    return Imported(len(arrivals.frames), len(waiting), learn(parts))


def replay(parts: Parts, *, put: bool) -> Replayed:
    """Compute everything again from the journal; with `put` let the recomputed taste take its place."""
    from safelight.models.reference import read_reference
    from safelight.services.replay import Replay

    return Replay(store=parts.store, learn=learner(parts), reference=read_reference()).step(put=put)


def correct(parts: Parts) -> Correct:
    """Return the service that takes corrections."""
    return Correct(store=parts.store, clock=parts.clock)


def forgetting(parts: Parts) -> Forget:
    """Return the service that forgets."""
    purge = parts.store.purge(vectors=paths.vectors_folder(parts.settings.state))
    return Forget(store=parts.store, purge=purge, clock=parts.clock)


def rerate(folder: Path | None, *, parts: Parts, progress: Progress) -> Rerated:
    """Rate again, by the present taste, what carries stars of ours below a folder (None: everywhere).

    What was taken back is written again where its person names a folder, and left alone where they name none.
    """
    store = parts.store
    reconcile_run.reconcile(folder, parts=parts)
    service = learner(parts)
    service.step(force=True, as_of=parts.settings.as_of_s)
    ids = set(store.catalog.all_ids(Stage.PUBLISHED, Stage.RANKED))
    if folder is not None:
        ids &= set(store.catalog.below(absolute(folder).resolve()))
    left_alone = {HELD_BACK, ON_CARD} if folder is not None else {HELD_BACK, ON_CARD, TAKEN_BACK}
    frames = [frame for frame in store.catalog.frames(ids) if frame.reason not in left_alone]
    ours = {frame.id for frame in frames}
    before = {made.frame_id: made.stars for made in store.ratings.ratings(ours)}
    if frames:
        progress.begin("Rating again", len(frames))
        with parts.judging(0) as judging:
            judging.rank(service.leaning).step(frames, stages=(Stage.PUBLISHED, Stage.RANKED))
    failed = _publish(ours, parts=parts, progress=progress)
    moved = Counter(
        (made.stars > before[made.frame_id]) - (made.stars < before[made.frame_id])
        for made in store.ratings.ratings(before)
    )
    return Rerated(len(ours), moved[1], moved[-1], failed)


def _publish(ids: set[int], *, parts: Parts, progress: Progress) -> tuple[tuple[Path, str], ...]:
    """Write the sidecars whose stars have changed; return those that could not be written, and why."""
    store = parts.store
    publish = rating_steps.publisher(parts=parts, progress=progress)
    publish.recover()
    frames = list(store.catalog.frames(ids, Stage.RANKED))
    if not frames:
        return ()
    folders = sorted({frame.path.parent for frame in frames})
    run = rating_steps.open_run(None, folders, store=store, at_s=parts.clock.now())
    rating_steps.publish(frames, publish=publish, run=run, parts=parts, progress=progress)
    left = store.catalog.frames([frame.id for frame in frames], Stage.RANKED)
    return tuple((frame.path, frame.reason) for frame in left)
