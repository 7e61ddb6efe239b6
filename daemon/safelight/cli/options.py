"""The options that several commands share, declared once so that they read and mean the same everywhere."""

from pathlib import Path

import click

from safelight.cli.times import Moment

_WHOLE = 1000  # characters: click cuts what a command does off at the end of the line


class Commands(click.Group):
    """A command of commands, whose help says of each in whole sentences what it does."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(_WHOLE)) for name, command in found if command])


PATH = click.Path(path_type=Path)

STATE = click.option("--state", type=PATH, metavar="DIR", help="State folder (default: ~/.local/state/safelight).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output and nothing else there.")
AS_OF = click.option("--as-of", "as_of_s", type=Moment(), metavar="TIME", help="Treat TIME as now.")
SIDECARS = click.option(
    "--sidecars",
    type=click.Choice(["darktable", "adobe", "both"]),
    help="How a new sidecar is named: NAME.EXT.xmp, NAME.xmp, or both (default: as the settings say, else darktable).",
)
