"""What real programs do to a folder, as the real watcher notices it and as it settles."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.app.clock import SystemClock
from safelight.ports.watching import Why
from safelight.services.settle import Settle
from safelight.watching.inbox import Inbox
from safelight.watching.scan import DiskScanner
from safelight.watching.watcher import FolderWatcher
from safelight.watching.writers import LeaseWriters

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")

DEADLINE_S = 10.0


class Post:
    """A watched folder, and what has settled in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.clock = SystemClock()
        self.inbox = Inbox(wake=lambda: None)
        self.settle = Settle(scanner=DiskScanner(), clock=self.clock, writers=LeaseWriters())
        self.watcher = FolderWatcher(sink=self.inbox, clock=self.clock)
        self.written: list[str] = []
        self.gone: list[str] = []
        self.folders: list[str] = []
        self.missed: list[Why] = []
        self.watcher.watch(root)
        self.until(lambda: Why.STARTED in self.missed)

    def pump(self) -> None:
        noticed, missed = self.inbox.take()
        self.missed += [each.why for each in missed]
        for each in noticed:
            self.settle.take(each)
        settled = self.settle.step()
        self.written += [self._named(path) for files in settled.written.values() for path in files]
        self.gone += [self._named(path) for files in settled.gone.values() for path in files]
        self.folders += [self._named(path) for path in settled.folders]

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def until(self, true: Callable[[], bool]) -> float:
        """Return after how many seconds it came true."""
        begun_s = time.monotonic()
        while not true():
            assert time.monotonic() - begun_s < DEADLINE_S, (self.written, self.gone, self.folders, self.settle.busy())
            self.pump()
            time.sleep(0.01)
        return time.monotonic() - begun_s

    def rest(self) -> None:
        """Wait until nothing waits, and nothing more is noticed."""
        self.until(lambda: self.settle.due_s() is None)
        end_s = time.monotonic() + 0.1
        self.until(lambda: time.monotonic() > end_s)
        self.until(lambda: self.settle.due_s() is None)


@pytest.fixture
def post(tmp_path):
    post = Post(tmp_path / "root")
    yield post
    post.watcher.close()


@pytest.fixture
def source(tmp_path):
    source = tmp_path / "source"
    for folder in ("one", "two/three"):
        (source / folder).mkdir(parents=True)
        for number in range(20):
            path = source / folder / f"{number:02}.cr3"
            path.write_bytes(os.urandom(20_000))
            os.utime(path, (1_600_000_000, 1_600_000_000))
    return source


def names_in(source: Path) -> set[str]:
    return {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}


