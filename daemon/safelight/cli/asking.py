"""Asks a person on a terminal, again and again until the answer can be meant."""

import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TypeVar

import click

Answered = TypeVar("Answered")


def on_terminal() -> bool:
    """Tell whether somebody is there to read questions and to answer them."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def bytes_welcome() -> None:
    """Let what is typed be any bytes, as names of folders are."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")


def ask(words: str, *, default: str, read: Callable[[str], Answered]) -> Answered:
    """Return what `read` makes of the answer; while it raises ValueError its words are shown and it is asked again.

    An empty answer is the default. Raises click.Abort when the person ends the input or presses Ctrl-C.
    """
    while True:
        answer = click.prompt(f"  {words}", default=default, show_default=bool(default))
        try:
            return read(answer.strip())
        except ValueError as error:
            click.echo(f"  {error}")


def confirm(words: str, *, default: bool) -> bool:
    """Return whether the person agrees. Raises click.Abort as `ask`."""
    return click.confirm(f"  {words}", default=default)
