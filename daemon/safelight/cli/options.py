"""The options that several commands share, declared once so that they read and mean the same everywhere."""

from pathlib import Path

import click

from safelight.cli.times import Moment

PATH = click.Path(path_type=Path)

STATE = click.option("--state", type=PATH, metavar="DIR", help="State folder (default: XDG state, safelight below it).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output and nothing else there.")
AS_OF = click.option("--as-of", "as_of_s", type=Moment(), metavar="TIME", help="Treat TIME as now.")
SIDECARS = click.option(
    "--sidecars",
    type=click.Choice(["darktable", "adobe", "both"]),
    help="How a new sidecar is named: NAME.EXT.xmp, NAME.xmp, or both (default: as the settings say, else darktable).",
)
