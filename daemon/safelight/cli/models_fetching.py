"""`safelight models fetch`: shows how it goes on, and what came of it."""

import json
from typing import TYPE_CHECKING

import click

from safelight.app.settings import Settings
from safelight.cli.models_progress import megabytes, telling

if TYPE_CHECKING:
    from safelight.app.bundle_choice import Choice
    from safelight.app.bundle_fetching import Fetched


def fetch(name: str, choice: "Choice", *, settings: Settings, as_json: bool) -> int:
    """Fetch and install a bundle; exit status 0."""
    from safelight.app import bundles

    shown = telling()
    try:
        done = bundles.fetch(name, choice, settings=settings, telling=shown)
    except KeyboardInterrupt:
        shown.end()
        shown.say(f"What arrived of {name} is kept: 'safelight models fetch {name}' goes on from there.")
        raise
    finally:
        shown.end()
    _report(done, as_json=as_json, in_use=settings.bundle == done.name)
    return 0


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
