"""Watching a local folder: what each way of saving, moving and deleting is told as, on the real kernel."""

import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from safelight.app.clock import SystemClock
from safelight.ports.watching import Hint, Why
from safelight.watching.watcher import FolderWatcher
from tests.adapters.watched import Heard, wait_until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "c").mkdir()
    return root


@pytest.fixture
def heard():
    return Heard()


def test_a_file_that_is_written_is_started_and_closed(root, heard):
    with watching(root, heard):
        (root / "a/1.jpg").write_bytes(b"1")
        assert heard.all_until(root) == [(root / "a/1.jpg", Hint.STARTED), (root / "a/1.jpg", Hint.CLOSED)]


def test_a_rename_is_a_departure_and_an_arrival(root, heard):
    (root / "a/1.jpg").write_bytes(b"1")
    with watching(root, heard):
        os.rename(root / "a/1.jpg", root / "a/b/2.jpg")
        assert heard.all_until(root) == [(root / "a/1.jpg", Hint.GONE), (root / "a/b/2.jpg", Hint.ARRIVED)]


def test_a_file_moved_in_arrives_and_one_moved_out_is_gone(root, heard, tmp_path):
    (tmp_path / "out.jpg").write_bytes(b"1")
    with watching(root, heard):
        os.rename(tmp_path / "out.jpg", root / "in.jpg")
        os.rename(root / "in.jpg", tmp_path / "out.jpg")
        assert heard.all_until(root) == [(root / "in.jpg", Hint.ARRIVED), (root / "in.jpg", Hint.GONE)]


def test_nobodys_photographs_are_not_told(root, heard):
    with watching(root, heard):
        for name in ("a/.1.jpg.x7Tf", "notes.txt", "1.jpg~", "1.jpg.part"):
            (root / name).write_bytes(b"")
        (root / ".Trash-0").mkdir()
        (root / ".Trash-0/1.jpg").write_bytes(b"")
        assert heard.all_until(root) == []


def test_names_that_are_no_text_and_hold_newlines_come_through(root, heard):
    odd = [os.fsdecode(b"\xff\xfe.jpg"), "new\nline.jpg", "b" * 251 + ".jpg", "<b>&.jpg"]
    with watching(root, heard):
        for name in odd:
            (root / name).write_bytes(b"")
        told = heard.all_until(root)
    assert {path.name for path, hint in told if hint is Hint.CLOSED} == set(odd)


def test_reading_and_listing_tell_nothing(root, heard):
    (root / "a/1.jpg").write_bytes(b"1")
    with watching(root, heard):
        (root / "a/1.jpg").read_bytes()
        list(root.rglob("*"))
        assert heard.all_until(root) == []


def test_a_folder_that_is_renamed_keeps_its_watches_under_the_new_name(root, heard):
    with watching(root, heard) as watcher:
        before = watcher.directories(root)
        os.rename(root / "a", root / "c/moved")
        assert heard.all_until(root) == [(root / "a", Hint.FOLDER_GONE), (root / "c/moved", Hint.FOLDER)]
        (root / "c/moved/b/1.jpg").write_bytes(b"")
        heard.until_hint(root / "c/moved/b/1.jpg", Hint.CLOSED)
        assert watcher.directories(root) == before


def test_folders_made_in_one_go_are_watched_with_what_is_in_them(root, heard):
    with watching(root, heard) as watcher:
        (root / "x/y/z").mkdir(parents=True)
        (root / "x/y/z/1.jpg").write_bytes(b"1")
        heard.until_hint(root / "x/y/z/1.jpg", Hint.STARTED)
        (root / "x/y/z/2.jpg").write_bytes(b"2")
        heard.until_hint(root / "x/y/z/2.jpg", Hint.CLOSED)
        assert watcher.directories(root) == 7


