"""`safelight models list | verify | remove | use`: what there is, whether it is undamaged, and which one judges."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from safelight.app.settings import EMBEDDED, Settings
from safelight.cli.models_progress import megabytes, reading
from safelight.cli.telling import tell_daemon, tell_of_bundles
from safelight.cli.wording import counted, printable

if TYPE_CHECKING:
    from safelight.app.bundle_shelf import Shelved
    from safelight.app.bundles import Verified


def show(*, settings: Settings, as_json: bool) -> int:
    """List the bundles, the embedded one first; exit status 0."""
    from safelight.app import bundles
    from safelight.app.bundle_plan import going_on
    from safelight.app.bundle_shelf import Shelf, undescribed

    found = bundles.listed(settings)
    if settings.bundle not in {each.name for each in found}:
        found = (*found, undescribed(settings.bundle))
    if as_json:
        click.echo(json.dumps([_record(each, in_use=each.name == settings.bundle) for each in found]))
        return 0
    width = max(len(each.name) for each in found)
    shelf = Shelf(settings.bundles)
    for each in found:
        again = going_on(each, shelf=shelf)
        click.echo("\n".join(_lines(each, width, again, in_use=each.name == settings.bundle)))
    state = next(each.state.value for each in found if each.name == settings.bundle)
    if state not in ("embedded", "installed"):
        click.echo(f"{settings.bundle} is chosen in the settings but {state}: the embedded bundle judges.")
    return 0


def verify(name: str | None, *, settings: Settings, as_json: bool) -> int:
    """Read files again; exit status 1 when one is not what was installed."""
    from safelight.app import bundles

    if name is None:
        found = bundles.verify_all(settings=settings, telling=reading())
    else:
        found = (bundles.verify(name, settings=settings, telling=reading()),)
    if as_json:
        click.echo(json.dumps([{"name": each.name, "files": len(each.files), "wrong": each.wrong} for each in found]))
    else:
        _tell(found, {each.name: each.fetching for each in bundles.listed(settings)})
    return 1 if any(each.wrong for each in found) else 0


def remove(name: str, *, unfinished: bool, settings: Settings, as_json: bool) -> int:
    """Remove a bundle, or only what was begun of it; exit status 1 when the daemon runs and does not notice."""
    from safelight.app import bundles

    freed = bundles.remove(name, settings=settings, environ=os.environ, unfinished=unfinished)
    if as_json:
        click.echo(json.dumps({"name": name, "freed_bytes": freed}))
    else:
        what = f"What was begun of {printable(name)}" if unfinished else printable(name)
        click.echo(f"{what} is removed: {megabytes(freed)} are free again.")
    return 0 if unfinished else tell_of_bundles(os.environ)


def use(name: str, *, settings: Settings, as_json: bool) -> int:
    """Write into the settings which bundle judges; exit status 1 when the daemon runs and does not take it up."""
    from safelight.app import bundles

    bundles.use(name, settings=settings, environ=os.environ, telling=reading())
    if as_json:
        click.echo(json.dumps({"bundle": name, "before": settings.bundle}))
        return tell_daemon(os.environ, quiet=True)
    if name == settings.bundle:
        click.echo(f"{name} is in use already.")
        return 0
    if name == EMBEDDED:
        click.echo(f"{name} judges from now on. Nothing that was learned is lost.")
    else:
        click.echo(f"{name} judges as soon as it has seen your photographs; {EMBEDDED} does until then.")
        click.echo("The daemon shows them to it in quiet moments, 'safelight models catch-up' does now.")
    return tell_daemon(os.environ)


def _lines(each: "Shelved", width: int, again: str, *, in_use: bool) -> list[str]:
    """Return what is said of a bundle; `again`: the command that goes on with what was begun of it."""
    mark = "*" if in_use else " "
    size = megabytes(each.size_bytes) if each.size_bytes else "size unknown"
    if each.with_text_bytes:
        size += f" ({megabytes(each.with_text_bytes)} with --text)"
    about = ", ".join(filter(None, (each.state, "in use" if in_use else "", size, each.licence)))
    below = [printable(each.summary)]
    if each.unconfirmed:
        below.append(f"Nobody confirmed the sha256 of {printable(', '.join(each.unconfirmed))}.")
    if each.trouble:
        below.append(f"{printable(each.trouble)} '{each.fetching}' puts it right.")
    if each.state == "unfinished":
        below.append(f"'{again}' goes on, 'safelight models remove {each.name}' gives it up.")
    return [f"{mark} {printable(each.name):<{width}}  {about}", *(f"  {'':<{width}}  {line}" for line in below)]


def _record(each: "Shelved", *, in_use: bool) -> dict[str, object]:
    return {
        "name": each.name,
        "state": each.state.value,
        "in_use": in_use,
        "kind": each.kind,
        "size_bytes": each.size_bytes,
        "with_text_bytes": each.with_text_bytes,
        "licence": each.licence,
        "unconfirmed": list(each.unconfirmed),
        "described": each.described,
        "trouble": each.trouble,
        "summary": each.summary,
    }


def _tell(found: "Sequence[Verified]", fetching: Mapping[str, str]) -> None:
    """Say of each bundle what is wrong; `fetching`: the command that fetches it, by name."""
    if not found:
        click.echo(f"No bundle is installed beside {EMBEDDED}, which is checked whenever it is loaded.")
    for each in found:
        for sentence in each.wrong:
            click.echo(printable(f"{each.name}: {sentence}"))
        if each.wrong:
            click.echo(f"  '{fetching[each.name]}' puts it right.")
        else:
            click.echo(f"{each.name}: {counted(len(each.files), 'file')}, all as installed.")
