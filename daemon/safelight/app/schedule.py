"""Rings a bell when time has come for something; what is done then is for the conductor to decide.

APScheduler keeps the times. Its own defaults would drop whatever was due while the machine slept, after one second of
grace: here everything that was missed is done once, late.
Invariant: a bell only leaves a letter, so no job here can fail or take long.
"""

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

from safelight.app.letters import Bell

NIGHTLY_HOUR = 3
POWER_S = 60.0  # how soon after plugging in, or after others are done, waiting work goes on


class Schedule:
    """The times at which bells ring."""

    def __init__(self, *, ring: Callable[[Bell], None]) -> None:
        """Start with nothing scheduled."""
        self._ring = ring
        self._minutes = 0.0
        self._scheduler = BackgroundScheduler(
            daemon=True, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def start(self, *, rescan_minutes: float) -> None:
        """Let the usual bells ring: looks at everything, the hour, the night."""
        self._scheduler.add_job(self._ring, "interval", args=[Bell.HOURLY], hours=1, id=Bell.HOURLY)
        self._scheduler.add_job(
            self._ring, "cron", args=[Bell.NIGHTLY], hour=NIGHTLY_HOUR, minute=30, jitter=900, id=Bell.NIGHTLY
        )
        self.rescan_every(rescan_minutes)
        self._scheduler.start()

    def rescan_every(self, minutes: float) -> None:
        """Let the bell for a look at everything ring so often; saying it again does not put it off."""
        if minutes == self._minutes:
            return
        self._minutes = minutes
        self._scheduler.add_job(
            self._ring, "interval", args=[Bell.RESCAN], minutes=minutes, id=Bell.RESCAN, replace_existing=True
        )

    def watch_power(self, *, on: bool) -> None:
        """Ring every minute while work waits for power or for other programs, and not otherwise."""
        if on and self._scheduler.get_job(Bell.POWER) is None:
            self._scheduler.add_job(self._ring, "interval", args=[Bell.POWER], seconds=POWER_S, id=Bell.POWER)
        elif not on and self._scheduler.get_job(Bell.POWER) is not None:
            self._scheduler.remove_job(Bell.POWER)

    def next_s(self, bell: Bell) -> float:
        """Return when a bell that is scheduled rings next, by the clock."""
        job = self._scheduler.get_job(bell)
        return float(job.next_run_time.timestamp())

    def close(self) -> None:
        """Ring no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
