"""The `safelight` command: reads arguments, calls the app, speaks to the person.

No decisions about photographs are made here. Every command imports what it needs when it runs, because `--help` and
`status` should not wait for numpy.
Exit status: 0 all went well, 1 some frames could not be rated, 2 the command could not start.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from safelight import __version__
from safelight.errors import SafelightError

PATH = click.Path(path_type=Path)

STATE = click.option("--state", type=PATH, metavar="DIR", help="State folder (default: XDG state, safelight below it).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output and nothing else there.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="safelight")
def cli() -> None:
    """Rate photographs into XMP sidecars, explain every rating, never touch an original."""


@cli.command()
@click.argument("folders", type=PATH, nargs=-1, required=True, metavar="FOLDER...")
@STATE
@click.option(
    "--sidecars",
    type=click.Choice(["darktable", "adobe", "both"]),
    default="darktable",
    show_default=True,
    help="How a new sidecar is named: NAME.EXT.xmp, NAME.xmp, or both.",
)
@click.option("--dry-run", is_flag=True, help="Rate, but write no sidecar.")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N", help="Decode workers (default: one per processor).")
@JSON
def rate(
    folders: tuple[Path, ...], state: Path | None, sidecars: str, dry_run: bool, jobs: int | None, as_json: bool
) -> int:
    """Rate every photograph below one or more folders."""
    from safelight.app.settings import settings
    from safelight.cli import rating

    chosen = settings(os.environ, state=state, profile=sidecars, jobs=jobs)
    return rating.run(folders, settings=chosen, dry_run=dry_run, as_json=as_json)


@cli.command()
@click.argument("file", type=PATH)
@STATE
@JSON
def explain(file: Path, state: Path | None, as_json: bool) -> int:
    """Say why a photograph got its rating."""
    from safelight.app.settings import settings
    from safelight.cli import explaining

    return explaining.run(file, settings=settings(os.environ, state=state), as_json=as_json)


@cli.command()
@STATE
@JSON
def undo(state: Path | None, as_json: bool) -> int:
    """Take back the last run's sidecars, byte for byte, where they are still ours."""
    from safelight.app.settings import settings
    from safelight.cli import undoing

    return undoing.run(settings=settings(os.environ, state=state), as_json=as_json)


@cli.command()
@STATE
@JSON
def status(state: Path | None, as_json: bool) -> int:
    """Show how many frames stand where, and the last run."""
    from safelight.app.settings import settings
    from safelight.cli import reporting

    return reporting.status(settings=settings(os.environ, state=state), as_json=as_json)


@cli.command()
@STATE
@JSON
def doctor(state: Path | None, as_json: bool) -> int:
    """Check what Safelight needs on this machine, and say what is lost where something is missing."""
    from safelight.app.settings import settings
    from safelight.cli import reporting

    return reporting.doctor(settings=settings(os.environ, state=state), as_json=as_json)


def main() -> None:
    """Run the command and end with its exit status; a failure is told in plain sentences."""
    # Before numpy is loaded: our matrices are small, and idle BLAS threads spin away more time than they save.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.exit(_guarded(lambda: cli.main(standalone_mode=False)))


def _guarded(command: Callable[[], Any]) -> int:
    try:
        return int(command() or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What was done is kept; run again to go on.", err=True)
        return 130
    except SafelightError as error:
        click.echo(f"safelight: {error.summary}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        return 2
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Nothing may be written any more, not even at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
