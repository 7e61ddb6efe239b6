"""Reads where the power comes from and how busy the processors are, from the files of the kernel.

A computer runs on battery when it has a battery of its own and nothing that is plugged in gives power; where the kernel
knows of no plug, a battery that discharges says so. Batteries of mice and cameras do not count (their scope is
"Device"). How busy others are is what the processors did since the last look, less what this program and the programs
that it started did: the usual load average would count our own work, and waiting for disks.
Invariant: nothing here raises; what cannot be read counts as "plugged in" and "idle", because a system that tells
nothing of power must not stop the work.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.restraint import Load, Power

SUPPLIES = Path("/sys/class/power_supply")
PROFILE = Path("/sys/firmware/acpi/platform_profile")
PROC = Path("/proc")

_PLUGS = ("Mains", "USB", "Wireless")  # types of sysfs-class-power that give power
_SAVING = "low-power"  # of the profiles of the kernel's platform_profile, the one that saves power
_USER, _NICE, _SYSTEM, _IDLE, _WAIT, _IRQ, _SOFT = range(7)  # the first columns of /proc/stat, proc(5)

# Two looks closer together than this measure little but chance; further apart than that, the past.
SHORTEST_S = 0.5
LONGEST_S = 60.0


class PowerSupply:
    """Batteries and plugs, by the files of the kernel."""

    def __init__(self, *, supplies: Path = SUPPLIES, profile: Path = PROFILE) -> None:
        self._supplies = supplies
        self._profile = profile

    def read(self, *, saver: bool | None = None) -> Power:
        """Return the power as it is now; `saver`: what the desktop says of saving power, None: it says nothing."""
        batteries, plugs = [], []
        for supply in self._all():
            kind = _text(supply / "type")
            if _text(supply / "scope") == "Device":
                continue
            if kind == "Battery" and _text(supply / "present") != "0":
                batteries.append(supply)
            elif kind in _PLUGS:
                plugs.append(_text(supply / "online") not in ("0", ""))
        if saver is None:
            saver = _text(self._profile) == _SAVING
        discharging = any(_text(battery / "status") == "Discharging" for battery in batteries)
        on_battery = bool(batteries) and (not any(plugs) if plugs else discharging)
        return Power(on_battery=on_battery, percent=_percent(batteries), saver=saver)

    def _all(self) -> list[Path]:
        try:
            return sorted(self._supplies.iterdir())
        except OSError:
            return []


@dataclass(frozen=True, slots=True)
class _Look:
    """The processors' time in ticks, since the computer was started."""

    at_s: float
    busy: float
    all: float
    own: float


class Processors:
    """How busy the processors are; remembers its last look, as only a difference says anything."""

    def __init__(self, *, proc: Path = PROC, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._monotonic = monotonic
        self._last: _Look | None = None
        self._others = 0.0

    def read(self) -> Load:
        """Return how busy they are, since the last time that this was asked, or by the load average the first time."""
        pressed = self._pressed()
        look = self._look()
        last = self._last
        if look is None:
            return Load(pressed=pressed)
        if last is None or look.at_s - last.at_s > LONGEST_S or look.all <= last.all:
            self._last, self._others = look, self._average()
        elif look.at_s - last.at_s >= SHORTEST_S:
            used = (look.busy - last.busy) - (look.own - last.own)
            self._last, self._others = look, min(1.0, max(0.0, used / (look.all - last.all)))
        return Load(others=self._others, pressed=pressed)

    def _pressed(self) -> float | None:
        """Return the share of the last ten seconds in which some task waited for a processor."""
        for line in _text(self._proc / "pressure" / "cpu").splitlines():
            told = dict(part.split("=", 1) for part in line.split() if "=" in part)
            if line.startswith("some ") and "avg10" in told:
                return _number(told["avg10"]) / 100
        return None

    def _average(self) -> float:
        average = _text(self._proc / "loadavg").split()
        return min(1.0, _number(average[0]) / (os.cpu_count() or 1)) if average else 0.0

    def _look(self) -> _Look | None:
        first = _text(self._proc / "stat").partition("\n")[0].split()
        if len(first) < 8 or first[0] != "cpu":
            return None
        ticks = [_number(part) for part in first[1:8]]
        busy = sum(ticks[column] for column in (_USER, _NICE, _SYSTEM, _IRQ, _SOFT))
        return _Look(self._monotonic(), busy, busy + ticks[_IDLE] + ticks[_WAIT], self._own())

    def _own(self) -> float:
        """Return the ticks of this program and all below it, with those that have ended."""
        return sum(self._ticks(number) for number in self._family(os.getpid()))

    def _family(self, number: int) -> Iterator[int]:
        yield number
        try:
            threads = list((self._proc / str(number) / "task").iterdir())
        except OSError:
            return
        for thread in threads:
            for child in _text(thread / "children").split():
                yield from self._family(int(child))

    def _ticks(self, number: int) -> float:
        # The name of a program stands in brackets and may hold both blanks and brackets: what counts follows the last.
        fields = _text(self._proc / str(number) / "stat").rpartition(")")[2].split()
        return sum(_number(field) for field in fields[11:15])  # utime, stime, and both of the children that ended


def _percent(batteries: list[Path]) -> float | None:
    """Return how full the batteries are together: by energy, else by charge, else the mean of what each says."""
    for amount in ("energy", "charge"):
        now = [_number(_text(battery / f"{amount}_now")) for battery in batteries]
        full = [_number(_text(battery / f"{amount}_full")) for battery in batteries]
        if full and all(full):
            return min(100.0, 100 * sum(now) / sum(full))
    told = [_text(battery / "capacity") for battery in batteries]
    known = [_number(each) for each in told if each]
    return min(100.0, sum(known) / len(known)) if known else None


def _text(file: Path) -> str:
    """Return what a file of the kernel says, "" where it cannot be read: a battery may be taken out meanwhile."""
    try:
        return file.read_bytes().decode("ascii", "replace").strip()
    except OSError:
        return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
