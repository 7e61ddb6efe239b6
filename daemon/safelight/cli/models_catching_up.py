"""`safelight models catch-up`: lets the bundle in use look at the whole library now."""

import json
from collections.abc import Mapping

import click

from safelight.app import catching_up, remote
from safelight.app.catching_up import Progressed
from safelight.app.settings import EMBEDDED, Settings
from safelight.cli.progress import shown
from safelight.cli.wording import counted, printable


def run(*, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """Look at what the bundle in use has not seen; exit status 1 when something kept it from that."""
    with remote.writing(settings, environ) as parts, shown(parts) as progress:
        done = catching_up.catch_up(parts, progress)
    record = {
        "bundle": done.bundle,
        "seen": done.seen,
        "unseen": done.unseen,
        "judges": done.judges,
        "trouble": done.trouble,
    }
    click.echo(json.dumps(record) if as_json else told(done))
    return 1 if done.trouble else 0


def told(done: Progressed) -> str:
    """Say how far the bundle in use has come."""
    name = printable(done.bundle)
    if done.bundle == EMBEDDED:
        return f"The {name} bundle is in use: it has seen every photograph that was rated."
    lines = [printable(done.trouble)] if done.trouble else []
    if done.judges:
        lines.append(f"{name} has seen {counted(done.seen, 'photograph')}, all there are, and judges from now on.")
    elif done.unseen:
        lines.append(
            f"{name} has seen {done.seen:,} photographs and not yet {done.unseen:,}; {EMBEDDED} judges until then."
        )
    else:
        lines.append(
            f"{name} has seen {counted(done.seen, 'photograph')}, all there are. It judges once there are 200 of them;"
            f" {EMBEDDED} does until then."
        )
    return "\n".join(lines)
