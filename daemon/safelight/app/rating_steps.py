"""The steps of a rating, one by one: `rate` does them in a row, the daemon's worker as frames arrive.

Each asks the catalog what stands at its stage and brings it to the next, so that any of them may be done again after a
kill. What is loaded (`Judging`) is handed in: a command loads it for one run, the worker keeps it.
Invariant: ranking and publishing are the same, whoever asked for them; only what is in scope differs.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.app import reconcile_run
from safelight.app.progress import Progress
from safelight.app.wiring import Parts
from safelight.domain.frame import FileStamp, Stage
from safelight.domain.records import KnownFrame
from safelight.errors import FolderError
from safelight.ports import Store
from safelight.services.learn import Learn
from safelight.services.publish import Publish

if TYPE_CHECKING:
    from safelight.app.judging import Judging


def to_judge(ids: Collection[int], *, store: Store) -> list[KnownFrame]:
    """Return the frames among these whose pixels nobody has looked at, or could not the last time."""
    frames = store.catalog.frames(ids)
    return [frame for frame in frames if frame.stage is Stage.ARRIVED or _to_retry(frame)]


def judge(
    waiting: Sequence[KnownFrame], ids: Collection[int], *, judging: "Judging", progress: Progress
) -> tuple[int, ...]:
    """Look at the pixels of what waits, and find out which of the frames in scope (`ids`) are exports or were edited.

    Returns the ids of frames that were found to be two exposures and parted.
    """
    progress.begin("Rating", len(waiting))
    parted = judging.assess(progress.advance).step(waiting)
    judging.look_closer({*ids, *parted})
    return parted


def rank(ids: Collection[int], *, judging: "Judging", learn: Learn, store: Store) -> None:
    """Give stars to the frames among these that were assessed, by what was learned up to now."""
    judging.rank(learn.leaning).step(store.catalog.frames(ids, Stage.ASSESSED))


def read_past(ids: Collection[int], *, parts: Parts) -> frozenset[int]:
    """Read what other programs say of ranked frames, before there is a sidecar of ours beside them.

    Returns the frames that cannot be reached, because their folder has just gone away.
    """
    folders: dict[Path, list[int]] = {}
    for frame in parts.store.catalog.frames(ids, Stage.RANKED):
        folders.setdefault(frame.path.parent, []).append(frame.id)
    absent: set[int] = set()
    for some in folders.values():
        try:
            reconcile_run.service(parts).read_past(some)
        except FolderError:
            absent.update(some)
    return frozenset(absent)


def open_run(run: int | None, folders: Sequence[Path], *, store: Store, at_s: float) -> int:
    """Return the run that writes are to belong to: the given one while it can be taken back, or else a new one."""
    known = None if run is None else store.receipts.run(run)
    if known is not None and known.undone_s is None:
        return known.id
    with store.transaction():
        return store.receipts.start_run(folders, at_s=at_s)


def publisher(*, parts: Parts, progress: Progress, withhold: float = 0.0) -> Publish:
    """Return the service that writes sidecars."""
    return Publish(
        store=parts.store,
        sidecars=parts.sidecars,
        volumes=parts.volumes,
        clock=parts.clock,
        progress=progress.advance,
        withhold=withhold,
    )


def publish(
    frames: Sequence[KnownFrame],
    *,
    publish: Publish,
    run: int,
    parts: Parts,
    progress: Progress,
    seen: Mapping[Path, FileStamp] | None = None,
    dry_run: bool = False,
) -> None:
    """Write the sidecars of ranked frames, all as one run that can be taken back."""
    progress.begin("Writing sidecars", sum(frame.stage is Stage.RANKED for frame in frames))
    publish.step(frames, seen=seen or {}, run_id=run, dry_run=dry_run)
    with parts.store.transaction():
        parts.store.receipts.finish_run(run, at_s=parts.clock.now())


def _to_retry(frame: KnownFrame) -> bool:
    return frame.stage is Stage.UNREADABLE and frame.passing
