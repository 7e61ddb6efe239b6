"""Finds the daemon that works with a command's state folder, and keeps it away while a command writes there itself.

A command either asks the daemon, or does the same in its own process when none runs. Commands that only a process of
their own can do well (they show progress, ask questions, take a moment as now) borrow the state folder instead: the
daemon lets go of it until they have ended, however that happens.
Invariant: a daemon that works with another state folder is never asked and never disturbed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safelight import paths
from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.control.client import Client
from safelight.errors import ControlError


def connected(settings: Settings, environ: Mapping[str, str]) -> Client | None:
    """Return a connection to the daemon of this state folder, None when none runs; to be closed by the caller.

    Raises ControlError when a daemon runs that does not answer or is of another version.
    """
    client = Client.connect(paths.socket_file(environ))
    if client is None or _same(client.state, settings.state):
        return client
    client.close()
    return None


def running(settings: Settings, environ: Mapping[str, str]) -> Client:
    """Return a connection to the daemon of this state folder. Raises ControlError when there is none."""
    client = connected(settings, environ)
    if client is None:
        raise ControlError(
            "Safelight's daemon is not running.",
            hint="'safelight install-user' starts it with your session, 'safelight run' in a terminal.",
        )
    return client


@contextmanager
def writing(settings: Settings, environ: Mapping[str, str]) -> Iterator[Parts]:
    """Open everything for a command that changes state, lent by the daemon where one runs.

    Raises StateError when another command is at work, and ControlError when the daemon does not answer.
    """
    client = connected(settings, environ)
    if client is None:
        with wiring.writing(settings) as parts:
            yield parts
        return
    with client, client.lease(), wiring.writing(settings) as parts:
        yield parts


def _same(theirs: Path, ours: Path) -> bool:
    try:
        return theirs.samefile(ours)
    except OSError:  # one of them has not been made yet
        return theirs == ours
