"""`safelight rerate`: lets stars that were delivered follow the present taste."""

import json
from pathlib import Path

import click

from safelight.app import learning_run, wiring
from safelight.app.learning_run import Rerated
from safelight.app.settings import Settings
from safelight.cli.progress import progress
from safelight.cli.wording import counted, printable


def run(folder: Path | None, *, settings: Settings, as_json: bool) -> int:
    """Rate again what is ours; exit status 1 if a sidecar could not be written."""
    shown = progress()
    with wiring.writing(settings) as parts:
        try:
            done = learning_run.rerate(folder, parts=parts, progress=shown)
        finally:
            shown.end()
    if as_json:
        failed = [{"path": str(path), "reason": reason} for path, reason in done.failed]
        click.echo(json.dumps({"frames": done.frames, "up": done.up, "down": done.down, "failed": failed}))
    else:
        click.echo(_told(done))
    return 1 if done.failed else 0


def _told(done: Rerated) -> str:
    if not done.frames:
        return "There are no stars of ours to change."
    lines = [f"{counted(done.frames, 'frame')} rated again: {done.up:,} up, {done.down:,} down, the rest as before."]
    lines += [f"  {printable(path)}: {printable(reason)}" for path, reason in done.failed]
    return "\n".join(lines)
