"""`safelight doctor`: what works on this machine, what is lost, and what to do about it."""

import json
import os

import click

from safelight.app.finding import Level
from safelight.app.health import findings
from safelight.app.settings import Settings
from safelight.cli.wording import printable


def doctor(*, settings: Settings, as_json: bool) -> int:
    """Print what was found; exit status 1 if something does not work."""
    found = list(findings(settings, environ=os.environ))
    if as_json:
        records = [{"name": each.name, "level": each.level, "told": each.told, "hint": each.hint} for each in found]
        click.echo(json.dumps(records))
    else:
        for each in found:
            mark = {Level.OK: "ok  ", Level.NOTE: "note", Level.BAD: "BAD "}[each.level]
            click.echo(f"{mark}  {each.name}: {printable(each.told)}")
            if each.hint:
                click.echo(f"      {printable(each.hint)}")
    return 1 if any(each.level is Level.BAD for each in found) else 0
