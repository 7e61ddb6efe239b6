"""Names what libraries raise on damaged files, and turns it into one sentence for a photographer.

Pillow has no common root of its errors: a damaged file surfaces as whatever the parsing code stumbled over. The list
is spelled out so that an error of our own, or lack of memory, is never taken for damage in a file.
Invariant: MemoryError is in no list here; the worker's supervisor deals with it.
"""

import struct
import zlib
from pathlib import Path

from safelight.decoding.opening import why_not_read
from safelight.errors import Unreadable

PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    EOFError,
    OverflowError,
    ZeroDivisionError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def undecodable(kind: str, error: Exception, path: Path) -> Unreadable:
    """Return the refusal of a file whose data its decoder cannot make sense of; `error` is named for a bug report."""
    if isinstance(error, OSError) and error.errno is not None:
        return why_not_read(error, path)
    return Unreadable(
        f"The {kind} data is damaged or of an unknown variety ({_in_short(error)}).",
        hint="Try to open it in a viewer; copy it again if the card still has it.",
        path=path,
    )


def _in_short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:120] if text else type(error).__name__
