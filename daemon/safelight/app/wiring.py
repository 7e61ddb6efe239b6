"""Puts services and adapters together: the only place that knows both.

Whatever is expensive to load (numpy, the model, decode workers, LanceDB) is imported by the function that needs it, so
that commands which do not need it start at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.app.clock import SystemClock
from safelight.app.settings import Settings
from safelight.sidecars.beside import SidecarsBeside
from safelight.storage import database
from safelight.storage.store import SqliteStore, open_store
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from safelight.watching.volumes import CardVolumes

if TYPE_CHECKING:
    from safelight.app.judging import Judging
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
    clock: SystemClock

    @contextmanager
    def judging(self, frames: int) -> Iterator[Judging]:
        """Load what it takes to judge so many frames, ended on leaving. Raises BundleError without a model."""
        from safelight.app.judging import opened

        with opened(settings=self.settings, store=self.store, clock=self.clock, frames=frames) as judging:
            yield judging

    def index(self, *, judge: str, length: int) -> Index:
        """Return the service that fills the vectors of one judge."""
        from safelight.app.judging import open_index

        return open_index(settings=self.settings, store=self.store, judge=judge, length=length)


@contextmanager
def writing(settings: Settings) -> Iterator[Parts]:
    """Open everything for a command that changes state, alone. Raises StateError when another one is at work."""
    with database.writing(settings.state), _store(settings.state) as store:
        yield _parts(settings, store)


@contextmanager
def reading(settings: Settings) -> Iterator[Parts]:
    """Open everything for a command that only reads; a state folder that does not exist yet is made."""
    database.make_folder(settings.state)
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
    clock = SystemClock()
    return Parts(
        settings=settings,
        store=store,
        scanner=DiskScanner(),
        identifier=ContentIdentifier(),
        volumes=CardVolumes(),
        sidecars=SidecarsBeside(profile=settings.profile, clock=clock),
        clock=clock,
    )
