"""A watched folder that is missing, deleted, renamed, replaced, comes back, or is a disk that is taken away."""

import os
import shutil
import sys
import time

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from safelight.app.clock import SystemClock
from safelight.ports.watching import Hint, Why
from safelight.watching.watcher import FolderWatcher
from tests.adapters.watched import Heard, mount, mounted, need_root, unmount, wait_until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "photos" / "root"
    (root / "a").mkdir(parents=True)
    (root / "a/1.jpg").write_bytes(b"1")
    return root


@pytest.fixture
def heard():
    return Heard()


def sees(heard, root):
    """What happens at the root is heard."""
    (root / "seen.jpg").write_bytes(b"")
    heard.until_hint(root / "seen.jpg", Hint.CLOSED)


def test_a_root_that_is_not_there_is_waited_for(root, heard):
    shutil.rmtree(root.parent)
    watcher = FolderWatcher(sink=heard, clock=SystemClock())
    try:
        watcher.watch(root)
        heard.until_missed(root, Why.ROOT_GONE)
        assert watcher.directories(root) == 0
        root.mkdir(parents=True)
        heard.until_missed(root, Why.ROOT_BACK)
        sees(heard, root)
    finally:
        watcher.close()


def test_a_deleted_root_is_told_and_its_return(root, heard):
    with watching(root, heard):
        shutil.rmtree(root)
        heard.until_missed(root, Why.ROOT_GONE)
        (root / "b").mkdir(parents=True)
        heard.until_missed(root, Why.ROOT_BACK)
        sees(heard, root)
        sees(heard, root / "b")


def test_a_renamed_root_is_told_and_no_file_of_it_is_gone(root, heard):
    with watching(root, heard):
        os.rename(root, root.parent / "other")
        heard.until_missed(root, Why.ROOT_GONE)
        (root.parent / "other/a/1.jpg").unlink()
        (root.parent / "other/2.jpg").write_bytes(b"2")
        os.rename(root.parent / "other", root)
        heard.until_missed(root, Why.ROOT_BACK)
        assert heard.all_until(root) == []
        sees(heard, root)


def test_a_root_replaced_by_a_file_is_gone(root, heard):
    with watching(root, heard):
        shutil.rmtree(root)
        root.write_bytes(b"a file")
        heard.until_missed(root, Why.ROOT_GONE)
        root.unlink()
        root.mkdir()
        heard.until_missed(root, Why.ROOT_BACK)
        sees(heard, root)


def test_a_root_replaced_by_a_link_is_gone(root, heard):
    with watching(root, heard):
        os.rename(root, root.parent / "other")
        root.symlink_to(root.parent / "other")
        heard.until_missed(root, Why.ROOT_GONE)
        root.unlink()
        os.rename(root.parent / "other", root)
        heard.until_missed(root, Why.ROOT_BACK)
        sees(heard, root)


def test_another_folder_in_the_roots_place_is_another_root(root, heard):
    other = root.parent / "other"
    (other / "deep").mkdir(parents=True)
    with watching(root, heard):
        os.rename(root, root.parent / "old")
        os.rename(other, root)
        heard.until_missed(root, Why.ROOT_BACK)
        assert heard.missed[0] == (root, Why.ROOT_GONE)
        (root.parent / "old/2.jpg").write_bytes(b"")
        sees(heard, root / "deep")
        assert not [path for path, _ in heard.hints if path.name == "2.jpg"]


def test_a_root_made_anew_with_the_same_inode_is_watched(root, heard):
    with watching(root, heard):
        for number in range(5):
            heard.forget()
            shutil.rmtree(root)
            root.mkdir()  # ext4 gives the number of the one before
            heard.until_missed(root, Why.ROOT_BACK)
            (root / f"{number}.jpg").write_bytes(b"")
            heard.until_hint(root / f"{number}.jpg", Hint.CLOSED)


def test_a_renamed_folder_above_the_root_takes_it_along(root, heard):
    with watching(root, heard):
        os.rename(root.parent, root.parent.parent / "elsewhere")
        heard.until_missed(root, Why.ROOT_GONE)
        os.rename(root.parent.parent / "elsewhere", root.parent)
        heard.until_missed(root, Why.ROOT_BACK)
        sees(heard, root)


