"""Runs a soak: traffic and kills for a while, and at every checkpoint everything has to agree.

The first part kills the daemon as well; in the second it lives, so that what it holds on to can be measured.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from safelight.app.worker_link import RESTS
from safelight.domain.gathering import LONGEST_S
from safelight.domain.stability import UNTOLD_QUIET_S
from tests.end_to_end.daemons import QUIET, Home
from tests.faults.shoot import jpeg
from tests.soak import consistency
from tests.soak.consistency import Catalog
from tests.soak.disks import Volume, may_mount, volume
from tests.soak.growth import Sample, grown
from tests.soak.ledger import Ledger
from tests.soak.supervised import KINDS, Supervised
from tests.soak.traffic import Ground, Traffic

SETTLE_S = UNTOLD_QUIET_S + LONGEST_S + 30.0  # a copy whose disk was pulled, so that nobody heard of its end
_GRACE_S = 45.0  # a shoot that trickles in is waited for; then a look at everything is asked for
_LIVES = 0.5  # share of the time in which the daemon may be killed


@dataclass
class Plan:
    """How long a soak is, and how often what is done."""

    seconds: float
    seed: int
    kill_s: tuple[float, float] = (20.0, 40.0)
    pause_s: tuple[float, float] = (0.05, 0.6)  # between two doings
    ask_s: tuple[float, float] = (3.0, 9.0)
    checkpoint_s: float = 60.0
    brief: bool = False  # everything is looked at once, at the end, and growth is not measured

    @classmethod
    def of(cls, *, seconds: float, seed: int) -> "Plan":
        """Return a plan; a short soak does more in its time."""
        if seconds >= 180.0:
            return cls(seconds, seed)
        return cls(seconds, seed, kill_s=(3.0, 7.0), pause_s=(0.02, 0.3), ask_s=(2.0, 5.0), brief=seconds < 60.0)


@dataclass
class Report:
    """What came of it."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


