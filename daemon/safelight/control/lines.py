"""Turns messages into lines and lines into messages: what travels is ASCII JSON, checked by pydantic on both sides.

JSON is written and read by Python's own module and not by pydantic, because pydantic refuses a lone surrogate, and that
is how a byte of a file name that is no UTF-8 stands in a text (`os.fsdecode`). Python escapes it, and the line break in
a name as well, so that one line is one message whatever the names are.
Invariant: a message that was sent arrives equal, or it is refused as a whole.
"""

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from safelight.control.messages import PROTOCOL, Message
from safelight.errors import ControlError

REQUEST_BYTES = 64 << 10  # a path is at most 4 KB, escaped six times that
REPLY_BYTES = 16 << 20  # ten thousand entries of the journal, as record and as text, are about 6 MB

_Kind = TypeVar("_Kind", bound=Message)


def line_of(message: Message) -> bytes:
    """Return a message as one line with its line break."""
    return json.dumps(message.model_dump(mode="python"), separators=(",", ":")).encode("ascii") + b"\n"


def message_of(line: bytes, kind: type[_Kind]) -> _Kind:
    """Return the message of one line. Raises ControlError, with a sentence, for anything else than such a message."""
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or nested without end
        raise ControlError("That was no message of Safelight: every line has to be one JSON object.") from error
    if not isinstance(told, dict):
        raise ControlError("That was no message of Safelight: every line has to be one JSON object.")
    spoken = told.get("protocol", PROTOCOL)
    if spoken != PROTOCOL:
        raise other_version(spoken)
    try:
        return kind.model_validate(told)
    except (ValidationError, RecursionError) as error:
        raise ControlError(f"That was no {kind.__name__.lower()} of Safelight: {why(error)}.") from error


def why(error: ValidationError | RecursionError) -> str:
    """Return the first fault that pydantic found, without what was sent: that may be anything."""
    if isinstance(error, RecursionError):
        return "it is nested without end"
    fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, fault["loc"]))
    told = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {told}" if where else told


def other_version(spoken: object) -> ControlError:
    """Return what is said where the two sides speak different versions of the protocol."""
    return ControlError(
        f"The running daemon and this program are of different versions ({spoken!r:.20} and {PROTOCOL}).",
        hint="Restart the daemon: systemctl --user restart safelight.",
    )