def test_a_tree_that_is_moved_in_is_told_as_a_folder_and_watched(root, heard, tmp_path):
    (tmp_path / "shoot/raw").mkdir(parents=True)
    (tmp_path / "shoot/raw/1.cr3").write_bytes(b"1")
    with watching(root, heard):
        os.rename(tmp_path / "shoot", root / "shoot")
        assert heard.all_until(root) == [(root / "shoot", Hint.FOLDER)]
        (root / "shoot/raw/2.cr3").write_bytes(b"2")
        heard.until_hint(root / "shoot/raw/2.cr3", Hint.CLOSED)


def test_a_hidden_folder_that_takes_a_visible_name_has_come(root, heard):
    (root / ".unfinished").mkdir()
    (root / ".unfinished/1.jpg").write_bytes(b"")
    with watching(root, heard) as watcher:
        before = watcher.directories(root)
        os.rename(root / ".unfinished", root / "finished")
        assert heard.all_until(root) == [(root / "finished", Hint.FOLDER)]
        os.rename(root / "finished", root / ".again")
        assert heard.all_until(root)[-1] == (root / "finished", Hint.FOLDER_GONE)
        assert watcher.directories(root) == before


def test_a_deleted_tree_leaves_no_watches(root, heard):
    with watching(root, heard) as watcher:
        shutil.rmtree(root / "a")
        assert (root / "a", Hint.FOLDER_GONE) in heard.all_until(root)
        assert watcher.directories(root) == 2


