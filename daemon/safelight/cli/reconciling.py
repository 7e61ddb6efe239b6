"""`safelight reconcile`: tells what happened to known photographs since the last look."""

import json
import os
from pathlib import Path

import click

from safelight.app import reconcile_run, remote
from safelight.app.settings import Settings
from safelight.cli.wording import counted, printable
from safelight.domain.entries import Kind
from safelight.services.reconcile import Reconciled

_SAID = (
    (Kind.FRAME_MOVED, "moved"),
    (Kind.FRAME_LOST, "gone since the last look"),
    (Kind.LOSS_CONFIRMED, "still gone, and believed from now on"),
    (Kind.FRAME_RETURNED, "back again"),
    (Kind.PERSON_RATED, "rated by you"),
    (Kind.PERSON_FLAGGED, "picked or rejected by you"),
    (Kind.PERSON_LABELLED, "labelled by you"),
    (Kind.FRAME_DEVELOPED, "edited"),
    (Kind.FRAME_EXPORTED, "exported"),
    (Kind.FRAME_CHANGED, "written again"),
)


def run(folder: Path | None, *, settings: Settings, as_json: bool) -> int:
    """Reconcile and return the exit status: 0, or 1 if something could not be looked at."""
    with remote.writing(settings, os.environ) as parts:
        done = reconcile_run.reconcile(folder, parts=parts)
    click.echo(json.dumps(_record(done)) if as_json else _told(done))
    return 1 if done.absent or done.not_looked else 0


def _record(done: Reconciled) -> dict[str, object]:
    return {
        "files": done.files,
        "facts": dict(sorted(done.facts.items())),
        "busy": done.busy,
        "absent": [{"path": str(each.path), "reason": each.reason} for each in done.absent],
        "not_looked": [{"path": str(each.path), "reason": each.reason} for each in done.not_looked],
    }


def _told(done: Reconciled) -> str:
    lines = [f"{counted(done.files, 'file')} looked at."]
    lines += [f"  {counted(done.facts[kind], 'frame')} {words}" for kind, words in _SAID if done.facts[kind]]
    if len(lines) == 1:
        lines = [f"{counted(done.files, 'file')} looked at, nothing new."]
    if done.busy:
        lines.append(f"{counted(done.busy, 'frame')} being saved by another program; the next look will see them.")
    lines += [printable(each.reason) for each in done.absent]
    lines += [f"{printable(each.path)}: {printable(each.reason)}" for each in done.not_looked]
    return "\n".join(lines)