class Soak:
    """One soak in a home of its own."""

    def __init__(self, *, plan: Plan, home: Home, volumes: Sequence[Volume], roots: Sequence[Path]) -> None:
        self._plan = plan
        self._home = home
        self._roots = roots
        self._random = random.Random(plan.seed + 1)
        self.ledger = Ledger()
        self.report = Report()
        outside = home.place / "outside"
        outside.mkdir()
        ground = Ground(roots, outside, home.home / ".local/share/Trash", volumes)
        home.settings(QUIET, folders=list(roots))
        self._traffic = Traffic(seed=plan.seed, ground=ground, ledger=self.ledger)
        self._supervised = Supervised(home)
        self._rating: subprocess.Popen[bytes] | None = None
        self._due: dict[str, float] = {}

    def run(self) -> Report:
        """Soak for as long as planned; return what was found."""
        begun_s = time.monotonic()
        lives_s, end_s = begun_s + _LIVES * self._plan.seconds, begun_s + self._plan.seconds
        self._phase(lives_s, KINDS)
        if self._plan.brief:
            self._phase(end_s, KINDS[1:])
            if self._checkpoint():
                self._sweep()
            return self._ended()
        if not self._checkpoint():
            return self._ended()
        self._phase(max(lives_s, time.monotonic()) + 0.4 * (end_s - lives_s), KINDS[1:])  # warms it up
        if not self._checkpoint():
            return self._ended()
        self._sample()
        lives = self._supervised.lives
        self._phase(max(time.monotonic() + 2.0, end_s), KINDS[1:])
        if self._checkpoint():
            self._sample()
            if self._supervised.lives == lives:
                self.report.problems += grown(*self.report.samples[-2:])
            self._sweep()
        return self._ended()

    def _phase(self, until_s: float, kinds: Sequence[str]) -> None:
        self._due = {"kill": self._next(self._plan.kill_s), "ask": self._next(self._plan.ask_s)}
        check_s = time.monotonic() + self._plan.checkpoint_s
        while (now_s := time.monotonic()) < until_s:
            self._traffic.step()
            if now_s >= self._due["kill"]:
                self._due["kill"] = self._next(self._plan.kill_s)
                self._home.settings(QUIET, folders=list(self._roots))  # no daemon starts with nonsense
                order = self._random.sample(kinds, len(kinds))
                killed = next((each for each in order if self._supervised.kill(each)), "nothing")
                self.ledger.told.append(f"killed {killed}")
            if now_s >= self._due["ask"]:
                self._due["ask"] = self._next(self._plan.ask_s)
                self._ask()
            if now_s >= check_s:
                if not self._checkpoint():
                    return
                check_s = time.monotonic() + self._plan.checkpoint_s
            time.sleep(self._random.uniform(*self._plan.pause_s))

    def _next(self, between_s: tuple[float, float]) -> float:
        return time.monotonic() + self._random.uniform(*between_s)

    def _ask(self) -> None:
        """Have a client ask for something, as a person or the service manager does."""
        what = self._random.choice(("pause", "resume", "resume", "rescan", "undo", "reload", "nonsense", "rate"))
        if what == "pause":
            told = self._supervised.ask("pause", until_s=0.0)
        elif what in ("reload", "nonsense"):
            self._home.settings(_settings(what), folders=list(self._roots))
            self._supervised.running.process.send_signal(signal.SIGHUP)
            told = "HUP"
        elif what == "rate":
            told = self._rate()
        else:
            told = self._supervised.ask(what)
        self.ledger.told.append(f"asked to {what}: {told.splitlines()[0]}")

    def _rate(self) -> str:
        """Run `safelight rate` beside the daemon, which lends it the state folder."""
        if self._rating is not None and self._rating.poll() is None:
            return "one runs already"
        self._rating = subprocess.Popen(
            self._home.command("rate", self._roots[0]),
            env=self._home.environment,
            stdout=subprocess.DEVNULL,
            stderr=self._home.place.joinpath("rate.log").open("ab"),
        )
        return "begun"

    def _checkpoint(self) -> bool:
        """Let everything come to rest; tell whether all agrees then."""
        self._traffic.rest()
        if self._rating is not None:
            self._rating.wait(120)
        self._home.settings(QUIET, folders=list(self._roots))
        self._supervised.running.process.send_signal(signal.SIGHUP)
        self._supervised.ask("resume")
        begun_s = time.monotonic()
        asked = False
        while found := self._problems():
            waited_s = time.monotonic() - begun_s
            if waited_s > SETTLE_S:
                self.report.problems += found
                return False
            if waited_s > _GRACE_S and not asked:
                asked = self._ask_for_rescan(found)
            time.sleep(0.5)
        self._note(f"agreed after {time.monotonic() - begun_s:.1f} s, {len(self.ledger.alive())} pictures")
        final = consistency.changed(self.ledger)
        final += consistency.foreign(self._catalog(), self.ledger, self._roots)
        self.report.problems += final
        return not final

    def _ask_for_rescan(self, found: Sequence[str]) -> bool:
        status = self._supervised.status()
        if status is not None and RESTS in (status.why, *(each.told for each in status.trouble)):
            self._note("the worker rests after too many kills; started anew")
            self._supervised.restart()
        elif status is not None and status.state in ("working", "leased", "starting"):
            return False
        else:
            self._note(f"nothing told of this, so a look at everything was asked for: {found[:5]}")
            self._supervised.ask("rescan")
        return True

    def _problems(self) -> list[str]:
        found = consistency.problems(self._catalog(), self.ledger, self._roots)
        status = self._supervised.status()
        if status is None:
            found.append("the daemon does not answer")
        elif status.waiting or status.doing or status.state != "idle":
            found.append(f"the daemon is {status.state}, {status.waiting} wait: {status.why} {status.doing}")
        return found

    def _catalog(self) -> Catalog:
        return Catalog.read(self._home.state / "catalog.sqlite")

    def _sample(self) -> None:
        self.report.samples.append(sample := Sample.of(self._supervised.running.process.pid))
        self._note(f"the daemon has {sample}")

    def _sweep(self) -> None:
        """See what killed workers left behind: it goes as soon as it is old and something is written beside it."""
        left = consistency.leftovers(self._roots)
        old_s = time.time() - 3600.0
        for path in left:
            os.utime(path, (old_s, old_s))
        for number, folder in enumerate(sorted({path.parent for path in left})):
            data = jpeg(self._plan.seed * 100_000 + 90_000 + number, side=240)
            (folder / f"late{number}.jpg").write_bytes(data)
            self.ledger.add(folder / f"late{number}.jpg", data)
        if left and self._checkpoint():
            self.report.problems += [f"{path} was left behind" for path in consistency.leftovers(self._roots)]

    def _ended(self) -> Report:
        self._traffic.rest()
        took_s = self._supervised.close()
        if took_s > 10.0:
            self.report.problems.append(f"It took {took_s:.1f} s to stop.")
        for name in ("daemon.log", "rate.log"):
            log = self._home.place / name
            if log.exists() and "Traceback" in (text := log.read_text()):
                self.report.problems.append(f"{name}: {text[text.index('Traceback') :][:4000]}")
        self._note(f"{consistency.passing_losses(self._catalog())} losses were taken back")
        self._note(f"{len(self.ledger.told)} doings, {self._supervised.lives} lives, killed {self._supervised.killed}")
        return self.report

    def _note(self, told: str) -> None:
        self.report.notes.append(told)


def _settings(what: str) -> str:
    if what == "nonsense":
        return "[work]\njobs = '?'\n"
    return QUIET.replace("[work]\n", "[work]\nidle_minutes = 1\n")


@contextmanager
def soak(plan: Plan, place: Path) -> Iterator[Soak]:
    """Make a soak, with disks that come and go where this process may mount them; ends all that it started."""
    with ExitStack() as stack:
        home = Home(place)
        stack.callback(home.tidy)
        roots, volumes = [home.pictures], []
        if may_mount(place):
            disk = stack.enter_context(volume(place / "disk", place / "hidden-disk"))
            stick = stack.enter_context(volume(home.pictures / "stick", place / "hidden-stick"))
            roots, volumes = [home.pictures, disk.place], [disk, stick]
        made = Soak(plan=plan, home=home, volumes=volumes, roots=roots)
        stack.callback(made._supervised.close)
        yield made
