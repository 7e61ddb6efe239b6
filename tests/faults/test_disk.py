"""Disks that are full, read-only, a card or gone: frames are rated, nothing half-written is left, reasons are told."""

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

import pytest

from tests.end_to_end.program import Program, program, sidecars, untouched
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("disk")  # what a fixture rated is for all of them

EARLIER = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Label="Red"/></rdf:RDF></x:xmpmeta>'
)
_LIBC = ctypes.CDLL(None, use_errno=True)
_READ_ONLY, _REMOUNT, _BIND, _DETACH = 1, 32, 4096, 2  # MS_RDONLY, MS_REMOUNT, MS_BIND, MNT_DETACH (linux/mount.h)


def mounted(source: str, target: Path, kind: str, flags: int = 0, options: str = "") -> None:
    """Mount, or skip the test where that is not allowed."""
    if _LIBC.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()) != 0:
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            pytest.skip(f"needs the right to mount a disk of its own: {os.strerror(number)}")
        raise OSError(number, os.strerror(number))


class Disks(Protocol):
    def __call__(self, name: str, size: str = "16m") -> Path: ...


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disks]:
    """Return a way to mount a disk in memory."""
    with ExitStack() as mounts:

        def make(name: str, size: str = "16m") -> Path:
            folder = tmp_path / name
            folder.mkdir()
            mounted("none", folder, "tmpfs", 0, f"size={size},mode=755")
            mounts.callback(lambda: _LIBC.umount2(os.fsencode(folder), _DETACH))
            return folder

        yield make