def test_links_are_not_followed(root, heard, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with watching(root, heard) as watcher:
        before = watcher.directories(root)
        (root / "link").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere/1.jpg").write_bytes(b"")
        assert heard.all_until(root) == []
        assert watcher.directories(root) == before


def test_the_settings_of_capture_one_are_watched(root, heard):
    with watching(root, heard):
        (root / "CaptureOne/Settings131").mkdir(parents=True)
        (root / "CaptureOne/Cache").mkdir()
        heard.all_until(root)
        (root / "CaptureOne/Settings131/1.cr3.cos").write_bytes(b"")
        (root / "CaptureOne/Cache/1.jpg").write_bytes(b"")
        heard.until_hint(root / "CaptureOne/Settings131/1.cr3.cos", Hint.CLOSED)
        assert not [path for path, _ in heard.all_until(root) if "Cache" in path.parts]


def test_known_folders_are_watched_when_watch_returns(root, heard):
    watcher = FolderWatcher(sink=heard, clock=SystemClock())
    try:
        watcher.watch(root, known=[root / "a/b", root / "not there", root.parent])
        assert watcher.directories(root) == 3
        (root / "a/b/1.jpg").write_bytes(b"")
        heard.until_hint(root / "a/b/1.jpg", Hint.CLOSED)
        heard.until_missed(root, Why.STARTED)  # the walk has found the others
        assert watcher.directories(root) == 4
    finally:
        watcher.close()


def test_a_tree_of_any_depth_is_watched(root, heard):
    deep = root / "/".join("d" * 1100)
    at = os.open(root, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    watcher = FolderWatcher(sink=heard, clock=SystemClock())
    try:
        watcher.watch(root, known=[deep])
        heard.until_missed(root, Why.STARTED)
        assert watcher.directories(root) == 4 + 1100
        (deep / "1.jpg").write_bytes(b"")
        heard.until_hint(deep / "1.jpg", Hint.CLOSED)
    finally:
        watcher.close()
        # pytest removes the folders of earlier runs by recursion, which ends in such a tree.
        subprocess.run(["rm", "-rf", "--", str(root / "d")], check=True)


def test_a_folder_that_is_watched_no_longer_tells_nothing(root, heard):
    with watching(root, heard) as watcher:
        watcher.unwatch(root)
        (root / "1.jpg").write_bytes(b"")
        watcher.watch(root)
        heard.until_missed(root, Why.STARTED)
        assert heard.hints == []
        assert watcher.directories(root) == 4


def test_closing_ends_every_thread_and_descriptor(root, heard):
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with watching(root, heard):
            assert threading.active_count() > threads
    wait_until(lambda: threading.active_count() == threads, "the threads end")
    assert len(os.listdir("/proc/self/fd")) == descriptors


# --- what plain watchdog gets wrong ----------------------------------------------------------------------------------


def test_a_directory_moved_out_tells_no_false_deletions(root, heard, tmp_path):
    (root / "a/b/1.jpg").write_bytes(b"1")
    with watching(root, heard) as watcher:
        os.rename(root / "a", tmp_path / "out")
        os.unlink(tmp_path / "out/b/1.jpg")
        (tmp_path / "out/b/2.jpg").write_bytes(b"2")
        assert heard.all_until(root) == [(root / "a", Hint.FOLDER_GONE)]
        assert watcher.directories(root) == 2


_SCARCE = """
    import json, os, sys, time
    from pathlib import Path
    from safelight.app.clock import SystemClock
    from safelight.ports.watching import Missed
    from safelight.watching.watcher import FolderWatcher

    Path("/proc/sys/user/max_inotify_{what}").write_text("{limit}")
    root, said = Path(sys.argv[1]), []
    watcher = FolderWatcher(sink=said.append, clock=SystemClock())
    watcher.watch(root)
    end_s = time.monotonic() + 10
    while time.monotonic() < end_s and not any(isinstance(each, Missed) and each.why == "no watches" for each in said):
        time.sleep(0.01)
    for each in said:
        print(each.why, each.folder)
    print("directories", watcher.directories(root))
    watcher.close()
"""

_SCARCE_PLAIN = """
    import logging, sys, time
    from pathlib import Path
    from watchdog.events import FileSystemEventHandler
    from watchdog.observers.inotify import InotifyObserver

    Path("/proc/sys/user/max_inotify_watches").write_text("{limit}")
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
    seen = []

    class Remember(FileSystemEventHandler):
        def on_any_event(self, raw):
            seen.append(raw.src_path)

    root = Path(sys.argv[1])
    observer = InotifyObserver()
    observer.schedule(Remember(), str(root), recursive=True)
    observer.start()
    for folder in [*sorted(root.iterdir()), root]:
        (folder / "1.jpg").write_bytes(b"")
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s and str(root / "1.jpg") not in seen:
        time.sleep(0.01)
    print("alive", all(each.is_alive() for each in observer.emitters), "limit" in "".join(map(str, seen)))
    print("told", len({{each for each in seen if each.endswith(".jpg")}}))
    observer.stop()
"""


def confined(code: str, root: Path, **values: object) -> str:
    """Run a program in a user namespace of its own, which has its own limits of inotify."""
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", textwrap.dedent(code).format(**values)]
    done = subprocess.run([*command, root], capture_output=True, text=True, check=False, timeout=60)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespace can be made: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def wide(tmp_path):
    root = tmp_path / "wide"
    for number in range(60):
        (root / f"{number:02}").mkdir(parents=True)
    return root


def test_running_out_of_watches_below_the_root_is_told(wide):
    told = confined(_SCARCE, wide, what="watches", limit=40)
    assert told.count(f"no watches {wide}\n") == 1
    watched = int(told.split()[-1])
    assert 20 < watched <= 40


def test_running_out_of_instances_is_told(wide):
    told = confined(_SCARCE, wide, what="instances", limit=0)
    assert told == f"no watches {wide}\ndirectories 0\n"  # and not that the root is gone


def test_plain_watchdog_runs_out_of_watches_silently(wide):
    told = confined(_SCARCE_PLAIN, wide, limit=40)
    assert "alive True False" in told
    assert "limit reached" not in told
    assert int(told.split()[-1]) < 61  # files in the folders without a watch are never told, and nobody says so


def test_an_unreadable_folder_stops_nothing(root, heard):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (root / "a").chmod(0)
    try:
        with watching(root, heard) as watcher:
            (root / "c/1.jpg").write_bytes(b"")
            heard.until_hint(root / "c/1.jpg", Hint.CLOSED)
            assert watcher.directories(root) == 2
    finally:
        (root / "a").chmod(0o755)
