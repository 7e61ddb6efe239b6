"""A library of generated photographs and the worker of a daemon over it, for tests with the real program."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pytest

from safelight.app import rating_steps, wiring
from safelight.app.judging import Judging
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.app.worker_duties import Duties, Kept
from safelight.app.worker_link import WorkerLink
from safelight.app.worker_messages import Delivered, Limits, Program
from safelight.services.intake import Intake
from safelight.services.withdraw import Withdraw
from tests.fakes.clock import FakeClock
from tests.faults.shoot import make_shoot
from tests.services.library import Cards

# Puts a faulty part into the worker: what it does is told by the colour in the middle of a picture.
FAULTY = """
import os, signal
from safelight.app.judging import open_encoder as open_real

class Faulty:
    def __init__(self, inner):
        self.inner, self.bundle, self.length = inner, inner.bundle, inner.length

    def encode(self, thumb, closeup=None):
        red, green, blue = thumb[100:124, 100:124].reshape(-1, 3).mean(axis=0)
        if red > 200 and green < 60 and blue < 60:
            os.kill(os.getpid(), signal.SIGSEGV)
        if green > 200 and red < 60 and blue < 60:
            signal.pause()
        if blue > 200 and red < 60 and green < 60:
            raise ZeroDivisionError("a fault")
        return self.inner.encode(thumb, closeup)

def open_encoder(settings):
    return Faulty(open_real(settings))

def none_opens(settings):
    os._exit(3)

def answer(name, parts, arguments):
    from safelight.control.messages import Answer
    from safelight.errors import FolderError
    if name == "wrong":
        raise FolderError("There is no such folder.", hint="Name another.")
    if name == "fault":
        raise ZeroDivisionError("a fault")
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    with parts.judging(0) as judging:
        return Answer(record={"judge": judging.tables[0][0], "pid": os.getpid(), **arguments}, text=name, status=3)
"""


@dataclass
class Bench:
    """One library, taken in, with a worker: the real one, or its duties in this process."""

    folder: Path
    parts: Parts
    link: Any
    told: list[tuple[str, int, int]] = field(default_factory=list)

    def take_in(self) -> list[int]:
        """Take in what lies in the folder; return the frames in scope."""
        parts = self.parts
        intake = Intake(scanner=parts.scanner, identifier=parts.identifier, store=parts.store, clock=parts.clock)
        return list(intake.take_in([self.folder]).frames)

    def sidecars(self) -> dict[str, bytes]:
        """Return every sidecar of the folder by name."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob("*.xmp"))}

    def stages(self) -> dict[str, str]:
        """Return how far each frame has come, by the name of its file."""
        return {frame.path.name: frame.stage.value for frame in self.parts.store.catalog.frames(range(1, 1000))}

    def withdraw(self, run: int | None = None) -> int:
        """Take a run back; return how many sidecars were restored, -1 when there was nothing to take back."""
        parts = self.parts
        done = Withdraw(store=parts.store, sidecars=parts.sidecars, clock=parts.clock).step(run)
        return -1 if done is None else len(done.restored)


@contextmanager
def working(folder: Path, *, scenes: int = 2, frames_each: int = 2, models: Path, **how: Any) -> Iterator[Bench]:
    """Yield a bench in a folder that does not exist yet, with a shoot in it; `how` is for the link."""
    settings = prepared(folder, scenes=scenes, frames_each=frames_each, models=models)
    with wiring.writing(settings) as parts:
        told: list[tuple[str, int, int]] = []
        how.setdefault("progress", lambda *what: told.append(what))
        how.setdefault("limits", Limits(silence_s=30.0))
        link = WorkerLink(parts=parts, **how)
        try:
            yield Bench(folder / "shoot", parts, link, told)
        finally:
            link.close()


@contextmanager
def here(folder: Path, *, models: Path) -> Iterator[Bench]:
    """Yield a bench whose worker is no process: the duties alone, with a clock and cards of the test's."""
    settings = prepared(folder, scenes=2, frames_each=2, models=models)
    with wiring.writing(settings) as opened:
        parts = replace(opened, clock=FakeClock(opened.clock.now()), volumes=Cards())
        told: list[tuple[str, int, int]] = []
        with Here(parts, told) as link:
            yield Bench(folder / "shoot", parts, link, told)


class Here:
    """The duties of a worker, asked as the link asks them."""

    def __init__(self, parts: Parts, told: list[tuple[str, int, int]]) -> None:
        self.parts, self.told, self.at = parts, told, list[int | None]()
        self.kept = Kept(self._open)
        self.duties = Duties(parts=parts, kept=self.kept, say=self._say, answers="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kept.close()

    def judge(self, ids: list[int]) -> None:
        self.duties.judge(ids)

    def deliver(self, ids: list[int], *, run: int | None, to: list[Path], withhold: float) -> Delivered:
        chosen = rating_steps.open_run(run, to, store=self.parts.store, at_s=self.parts.clock.now())
        return self.duties.deliver(ids, run=chosen, withhold=withhold)

    def reveal(self, *, withhold: float) -> Delivered:
        return self.duties.reveal(withhold=withhold)

    def _open(self) -> Judging:
        parts = self.parts
        return Judging(settings=parts.settings, store=parts.store, clock=parts.clock, frames=1, at=self.at.append)

    def _say(self, message: tuple[str, Any]) -> None:
        if message[0] == "progress":
            self.told.append(message[1])


def prepared(folder: Path, *, scenes: int, frames_each: int, models: Path) -> Settings:
    """Make a folder with a shoot and the faulty parts in it; return the settings of a library of it."""
    folder.mkdir()
    (folder / "faulty_parts.py").write_text(FAULTY)
    make_shoot(folder / "shoot", scenes=scenes, frames_each=frames_each, side=320)
    return Settings(state=folder / "state", models=models, jobs=1)


def faulty(folder: Path, *, encoder: str = "open_encoder") -> Program:
    """Return a program whose encoder and answers are those of FAULTY, which lies in the bench's folder."""
    return Program(encoder=f"faulty_parts:{encoder}", answers="faulty_parts:answer", python_path=(folder,), niceness=0)


def cache_of(factory: pytest.TempPathFactory) -> Path:
    """Return the folder of models of a test session: the bundle is built once."""
    base = factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache" / "safelight" / "models"
