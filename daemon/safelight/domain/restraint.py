"""Decides whether heavy work may be done now, with how many jobs, and says why not.

Three things hold it back: a battery that is low, a computer that was told to save power, and other programs that need
the processors. Watching goes on in all three. Each limit has two sides, a bound to stop at and a better one to go on
at, because the work itself moves what is measured: without it the work would start and stop every few seconds.
Other programs may keep a computer busy for hours (a video that is rendered); after `PATIENCE_S` work goes on slowly,
for half of the time and at low priority.
Invariant: pure; the same readings and the same earlier decision give the same decision.
"""

from dataclasses import dataclass

# Somebody waited for a processor for this share of the last ten seconds (`some avg10` of /proc/pressure/cpu), in the
# documentation of PSI a share of lost time. Below, others may use as much as they like: there is enough for all.
PRESSED = 0.10
# Others use this share of all processors: below, what waits is likely our own work, which has the lowest priority.
BUSY = 0.50
# The share at which work goes on again. Pressure is no measure for it: it falls as soon as our work stops.
CALM = 0.35
BATTERY_MARGIN = 3.0  # percent above the limit at which work goes on again
PATIENCE_S = 3.0  # somebody waits for the stars, too; afterwards the work takes half of its time, at low priority


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say; `jobs` as `processors` where they say 0."""

    processors: int
    jobs: int = 0
    battery_percent: float = 30.0
    pause_in_power_saver: bool = True
    yield_when_busy: bool = True


@dataclass(frozen=True, slots=True)
class Power:
    """Where the computer's power comes from; `percent` None: no battery, or it does not say."""

    on_battery: bool = False
    percent: float | None = None
    saver: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the processors are, as shares 0 to 1.

    `others`: of all processors, used by other programs. `pressed`: of time in which somebody waited for a processor;
    None where the system does not tell.
    """

    others: float = 0.0
    pressed: float | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The decision: whether work `may` be done, with how many `jobs`, and why not or why slowly, as one sentence.

    The rest is for the next decision: whether a limit held, and since when others keep the computer busy.
    """

    may: bool
    jobs: int
    why: str = ""
    low: bool = False
    busy_since_s: float | None = None


def leave(*, power: Power, load: Load, rules: Rules, now_s: float, before: Leave | None = None) -> Leave:
    """Return the decision at `now_s` (seconds of any clock that does not jump), given the one before."""
    before = before or Leave(may=True, jobs=_jobs(rules))
    low = _is_low(power, rules, was=before.low)
    since_s = _busy_since(load, rules, now_s, before.busy_since_s)
    if low and power.percent is not None:
        why = (
            f"On battery at {power.percent:.0f} %: work goes on above {rules.battery_percent:.0f} %, or when the "
            "computer is plugged in."
        )
        return Leave(may=False, jobs=0, why=why, low=True, busy_since_s=since_s)
    if power.saver and rules.pause_in_power_saver:
        why = "The computer is saving power: work goes on when that is switched off."
        return Leave(may=False, jobs=0, why=why, low=low, busy_since_s=since_s)
    if since_s is None:
        return Leave(may=True, jobs=_jobs(rules), low=low)
    if now_s - since_s < PATIENCE_S:
        why = "Other programs need the computer: work goes on when they are done."
        return Leave(may=False, jobs=0, why=why, low=low, busy_since_s=since_s)
    why = "Other programs need the computer: work goes on slowly."
    return Leave(may=True, jobs=1, why=why, low=low, busy_since_s=since_s)


def _jobs(rules: Rules) -> int:
    return max(1, rules.jobs or rules.processors)


def _is_low(power: Power, rules: Rules, *, was: bool) -> bool:
    if not power.on_battery or power.percent is None:
        return False
    return power.percent < rules.battery_percent + (BATTERY_MARGIN if was else 0.0)


def _busy_since(load: Load, rules: Rules, now_s: float, since_s: float | None) -> float | None:
    """Return since when others keep the computer busy; None: they do not."""
    if not rules.yield_when_busy:
        return None
    if since_s is not None:
        return since_s if load.others > CALM else None
    pressed = load.pressed is None or load.pressed >= PRESSED
    return now_s if pressed and load.others >= BUSY else None
