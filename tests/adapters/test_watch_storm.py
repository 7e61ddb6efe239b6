"""More happens than the kernel can hold: nothing is lost after one scan, and the watches stand again."""

import itertools
import os
import shutil
import sys
from pathlib import Path

import pytest
from watchdog.events import FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from safelight.ports.watching import Hint, Missed, Noticed, Why
from tests.adapters.watched import Heard, wait_until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")


def queue_length() -> int:
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


def churn(folder: Path, events: int) -> None:
    """Fill the kernel's queue: each round makes three events, and none equals the one before it."""
    for number in range(events // 3 + 1):
        path = folder / f"{number}.jpg"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        os.unlink(path)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for first, second in itertools.product("abc", "de"):
        (root / first / second).mkdir(parents=True)
    return root


def on_disk(root: Path) -> set[Path]:
    return {path for path in root.rglob("*.jpg") if path.is_file()}


def believed(said: list[Noticed | Missed]) -> set[Path]:
    """What somebody believes to be there who follows hints with a look each and scans when he is told to."""
    there: set[Path] = set()
    for each in said:
        if isinstance(each, Missed):
            there = {path for path in there if not path.is_relative_to(each.folder)} | on_disk(each.folder)
        elif each.hint in (Hint.FOLDER, Hint.FOLDER_GONE):
            there = {path for path in there if not path.is_relative_to(each.path)} | on_disk(each.path)
        elif each.path.is_file():
            there.add(each.path)
        else:
            there.discard(each.path)
    return there


def test_an_overflow_is_told_once_the_watches_stand_again(root):
    heard = Heard()
    with watching(root, heard) as watcher:
        with heard.hold(root):
            churn(root / "a", queue_length() + 1000)
            os.rename(root / "a", root / "renamed")  # all of it unseen
            (root / "b/new/deeper").mkdir(parents=True)
            (root / "b/new/deeper/lost.jpg").write_bytes(b"")
            shutil.rmtree(root / "c")
        heard.until_missed(root, Why.OVERFLOW)
        assert watcher.directories(root) == 1 + sum(path.is_dir() for path in root.rglob("*"))
        heard.forget()
        (root / "renamed/d/1.jpg").write_bytes(b"")
        heard.until_hint(root / "renamed/d/1.jpg", Hint.CLOSED)  # under its new name
        (root / "b/new/deeper/2.jpg").write_bytes(b"")
        heard.until_hint(root / "b/new/deeper/2.jpg", Hint.CLOSED)
        assert not [path for path, _ in heard.hints if "a" in path.parts[-3:]]


def test_after_a_storm_what_is_believed_is_what_is_there(root):
    heard = Heard()
    with watching(root, heard):
        with heard.hold(root):
            for number in range(queue_length() // 3):
                folder = root / "abc"[number % 3] / "de"[number % 2]
                path = folder / f"{number}.jpg"
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                if number % 3 == 0:
                    os.rename(path, folder.parent / f"{number}.jpg")
                elif number % 3 == 1:
                    os.unlink(path)
            os.rename(root / "c", root / "b" / "c")
            (root / "last.jpg").write_bytes(b"")
        heard.until_missed(root, Why.OVERFLOW)
        heard.all_until(root)
        assert believed(heard.said) == on_disk(root)
        assert len([why for _, why in heard.missed if why is Why.OVERFLOW]) <= 2


def test_an_overflow_without_end_leaves_time_to_read(root):
    heard = Heard()
    with watching(root, heard):
        for _ in range(3):
            with heard.hold(root):
                churn(root / "a", queue_length() + 100)
        heard.until_missed(root, Why.OVERFLOW)
        heard.all_until(root)
        assert len(heard.missed) < 3  # walks are spaced, not one for each overflow
        (root / "b/1.jpg").write_bytes(b"")
        heard.until_hint(root / "b/1.jpg", Hint.CLOSED)


def test_plain_watchdog_only_logs_an_overflow(root, caplog):
    seen = []

    class Remember(FileSystemEventHandler):
        def on_any_event(self, raw):
            seen.append(raw)

    observer = InotifyObserver()
    observer.schedule(Remember(), str(root), recursive=True)
    observer.start()
    try:
        (group,) = [emitter._inotify for emitter in observer.emitters]
        with group._lock:  # its reader waits, as it does on a busy computer
            churn(root / "a", queue_length() + 1000)
            (root / "b/lost.jpg").write_bytes(b"")
        wait_until(lambda: "overflowed" in caplog.text, "its log")
        wait_until(lambda: _ask(root, seen), "a file that is made afterwards")
    finally:
        observer.stop()
        observer.join()
    assert not [raw for raw in seen if "lost.jpg" in str(raw.src_path)]
    assert not [raw for raw in seen if "overflow" in type(raw).__name__.lower()]


def test_plain_watchdogs_recovery_makes_the_queue_overflow_again_and_ours_does_not(tmp_path, caplog):
    root = tmp_path / "wide"
    for number in range(5500):
        (root / str(number // 100) / str(number)).mkdir(parents=True)
    heard = Heard()
    with watching(root, heard):
        with heard.hold(root):
            churn(root, queue_length() + 1000)
        heard.until_missed(root, Why.OVERFLOW)
        heard.all_until(root)
        assert len(heard.missed) == 1
    observer = InotifyObserver()
    observer.schedule(FileSystemEventHandler(), str(root), recursive=True)
    observer.start()
    try:
        (group,) = [emitter._inotify for emitter in observer.emitters]
        with group._lock:
            churn(root, queue_length() + 1000)
        wait_until(lambda: caplog.text.count("events were lost") > 1, "its own watches fill its queue")
    finally:
        observer.stop()
        observer.join()


def _ask(root: Path, seen: list) -> bool:
    """Make a file, and tell whether one of those that were made has been seen."""
    (root / "c/asked.jpg").write_bytes(b"")
    return any("asked.jpg" in str(raw.src_path) for raw in seen)
