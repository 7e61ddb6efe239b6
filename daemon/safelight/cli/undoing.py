"""`safelight undo`: takes back the last run's sidecar writes."""

import json

import click

from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.cli.wording import counted, printable
from safelight.services.withdraw import Withdraw, Withdrawn


def run(*, settings: Settings, as_json: bool) -> int:
    """Undo and return the exit status: 0, or 1 if a sidecar could not be restored."""
    with wiring.writing(settings) as parts:
        withdrawn = Withdraw(store=parts.store, sidecars=parts.sidecars, clock=parts.clock).step()
    if as_json:
        click.echo(json.dumps(_record(withdrawn or Withdrawn())))
    else:
        click.echo(_told(withdrawn))
    return 1 if withdrawn and withdrawn.failed else 0


def _record(withdrawn: Withdrawn) -> dict[str, object]:
    return {
        "restored": [str(path) for path in withdrawn.restored],
        "left": [str(path) for path in withdrawn.left],
        "failed": [{"path": str(path), "reason": reason} for path, reason in withdrawn.failed],
    }


def _told(withdrawn: Withdrawn | None) -> str:
    if withdrawn is None:
        return "There is nothing to take back."
    lines = [f"{counted(len(withdrawn.restored), 'sidecar')} restored to what {_was(withdrawn)} before the last run."]
    if withdrawn.left:
        lines.append(f"{counted(len(withdrawn.left), 'sidecar')} left alone: changed by another program since.")
        lines += [f"  {printable(path)}" for path in withdrawn.left]
    if withdrawn.failed:
        lines.append(f"{counted(len(withdrawn.failed), 'sidecar')} could not be restored:")
        lines += [f"  {printable(path)}: {printable(reason)}" for path, reason in withdrawn.failed]
    return "\n".join(lines)


def _was(withdrawn: Withdrawn) -> str:
    return "it was" if len(withdrawn.restored) == 1 else "they were"