def program(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


class Writer:
    """A program that writes what it is told, when it is told."""

    def __init__(self, path: Path, how: str) -> None:
        code = (
            "import os, sys\n"
            f"file = open({str(path)!r}, 'wb', buffering=0)\n"
            f"{how}\n"
            "print('begun', flush=True)\n"
            "for line in sys.stdin:\n"
            "    file.write(b'z' * int(line)); print('written', flush=True)\n"
        )
        self._program = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._answer()

    def _answer(self) -> None:
        assert self._program.stdout is not None
        assert self._program.stdout.readline()

    def write(self, count: int) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(f"{count}\n")
        self._program.stdin.flush()
        self._answer()

    def end(self) -> None:
        self._program.communicate(timeout=30)


def pauses(post: Post, seconds: float) -> None:
    end_s = time.monotonic() + seconds
    post.until(lambda: time.monotonic() > end_s)


def test_a_copy_that_pauses_with_the_file_held_open_settles_when_it_ends(post):
    writer = Writer(post.root / "1.jpg", "file.write(b'z' * 1000)")
    try:
        for _ in range(2):
            pauses(post, 1.0)  # three times as long as a closed file rests
            writer.write(1000)
        assert post.written == []
        assert post.settle.busy() == {post.root}
    finally:
        writer.end()
    assert post.until(lambda: post.written == ["1.jpg"]) < 1.0


def test_a_preallocated_file_is_settled_when_it_has_been_filled(post):
    writer = Writer(post.root / "1.cr3", "os.posix_fallocate(file.fileno(), 0, 2000)")
    try:
        pauses(post, 1.0)
        assert (post.root / "1.cr3").stat().st_size == 2000
        assert post.written == []
        writer.write(2000)
    finally:
        writer.end()
    post.until(lambda: post.written == ["1.cr3"])


def test_fallocate_by_another_program_and_filled_later_is_told_twice(post):
    """The first program has closed the file: nobody can know that it will be filled. The second closing tells."""
    subprocess.run([program("fallocate"), "-l", "100000", post.root / "1.cr3"], check=True)
    post.until(lambda: post.written == ["1.cr3"])
    with (post.root / "1.cr3").open("r+b") as file:
        file.write(b"z" * 100_000)
    post.until(lambda: post.written == ["1.cr3"] * 2)


def test_two_gigabytes_that_come_slowly_settle_once(post):
    writer = Writer(post.root / "1.mrw", "file.seek((2 << 30) - 5000)")
    try:
        for _ in range(5):
            writer.write(1000)
            pauses(post, 0.35)  # longer than a closed file rests
        assert post.written == []
    finally:
        writer.end()
    post.until(lambda: post.written == ["1.mrw"])
    assert (post.root / "1.mrw").stat().st_size == 2 << 30


def test_cp_of_a_whole_tree(post, source):
    subprocess.run(["cp", "-rp", source, post.root / "shoot"], check=True)
    post.rest()
    assert sorted(post.written) == sorted(f"shoot/{name}" for name in names_in(source))
    assert post.gone == []


def test_a_tree_that_is_moved_in_comes_as_one_folder(post, source):
    os.rename(source, post.root / "shoot")
    post.rest()
    assert (post.folders, post.written, post.gone) == (["shoot"], [], [])


def test_rsync_with_its_temporary_names(post, source):
    subprocess.run([program("rsync"), "-a", f"{source}/", post.root], check=True)
    post.rest()
    assert sorted(post.written) == sorted(names_in(source))
    assert post.gone == []


def test_rsync_in_place_and_of_a_part(post, source):
    subprocess.run([program("rsync"), "-a", "--inplace", f"{source}/", post.root], check=True)
    post.rest()
    (source / "one/00.cr3").write_bytes(b"another")
    post.written.clear()
    subprocess.run([program("rsync"), "-a", f"{source}/", post.root], check=True)
    post.rest()
    assert post.written == ["one/00.cr3"]


def test_tar_and_hard_links(post, source):
    packed = subprocess.run(["tar", "-c", "-C", source, "."], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", post.root], input=packed, check=True)
    os.link(post.root / "one/00.cr3", post.root / "linked.cr3")
    post.rest()
    assert sorted(post.written) == sorted([*names_in(source), "linked.cr3"])


def test_an_atomic_save_is_one_file_written(post):
    sidecar = post.root / "1.cr3.xmp"
    sidecar.write_bytes(b"old")
    post.rest()
    post.written.clear()
    temporary = post.root / "1.cr3.xmp.tmp"
    temporary.write_bytes(b"new")
    os.replace(temporary, sidecar)
    post.rest()
    assert (post.written, post.gone) == (["1.cr3.xmp"], [])


def test_a_backup_save_as_vim_makes_it(post):
    sidecar = post.root / "1.cr3.xmp"
    sidecar.write_bytes(b"old")
    post.rest()
    post.written.clear()
    os.rename(sidecar, post.root / "1.cr3.xmp~")
    sidecar.write_bytes(b"new")
    os.unlink(post.root / "1.cr3.xmp~")
    post.rest()
    assert (post.written, post.gone) == (["1.cr3.xmp"], [])


@pytest.mark.parametrize("backup", ["yes", "no"])
def test_vim_itself(post, backup):
    sidecar = post.root / "1.cr3.xmp"
    sidecar.write_bytes(b"old\n")
    post.rest()
    post.written.clear()
    command = [
        program("vim"),
        "-u",
        "NONE",
        "-es",
        "-c",
        f"set backupcopy={backup} backup",
        "-c",
        "s/old/new/",
        "-c",
        "wq",
    ]
    subprocess.run([*command, sidecar], check=True, stdin=subprocess.DEVNULL, timeout=30)
    post.rest()
    assert (post.written, post.gone) == (["1.cr3.xmp"], [])
    assert sidecar.read_bytes() == b"new\n"


def test_sed_in_place(post):
    (post.root / "1.cr3.xmp").write_bytes(b"old\n")
    post.rest()
    post.written.clear()
    subprocess.run(["sed", "-i", "s/old/new/", post.root / "1.cr3.xmp"], check=True)
    post.rest()
    assert (post.written, post.gone) == (["1.cr3.xmp"], [])


def test_deletions_and_renames_settle_as_gone(post, source):
    shutil.copytree(source, post.root / "shoot")
    post.rest()
    post.written.clear()
    os.unlink(post.root / "shoot/one/00.cr3")
    os.rename(post.root / "shoot/one/01.cr3", post.root / "shoot/kept.cr3")
    post.rest()
    assert sorted(post.gone) == ["shoot/one/00.cr3", "shoot/one/01.cr3"]
    assert post.written == ["shoot/kept.cr3"]


def test_closed_files_settle_well_under_a_second(post):
    (post.root / "warm.jpg").write_bytes(b"1")
    post.rest()
    for number in range(3):
        (post.root / f"{number}.jpg").write_bytes(b"1")
        assert post.until(lambda number=number: f"{number}.jpg" in post.written) < 0.8
