"""What watchers said, and waiting for it: for tests on real folders."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safelight.app.clock import SystemClock
from safelight.ports.watching import Hint, Missed, Noticed, Why
from safelight.watching.watcher import FolderWatcher

DEADLINE_S = 10.0


def wait_until(true: Callable[[], bool], what: "str | Callable[[], str]" = "") -> None:
    """Wait for a condition; fail when it does not come."""
    end_s = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end_s, f"waited in vain: {what if isinstance(what, str) else what()}"
        time.sleep(0.005)


class Heard:
    """A Sink that remembers; `hold` makes it block, as a sink must not, so that raw events pile up."""

    def __init__(self) -> None:
        self.said: list[Noticed | Missed] = []
        self._go = threading.Event()
        self._held = threading.Event()
        self._go.set()
        self._marks = 0

    def __call__(self, said: Noticed | Missed) -> None:
        if not self._go.is_set():
            self._held.set()
        self._go.wait()
        self.said.append(said)

    @contextmanager
    def hold(self, place: Path) -> Iterator[None]:
        """Let the watcher's reader hang in this sink, by a file that is made in `place`."""
        self._held.clear()
        self._go.clear()
        try:
            self._marks += 1
            (place / f"the-end-{self._marks}.xmp").write_bytes(b"")
            assert self._held.wait(DEADLINE_S)
            yield
        finally:
            self._go.set()

    @property
    def hints(self) -> list[tuple[Path, Hint]]:
        return [(each.path, each.hint) for each in list(self.said) if isinstance(each, Noticed)]

    @property
    def missed(self) -> list[tuple[Path, Why]]:
        return [(each.folder, each.why) for each in list(self.said) if isinstance(each, Missed)]

    def forget(self) -> None:
        self.said.clear()

    def until_hint(self, path: Path, hint: Hint) -> None:
        wait_until(lambda: (path, hint) in self.hints, lambda: f"{hint} of {path}; heard {self.said[-20:]}")

    def until_missed(self, folder: Path, why: Why) -> None:
        wait_until(lambda: (folder, why) in self.missed, lambda: f"{why} of {folder}; heard {self.said[-20:]}")

    def all_until(self, place: Path) -> list[tuple[Path, Hint]]:
        """Return all hints up to a file that is made now: what comes before it is all that was to come."""
        self._marks += 1
        mark = place / f"the-end-{self._marks}.xmp"
        mark.write_bytes(b"")
        self.until_hint(mark, Hint.CLOSED)
        mark.unlink()
        self.until_hint(mark, Hint.GONE)
        return [each for each in self.hints if not each[0].name.startswith("the-end-")]


@contextmanager
def watching(root: Path, heard: Heard, **options: object) -> Iterator[FolderWatcher]:
    """Watch a folder until it stands whole."""
    watcher = FolderWatcher(sink=heard, clock=SystemClock(), **options)  # type: ignore[arg-type]
    try:
        watcher.watch(root)
        heard.until_missed(root, Why.STARTED)
        heard.forget()
        yield watcher
    finally:
        watcher.close()


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")


@contextmanager
def mounted(place: Path, kind: str = "tmpfs", *options: str) -> Iterator[None]:
    """Mount an empty file system in memory at a place; take it away afterwards if it is there still."""
    need_root()
    mount(place, kind, *options)
    try:
        yield
    finally:
        if os.path.ismount(place):
            unmount(place)


def mount(place: Path, kind: str = "tmpfs", *options: str) -> None:
    subprocess.run(["mount", "-t", kind, *options, "none", place], check=True)


def unmount(place: Path, *options: str) -> None:
    subprocess.run(["umount", *options, place], check=True)
