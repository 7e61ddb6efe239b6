"""Says which commands the daemon knows and what each may be asked with; everything else is refused before it is begun.

A client is a program that may be old, damaged or hostile, so that whoever carries a command out gets values that have
the type, the range and the form that the command needs.
Invariant: a path that passes is absolute and can be turned into the bytes that the file system knows it by.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from safelight.control.lines import why
from safelight.errors import ControlError

LOG_LINES = 10_000  # entries of the journal in one answer
_LATEST_S = 253_402_300_799.0  # the last second of the year 9999: later ones have no date


def _sound(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a zero byte")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ValueError("it holds half a character") from None
    return text


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("it is no absolute path")
    return _sound(text)


Text = Annotated[str, AfterValidator(_sound)]
PathText = Annotated[str, AfterValidator(_absolute)]  # as os.fsdecode gives it


class Arguments(BaseModel):
    """What a command without arguments may be asked with: nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pause(Arguments):
    """Until when the person wants no work done, seconds since the epoch; 0: until they say so."""

    until_s: float = Field(default=0.0, ge=0.0, le=_LATEST_S, allow_inf_nan=False)


class Folder(Arguments):
    """One folder, or all that is known."""

    folder: PathText | None = None


class Card(Arguments):
    """What is to be done with a card, by its identity."""

    card: Text
    policy: Literal["ask", "import", "rate", "ignore"]


class Root(Arguments):
    """Where a card is mounted."""

    root: PathText


class File(Arguments):
    """One file."""

    file: PathText


class Run(Arguments):
    """One run, or the last that can be taken back."""

    run: int | None = Field(default=None, ge=1, lt=1 << 63)


class Log(Arguments):
    """How many of the newest entries."""

    last: int = Field(default=20, ge=1, le=LOG_LINES)


COMMANDS: Mapping[str, type[Arguments]] = {
    # Answered by the server itself.
    "hello": Arguments,
    "status": Arguments,
    "watch": Arguments,
    "lease": Arguments,
    # Answered by the daemon.
    "pause": Pause,
    "resume": Arguments,
    "rescan": Folder,
    "card": Card,
    "eject": Root,
    "reload": Arguments,
    "quit": Arguments,
    # Answered by the worker.
    "explain": File,
    "undo": Run,
    "rerate": Folder,
    "log": Log,
}


def checked(command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command, complete with what was left out. Raises ControlError for others."""
    kind = COMMANDS.get(command)
    if kind is None:
        raise ControlError(f"There is no command {command!r}.", hint=f"There are {', '.join(sorted(COMMANDS))}.")
    try:
        return kind.model_validate(dict(arguments)).model_dump()
    except ValidationError as error:
        raise ControlError(f"The command {command!r} cannot be asked like that: {why(error)}.") from error
