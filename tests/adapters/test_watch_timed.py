"""File systems that tell of nothing are looked at: differences are hints, and what was not seen is no deletion."""

import os
import shutil
import threading

import pytest

from safelight.app.clock import SystemClock
from safelight.ports.watching import Hint, Missed, Why
from safelight.watching.timed import TimedRoot, pause_s
from safelight.watching.watcher import FolderWatcher
from tests.adapters.watched import Heard, mount, mounted, need_root, unmount, wait_until, watching
from tests.fakes.clock import FakeClock

EVERY_S = 0.05


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a/b/1.jpg").write_bytes(b"1")
    return root


@pytest.fixture
def heard():
    return Heard()


def silent(kind):
    return kind == "tmpfs"


@pytest.fixture
def timed(root, heard):
    timed = TimedRoot(root=root, sink=heard, clock=FakeClock(), every_s=EVERY_S)
    timed.open()
    heard.until_missed(root, Why.STARTED)
    heard.forget()
    yield timed
    timed.close()


def test_what_differs_between_two_looks_is_told(timed, root, heard):
    (root / "a/2.jpg").write_bytes(b"2")
    heard.until_hint(root / "a/2.jpg", Hint.STARTED)
    (root / "a/2.jpg").write_bytes(b"longer")
    wait_until(lambda: heard.hints.count((root / "a/2.jpg", Hint.STARTED)) >= 2)
    os.rename(root / "a/2.jpg", root / "a/b/3.jpg")
    heard.until_hint(root / "a/b/3.jpg", Hint.STARTED)
    heard.until_hint(root / "a/2.jpg", Hint.GONE)
    shutil.rmtree(root / "a/b")
    heard.until_hint(root / "a/b", Hint.FOLDER_GONE)
    assert heard.missed == []
    assert timed.directories() == 2


def test_a_file_written_again_in_the_same_size_is_told(timed, root, heard):
    path = root / "a/b/1.jpg"
    path.write_bytes(b"2")
    os.utime(path, ns=(0, 1))
    heard.until_hint(path, Hint.STARTED)


def test_a_root_that_goes_is_no_deletion_of_its_files(timed, root, heard):
    os.rename(root, root.parent / "other")
    heard.until_missed(root, Why.ROOT_GONE)
    os.rename(root.parent / "other", root)
    heard.until_missed(root, Why.ROOT_BACK)
    assert heard.hints == []


def test_a_root_replaced_by_a_file_is_gone(timed, root, heard):
    shutil.rmtree(root)
    root.write_bytes(b"file")
    heard.until_missed(root, Why.ROOT_GONE)
    assert [hint for path, hint in heard.hints if path == root] == []


def test_many_differences_are_told_as_one(timed, root, heard, monkeypatch):
    monkeypatch.setattr("safelight.watching.timed._MOST_NAMED", 10)
    (root / "new").mkdir()
    for number in range(50):
        (root / f".{number}").write_bytes(b"")
        os.rename(root / f".{number}", root / "new" / f"{number}.jpg")
    heard.until_missed(root, Why.TIMER)


def test_a_slow_server_is_asked_less_often():
    assert pause_s(60.0, 0.5) == 60.0
    assert pause_s(60.0, 7.0) == 140.0


def test_a_folder_that_answers_with_an_error_keeps_its_files(timed, root, heard, monkeypatch):
    real = os.scandir
    looks = threading.Semaphore(0)

    def broken(path):
        if path == str(root / "a/b"):
            looks.release()
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr("safelight.watching.timed.os.scandir", broken)
    for _ in range(3):
        assert looks.acquire(timeout=10)
    assert heard.said == []
    monkeypatch.undo()
    (root / "a/b/1.jpg").unlink()
    heard.until_hint(root / "a/b/1.jpg", Hint.GONE)


