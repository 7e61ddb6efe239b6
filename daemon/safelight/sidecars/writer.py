"""Writes ratings into sidecar files, and takes them back byte for byte.

A write is planned from bytes and carried out later, so that what is about to happen can be put into the catalog first
and a killed run knows what it may have done. Carrying out means: a temporary file in the same folder, synced, and
renamed over the sidecar only if that still holds the bytes the plan was made from. Whoever looks at the folder sees
the old sidecar or the new one, at any instant, also after a power cut.
Invariants: nothing but a name ending in .xmp is ever written; a person's rating is never planned over; a file that
changed since it was read is left alone.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import xxhash

from safelight.domain.frame import FileStamp
from safelight.domain.names import SIDECAR_SUFFIX
from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarError, SidecarRefused
from safelight.sidecars.facts import SidecarFacts, decide_together
from safelight.sidecars.files import DISK, FileSystem, Loaded, busy, inherit, lend, load, told
from safelight.sidecars.xmp import Sidecar, merge, parse

# A temporary file of ours: hidden, and with a name that nobody can have put a trap under.
TEMPORARY_PREFIX = ".safelight-"
_TEMPORARY = re.compile(re.escape(TEMPORARY_PREFIX) + r"[0-9a-f]{32}\.tmp")


@dataclass(frozen=True, slots=True)
class Write:
    """One sidecar to be changed: what must still be there (None: no file), and what is to be there."""

    path: Path
    before: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rating means for a frame's sidecars: whose rating stands there now, and what is to be written."""

    opinion: Opinion
    facts: tuple[SidecarFacts, ...]  # of the sidecars that exist
    writes: tuple[Write, ...]  # empty when a person's rating stands, or when nothing would change


@dataclass(frozen=True, slots=True)
class Written:
    """Proof of a write: the digest of the bytes that are now there, and the file's stamp."""

    path: Path
    digest: bytes
    stamp: FileStamp


def digest(data: bytes) -> bytes:
    """Return the 16 bytes by which we know our own sidecars again (xxh3_128; against mix-ups, not against forgers)."""
    return xxhash.xxh3_128_digest(data)


def plan(sidecars: Sequence[Loaded], rating: OurRating) -> Plan:
    """Decide what to write into the sidecars of one frame.

    All or none: a person's rating in one of them keeps the others as they are, and so does one that cannot be read.
    Raises SidecarBusy and SidecarRefused, with the path.
    """
    parsed = [(each, _about(each.path, each.data)) for each in sidecars]
    facts = tuple(sidecar.facts for _, sidecar in parsed if sidecar is not None)
    opinion = decide_together(facts)
    if opinion is Opinion.PERSON:
        return Plan(opinion, facts, ())
    writes = []
    for each, sidecar in parsed:
        with _named(each.path):
            after = merge(None, rating) if sidecar is None else sidecar.merge(rating)
        if after != each.data:
            writes.append(Write(_sidecar_only(each.path), each.data, after))
    return Plan(opinion, facts, tuple(writes))


def apply(write: Write, *, image: Path | None = None, files: FileSystem = DISK) -> Written:
    """Carry out one write; `image` lends a new sidecar its owner and permissions.

    The file is on the disk afterwards; that its name is too takes `flush` of the folder, once for many files.
    Raises SidecarBusy when the sidecar is not what it was at planning, SidecarUnwritable when the disk says no.
    """
    path = _sidecar_only(write.path)
    _check_unchanged(write)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.urandom(16).hex()}.tmp")
    with told(path), _removed_on_failure(temporary, files):
        stamp = _stage(temporary, write, image, files)
        _check_unchanged(write)
        if write.before is None:
            try:
                files.place(temporary, path)
            except FileExistsError as error:
                raise busy(path, "A sidecar appeared in the meantime.") from error
        else:
            files.replace(temporary, path)
    return Written(path, digest(write.after), stamp)


def undo(path: Path, before: bytes | None, after_digest: bytes, *, files: FileSystem = DISK) -> bool:
    """Bring back what a write replaced, byte for byte; `before` None removes the sidecar.

    False, and nothing done, when the file no longer holds the bytes of that digest: someone has changed or removed it.
    Raises as `apply`.
    """
    current = load(_sidecar_only(path)).data
    if current is None or digest(current) != after_digest:
        return False
    if before is None:
        with told(path):
            files.remove(path)
    elif current != before:
        apply(Write(path, current, before), files=files)
    return True


def flush(folder: Path, *, files: FileSystem = DISK) -> None:
    """Bring the names of a folder to the disk: after this, its renames outlast a power cut."""
    with told(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            files.sync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path, *, older_than_s: float, now_s: float, files: FileSystem = DISK) -> int:
    """Remove our temporary files that a killed run left in a folder; return how many.

    `now_s` is seconds since the epoch. Younger ones may belong to a run that is alive. Never raises for a file that
    cannot be removed: it is only a leftover.
    """
    removed = 0
    with suppress(OSError):
        for name in sorted(os.listdir(folder)):
            if _TEMPORARY.fullmatch(name) and _is_leftover(folder / name, now_s - older_than_s):
                with suppress(OSError):
                    files.remove(folder / name)
                    removed += 1
    return removed


def _is_leftover(path: Path, before_s: float) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mtime < before_s


def _sidecar_only(path: Path) -> Path:
    """Return the path, or refuse it: whatever goes wrong elsewhere, an original is never written over."""
    if path.suffix.lower() != SIDECAR_SUFFIX:
        raise SidecarRefused(
            "Only sidecars are ever written, and this is none.",
            hint="This is a mistake in Safelight; please report it.",
            path=path,
        )
    return path


def _check_unchanged(write: Write) -> None:
    if load(write.path).data != write.before:
        raise busy(write.path, "The sidecar changed since it was read.")


def _stage(temporary: Path, write: Write, image: Path | None, files: FileSystem) -> FileStamp:
    descriptor = files.create(temporary, 0o644 if image is None and write.before is None else 0o600)
    try:
        files.write(descriptor, write.after)
        if write.before is not None:
            inherit(descriptor, write.path)
        elif image is not None:
            lend(descriptor, image)
        files.sync(descriptor)
        return FileStamp.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)


@contextmanager
def _removed_on_failure(temporary: Path, files: FileSystem) -> Iterator[None]:
    placed = False
    try:
        yield
        placed = True
    finally:
        if not placed:
            with suppress(OSError):
                files.remove(temporary)


def _about(path: Path, data: bytes | None) -> Sidecar | None:
    with _named(path):
        return None if data is None else parse(data)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the path on an error that was raised where only the bytes were known."""
    try:
        yield
    except SidecarError as error:
        error.path = path
        raise
