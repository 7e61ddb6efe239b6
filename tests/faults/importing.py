"""Imports a card in a program of its own that can be told when to die: `python -m tests.faults.importing ...`.

`once CARD WORK` imports once and prints what it came to. `kills CARD WORK POINTS` imports again and again, each time
into an empty folder, in a child that kills itself before its Nth call into the system, for POINTS values of N spread
over a whole import; then it imports once more and prints one line for each N with what is on the disk in the end.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from safelight.app.clock import SystemClock
from safelight.storage.cards import open_cards
from tests.fakes import cards

WATCHED = frozenset(
    "close commit execute executemany fsync link listdir mkdir open posix_fadvise preadv pread readv rename "
    "unlink utime write".split()
)


def imported(card: Path, work: Path) -> dict[str, object]:
    """Import a card below `work` and return what it came to."""
    for name in ("Pictures", "Backup", "state"):
        (work / name).mkdir(parents=True, exist_ok=True)
    with open_cards(work / "state") as (_, imports):
        one = cards.Importing(work / "Pictures", work / "Backup", imports=imports, clock=SystemClock())
        done = one.step(card)
    return {
        "copied": done.copied,
        "skipped": done.skipped,
        "frames": done.frames,
        "whole": done.whole,
        "failed": [failed.reason for failed in done.failed],
        "trouble": [type(done.trouble).__name__, done.trouble.told] if done.trouble else None,
        "backup": done.backup_trouble.told if done.backup_trouble else None,
    }


def say(told: dict[str, object]) -> None:
    """Print one line of what happened."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


class Counter:
    """Counts the calls into the system, and kills this process before one of them."""

    def __init__(self, deadly: int) -> None:
        self.calls, self.deadly = 0, deadly

    def __call__(self, frame: object, kind: str, called: object) -> None:
        if kind == "c_call" and getattr(called, "__name__", "") in WATCHED:
            self.calls += 1
            if self.calls == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def in_child(run: Callable[[], None]) -> int:
    """Run in a fork of this program and return its wait status."""
    child = os.fork()
    if child == 0:
        run()
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def calls_of(card: Path, work: Path) -> int:
    """Return how many calls one import makes."""
    counter = Counter(0)
    sys.setprofile(counter)
    imported(card, work)
    sys.setprofile(None)
    return counter.calls


def on_disk(work: Path) -> dict[str, str]:
    """Return a digest of every file that an import made, hidden ones too."""
    files = cards.contents(work / "Pictures") | {
        f"backup {name}": data for name, data in cards.contents(work / "Backup").items()
    }
    return {name: hashlib.sha256(data).hexdigest()[:16] for name, data in files.items()}


def kills(card: Path, work: Path, points: int) -> None:
    """Kill and resume."""
    total = calls_of(card, work / "calm")
    say({"calls": total, "files": on_disk(work / "calm")})
    for point in range(points):
        deadly = 1 + point * total // points
        folder = work / f"kill-{deadly}"

        def die(folder: Path = folder, deadly: int = deadly) -> None:
            sys.setprofile(Counter(deadly))
            imported(card, folder)

        def resume(folder: Path = folder, deadly: int = deadly, status: int = in_child(die)) -> None:
            left = sorted(on_disk(folder)) if folder.exists() else []
            done = imported(card, folder)
            again = imported(card, folder)
            told = {"deadly": deadly, "killed": os.WIFSIGNALED(status), "left": left, "files": on_disk(folder)}
            say(told | {"done": done, "again": again})

        if in_child(resume) != 0:
            raise SystemExit(1)


if __name__ == "__main__":
    what, card, work, *rest = sys.argv[1:]
    if what == "once":
        say(imported(Path(card), Path(work)))
    else:
        kills(Path(card), Path(work), int(rest[0]))
