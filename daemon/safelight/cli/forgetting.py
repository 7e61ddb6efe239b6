"""`safelight forget`: removes what is remembered of frames, after asking."""

import json
import os
from pathlib import Path

import click

from safelight.app import learning_run, remote, wiring
from safelight.app.settings import Settings
from safelight.cli.wording import counted, printable


def run(what: str | None, *, before_s: float | None, settings: Settings, sure: bool, as_json: bool) -> int:
    """Forget a file, a folder, a shoot, or all that arrived before a moment; exit status 1 if nothing was meant."""
    if (what is None) == (before_s is None):
        raise click.UsageError("Say what to forget: a file, a folder or a shoot, or --before with a date.")
    if as_json and not sure:
        raise click.UsageError("With --json nobody can be asked: add --yes.")
    with remote.writing(settings, os.environ) as parts:
        forget = learning_run.forgetting(parts)
        if before_s is not None:
            ids = forget.before(before_s)
        else:
            ids = forget.find(what or "", path=wiring.absolute(Path(what or "")))
        if ids and not sure and not _agreed(_question(len(ids))):
            click.echo("Nothing was forgotten.")
            return 1
        forget.step(ids)
        learned = learning_run.learn(parts)
    if as_json:
        version = learned.version
        click.echo(json.dumps({"forgotten": len(ids), "version": version and version.version}))
    elif not ids:
        click.echo(f"Nothing is known of {printable(what)}." if what else "Nothing arrived before that.", err=True)
    else:
        click.echo(f"{counted(len(ids), 'frame')} forgotten, and the taste was learned anew without them.")
    return 0 if ids else 1


def _agreed(question: str) -> bool:
    """Ask; nobody there to answer is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def _question(count: int) -> str:
    known = "what is known and was learned of it" if count == 1 else "what is known and was learned of them"
    return f"Forget {counted(count, 'frame')}, {known}, for good? The pictures and their sidecars stay."
