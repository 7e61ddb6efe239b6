"""Reads Capture One's settings, CaptureOne/Settings*/NAME.EXT.cos of a session: rating, colour tag, adjustments.

The file is XML whose values are empty elements <E K="name" V="value"/>. Capture One writes one for every picture of a
folder it has shown, full of what it found out itself (profile, film curve, white balance of the camera), so settings
count as a person's only where a tool that rests at 0 does not. The names carry a prefix, as in Basic_Rating.
Invariant: pure; a document type, and with it every entity, is refused before it is read.
"""

from collections.abc import Iterator
from xml.parsers import expat

from safelight.errors import SidecarBusy
from safelight.ports import TraceKind
from safelight.sidecars.findings import CONFIDENCE_LABEL, CONFIDENCE_RATING, Finding, digest, number, stars

PROGRAM = "capture one"
CONFIDENCE_SETTINGS = 0.6

_MOST_VALUES = 100_000

# Indices of the colour tags (Capture One's scripting dictionary, "color tag").
_COLOURS = ("", "red", "orange", "yellow", "green", "blue", "pink", "purple")

# Tools that rest at 0, by what the part of the name behind the prefix begins with.
_AT_ZERO = tuple(
    (
        "exposure contrast brightness saturation shadow highlight black white hdr clarity structure dehaze vignett "
        "keystone rotation grain"
    ).split()
)
_COMPUTED = ("whitebalance", "whitepoint", "blackpoint")


class _Refused(Exception):
    """It is no settings file; stays within this module."""


def findings(data: bytes) -> tuple[Finding, ...]:
    """Return what a .cos says; nothing for XML of another kind. Raises SidecarBusy for what is not well-formed."""
    try:
        values = _values(data)
    except _Refused:
        return ()
    except expat.ExpatError as error:
        raise SidecarBusy(
            f"The settings are not whole: {error}.", hint="Capture One may be writing them; they are looked at again."
        ) from error
    return tuple(_found(values))


def _found(values: list[tuple[str, str]]) -> Iterator[Finding]:
    by_name = {_bare(name): value for name, value in reversed(values)}  # the first of a name counts: variant 1
    if rating := stars(number(by_name.get("rating"))):
        yield Finding(PROGRAM, TraceKind.RATING, rating, CONFIDENCE_RATING)
    tag = number(by_name.get("colortag"))
    if tag in range(1, len(_COLOURS)):
        yield Finding(PROGRAM, TraceKind.LABEL, _COLOURS[int(tag)], CONFIDENCE_LABEL)
    moved = [(name, value) for name, value in values if _is_moved(_bare(name), number(value))]
    if moved:
        yield Finding(PROGRAM, TraceKind.DEVELOP, digest(moved), CONFIDENCE_SETTINGS)


def _bare(name: str) -> str:
    return name.rpartition("_")[2].lower()


def _is_moved(name: str, value: float) -> bool:
    return name.startswith(_AT_ZERO) and not name.startswith(_COMPUTED) and (value > 0 or value < 0)


def _values(data: bytes) -> list[tuple[str, str]]:
    parser = expat.ParserCreate()
    found: list[tuple[str, str]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "E" and "K" in attributes and "V" in attributes:
            found.append((attributes["K"], attributes["V"]))
        if len(found) > _MOST_VALUES:
            raise _Refused

    def doctype(*_: object) -> None:
        raise _Refused

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(data, True)
    return found
