"""Measures watching: how soon it stands, what a storm costs and loses, and what it costs while nothing happens.

    python -m tests.bench.watching [--idle SECONDS] [--plain]

`--plain` shows what watchdog's own observer does with the same overflow, for comparison.
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safelight.app.clock import SystemClock
from safelight.ports.watching import Missed, Noticed, Why
from safelight.watching.inbox import Inbox
from safelight.watching.watcher import FolderWatcher

KNOWN = 10_000
WHOLE = 20_000
FILES_EACH = 10
STORM = 50_000
PLAIN_FOLDERS = 5_000
REPEATS = 3


class Consumer:
    """Takes what a watcher says, as the daemon does, and believes what it is told."""

    def __init__(self) -> None:
        self.missed: list[Missed] = []
        self.hints = 0
        self.there: set[str] = set()
        self._some = threading.Event()
        self._inbox = Inbox(wake=self._some.set)
        self.busy = threading.Lock()  # held: the watcher's reader hangs

    def __call__(self, said: Noticed | Missed) -> None:
        with self.busy:
            self._inbox(said)

    def until_missed(self, why: Why, timeout_s: float = 60.0) -> float:
        """Return the moment at which this was told."""
        end_s = time.monotonic() + timeout_s
        while why not in {each.why for each in self.missed}:
            if time.monotonic() > end_s:
                raise TimeoutError(f"{why} was not told within {timeout_s} s")
            self._some.wait(0.05)
            self.pump()
        return time.monotonic()

    def pump(self, *, believe: bool = False) -> None:
        self._some.clear()
        noticed, missed = self._inbox.take()
        self.hints += len(noticed)
        self.missed += missed
        for each in noticed if believe else ():
            path = str(each.path)
            (self.there.add if os.path.isfile(path) else self.there.discard)(path)
        for told in missed if believe else ():
            under = f"{told.folder}/"
            self.there = {path for path in self.there if not path.startswith(under)} | files_below(told.folder)


def files_below(folder: Path) -> set[str]:
    return {f"{at}/{name}" for at, _, names in os.walk(folder) for name in names if name.endswith(".jpg")}


def folders(root: Path, count: int, files_each: int) -> list[Path]:
    """Make a library: years, days, and some files in each."""
    made = []
    for number in range(count):
        folder = root / f"{number // 1000:02}" / f"{number // 50 % 20:02}" / f"{number % 50:02}"
        folder.mkdir(parents=True, exist_ok=True)
        for file in range(files_each):
            os.close(os.open(folder / f"IMG_{file:04}.jpg", os.O_CREAT | os.O_WRONLY))
        made.append(folder)
    return made


@contextmanager
def watcher(consumer: Consumer) -> Iterator[FolderWatcher]:
    watching = FolderWatcher(sink=consumer, clock=SystemClock())
    try:
        yield watching
    finally:
        watching.close()


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def switches() -> int:
    """How often the threads of this program went to sleep, and so woke up."""
    total = 0
    for task in Path("/proc/self/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            total += int(line.split()[1]) if line.startswith("voluntary_ctxt") else 0
    return total


def row(what: str, value: str, goal: str = "") -> None:
    print(f"{what:<66} {value:>14}   {goal}", flush=True)


def known_folders(root: Path, known: list[Path], idle_s: float) -> None:
    before_mb, best_s, best_cpu_s = resident_mb(), 1e9, 1e9
    for _ in range(REPEATS):
        consumer = Consumer()
        with watcher(consumer) as watching:
            begun_s, begun_cpu_s = time.monotonic(), cpu_s()
            watching.watch(root, known=known)
            best_s = min(best_s, time.monotonic() - begun_s)
            best_cpu_s = min(best_cpu_s, cpu_s() - begun_cpu_s)
    row(f"{KNOWN} known directories watched, ms (CPU {best_cpu_s * 1e3:.0f})", f"{best_s * 1e3:.0f}", "< 300")
    consumer = Consumer()
    with watcher(consumer) as watching:
        watching.watch(root, known=known)
        consumer.until_missed(Why.STARTED)
        row("memory for them, MB", f"{resident_mb() - before_mb:.1f}")
        begun_cpu_s, begun = cpu_s(), switches()
        time.sleep(idle_s)
        row(f"CPU in {idle_s:.0f} idle seconds, ms", f"{(cpu_s() - begun_cpu_s) * 1e3:.1f}", "30 in 60 s, all told")
        row("wake-ups in them, of all threads", f"{switches() - begun}")
    row("resident memory of interpreter and watcher, MB", f"{resident_mb():.1f}", "60, all told")


def whole_library(root: Path) -> None:
    consumer = Consumer()
    with watcher(consumer) as watching:
        begun_s, begun_cpu_s = time.monotonic(), cpu_s()
        watching.watch(root)
        took_s = consumer.until_missed(Why.STARTED) - begun_s
        what = f"{watching.directories(root)} directories, {WHOLE * FILES_EACH} files, none known, s"
        row(f"{what} (CPU {cpu_s() - begun_cpu_s:.2f})", f"{took_s:.2f}", "<= 3")


def storm(root: Path) -> None:
    """Creations, renames and deletions while nobody reads: the kernel's queue holds a third of them."""
    consumer = Consumer()
    consumer.there = files_below(root)
    with watcher(consumer) as watching:
        watching.watch(root)
        consumer.until_missed(Why.STARTED)
        consumer.missed.clear()
        with consumer.busy:
            for number in range(STORM):
                path = root / f"{number % 20:02}" / f"storm-{number - number % 3}.jpg"
                if number % 3 == 0:
                    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                elif number % 3 == 1:
                    shutil.move(root / f"{(number - 1) % 20:02}" / path.name, path)
                elif number % 2:
                    os.unlink(root / f"{(number - 1) % 20:02}" / path.name)
            os.rename(root / "00", root / "renamed")
        begun_s, begun_cpu_s = time.monotonic(), cpu_s()
        while Why.OVERFLOW not in {each.why for each in consumer.missed}:
            time.sleep(0.01)
            consumer.pump(believe=True)
        row(f"storm of {STORM}: overflow told after, s", f"{time.monotonic() - begun_s:.2f}")
        time.sleep(1.0)
        consumer.pump(believe=True)
        row("CPU until nothing is left to do, s", f"{cpu_s() - begun_cpu_s:.2f}")
        wrong = consumer.there ^ files_below(root)
        row(f"files of {len(consumer.there)} believed wrongly after one rescan", f"{len(wrong)}", "0")
        row("rescans asked for", f"{len(consumer.missed)}")
        stand = watching.directories(root) == 1 + sum(len(names) for _, names, _ in os.walk(root))
        row("every directory watched again, under its own name", "yes" if stand else "NO")
        row("resident memory afterwards, MB", f"{resident_mb():.1f}")