def filled(folder: Path, *, leaving: int = 0) -> Path:
    """Fill a disk up to the last byte but `leaving`."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert shutil.disk_usage(folder).free == 0
    if leaving:
        os.truncate(ballast, ballast.stat().st_size - leaving)
    return ballast


def test_full_disk_keeps_the_ratings_and_the_next_run_writes_them(
    program: Program, disk: Disks, tmp_path: Path
) -> None:
    folder, state = disk("card_reader") / "shoot", tmp_path / "state"
    make_shoot(folder, scenes=1, side=320)
    (folder / "IMG_0000.jpg.xmp").write_bytes(EARLIER)
    ballast = filled(folder.parent)
    with untouched(folder):
        first = program.rate(folder, "--state", state)
    assert first.status == 1
    for record in first.records:
        assert (record["stage"], record["sidecar"]) == ("ranked", None)
        assert record["stars"]
        assert "disk is full" in record["reason"]
    assert {path.name: data for path, (data, *_) in sidecars(folder).items()} == {"IMG_0000.jpg.xmp": EARLIER}
    assert not list(folder.glob(".safelight-*"))
    status, said, errors = program.run("rate", folder, "--state", state)
    assert (status, errors) == (1, "")
    assert "rated, but without a sidecar" in said
    ballast.unlink()
    later = program.rate(folder, "--state", state)
    assert (later.status, set(later.stages.values())) == (0, {"published"})
    assert {name: record["stars"] for name, record in later.by_name.items()} == {
        name: record["stars"] for name, record in first.by_name.items()
    }
    assert len(sidecars(folder)) == 3


def test_disk_that_fills_up_half_way_writes_whole_sidecars_or_none(
    program: Program, disk: Disks, tmp_path: Path
) -> None:
    folder, state = disk("almost_full") / "shoot", tmp_path / "state"
    make_shoot(folder, scenes=2, side=320)
    ballast = filled(folder.parent, leaving=3 * 4096)
    first = program.rate(folder, "--state", state)
    assert first.status == 1
    published = [record for record in first.records if record["stage"] == "published"]
    assert 0 < len(published) < 6
    assert len(sidecars(folder)) == len(published)
    assert all(data.endswith(b'<?xpacket end="w"?>\n') for data, *_ in sidecars(folder).values())
    ballast.unlink()
    assert program.rate(folder, "--state", state).status == 0
    assert len(sidecars(folder)) == 6


@pytest.mark.parametrize("size", ["8k", "200k"])
def test_full_disk_for_the_state_is_one_sentence_and_goes_on_later(
    program: Program, disk: Disks, tmp_path: Path, size: str
) -> None:
    folder = tmp_path / "shoot"
    make_shoot(folder, side=320)
    small = disk("state", size=size)
    with untouched(folder):
        status, said, errors = program.run("rate", folder, "--state", small / "state")
    assert (status, said) == (2, "")
    assert errors.startswith("safelight: ")
    assert "full" in errors or "No space left" in errors
    assert len(errors.splitlines()) == 2
    program.run("status", "--state", small / "state")
    program.run("undo", "--state", small / "state")
    mounted("none", small, "tmpfs", _REMOUNT, "size=64m")
    later = program.rate(folder, "--state", small / "state")
    assert (later.status, set(later.stages.values())) == (0, {"published"})


def test_read_only_disk_is_rated_and_said_so(program: Program, disk: Disks, tmp_path: Path) -> None:
    folder, state = disk("archive") / "shoot", tmp_path / "state"
    make_shoot(folder, scenes=1, side=320)
    mounted("none", folder.parent, "tmpfs", _REMOUNT | _READ_ONLY)
    first = program.rate(folder, "--state", state)
    assert (first.status, set(first.stages.values())) == (1, {"ranked"})
    assert all("read-only" in record["reason"] for record in first.records)
    mounted("none", folder.parent, "tmpfs", _REMOUNT)
    assert program.rate(folder, "--state", state).status == 0
    mounted("none", folder.parent, "tmpfs", _REMOUNT | _READ_ONLY)
    again = program.rate(folder, "--state", state)
    assert (again.status, set(again.stages.values())) == (0, {"published"}), "there is nothing left to write"
    status, said, errors = program.run("undo", "--state", state)
    assert (status, errors) == (1, "")
    assert "could not be restored" in said
    assert "read-only" in said


def test_state_on_a_read_only_disk_is_one_sentence(program: Program, disk: Disks, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", disk("locked") / "state"
    make_shoot(folder, scenes=1, side=320)
    assert program.rate(folder, "--state", state).status == 0
    mounted("none", state.parent, "tmpfs", _REMOUNT | _READ_ONLY)
    for command in (("rate", folder), ("undo",), ("status",), ("explain", folder / "IMG_0000.jpg")):
        status, _, errors = program.run(*command, "--state", state)
        if status != 0:  # reading needs no writing, and whether SQLite can do without is its own business
            assert status == 2
            assert errors.startswith("safelight: ")
            assert len(errors.splitlines()) == 2
    assert program.run("rate", folder, "--state", state)[0] == 2


def test_folder_that_may_not_be_written_is_rated_and_written_once_it_may(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    make_shoot(folder, scenes=1, side=320)
    folder.chmod(0o555)
    somebody = program.unprivileged
    first = somebody.rate(folder, "--state", state)
    assert (first.status, set(first.stages.values())) == (1, {"ranked"})
    assert all("no permission" in record["reason"] for record in first.records)
    folder.chmod(0o755)
    (folder / "IMG_0000.jpg").chmod(0o444)  # a locked original gets its sidecar all the same
    assert somebody.rate(folder, "--state", state).status == 0
    state.chmod(0o555)
    (state / "catalog.sqlite").chmod(0o444)
    status, said, errors = somebody.run("rate", folder, "--state", state)
    assert (status, said) == (2, "")
    assert errors.startswith("safelight: ")


def test_nothing_is_written_on_a_card(program: Program, disk: Disks, tmp_path: Path) -> None:
    card, state = disk("EOS_DIGITAL", size="32m"), tmp_path / "state"
    make_shoot(card / "DCIM" / "100CANON", scenes=1, side=320)
    make_shoot(card / "PRIVATE", scenes=1, side=320)
    before = sorted(card.rglob("*"))
    with untouched(card):
        first = program.rate(card, "--state", state)
    assert sorted(card.rglob("*")) == before
    assert {record["stage"] for record in first.records} == {"ranked"}
    assert all("card" in record["reason"] and record["stars"] for record in first.records)
    home = tmp_path / "imported"
    shutil.copytree(card / "DCIM" / "100CANON", home / "DCIM" / "100CANON", copy_function=shutil.copy2)
    second = program.rate(home, "--state", state)
    assert (second.status, set(second.stages.values())) == (0, {"published"}), "a copy of a card is no card"
    assert len(sidecars(home)) == 3


def test_card_that_is_pulled_and_put_back(program: Program, disk: Disks, tmp_path: Path) -> None:
    card, state = disk("SD", size="32m"), tmp_path / "state"
    make_shoot(card / "DCIM", scenes=1, side=320)
    first = program.rate(card, "--state", state)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    mounted(str(card), hidden, "", _BIND)
    try:
        _LIBC.umount2(os.fsencode(card), _DETACH)
        gone = program.rate(card, "--state", state)
        assert gone.records == ()
        mounted(str(hidden), card, "", _BIND)
        assert program.rate(card, "--state", state).records == first.records
    finally:
        _LIBC.umount2(os.fsencode(hidden), _DETACH)


def test_full_disk_for_the_models_cache_costs_only_time(program: Program, disk: Disks, tmp_path: Path) -> None:
    folder = tmp_path / "shoot"
    folder.mkdir()
    put(folder / "1.jpg", jpeg(1))
    small = disk("cache", size="1m")
    cramped = Program(program.home, {**program.environment, "XDG_CACHE_HOME": str(small)})
    status, said, errors = cramped.run("rate", folder, "--state", tmp_path / "state")
    assert (status, errors) == (0, "")
    assert "1 frame rated" in said
    assert not list(small.rglob("*.onnx*")), "nor is half of it left there"


def test_full_disk_for_temporary_files_is_no_traceback(program: Program, disk: Disks, tmp_path: Path) -> None:
    folder = tmp_path / "shoot"
    folder.mkdir()
    put(folder / "1.jpg", jpeg(1))
    small = disk("temporary", size="8k")
    filled(small)
    cramped = Program(program.home, {**program.environment, "TMPDIR": str(small)})
    status, _, errors = cramped.run("rate", folder, "--state", tmp_path / "state")
    assert status in (0, 2)
    assert status == 0 or errors.startswith("safelight: ")
