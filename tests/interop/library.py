"""A rated folder with a home of its own, on which a test lets real programs work, and what Safelight then tells of it.

A test never looks into the program: it runs `reconcile`, and reads the facts from `journal --json` and what they mean
from `actions --json`. Every check of facts names all of them, so that one too many fails as one too few does.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import Program, Rated
from tests.faults.shoot import make_shoot

HOUR_S = 3600.0
AFTER_UNDO_H = 25.0  # the undo window is a day

FACTS = frozenset(
    "frame_lost loss_confirmed frame_returned frame_moved frame_developed frame_exported person_rated person_flagged "
    "person_labelled".split()
)


@dataclass(frozen=True)
class Fact:
    """One thing that the journal tells of a frame, under the name that its file had when it arrived."""

    seq: int
    kind: str
    name: str
    payload: Mapping[str, Any]

    @property
    def brief(self) -> tuple[str, str]:
        """Return kind and name."""
        return self.kind, self.name


@dataclass
class Library:
    """One folder of photographs, and one person's Safelight."""

    program: Program
    folder: Path
    base: Path
    told: int = 0  # journal entries that were looked at
    rated: Rated | None = None
    ahead_h: float = field(default=0.0)

    @property
    def home(self) -> Path:
        """Return the person's home folder: trash cans and settings of the programs lie there."""
        return self.program.home

    @property
    def frames(self) -> list[Path]:
        """Return the photographs in the folder, in order."""
        return sorted(self.folder.glob("*.jpg"))

    def rate(self, *folders: Path) -> Rated:
        """Rate the folder."""
        self.rated = self.program.rate(*(folders or (self.folder,)), "--state", self.base / "state")
        assert self.rated.status == 0, self.rated.errors
        return self.rated

    def stars(self, name: str) -> int:
        """Return the stars that Safelight gave a frame."""
        assert self.rated is not None
        stars = self.rated.by_name[name]["stars"]
        assert isinstance(stars, int)
        return stars

    def other_stars(self, name: str) -> int:
        """Return stars that Safelight did not give a frame, and that are not the star of a default."""
        return 4 if self.stars(name) != 4 else 5

    def reconcile(self, *folders: Path, hours: float = 0.0, status: int | None = 0) -> list[Fact]:
        """Reconcile as if `hours` had passed since the real now; return the facts that are new in the journal.

        `status`: the exit status that is right, 1 where something is not there; None where either is.
        """
        self.ahead_h = max(self.ahead_h, hours)
        now_s = time.time() + self.ahead_h * HOUR_S
        for folder in folders or (None,):
            given = [] if folder is None else [folder]
            command = ["reconcile", *given, "--json", "--as-of", f"{now_s:.3f}", "--state", self.base / "state"]
            found, said, errors = self.program.run(*command)
            assert found in ({0, 1} if status is None else {status}), (found, said, errors)
            json.loads(said)
        return self.news()

    def news(self) -> list[Fact]:
        """Return the facts that were written since the last look at the journal."""
        entries = self.journal()
        fresh = entries[self.told :]
        self.told = len(entries)
        names = _names(entries)
        return [
            Fact(each["seq"], each["kind"], names[each["frame"]], each["payload"])
            for each in fresh
            if each["kind"] in FACTS
        ]

    def journal(self) -> list[dict[str, Any]]:
        """Return everything that the journal tells, oldest first."""
        status, said, errors = self.program.run("journal", "--json", "--state", self.base / "state")
        assert status == 0, errors
        return [json.loads(line) for line in said.splitlines()]

    def actions(self) -> list[dict[str, Any]]:
        """Return what Safelight read from the facts, as of the last time that was reconciled."""
        now_s = time.time() + self.ahead_h * HOUR_S
        command = ["actions", "--json", "--last", "0", "--as-of", f"{now_s:.3f}", "--state", self.base / "state"]
        status, said, errors = self.program.run(*command)
        assert status == 0, errors
        return [json.loads(line) for line in said.splitlines()]

    def believed(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the actions that count: their kind, and the names under which their frames arrived."""
        names = _names(self.journal())
        return sorted(
            (action["kind"], tuple(sorted(names[frame] for frame in action["frames"])))
            for action in self.actions()
            if action["state"] == "believed"
        )

    def run(self, *command: "str | Path", cwd: Path | None = None, said: str | None = None) -> str:
        """Run a program of somebody else in this person's home; return what it said."""
        return run(*command, environment=self.environment, cwd=cwd or self.base, said=said)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that other programs run in: this home, and nothing of the tester's desktop."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "DISPLAY"))}
        runtime = self.base / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        return kept | {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C.UTF-8"}


def _names(entries: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the names of all frames' main files when they arrived."""
    arrived = (entry for entry in entries if entry["kind"] == "frame_arrived")
    return {entry["frame"]: Path(entry["payload"]["files"][0]).name for entry in arrived}


def run(
    *command: "str | Path",
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    said: str | None = None,
) -> str:
    """Run a program to its end, which must be a success; `said` is what a person types."""
    done = subprocess.run(
        [str(part) for part in command], input=said or "", capture_output=True, text=True, timeout=120,
        env=environment, cwd=cwd, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def need(*programs: str) -> None:
    """Skip the test, in plain words, where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed here: packaging/interop.sh installs what these tests drive")


def brief(facts: Iterable[Fact]) -> list[tuple[str, str]]:
    """Return kind and name of facts, sorted."""
    return sorted(fact.brief for fact in facts)


def make_library(
    base: Path, cache: Path, *, folder: Path | None = None, scenes: int = 3, rated: bool = True
) -> Library:
    """Return a library of bursts of three, rated unless told otherwise."""
    home = base / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SAFELIGHT_"))}
    program = Program(home, kept | {"HOME": str(home), "XDG_CACHE_HOME": str(cache)})
    library = Library(program, folder or base / "Pictures" / "shoot", base)
    make_shoot(library.folder, scenes=scenes, side=320)
    if rated:
        library.rate()
        assert not library.news()
    return library