def test_a_server_that_hangs_holds_up_nobody(root, heard, monkeypatch):
    hang = threading.Event()
    real = os.scandir

    def hanging(path):
        if path == str(root / "a"):
            hang.wait(30)
        return real(path)

    monkeypatch.setattr("safelight.watching.timed.os.scandir", hanging)
    timed = TimedRoot(root=root, sink=heard, clock=FakeClock(), every_s=EVERY_S)
    timed.open()
    timed.soon()
    timed.close()  # returns
    hang.set()
    assert heard.said == []


# --- volumes ---------------------------------------------------------------------------------------------------------


def test_unmount_of_a_network_volume_is_told_and_never_as_deletions(tmp_path, heard):
    need_root()
    root = tmp_path / "share"
    root.mkdir()
    with mounted(root):
        (root / "DCIM").mkdir()
        (root / "DCIM/1.jpg").write_bytes(b"1")
        with watching(root, heard, network_s=EVERY_S, silent=silent):
            (root / "DCIM/2.jpg").write_bytes(b"2")
            heard.until_hint(root / "DCIM/2.jpg", Hint.STARTED)
            heard.forget()
            unmount(root)
            heard.until_missed(root, Why.UNMOUNTED)
            mount(root)
            heard.until_missed(root, Why.MOUNTED)
            (root / "3.jpg").write_bytes(b"3")
            heard.until_hint(root / "3.jpg", Hint.STARTED)
            assert {hint for _, hint in heard.hints} == {Hint.STARTED}


def test_unmount_of_the_volume_that_a_timed_root_lies_on(tmp_path, heard):
    need_root()
    share, root = tmp_path / "share", tmp_path / "share" / "photos"
    share.mkdir()
    with mounted(share):
        root.mkdir()
        (root / "1.jpg").write_bytes(b"1")
        with watching(root, heard, network_s=EVERY_S, silent=silent):
            unmount(share)
            heard.until_missed(root, Why.UNMOUNTED)
            assert heard.hints == []
            assert Why.ROOT_GONE not in {why for _, why in heard.missed}


def test_a_silent_volume_inside_a_local_folder_is_looked_at(tmp_path, heard):
    need_root()
    root = tmp_path / "photos"
    (root / "nas").mkdir(parents=True)
    with watching(root, heard, network_s=EVERY_S, silent=silent) as watcher, mounted(root / "nas"):
        heard.until_missed(root / "nas", Why.MOUNTED)
        wait_until(lambda: (root / "nas", Why.MOUNTED) in heard.missed and watcher.directories(root) == 2)
        (root / "nas/1.jpg").write_bytes(b"1")
        heard.until_hint(root / "nas/1.jpg", Hint.STARTED)
        (root / "2.jpg").write_bytes(b"2")
        heard.until_hint(root / "2.jpg", Hint.CLOSED)
        assert (root / "nas/1.jpg", Hint.CLOSED) not in heard.hints  # two do not look after one folder
        unmount(root / "nas")
        heard.until_missed(root / "nas", Why.UNMOUNTED)
        assert {hint for _, hint in heard.hints} <= {Hint.STARTED, Hint.CLOSED}


def test_a_network_root_is_not_touched_by_whoever_asks_to_watch_it(root, heard, tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    line = f"30 1 0:50 / {root} rw - nfs4 server:/photos rw\n"
    table.write_text("22 1 254:0 / / rw - ext4 /dev/vda rw\n" + line)
    touched = []
    real = os.lstat

    def look(path, *rest, **more):
        if str(path).startswith(str(root)):
            touched.append(threading.current_thread().name)
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "lstat", look)
    watcher = FolderWatcher(sink=heard, clock=SystemClock(), table=table, network_s=EVERY_S)
    try:
        watcher.watch(root)
        heard.until_missed(root, Why.STARTED)
        (root / "2.jpg").write_bytes(b"2")
        heard.until_hint(root / "2.jpg", Hint.STARTED)
    finally:
        watcher.close()
    assert set(touched) == {"safelight-timed"}
    assert not [each for each in heard.said if isinstance(each, Missed) and each.why is Why.NO_WATCHES]
