"""A daemon's desk in memory: real folders, real settling, intake and reconciling, and a worker that needs no model."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.conductor import Conductor, Desk, Says
from safelight.app.delivery import Delivery
from safelight.app.letters import Asked, Bell, LeaseBegins, Letter, Letterbox
from safelight.app.roots import Roots
from safelight.app.settings import Settings
from safelight.app.shoots_done import Kept, ShootsDone
from safelight.app.upkeep import Upkeep
from safelight.app.wiring import Parts
from safelight.control.messages import ShootDone, Status
from safelight.domain.frame import Stage
from safelight.domain.history import FACTS
from safelight.ports.watching import Hint, Missed, Noticed, Why
from safelight.services.settle import Settle
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes.worker import FakeWorkerLink
from tests.services.library import Library


class FixedRoots(Roots):
    """Watched folders without a file of settings."""

    def __init__(self, *folders: Path, cards: Callable[[], tuple[Path, ...]] = tuple) -> None:
        super().__init__(memory=Memory(), clock=lambda: 0.0, cards=cards)
        self.folders = list(folders)
        self.left: set[Path] = set()

    def all(self) -> tuple[Path, ...]:
        return tuple(self.folders)

    def wants(self, file: Any) -> bool:
        return file.path not in self.left


class Memory(dict[str, str]):
    """Memos in memory."""

    def put(self, name: str, value: str | None) -> None:
        if value is None:
            self.pop(name, None)
        else:
            self[name] = value


class Daemon:
    """A conductor that is stepped by the test."""

    def __init__(self, folder: Path) -> None:
        self.library = Library(folder)
        self.folder = folder
        self.clock, self.store = self.library.clock, self.library.store
        self.worker = FakeWorkerLink(store=self.store, clock=self.clock)
        self.box = Letterbox()
        self.statuses: list[Status] = []
        self.board = Board(first=Status(), changed=self.statuses.append)
        self.roots = FixedRoots(folder, cards=lambda: tuple(self.library.cards.roots))
        self.told: list[ShootDone] = []
        self.on_cards: list[tuple[Path, int]] = []
        self.kept: tuple[ShootDone, ...] = ()
        self.letters: list[Letter] = []
        self.bells: list[Bell] = []
        self.failing: list[Exception] = []  # what the next bells meet
        self.why = ""
        self.changes_s: float | None = None
        self.slowly = False
        self.beats = 0
        self.free = True  # whether nobody else holds the state folder
        self.parts = self._made_parts()
        self.arrival = Arrival(
            parts=self.parts, settle=Settle(scanner=self.parts.scanner, clock=self.clock), roots=self.roots
        )
        self.shoots = ShootsDone(
            kept=Kept(lambda: self.kept, self._keep),
            clock=self.clock.now,
            told=lambda _, shoot: self.told.append(shoot),
        )
        self.delivery = Delivery(
            parts=self.parts,
            worker=self.worker,
            shoots=self.shoots,
            root_of=self.roots.of,
            card_ranked=lambda root, done: self.on_cards.append((root, done.frames)),
            leaves=lambda path: path in self.roots.left,
            withhold=0.0,
        )
        self.upkeep = Upkeep(worker=self.worker, clock=self.clock.now)
        self._facts = 0
        desk = Desk(self.arrival, self.delivery, self.upkeep, self.worker)
        self.conductor = Conductor(
            box=self.box, desk=desk, says=self._made_says(), board=self.board, clock=self.clock.now
        )

    def _made_says(self) -> Says:
        return Says(
            requests=self.letters.append,
            lend=self._lend,
            take_back=lambda: self.free,
            ring=self._ring,
            slowly=lambda: self.slowly,
            paused=lambda: self.why.startswith("Paused"),
            may_work=lambda: self.why,
            changes_s=lambda: self.changes_s,
            beat=self._beat,
            acted=self._acted,
            refresh=lambda: None,
        )

    def _made_parts(self) -> Parts:
        library = self.library
        return Parts(
            settings=Settings(state=library.can, models=library.can),
            store=library.store,
            scanner=DiskScanner(),
            identifier=ContentIdentifier(),
            volumes=library.cards,
            sidecars=None,
            mounts=library.mounts,
            trash=library.trash,
            elsewhere=library.elsewhere,
            placeholders=library.placeholders,
            traces=library.traces,
            clock=library.clock,
            basis=lambda: None,
        )

    def put(self, name: str, content: bytes = b"") -> Path:
        """Let a file be copied into the folder, as a watcher sees it."""
        path = self.library.put(name, content, age_s=0.0)
        self.notice(path, Hint.CLOSED)
        return path

    def notice(self, path: Path, hint: Hint) -> None:
        self.box.put(Noticed(path, hint, self.clock.now()))

    def miss(self, folder: Path, why: Why = Why.OVERFLOW) -> None:
        self.box.put(Missed(folder, why))

    def pass_time(self, tenths: int) -> None:
        """Let so many tenths of a second pass, and do in each what there is to do."""
        for _ in range(tenths):
            self.conductor.read(self.box.take(0.0))
            while self.conductor.step():
                pass
            self.clock.sleep(0.1)

    def settle_down(self, *, most_s: float = 120.0) -> None:
        """Let time pass until there is nothing to do, as the conductor's own loop would wait."""
        end_s = self.clock.now() + most_s
        while self.clock.now() < end_s:
            self.conductor.read(self.box.take(0.0))
            while self.conductor.step():
                pass
            wait_s = self.conductor.wait_s()
            if wait_s >= 60.0:
                return
            self.clock.sleep(max(wait_s, 0.05))
        raise AssertionError("the daemon does not come to rest")

    def stage(self, name: str) -> Stage | None:
        known = self.store.catalog.frame_at(self.folder / name)
        return known.stage if known else None

    def asked(self, name: str) -> list[Any]:
        """What the worker was asked under a name."""
        return [what for called, what in self.worker.calls if called == name]

    def touch(self, path: Path) -> None:
        moment = self.clock.now()
        os.utime(path, (moment, moment))

    def _keep(self, shoots: Any) -> None:
        self.kept = tuple(shoots)

    def _lend(self, letter: LeaseBegins) -> bool:
        letter.free.set_result(None)
        return True

    def _ring(self, bell: Bell) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.bells.append(bell)

    def _beat(self) -> None:
        self.beats += 1

    def _acted(self) -> bool:
        before, self._facts = self._facts, self.store.journal.newest(*FACTS)
        return before != self._facts


__all__ = ["Asked", "Daemon"]
