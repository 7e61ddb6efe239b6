"""Shows how a bundle is fetched: a bar of bytes on a terminal, plain lines where nobody watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import click

from safelight.cli.wording import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from safelight.app.bundle_fetching import Telling


class Shown(Protocol):
    """A Telling that knows how far it came, and can be put away."""

    done_bytes: int

    def say(self, sentence: str) -> None:
        """Say one sentence."""

    def begin(self, what: str, total_bytes: int | None) -> None:
        """Begin a part."""

    def at(self, done_bytes: int) -> None:
        """So much is done."""

    def end(self) -> None:
        """No part goes on."""


class Lines:
    """Plain lines on standard error: one when a part begins."""

    def __init__(self) -> None:
        self.done_bytes = 0

    def say(self, sentence: str) -> None:
        """Print it."""
        click.echo(printable(sentence), err=True)

    def begin(self, what: str, total_bytes: int | None) -> None:
        """Print what begins."""
        self.done_bytes = 0
        self.say(f"{what} ..." if total_bytes is None else f"{what} ({megabytes(total_bytes)}) ...")

    def at(self, done_bytes: int) -> None:
        """Keep it."""
        self.done_bytes = done_bytes

    def end(self) -> None:
        """Nothing is shown that could be taken away."""


class Bars:
    """A bar on standard error with bytes, speed and time; sentences stand above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self.done_bytes = 0
        self._task: TaskID | None = None
        self._bar: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    def say(self, sentence: str) -> None:
        """Print it above the bar."""
        self._bar.console.print(printable(sentence), markup=False, highlight=False)

    def begin(self, what: str, total_bytes: int | None) -> None:
        """Show a bar for a part."""
        self.end()
        self.done_bytes = 0
        if total_bytes is None:
            self.say(f"{what} ...")
            return
        self._bar.start()
        self._task = self._bar.add_task(printable(what), total=total_bytes)

    def at(self, done_bytes: int) -> None:
        """Move the bar on."""
        self.done_bytes = done_bytes
        if self._task is not None:
            self._bar.update(self._task, completed=done_bytes)

    def end(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._bar.stop()


class Silent(Lines):
    """Says nothing of parts."""

    def begin(self, what: str, total_bytes: int | None) -> None:
        """Keep that it begins."""
        self.done_bytes = 0


def telling() -> Shown:
    """Return a bar if a person is looking at a terminal, else lines."""
    return Bars() if sys.stderr.isatty() else Lines()


def reading() -> Telling:
    """Return what is told while files are read again: a bar for a person, nothing for a log."""
    return Bars() if sys.stderr.isatty() else Silent()


def megabytes(size_bytes: int) -> str:
    """Return a size as "94.6 MB"; decimal, as the hub and the disks' makers count."""
    if size_bytes < 100_000:
        return f"{size_bytes:,} bytes"
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"
