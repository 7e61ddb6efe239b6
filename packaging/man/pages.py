"""Writes the manual pages, `pages.py FOLDER`: commands and options come from the program, so that none is forgotten.

What no command can say of itself (what the program is, files, exit status) stands in the templates beside this script;
@COMMANDS@ in them is where the commands go. mdoc would be nicer to write and man(7) is what every system renders.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
_SAID = frozenset({"[OPTIONS]", "COMMAND [ARGS]..."})  # what follows anyway
TEMPLATES = ("safelight.1.in", "safelight-tray.1.in")


def main() -> None:
    """Write both pages into the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: pages.py FOLDER")
    for name in TEMPLATES:
        (Path(sys.argv[1]) / name.removesuffix(".in")).write_text(page(name), encoding="utf-8")


def page(template: str) -> str:
    """Return a manual page as man(7) reads it."""
    from safelight import __version__
    from safelight.cli.main import cli

    text = (HERE / template).read_text(encoding="utf-8").replace("@VERSION@", __version__)
    return text.replace("@COMMANDS@\n", "\n".join(commands(cli)) + "\n")


def commands(group: click.Group, above: str = "") -> Iterator[str]:
    """Yield the lines of every command of a group, and of the groups in it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        if isinstance(command, click.Group) and not command.invoke_without_command:
            yield from commands(command, f"{above}{name} ")
            continue
        yield from described(command, f"{above}{name}")
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")


def described(command: click.Command, name: str) -> Iterator[str]:
    """Yield a command: how it is called, what it does, its options."""
    context = click.Context(command, info_name=name)
    called = " ".join(piece for piece in command.collect_usage_pieces(context) if piece not in _SAID)
    yield ".TP"
    yield f".B safelight {plain(name)}{' ' + plain(called) if called else ''}"
    yield plain(command.help or "")
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    if any(records):
        yield ".RS"
        for option, told in filter(None, records):
            yield ".TP"
            yield f".B {plain(option)}"
            yield plain(told)
        yield ".RE"


def plain(text: str) -> str:
    """Return a text on one line that means nothing to roff: minus signs can be copied, nothing starts a request."""
    line = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    main()