def test_plain_watchdog_does_not_see_that_the_root_was_renamed(root):
    seen = []

    class Remember(FileSystemEventHandler):
        def on_any_event(self, raw):
            seen.append((type(raw).__name__, raw.src_path))

    observer = InotifyObserver()
    observer.schedule(Remember(), str(root), recursive=True)
    observer.start()
    try:
        other = root.parent / "other"
        os.rename(root, other)
        (other / "a/2.jpg").write_bytes(b"")
        wait_until(lambda: any(path.endswith("2.jpg") for _, path in seen))
    finally:
        observer.stop()
        observer.join()
    assert {path for kind, path in seen if kind == "FileCreatedEvent"} == {str(root / "a/2.jpg")}  # is not there
    assert not [kind for kind, _ in seen if "Moved" in kind or kind == "DirDeletedEvent"]


# --- volumes ---------------------------------------------------------------------------------------------------------


def test_unmount_is_told_as_such_and_not_as_deletions(root, heard):
    need_root()
    with mounted(root):
        (root / "DCIM").mkdir()
        (root / "DCIM/1.jpg").write_bytes(b"1")
        with watching(root, heard):
            unmount(root)
            heard.until_missed(root, Why.UNMOUNTED)
            assert heard.hints == []
            assert Why.ROOT_GONE not in {why for _, why in heard.missed}
            mount(root)
            heard.until_missed(root, Why.MOUNTED)
            sees(heard, root)


def test_unmount_of_the_disk_that_the_root_lies_on(tmp_path, heard):
    need_root()
    disk = tmp_path / "disk"
    disk.mkdir()
    root = disk / "photos"
    with mounted(disk):
        root.mkdir()
        (root / "1.jpg").write_bytes(b"1")
        with watching(root, heard):
            unmount(disk)
            heard.until_missed(root, Why.UNMOUNTED)
            assert heard.missed == [(root, Why.UNMOUNTED)]
            assert heard.hints == []
            mount(disk)
            root.mkdir()
            wait_until(lambda: len(heard.missed) == 2, "the root is back")
            sees(heard, root)


def test_a_lazy_unmount_is_told(root, heard):
    need_root()
    with mounted(root), watching(root, heard):
        unmount(root, "-l")
        heard.until_missed(root, Why.UNMOUNTED)
        assert heard.hints == []


def test_a_volume_mounted_inside_is_watched_and_told(root, heard):
    need_root()
    with watching(root, heard), mounted(root / "a"):
        heard.until_missed(root / "a", Why.MOUNTED)
        sees(heard, root / "a")
        heard.forget()
        unmount(root / "a")
        heard.until_missed(root / "a", Why.UNMOUNTED)
        sees(heard, root / "a")  # what the volume covered
        assert {hint for _, hint in heard.hints} <= {Hint.STARTED, Hint.CLOSED}


def test_a_volume_over_the_root_is_told(root, heard):
    need_root()
    with watching(root, heard), mounted(root):
        heard.until_missed(root, Why.MOUNTED)
        sees(heard, root)


def test_plain_watchdog_tells_nothing_of_an_unmount(root):
    need_root()
    seen = []

    class Remember(FileSystemEventHandler):
        def on_any_event(self, raw):
            seen.append(raw)

    with mounted(root):
        observer = InotifyObserver()
        observer.schedule(Remember(), str(root), recursive=True)
        observer.start()
        try:
            (root / "1.jpg").write_bytes(b"")
            wait_until(lambda: bool(seen))
            wait_until(lambda: time.monotonic() > 0)
            seen.clear()
            unmount(root)
            mount(root)
            (root / "2.jpg").write_bytes(b"")
            time.sleep(1.0)
            alive = [emitter.is_alive() for emitter in observer.emitters]
        finally:
            observer.stop()
            observer.join()
    assert alive == [True]  # and yet nothing was told, neither then nor of what came after
    assert not [raw for raw in seen if "2.jpg" in str(raw.src_path) or "Deleted" in type(raw).__name__]
