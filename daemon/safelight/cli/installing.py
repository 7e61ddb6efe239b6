"""`safelight install-user` and `uninstall-user`: list what will be done, ask, do it, tell how it went.

Exit status: 0 all was done, 1 something was left undone and is named, 2 nothing could be started.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from safelight.cli.options import JSON
from safelight.cli.wording import printable

if TYPE_CHECKING:
    from safelight.app.installing import Surroundings
    from safelight.app.installing_steps import Plan

DRY = click.option("--dry-run", is_flag=True, help="List what would be done, and do nothing.")
SURE = click.option("--yes", "sure", is_flag=True, help="Do it without asking.")


@click.command()
@DRY
@SURE
@JSON
def install_user(dry_run: bool, sure: bool, as_json: bool) -> int:
    """Let Safelight start by itself for you: units of systemd or entries of the desktop, menu entry, icons."""
    from safelight.app import installing

    installing.check(os.environ)
    around = _surroundings(with_folders=True)
    plan = installing.installation(around)
    return _done(plan, around, dry_run=dry_run, sure=sure, as_json=as_json, verb="install")


@click.command()
@click.option("--purge", is_flag=True, help="Remove what Safelight knows and has learned, its cache and settings, too.")
@DRY
@SURE
@JSON
def uninstall_user(purge: bool, dry_run: bool, sure: bool, as_json: bool) -> int:
    """Take back everything that install-user did; photographs and sidecars stay."""
    from safelight.app import installing

    installing.check(os.environ)
    around = _surroundings(with_folders=False)
    plan = installing.removal(around, purge=purge)
    return _done(plan, around, dry_run=dry_run, sure=sure, as_json=as_json, verb="uninstall")


COMMANDS = (install_user, uninstall_user)


def _surroundings(*, with_folders: bool) -> "Surroundings":
    from safelight.app import configuration
    from safelight.app.installing import Surroundings
    from safelight.app.installing_system import UserSystem, daemon_ender, programs

    folders: tuple[Path, ...] = ()
    if with_folders:  # a file of settings that cannot be read must not keep anybody from uninstalling
        read = configuration.read(os.environ)
        copies = [read.cards.import_folder, read.cards.backup_folder]
        folders = (*(each.path for each in read.watched()), *(each for each in copies if each not in {None, Path()}))
    return Surroundings(
        environ=os.environ,
        system=UserSystem(os.environ),
        programs=programs(),
        folders=folders,
        end_daemon=daemon_ender(os.environ),
    )


def _done(plan: "Plan", around: "Surroundings", *, dry_run: bool, sure: bool, as_json: bool, verb: str) -> int:
    if not dry_run and not sure and (as_json or not _is_terminal()):
        raise click.UsageError("Nobody can be asked here: add --yes, or --dry-run to see what would be done.")
    if not as_json:
        _list(plan, dry_run=dry_run)
    if dry_run:
        if as_json:
            click.echo(json.dumps({"steps": [{"step": step.told} for step in plan.steps], "left": plan.left}))
        return 0
    if plan.steps and not sure and not _agreed():
        click.echo("Nothing was done.")
        return 1
    return _carried_out(plan, around, as_json=as_json, verb=verb)


def _carried_out(plan: "Plan", around: "Surroundings", *, as_json: bool, verb: str) -> int:
    from safelight.app.installing_receipt import Receipt
    from safelight.app.installing_steps import Work, carried_out

    work = Work(Receipt.read(around.receipt), around.system.command)
    told = [{"step": step.told, "problem": problem} for step, problem in carried_out(plan, work)]
    problems = [each for each in told if each["problem"]]
    if as_json:
        click.echo(json.dumps({"steps": told, "left": plan.left}))
        return 1 if problems else 0
    for each in problems:
        click.echo(f"Not done: {printable(each['step'])}.\n  {printable(each['problem'])}", err=True)
    if not problems:
        click.echo(
            "Safelight starts by itself from now on." if verb == "install" else "Nothing of it is left to start."
        )
    for note in plan.notes:
        click.echo(printable(note))
    return 1 if problems else 0


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _list(plan: "Plan", *, dry_run: bool) -> None:
    if not plan.steps:
        click.echo("There is nothing to do.")
    else:
        click.echo("This would be done:" if dry_run else "This will be done:")
    for step in plan.steps:
        click.echo(f"  - {printable(step.told)}")
    for sentence in plan.left:
        click.echo(printable(sentence))


def _agreed() -> bool:
    try:
        return click.confirm("Go on?", err=True)
    except click.Abort:
        click.echo(err=True)
        return False
