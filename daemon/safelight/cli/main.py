"""The `safelight` command: reads arguments, calls the app, speaks to the person.

No decisions about photographs are made here. Every command imports what it needs when it runs, because `--help` and
`status` should not wait for numpy.
Exit status: 0 all went well, 1 some frames could not be rated, 2 the command could not start.
"""

import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from safelight import __version__
from safelight.cli.daemon_commands import DAEMON_COMMANDS
from safelight.cli.installing import COMMANDS as INSTALLING_COMMANDS
from safelight.cli.learning_commands import COMMANDS
from safelight.cli.models_commands import models
from safelight.cli.options import AS_OF, JSON, PATH, SIDECARS, STATE, Commands
from safelight.cli.search_commands import SEARCH_COMMANDS
from safelight.cli.settings_commands import SETTINGS_COMMANDS
from safelight.cli.wording import printable
from safelight.errors import FrameError, SafelightError

STOPPED = "Stopped. What was done is kept; run again to go on."


@click.group(cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="safelight")
def cli() -> None:
    """Rate photographs into XMP sidecars, explain every rating, never touch an original."""


@cli.command()
@click.argument("folders", type=PATH, nargs=-1, required=True, metavar="FOLDER...")
@STATE
@SIDECARS
@click.option("--dry-run", is_flag=True, help="Rate, but write no sidecar.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Decode workers (default: as the settings say, else one per processor).",
)
@JSON
def rate(
    folders: tuple[Path, ...], state: Path | None, sidecars: str | None, dry_run: bool, jobs: int | None, as_json: bool
) -> int:
    """Rate every photograph below one or more folders."""
    from safelight.app.configuration import settings
    from safelight.cli import rating

    chosen = settings(os.environ, state=state, profile=sidecars, jobs=jobs)
    return rating.run(folders, settings=chosen, dry_run=dry_run, as_json=as_json)


@cli.command()
@click.argument("folder", type=PATH, required=False)
@STATE
@AS_OF
@JSON
def reconcile(folder: Path | None, state: Path | None, as_of_s: float | None, as_json: bool) -> int:
    """Find out what happened to known photographs: moved, deleted, edited, rated by other programs."""
    from safelight.app.configuration import settings
    from safelight.cli import reconciling

    chosen = settings(os.environ, state=state, as_of_s=as_of_s)
    return reconciling.run(folder, settings=chosen, as_json=as_json)


@cli.command()
@click.argument("file", type=PATH)
@STATE
@JSON
def explain(file: Path, state: Path | None, as_json: bool) -> int:
    """Say why a photograph got its rating."""
    from safelight.app.settings import settings
    from safelight.app.wiring import absolute
    from safelight.cli import answers

    chosen, named = settings(os.environ, state=state), {"file": str(absolute(file))}
    return answers.show(answers.asked("explain", named, settings=chosen, environ=os.environ), as_json=as_json)


@cli.command()
@click.option("--run", type=click.IntRange(min=1), metavar="N", help="Take back this run instead of the last.")
@click.option("--taste", "version", type=click.IntRange(min=0), metavar="TO", help="Go back to this version instead.")
@STATE
@JSON
def undo(run: int | None, version: int | None, state: Path | None, as_json: bool) -> int:
    """Take back the last run's sidecars, byte for byte, where they are still ours; with --taste, what was learned."""
    from safelight.app.settings import settings

    chosen = settings(os.environ, state=state)
    if version is not None:
        from safelight.cli import learning

        if run is not None:
            raise click.UsageError("Give --run or --taste, not both.")
        return learning.roll_back(version, settings=chosen, as_json=as_json)
    from safelight.cli import answers

    return answers.show(answers.asked("undo", {"run": run}, settings=chosen, environ=os.environ), as_json=as_json)


@cli.command()
@STATE
@JSON
def doctor(state: Path | None, as_json: bool) -> int:
    """Check what Safelight needs on this machine, and say what is lost where something is missing."""
    from safelight.app.configuration import tolerant
    from safelight.cli import reporting

    return reporting.doctor(settings=tolerant(os.environ, state=state), as_json=as_json)


for _command in (*COMMANDS, *DAEMON_COMMANDS, *SETTINGS_COMMANDS, *INSTALLING_COMMANDS, *SEARCH_COMMANDS, models):
    cli.add_command(_command)


def main() -> None:
    """Run the command and end with its exit status; a failure is told in plain sentences."""
    _open_streams()
    sys.exit(_guarded(lambda: cli.main(standalone_mode=False), stopped=_noted_interrupts()))


def _noted_interrupts() -> list[int]:
    """Return a list that is empty until Ctrl-C is pressed: a library may turn that into an error of its own."""
    noted: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        noted.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else we were started to go on regardless
        signal.signal(signal.SIGINT, stop)
    return noted


def _open_streams() -> None:
    """Give the standard streams something to write to, and let no name or sign be a reason to end."""
    for descriptor, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            # Closed by whoever started us: else the next file to be opened, the catalog, would be the output.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
            setattr(sys, name, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115  # until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(command: Callable[[], Any], *, stopped: Sequence[int] = ()) -> int:
    try:
        status = int(command() or 0)
        sys.stdout.flush()  # here, where a reader that has gone is no surprise, and not at the interpreter's exit
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # a command of commands, alone: its page says which there are
        click.echo(error.format_message(), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:  # the reader (head, less) has seen enough
        _say_no_more()
        return 0
    except (SafelightError, click.ClickException, OSError) as error:
        return _stopped() if stopped else _complained(2, *_words(error))
    return status


def _stopped() -> int:
    """Tell that Ctrl-C was heard and return the exit status."""
    _say_no_more()  # half an answer in the buffer would follow at the interpreter's exit
    return _complained(130, STOPPED)


def _words(error: SafelightError | click.ClickException | OSError) -> tuple[str, str]:
    """Return what went wrong and what a person can do."""
    match error:
        case FrameError(path=Path() as path):  # its summary speaks of the file as "it"
            return f"safelight: {path}: {error.summary}", error.hint
        case SafelightError():
            return f"safelight: {error.summary}", error.hint
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            hint = f"{context.command_path} --help tells more." if context else ""
            return f"safelight: {error.format_message()}", hint
    # What adapters know of has become a SafelightError by now: left are the terminal and temporary files.
    _say_no_more()
    where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
    return f"safelight: The system says: {error.strerror or error}{where}.", "Run again to go on."


def _complained(status: int, summary: str, hint: str = "") -> int:
    """Tell on standard error what went wrong and return the exit status."""
    with suppress(OSError):  # nobody may be listening there either
        click.echo(printable(summary), err=True)
        if hint:
            click.echo(f"  {printable(hint)}", err=True)
    return status


def _say_no_more() -> None:
    """Let what is left in the buffer of standard output go nowhere, at the interpreter's exit as well."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
