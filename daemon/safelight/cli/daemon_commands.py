"""Declares the commands that start the daemon and speak to it: their arguments, and nothing of what they do."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from safelight.cli.options import JSON, PATH, STATE
from safelight.cli.times import Duration, Until


@click.command()
@STATE
def run(state: Path | None) -> int:
    """Watch folders and cards until told to stop: what the service does."""
    # asyncio works without ssl, as in a Python that was built without it. The daemon speaks to no network, and so it
    # is ready sooner and smaller.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    from safelight.app import daemon

    return daemon.run(environ=os.environ, state=state)


@click.command()
@click.option("--watch", "watching", is_flag=True, help="Go on, with a line whenever something changes.")
@STATE
@JSON
def status(watching: bool, state: Path | None, as_json: bool) -> int:
    """Show how many frames stand where, the last run, and what the daemon is doing."""
    from safelight.app.configuration import tolerant
    from safelight.cli import standing

    chosen = tolerant(os.environ, state=state)
    shown = standing.watch if watching else standing.run
    return shown(settings=chosen, environ=os.environ, as_json=as_json)


@click.command()
@click.option("--for", "for_s", type=Duration(), metavar="TIME", help="That long: 30m, 1h, 1h30m, 2d.")
@click.option("--until", "until_s", type=Until(), metavar="TIME", help="Until then: 18:30, tomorrow, a date.")
@STATE
@JSON
def pause(for_s: float | None, until_s: float | None, state: Path | None, as_json: bool) -> int:
    """Let the daemon do no work for a while; it goes on watching and works off what has come when it resumes."""
    from safelight.app.clock import SystemClock

    if for_s is not None and until_s is not None:
        raise click.UsageError("Give --for or --until, not both.")
    if for_s is not None:
        until_s = SystemClock().now() + for_s
    return _told("pause", {"until_s": until_s or 0.0}, state=state, as_json=as_json)


@click.command()
@STATE
@JSON
def resume(state: Path | None, as_json: bool) -> int:
    """End a pause."""
    return _told("resume", {}, state=state, as_json=as_json)


@click.command()
@click.argument("folder", type=PATH, required=False)
@STATE
@JSON
def rescan(folder: Path | None, state: Path | None, as_json: bool) -> int:
    """Let the daemon look through a watched folder now, or through all of them."""
    named = None if folder is None else str(folder.absolute())
    return _told("rescan", {"folder": named}, state=state, as_json=as_json)


@click.command("quit")
@STATE
@JSON
def quit_(state: Path | None, as_json: bool) -> int:
    """End the daemon; what it was doing is kept and gone on with when it is started again."""
    return _told("quit", {}, state=state, as_json=as_json)


@click.command()
@click.option("--last", type=click.IntRange(1, 10_000), default=20, show_default=True, metavar="N", help="How many.")
@STATE
@JSON
def log(last: int, state: Path | None, as_json: bool) -> int:
    """Show what happened last; `safelight journal` prints all of it."""
    from safelight.app.settings import settings
    from safelight.cli import answers, journaling

    given = answers.asked("log", {"last": last}, settings=settings(os.environ, state=state), environ=os.environ)
    return journaling.show(given, as_json=as_json)


def _told(command: str, arguments: dict[str, Any], *, state: Path | None, as_json: bool) -> int:
    from safelight.app import remote
    from safelight.app.settings import settings
    from safelight.cli import answers

    with remote.running(settings(os.environ, state=state), os.environ) as client:
        return answers.show(client.ask(command, **arguments), as_json=as_json)


DAEMON_COMMANDS = (run, status, pause, resume, rescan, log, quit_)
