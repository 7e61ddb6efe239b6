"""`safelight models fetch`: shows how it goes on, and what came of it."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from safelight.app.settings import Settings
from safelight.cli.models_progress import Shown, megabytes, telling
from safelight.cli.telling import tell_of_bundles
from safelight.cli.wording import counted, printable

if TYPE_CHECKING:
    from safelight.app.bundle_choice import Choice
    from safelight.app.bundle_fetching import Fetched


def command(name: str, asked: Mapping[str, bool], *, folder: Path | None, accepted: Iterable[str]) -> str:
    """Return the command as it was given, to be typed again: `asked` tells of each plain option whether it was."""
    words = ["safelight", "models", "fetch", name, *(option for option, given in asked.items() if given)]
    words += [] if folder is None else ["--from", str(folder)]
    words += [word for each in accepted for word in ("--accept-hash", each)]
    return shlex.join(words)


def fetch(name: str, choice: "Choice", *, command: str, settings: Settings, as_json: bool) -> int:
    """Fetch and install a bundle; exit status 1 when the daemon runs and does not take it up."""
    from safelight.app import bundles

    shown = telling()
    _announce(name, choice, shown, settings=settings)
    try:
        done = bundles.fetch(name, choice, settings=settings, telling=shown)
    except KeyboardInterrupt:
        shown.end()
        shown.say(f"What arrived of {name} is kept, and the same command goes on from there: {command}")
        raise
    finally:
        shown.end()
    _report(done, as_json=as_json, in_use=settings.bundle == done.name)
    return tell_of_bundles(os.environ) if done.new else 0


def _announce(name: str, choice: "Choice", shown: Shown, *, settings: Settings) -> None:
    """Say how much is fetched before it begins, unless all of it is here."""
    from safelight.app.bundle_plan import planned
    from safelight.app.bundle_shelf import Shelf

    plan = planned(name, choice, shelf=Shelf(settings.bundles))
    if plan is None or plan.here_bytes >= plan.size_bytes:
        return
    here = f", {megabytes(plan.here_bytes)} of it here already" if plan.here_bytes else ""
    shown.say(f"{printable(name)}: {counted(plan.files, 'file')}, {megabytes(plan.size_bytes)}{here}.")


def _report(done: "Fetched", *, as_json: bool, in_use: bool) -> None:
    if as_json:
        files = [each.model_dump() for each in done.files]
        click.echo(json.dumps({"name": done.name, "kind": done.kind, "new": done.new, "files": files}))
        return
    size = megabytes(sum(each.size_bytes for each in done.files))
    if not done.new:
        click.echo(f"{done.name} is installed already, and undamaged: {size}.")
    else:
        click.echo(f"{done.name} is installed: {size}.")
    for each in done.files:
        if each.accepted:
            click.echo(f"  {each.path} was installed because you accepted its sum.")
    if done.kind == "embedding" and not in_use:
        click.echo(f"Let it judge from now on with: safelight models use {done.name}")
