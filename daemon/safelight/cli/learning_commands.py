"""Declares the commands that have to do with learning: their arguments, and nothing of what they do."""

import os
from pathlib import Path

import click

from safelight.cli.options import AS_OF, JSON, PATH, SIDECARS, STATE, Commands
from safelight.cli.times import Moment


@click.command()
@click.option("--from", "source", type=PATH, metavar="FOLDER", help="Learn from what was done there before Safelight.")
@click.option("--replay", is_flag=True, help="Compute the taste and all ratings again from the journal.")
@click.option("--verify", is_flag=True, help="With --replay: only say where that differs from what is kept.")
@STATE
@AS_OF
@JSON
def learn(
    source: Path | None, replay: bool, verify: bool, state: Path | None, as_of_s: float | None, as_json: bool
) -> int:
    """Learn your taste from what you did to your photographs."""
    from safelight.app.configuration import settings
    from safelight.cli import learning

    if verify and not replay:
        raise click.UsageError("--verify belongs to --replay.")
    if replay and (source is not None or as_of_s is not None):
        raise click.UsageError("--replay computes what was learned at its own times: without --from and --as-of.")
    chosen = settings(os.environ, state=state, as_of_s=as_of_s)
    if replay:
        return learning.replay(settings=chosen, verify=verify, as_json=as_json)
    if source is not None:
        return learning.run_from(source, settings=chosen, as_json=as_json)
    return learning.run(settings=chosen, as_json=as_json)


@click.command()
@click.option("--last", type=click.IntRange(min=0), default=50, show_default=True, metavar="N", help="0: all of them.")
@STATE
@AS_OF
@JSON
def actions(last: int, state: Path | None, as_of_s: float | None, as_json: bool) -> int:
    """List what Safelight made of what you did, why, and whether it counts."""
    from safelight.app.settings import settings
    from safelight.cli import actions_listing

    chosen = settings(os.environ, state=state, as_of_s=as_of_s)
    return actions_listing.run(settings=chosen, last=last, as_json=as_json)


@click.command()
@click.argument("action", type=int, metavar="ID")
@STATE
@JSON
def veto(action: int, state: Path | None, as_json: bool) -> int:
    """Say that an action does not mean what it seems to; ID is what `safelight actions` lists."""
    from safelight.app.settings import settings
    from safelight.cli import learning

    return learning.veto(action, settings=settings(os.environ, state=state), as_json=as_json)


@click.command()
@click.option("--since", "since_s", type=Moment(), metavar="TIME", help="Only what was written since then.")
@STATE
@JSON
def journal(since_s: float | None, state: Path | None, as_json: bool) -> int:
    """Print everything that happened, in order."""
    from safelight.app.settings import settings
    from safelight.cli import journaling

    return journaling.run(settings=settings(os.environ, state=state), since_s=since_s, as_json=as_json)


@click.command()
@click.argument("what", required=False, metavar="FILE|SHOOT|FOLDER")
@click.option("--before", "before_s", type=Moment(), metavar="DATE", help="Everything that arrived before then.")
@click.option("--yes", "sure", is_flag=True, help="Do not ask.")
@STATE
@JSON
def forget(what: str | None, before_s: float | None, sure: bool, state: Path | None, as_json: bool) -> int:
    """Remove what is remembered and was learned of photographs, for good; the pictures stay."""
    from safelight.app.settings import settings
    from safelight.cli import forgetting

    chosen = settings(os.environ, state=state)
    return forgetting.run(what, before_s=before_s, settings=chosen, sure=sure, as_json=as_json)


@click.command()
@click.argument("folder", type=PATH, required=False)
@STATE
@SIDECARS
@JSON
def rerate(folder: Path | None, state: Path | None, sidecars: str | None, as_json: bool) -> int:
    """Rate again by your present taste what carries Safelight's stars, never what you rated."""
    from safelight.app.configuration import settings
    from safelight.cli import answers

    chosen = settings(os.environ, state=state, profile=sidecars)
    named = {"folder": None if folder is None else str(folder.absolute())}
    # The daemon names sidecars as its settings say, so what was asked for otherwise is done here.
    given = answers.asked("rerate", named, settings=chosen, environ=os.environ, here=sidecars is not None)
    return answers.show(given, as_json=as_json)


@click.group(cls=Commands, invoke_without_command=True)
@STATE
@AS_OF
@JSON
@click.pass_context
def taste(context: click.Context, state: Path | None, as_of_s: float | None, as_json: bool) -> int:
    """Say what Safelight believes of your taste, and how far it leans on that."""
    if context.invoked_subcommand is not None:
        return 0
    from safelight.app import taste_run, wiring
    from safelight.app.settings import settings
    from safelight.cli import tasting

    with wiring.reading(settings(os.environ, state=state, as_of_s=as_of_s)) as parts:
        told = taste_run.tell(parts)
    return tasting.show(told.portrait, as_json=as_json)


@taste.command()
@click.option("--out", type=PATH, default=Path("safelight-taste.html"), show_default=True, metavar="FILE")
@STATE
@AS_OF
@JSON
def report(out: Path, state: Path | None, as_of_s: float | None, as_json: bool) -> int:
    """Measure how well the taste foretells you, and write a page with plots."""
    from safelight.app import taste_run, wiring
    from safelight.app.settings import settings
    from safelight.cli import tasting

    with wiring.reading(settings(os.environ, state=state, as_of_s=as_of_s)) as parts:
        told = taste_run.tell(parts, report=True)
        page = taste_run.write_page(told, out, parts)
    assert told.report is not None
    return tasting.show_report(told.report, told.portrait, page, as_json=as_json)


COMMANDS = (taste, learn, actions, veto, journal, forget, rerate)
