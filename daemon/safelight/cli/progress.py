"""Shows a run's progress: a bar on a terminal, nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from safelight.app.progress import Progress
    from safelight.app.wiring import Parts


class Quiet:
    """Shows nothing."""

    def begin(self, what: str, total: int) -> None:
        """Ignore it."""

    def advance(self, frames: int) -> None:
        """Ignore it."""

    def end(self) -> None:
        """Ignore it."""


class Bar:
    """A bar with what is being done, how far, and how long it will take, on standard error."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task = 0

    def begin(self, what: str, total: int) -> None:
        """Start a part of the run; with a total of 0 it is not known how long it takes."""
        from rich.progress import TaskID

        bar = self._shown()
        if self._task:
            bar.remove_task(TaskID(self._task - 1))
        self._task = int(bar.add_task(what, total=total or None)) + 1

    def advance(self, frames: int) -> None:
        """Move the bar on."""
        from rich.progress import TaskID

        if self._bar is not None and self._task:
            self._bar.advance(TaskID(self._task - 1), frames)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _shown(self) -> RichProgress:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self._bar


@contextmanager
def shown(parts: Parts) -> Iterator[Progress]:
    """Yield what a command tells its progress to: the daemon that asked for it, or the terminal."""
    if parts.told is not None:
        yield parts.told
        return
    bar = progress()
    try:
        yield bar
    finally:
        bar.end()


def progress() -> Quiet | Bar:
    """Return a bar if a person is looking at a terminal."""
    return Bar() if sys.stderr.isatty() else Quiet()
