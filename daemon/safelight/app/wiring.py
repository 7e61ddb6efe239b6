"""Puts services and adapters together: the only place that knows both.

Whatever is expensive to load (numpy, the model, decode workers, LanceDB) is imported by the function that needs it, so
that commands which do not need it start at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.app.clock import FixedClock, SystemClock
from safelight.app.progress import Progress
from safelight.app.settings import Settings
from safelight.ports import Clock, Elsewhere, Mounts, Placeholders, Traces, Trash
from safelight.sidecars.beside import SidecarsBeside
from safelight.sidecars.traces import TracesBeside
from safelight.storage import database
from safelight.storage.store import SqliteStore, open_store
from safelight.watching.elsewhere import UsualPlaces, usual_places
from safelight.watching.identity import ContentIdentifier
from safelight.watching.placeholders import CloudPlaceholders
from safelight.watching.scan import DiskScanner
from safelight.watching.trash import XdgTrash
from safelight.watching.volumes import CardVolumes, MountedVolumes, file_mounts

if TYPE_CHECKING:
    from safelight.app.judging import Judging
    from safelight.domain.features import Basis
    from safelight.services.index import Index


@dataclass(frozen=True, slots=True)
class Parts:
    """The adapters of one process."""

    settings: Settings
    store: SqliteStore
    scanner: DiskScanner
    identifier: ContentIdentifier
    volumes: CardVolumes
    sidecars: SidecarsBeside
    mounts: Mounts
    trash: Trash
    elsewhere: Elsewhere
    placeholders: Placeholders
    traces: Traces
    clock: Clock
    basis: Callable[[str], Basis]  # what a taste starts from, by judge. Raises BundleError when it is damaged
    kept: Callable[[int], AbstractContextManager[Judging]] | None = None  # what judges, where it is kept loaded
    told: Progress | None = None  # who is told how far a command has come, where no terminal shows it
    lock: int | None = None  # descriptor of the state folder's lock, where this process holds it

    @contextmanager
    def judging(self, frames: int) -> Iterator[Judging]:
        """Load what it takes to judge so many frames, ended on leaving. Raises BundleError without a model."""
        from safelight.app.judging import opened

        if self.kept is not None:
            with self.kept(frames) as judging:
                yield judging
            return
        with opened(settings=self.settings, store=self.store, clock=self.clock, frames=frames) as judging:
            yield judging

    def index(self, *, judge: str, length: int) -> Index:
        """Return the service that fills the vectors of one judge."""
        from safelight.app.judging import open_index

        return open_index(settings=self.settings, store=self.store, judge=judge, length=length)


@contextmanager
def writing(settings: Settings) -> Iterator[Parts]:
    """Open everything for a command that changes state, alone. Raises StateError when another one is at work."""
    with database.writing(settings.state) as lock, _store(settings.state) as store:
        yield replace(_parts(settings, store), lock=lock)


@contextmanager
def reading(settings: Settings) -> Iterator[Parts]:
    """Open everything for a command that only reads; a state folder that does not exist yet is made."""
    database.make_folder(settings.state)
    with _store(settings.state) as store:
        yield _parts(settings, store)


@contextmanager
def helping(settings: Settings) -> Iterator[Parts]:
    """Open everything for the daemon's worker: the daemon holds the state folder, and does nothing while this works."""
    with _store(settings.state) as store:
        yield _parts(settings, store)


def absolute(file: Path) -> Path:
    """Return the path under which the catalog would know a file: its folder resolved, its own name kept."""
    return file.parent.resolve() / file.name


@contextmanager
def _store(state: Path) -> Iterator[SqliteStore]:
    store = open_store(state)
    try:
        yield store
    finally:
        store.close()


def _parts(settings: Settings, store: SqliteStore) -> Parts:
    clock = SystemClock() if settings.as_of_s is None else FixedClock(settings.as_of_s)
    return Parts(
        settings=settings,
        store=store,
        scanner=DiskScanner(),
        identifier=ContentIdentifier(),
        volumes=CardVolumes(),
        sidecars=SidecarsBeside(profile=settings.profile, clock=clock),
        mounts=MountedVolumes(),
        trash=XdgTrash(environ=os.environ, uid=os.getuid()),
        elsewhere=UsualPlaces(places=usual_places(os.environ, file_mounts())),
        placeholders=CloudPlaceholders(),
        traces=TracesBeside(clock=clock),
        clock=clock,
        basis=partial(_basis, store),
    )


def _basis(store: SqliteStore, judge: str) -> Basis:
    """Return what a taste starts from: shipped, or made when the bundle of this judge took over."""
    from safelight.domain.judges import looks_alone
    from safelight.models import taste

    made = None if looks_alone(judge) else store.successions.get(judge)
    return taste.open_basis() if made is None else made.basis
