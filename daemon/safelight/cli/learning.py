"""`safelight learn`, `veto` and `undo --taste`: learn what is new, replay it, or take some of it back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from safelight.app import learning_run, remote
from safelight.app.learning_run import Imported
from safelight.app.settings import Settings
from safelight.cli.actions_listing import line_of, record_of
from safelight.cli.progress import progress
from safelight.cli.wording import counted, percent, printable
from safelight.domain.actions import State
from safelight.services.learn import Learned

if TYPE_CHECKING:  # learning usually finds nothing new and then never needs numpy
    from safelight.services.replay import Replayed

_SHOWN = 20  # differences told one by one before the rest is only counted


def run(*, settings: Settings, as_json: bool) -> int:
    """Learn whatever is new; exit status 0."""
    with remote.writing(settings, os.environ) as parts:
        learned = learning_run.learn(parts)
    click.echo(json.dumps(_record(learned)) if as_json else _told(learned))
    return 0


def run_from(folder: Path, *, settings: Settings, as_json: bool) -> int:
    """Learn from the past of a folder; exit status 0."""
    shown = progress()
    with remote.writing(settings, os.environ) as parts:
        try:
            imported = learning_run.learn_from(folder, parts=parts, progress=shown)
        finally:
            shown.end()
    if as_json:
        record = {"frames": imported.frames, "fresh": imported.fresh} | _record(imported.learned)
        click.echo(json.dumps(record))
    else:
        click.echo(f"{_looked_at(imported)}\n{_told(imported.learned)}")
    return 0


def replay(*, settings: Settings, verify: bool, as_json: bool) -> int:
    """Compute everything again; with `verify` exit status 1 if that differs from what is kept."""
    with remote.writing(settings, os.environ) as parts:
        replayed = learning_run.replay(parts, put=not verify)
    click.echo(json.dumps(_replay_record(replayed)) if as_json else _told_replay(replayed, verify=verify))
    return 1 if verify and replayed.differences else 0


def veto(action_id: int, *, settings: Settings, as_json: bool) -> int:
    """Silence one inference and learn anew; exit status 1 if there is none with this id."""
    with remote.writing(settings, os.environ) as parts:
        found = learning_run.correct(parts).veto(action_id)
        learned = learning_run.learn(parts)
        record = record_of(found, parts.store.catalog) if found else None
        line = line_of(found, parts.store.catalog) if found else ""
    if as_json:
        click.echo(json.dumps({"vetoed": record} | _record(learned)))
    elif found is None:
        click.echo(f"There is no action {action_id}; safelight actions lists them.", err=True)
    else:
        said = "It was silenced before." if found.state is State.VETOED else "It will not be believed again."
        click.echo(f"{line}\n{said} {_told(learned)}")
    return 0 if found else 1


def roll_back(version: int, *, settings: Settings, as_json: bool) -> int:
    """Go back to an earlier taste; exit status 1 if there is no such version."""
    with remote.writing(settings, os.environ) as parts:
        done = learning_run.correct(parts).roll_back(version)
        learned = learning_run.learn(parts)
    if as_json:
        click.echo(json.dumps({"to": version if done else None} | _record(learned)))
    elif not done:
        click.echo(f"There is no version {version} of your taste; safelight taste --json names the newest.", err=True)
    else:
        click.echo(f"Back to what version {version} knew; what you do from now on counts again. {_told(learned)}")
    return 0 if done else 1


def _record(learned: Learned) -> dict[str, object]:
    version = learned.version
    return {
        "learned": learned.made,
        "changed": learned.changed,
        "version": version and version.version,
        "comparisons": version.comparisons if version else 0,
        "gate": version.gate if version else 0.0,
        "made_s": version and version.made_s,
        "through": version and version.through,
        "digest": version and version.digest,
    }


def _told(learned: Learned) -> str:
    version = learned.version
    if version is None:
        return "Nothing has been learned yet: delete, rate, move or edit some rated photographs, and run it again."
    known = f"{counted(version.comparisons, 'comparison')}, leaning on you by {percent(version.gate)}"
    if not learned.made:
        return f"Nothing new to learn; your taste is version {version.version} ({known})."
    return f"Learned: version {version.version} of your taste ({known})."


def _looked_at(imported: Imported) -> str:
    return f"{counted(imported.frames, 'frame')} in the folder, {imported.fresh:,} of them seen for the first time."


def _replay_record(replayed: Replayed) -> dict[str, object]:
    return {
        "tastes": replayed.tastes,
        "ratings": replayed.ratings,
        "as_delivered": replayed.delivered,
        "differences": replayed.differences,
        "digest": replayed.version and replayed.version.digest,
    }


def _told_replay(replayed: Replayed, *, verify: bool) -> str:
    lines = [f"{counted(replayed.tastes, 'version')} of the taste and {counted(replayed.ratings, 'rating')} computed"
             " again from the journal."]  # fmt: skip
    if replayed.delivered:
        lines.append(
            f"{counted(replayed.delivered, 'rating')} taken as delivered: given before something was forgotten, or by"
            " an early Safelight."
        )
    if not replayed.differences:
        lines.append("All of it is as it was.")
    lines += [printable(difference) for difference in replayed.differences[:_SHOWN]]
    if len(replayed.differences) > _SHOWN:
        lines.append(f"... and {len(replayed.differences) - _SHOWN:,} more; --json names them all.")
    if not verify:
        lines.append("The taste is the recomputed one from now on.")
    return "\n".join(lines)
