"""`safelight models catch-up`: lets the bundle in use look at the whole library now."""

import json
from collections.abc import Mapping

import click

from safelight.app import catching_up, remote
from safelight.app.catching_up import Progressed
from safelight.app.settings import EMBEDDED, Settings
from safelight.cli.progress import shown
from safelight.cli.wording import counted, printable
from safelight.domain.succession import LEAST_FRAMES


def run(*, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """Look at what the bundle in use has not seen; exit status 1 when something kept it from that."""
    with remote.writing(settings, environ) as parts, shown(parts) as progress:
        done = catching_up.catch_up(parts, progress)
    record = {
        "bundle": done.bundle,
        "seen": done.seen,
        "unseen": done.unseen,
        "passed_over": done.passed_over,
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
            f"{name} has seen {counted(done.seen, 'photograph')} and not yet {done.unseen:,};"
            f" {EMBEDDED} judges until then."
        )
    elif done.seen >= LEAST_FRAMES:
        lines.append(f"{name} answers the same for every photograph, so {EMBEDDED} goes on judging.")
    else:
        lines.append(
            f"{name} has seen {counted(done.seen, 'photograph')}, all there are. It judges once there are"
            f" {LEAST_FRAMES} of them; {EMBEDDED} does until then."
        )
    if done.unseen and not done.trouble:
        lines.append(
            "The rest cannot be reached now, as on a disk that is not plugged in; it is looked at when it can."
        )
    if done.passed_over:
        lines.append(f"{counted(done.passed_over, 'photograph')} could not be read any more, and did not count.")
    return "\n".join(lines)