def plain(root: Path) -> None:
    from watchdog.events import FileSystemEventHandler
    from watchdog.observers.inotify import InotifyObserver

    seen: list[str] = []

    class Remember(FileSystemEventHandler):
        def on_any_event(self, raw: object) -> None:
            seen.append(str(getattr(raw, "src_path", "")))

    observer = InotifyObserver()
    observer.schedule(Remember(), str(root), recursive=True)
    observer.start()
    (group,) = [emitter._inotify for emitter in observer.emitters]
    with group._lock:
        for number in range(8000):
            (root / f"{number}.jpg").write_bytes(b"")
            (root / f"{number}.jpg").unlink()
    time.sleep(2)
    seen.clear()
    begun_cpu_s = cpu_s()
    (root / "asked.jpg").write_bytes(b"")
    time.sleep(10)
    told = any(path.endswith("asked.jpg") for path in seen)
    row(f"plain watchdog, {PLAIN_FOLDERS} directories: told of a file 10 s after", "yes" if told else "NO")
    row("CPU that it used in these 10 s, s", f"{cpu_s() - begun_cpu_s:.2f}")
    os._exit(0)  # its rebuilding cannot be joined


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.watching", description=__doc__)
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--plain", action="store_true")
    chosen = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="watching-"))
    try:
        if chosen.plain:
            if (child := os.fork()) == 0:
                folders(base / "plain", PLAIN_FOLDERS, 0)
                plain(base / "plain")
            os.waitpid(child, 0)
            return
        known_folders(base / "known", folders(base / "known", KNOWN, 1), chosen.idle)
        folders(base / "whole", WHOLE, FILES_EACH)
        whole_library(base / "whole")
        storm(base / "whole")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
