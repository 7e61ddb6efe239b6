"""A small library on the disk with a catalog in memory, for tests of reconciling."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from safelight.domain.entries import Entry, Kind
from safelight.domain.frame import Stage
from safelight.ports import TraceKind
from safelight.services.intake import Intake
from safelight.services.reconcile import Reconcile, Reconciled
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes.clock import FakeClock
from tests.fakes.traces import FakePlaceholders, FakeTraces
from tests.fakes.trash import FakeElsewhere, FakeMounts, FakeTrash

DAY_S = 24 * 3600.0


class Cards:
    """The cards that are named here."""

    def __init__(self) -> None:
        self.roots: set[Path] = set()

    def card_root(self, path: Path) -> Path | None:
        return next((root for root in self.roots if path.is_relative_to(root)), None)


class Library:
    """Folders on the disk, and everything else in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.store = SqliteStore(open_database(":memory:"))
        self.clock = FakeClock()
        self.trash = FakeTrash()
        self.elsewhere = FakeElsewhere()
        self.mounts = FakeMounts()
        self.cards = Cards()
        self.traces = FakeTraces()
        self.placeholders = FakePlaceholders()
        self.can = folder.parent / "can"
        self.can.mkdir(exist_ok=True)

    def put(self, name: str, content: bytes = b"", *, age_s: float = 1000.0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or name.encode())
        moment = self.clock.now() - age_s
        os.utime(path, (moment, moment))
        return path

    def fill(self, *names: str) -> None:
        """Put frames in place, rate them, and reconcile once, so that everything from now on is new."""
        for name in names:
            self.put(name)
        self.rate()
        self.reconcile()

    def rate(self, *folders: Path) -> list[int]:
        """Take in folders as a run of `rate` does, and publish what was found; return the frames."""
        chosen = list(folders) or [self.folder]
        frames = self.take_in(*chosen)
        with self.store.transaction():
            self.store.receipts.start_run(chosen, at_s=self.clock.now())
            for frame in self.store.catalog.frames(frames, Stage.ARRIVED):
                self.store.catalog.set_stage(frame.id, Stage.PUBLISHED)
                self.store.journal.append("rating_published", at_s=self.clock.now(), frame_id=frame.id, stars=3)
        return frames

    def take_in(self, *folders: Path) -> list[int]:
        """Take in folders and return the frames; nobody has seen a star of theirs."""
        intake = Intake(scanner=DiskScanner(), identifier=ContentIdentifier(), store=self.store, clock=self.clock)
        return list(intake.take_in(folders or [self.folder]).frames)

    def service(self) -> Reconcile:
        return Reconcile(
            store=self.store,
            scanner=DiskScanner(),
            identifier=ContentIdentifier(),
            volumes=self.cards,
            mounts=self.mounts,
            trash=self.trash,
            elsewhere=self.elsewhere,
            traces=self.traces,
            placeholders=self.placeholders,
            clock=self.clock,
        )

    def reconcile(self, folders: Sequence[Path] | None = None) -> Reconciled:
        return self.service().step(folders)

    def throw_away(self, path: Path, *, ago_s: float = 60.0) -> Path:
        """Put a file into the trash as a file manager does; return where it lies now."""
        thrown = self.trash.put(path, self.clock.now() - ago_s)
        place = self.can / path.name
        shutil.move(path, place)
        self.trash.trashed[path] = type(thrown)(path, place, thrown.deleted_s)
        return place

    def touch_sidecar(self, image: Path, kind: TraceKind, value: str, *, program: str = "darktable") -> Path:
        """Let another program save something beside an image: the fake reader tells it, a file's stamp changes."""
        path = image.with_name(f"{image.name}.xmp")
        self.clock.sleep(10.0)
        self.traces.leave(image, kind, value, program=program, companion=path, changed_s=self.clock.now())
        path.write_text(f"{program} {kind} {value} {self.clock.now()}")
        os.utime(path, (self.clock.now(), self.clock.now()))
        return path

    def frame(self, name: str) -> int:
        known = self.store.catalog.frame_at(self.folder / name)
        assert known is not None
        return known.id

    def facts(self, *kinds: Kind) -> list[Entry]:
        """Return the facts among the journal's entries, oldest first; what Safelight does itself is left out."""
        own = (Kind.FRAME_ARRIVED, Kind.RATING_PUBLISHED)
        return [entry for entry in self.store.journal.entries(*kinds) if kinds or entry.kind not in own]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.facts()]
