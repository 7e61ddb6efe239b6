"""Declares the commands that read and change the settings: their arguments, and nothing of what they do."""

import os
from pathlib import Path
from typing import Literal

import click

from safelight.cli.options import JSON, PATH, STATE, Commands


@click.command()
def setup() -> int:
    """Ask three questions and write the settings: folders to watch, cards, programs in use."""
    from safelight.cli import setup as questions

    return questions.run(os.environ)


@click.group(cls=Commands)
def watch() -> None:
    """Say which folders are watched."""


@watch.command("add")
@click.argument("folder", type=PATH)
@click.option(
    "--existing",
    type=click.Choice(["rate", "leave"]),
    help="Rate the photographs that are in it already, or leave them alone (default: asked on a terminal, else rate).",
)
@JSON
def add(folder: Path, existing: Literal["rate", "leave"] | None, as_json: bool) -> int:
    """Watch FOLDER and everything below it."""
    from safelight.cli import watching

    return watching.add(folder, existing=existing, environ=os.environ, as_json=as_json)


@watch.command("remove")
@click.argument("folder", type=PATH)
@JSON
def remove(folder: Path, as_json: bool) -> int:
    """Watch FOLDER no longer; photographs and ratings stay."""
    from safelight.cli import watching

    return watching.remove(folder, environ=os.environ, as_json=as_json)


@watch.command("list")
@JSON
def list_folders(as_json: bool) -> int:
    """List the folders that are watched."""
    from safelight.cli import watching

    return watching.show(environ=os.environ, as_json=as_json)


@click.group(cls=Commands)
def cards() -> None:
    """Say what is done with each memory card."""


@cards.command("list")
@STATE
@JSON
def list_cards(state: Path | None, as_json: bool) -> int:
    """List the cards that were ever plugged in, and what is done with each."""
    from safelight.app.settings import settings
    from safelight.cli import cards_commands as commands

    return commands.show(settings=settings(os.environ, state=state), environ=os.environ, as_json=as_json)


@cards.command("set")
@click.argument("card", metavar="CARD")
@click.argument("policy", type=click.Choice(["import", "rate", "ask", "ignore"]))
@STATE
@JSON
def set_policy(card: str, policy: str, state: Path | None, as_json: bool) -> int:
    """Say what is done with CARD, an id or a name that `safelight cards list` shows."""
    from safelight.app.settings import settings
    from safelight.cli import cards_commands as commands

    chosen = settings(os.environ, state=state)
    return commands.put(card, policy, settings=chosen, environ=os.environ, as_json=as_json)


SETTINGS_COMMANDS = (setup, watch, cards)
