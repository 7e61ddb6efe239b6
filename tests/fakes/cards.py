"""Makes cards to import from: small files that are what a camera writes as far as an import looks."""

import os
import random
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.cards.contents import CardOnDisk
from safelight.cards.copying import VerifiedCopier
from safelight.cards.header import HeaderReader
from safelight.cards.identity import card_of
from safelight.domain.card_template import Template
from safelight.domain.cards import Card
from safelight.domain.frame import CaptureFacts
from safelight.ports.cards import Copier, Imports, Progress
from safelight.services.import_card import ImportCard, Imported, Plan, Underway
from safelight.storage.cards import SqliteImports
from safelight.storage.database import open_database
from safelight.watching.identity import ContentIdentifier
from tests.fakes.clock import FakeClock

TEMPLATE = "{date:%Y}/{date:%Y-%m-%d} {camera}/{name}"
DAY = "2026/2026-05-01 Canon EOS R5"


def exif(taken: str | None, camera: str | None, *, order: str = "<") -> bytes:
    """Return a TIFF structure that tells model and capture date, without a picture."""
    model = (camera or "").encode() + b"\0"
    date = (taken or "").encode() + b"\0"
    main = ([(0x0110, 2, len(model))] if camera else []) + [(0x8769, 4, 1)]
    at = 8 + 2 + 12 * len(main) + 4
    details_at = at + len(model)
    details = [(0x9003, 2, len(date))] if taken else []
    date_at = details_at + 2 + 12 * len(details) + 4

    def directory(entries: list[tuple[int, int, int]]) -> bytes:
        packed = struct.pack(order + "H", len(entries))
        for tag, kind, count in entries:
            value = {0x0110: at, 0x8769: details_at, 0x9003: date_at}[tag]
            packed += struct.pack(order + "HHII", tag, kind, count, value)
        return packed + struct.pack(order + "I", 0)

    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "I", 8) + directory(main) + model + directory(details) + date


def jpeg(
    seed: int, *, taken: str | None = "2026:05:01 09:30:00", camera: str | None = "Canon EOS R5", size: int = 4000
):
    """Return the bytes of a JPEG whose metadata can be read and whose pixels are noise."""
    body = b"Exif\0\0" + exif(taken, camera)
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return head + b"\xff\xda" + random.Random(seed).randbytes(size) + b"\xff\xd9"


def raw(seed: int, *, taken: str | None = "2026:05:01 09:30:00", camera: str | None = "Canon EOS R5", size: int = 9000):
    """Return the bytes of a file like a CR2."""
    return exif(taken, camera) + random.Random(seed + 1000).randbytes(size)


def noise(seed: int, size: int) -> bytes:
    """Return bytes that say nothing."""
    return random.Random(seed + 5000).randbytes(size)


def write(path: Path, data: bytes, *, mtime_s: float = 1_777_620_600.123456) -> Path:
    """Write a file with a time of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (mtime_s, mtime_s))
    return path


def fill(root: Path, *, frames: int = 3, first: int = 1, folder: str = "100CANON", raws: bool = True, size: int = 9000):
    """Write frames of RAW and JPEG onto a card and return their paths."""
    made = []
    for number in range(first, first + frames):
        made.append(write(root / "DCIM" / folder / f"IMG_{number:04d}.JPG", jpeg(number)))
        if raws:
            made.append(write(root / "DCIM" / folder / f"IMG_{number:04d}.CR2", raw(number, size=size)))
    return made


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative name."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def traces(root: Path) -> dict[str, tuple[object, ...]]:
    """Return all that a volume remembers of its files and folders, times of access and change included.

    Looking leaves no time of access itself.
    """
    found, waiting = {}, [root]
    while waiting:
        path = waiting.pop()
        status = path.lstat()
        times = (status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns)
        found[str(path)] = (status.st_mode, status.st_nlink, status.st_size, status.st_ino, *times)
        if stat.S_ISDIR(status.st_mode):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
            waiting += [path / name for name in os.listdir(folder)]
            os.close(folder)
    return found


def card(root: Path) -> Card:
    """Return the card at a folder."""
    found = card_of(root)
    assert found is not None
    return found


@dataclass
class Importing:
    """One card's import with everything real but the clock; what it tells is kept."""

    folder: Path
    backup: Path | None = None
    template: str = TEMPLATE
    imports: Imports = field(default_factory=lambda: SqliteImports(database=open_database(":memory:")))
    copier: Copier = field(default_factory=VerifiedCopier)
    underway: Underway = field(default_factory=Underway)
    clock: FakeClock = field(default_factory=FakeClock)
    readers: tuple[object, ...] = field(default_factory=lambda: (HeaderReader(),))
    arrived: list[list[Path]] = field(default_factory=list)
    told: list[Progress] = field(default_factory=list)
    stopped: bool = False

    def step(self, root: Path) -> Imported:
        """Import the card at a folder."""
        self.folder.mkdir(exist_ok=True)
        if self.backup is not None:
            self.backup.mkdir(exist_ok=True)
        return self.again(card(root))

    def again(self, which: Card) -> Imported:
        """Import a card without making the folders."""
        return ImportCard(
            contents=CardOnDisk(),
            copier=self.copier,
            imports=self.imports,
            identifier=ContentIdentifier(),
            readers=self.readers,
            underway=self.underway,
            clock=self.clock,
            wall=lambda epoch_s: epoch_s,
            arrived=lambda paths: self.arrived.append(list(paths)),
            progress=self.told.append,
            stop=lambda: self.stopped,
        ).step(which, Plan(self.folder, Template.parse(self.template), self.backup))


class SlowReader:
    """A FactsReader that knows what it was told."""

    def __init__(self, facts: dict[str, CaptureFacts]) -> None:
        self.facts = facts
        self.asked: list[str] = []

    def read(self, paths):
        self.asked += [path.name for path in paths]
        return {path: self.facts[path.name] for path in paths if path.name in self.facts}


@contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    """Give a path other permissions for a while."""
    before = path.stat().st_mode
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)
