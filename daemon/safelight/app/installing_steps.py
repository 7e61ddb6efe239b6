"""The steps of putting Safelight in place for one person and of taking it back: what each does, and doing it.

A plan is a list of steps, made without changing anything, so that it can be shown first and is then done as shown. A
step that fails is told and the others go on: half an installation is better told than thrown away, and every step can
be done again.
Invariant: what a step would overwrite or remove is looked at once more just before, and left alone if it is not ours.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safelight.app.installing_receipt import Receipt, Standing, made_folders, written
from safelight.errors import SafelightError


@dataclass(slots=True)
class Work:
    """What the steps work with."""

    receipt: Receipt
    command: Callable[[Sequence[str]], str | None]  # runs a program; returns what it complained of, or None


class Step(Protocol):
    """One thing that is done."""

    @property
    def told(self) -> str:
        """What it does, in a few words that follow a dash."""
        ...

    def do(self, work: Work) -> None:
        """Do it. Raises OSError or SafelightError."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file that is absent or still ours."""

    path: Path
    content: bytes = field(repr=False)
    what: str
    standing: Standing

    @property
    def told(self) -> str:
        """Say which file, and whether it is new."""
        return f"{'write' if self.standing is Standing.ABSENT else 'renew'} {self.path} ({self.what})"

    def do(self, work: Work) -> None:
        """Write it, note it, make the folders that it needs."""
        if work.receipt.standing(self.path, self.content) is Standing.FOREIGN:
            raise SafelightError(f"{self.path} has been changed meanwhile and is left as it is.")
        made = (*made_folders(work.receipt.path.parent), *made_folders(self.path.parent))
        work.receipt.folders += [each for each in made if each not in work.receipt.folders]
        # First noted: were the order the other way, a kill between would make it somebody else's file.
        work.receipt.note(self.path, self.content)
        written(self.path, self.content)


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a file that is still as we wrote it."""

    path: Path
    content: bytes | None = field(repr=False, default=None)  # what would be written there today

    @property
    def told(self) -> str:
        """Say which file."""
        return f"remove {self.path}"

    def do(self, work: Work) -> None:
        """Remove it and forget it."""
        standing = work.receipt.standing(self.path, self.content)
        if standing is Standing.FOREIGN:
            raise SafelightError(f"{self.path} has been changed meanwhile and is left as it is.")
        if standing is not Standing.ABSENT:
            self.path.unlink()
        if work.receipt.files.pop(self.path, None) is not None:
            work.receipt.write()


@dataclass(frozen=True, slots=True)
class Unlink:
    """Remove a link by which systemd starts a unit, where systemd itself is not there to do it."""

    path: Path

    @property
    def told(self) -> str:
        """Say which link."""
        return f"remove {self.path}"

    def do(self, work: Work) -> None:
        """Remove it, and its folder when nothing else is in it."""
        del work
        if self.path.is_symlink():
            self.path.unlink()
        with suppress(OSError):
            self.path.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Tidy:
    """Remove the receipt, and the folders that were made, where nothing else lies in them."""

    receipt: Path
    told: str = "remove the list of what was written, and the folders made for it that are empty"

    def do(self, work: Work) -> None:
        """Remove them, the innermost first; whoever put something into one keeps it."""
        if work.receipt.files:  # something was left: the next time must still know what it was
            return
        self.receipt.unlink(missing_ok=True)
        for folder in sorted({*work.receipt.folders, self.receipt.parent}, key=lambda path: -len(path.parts)):
            if not folder.is_symlink():
                with suppress(OSError):
                    folder.rmdir()


@dataclass(frozen=True, slots=True)
class Clear:
    """Remove a folder of ours with everything in it."""

    path: Path
    what: str
    lock: Path | None = None  # a file in it that is locked by whoever works with the folder

    @property
    def told(self) -> str:
        """Say which folder and what is lost with it."""
        return f"remove {self.path} with everything in it ({self.what})"

    def do(self, work: Work) -> None:
        """Remove it; links in it are removed and not followed, and nobody may be at work with it."""
        del work
        if not self.path.is_dir():  # it was empty and has gone already
            return
        with _claimed(self.lock) if self.lock is not None and self.lock.exists() else nullcontext():
            shutil.rmtree(self.path)


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program."""

    command: tuple[str, ...]
    told: str

    def do(self, work: Work) -> None:
        """Run it; what it complains of becomes the error."""
        complaint = work.command(self.command)
        if complaint is not None:
            raise SafelightError(f"'{' '.join(self.command)}' did not succeed: {complaint}")


@dataclass(frozen=True, slots=True)
class Call:
    """Do something that needs no program."""

    call: Callable[[], None]
    told: str

    def do(self, work: Work) -> None:
        """Do it."""
        del work
        self.call()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in this order, and what will not be and why."""

    steps: tuple[Step, ...]
    left: tuple[str, ...] = ()  # sentences about what is left alone
    notes: tuple[str, ...] = ()  # sentences about what a person may want to know or do


@contextmanager
def _claimed(lock: Path) -> Iterator[None]:
    with lock.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SafelightError(
                f"A safelight is still at work with {lock.parent}, so it stays.",
                hint="Wait until it has finished, then run the same command again.",
            ) from error
        yield


def carried_out(plan: Plan, work: Work) -> Iterator[tuple[Step, str]]:
    """Do the steps; yield each with what went wrong, empty when nothing did."""
    for step in plan.steps:
        try:
            step.do(work)
        except SafelightError as error:
            yield step, error.told
        except OSError as error:
            yield step, f"The system says: {error.strerror or error}."
        else:
            yield step, ""
