"""Decides where a frame from a card goes: a template is filled with what the camera recorded.

`{date:%Y}/{date:%Y-%m-%d} {camera}/{name}` reads as: folders by year and day, the name as on the card. A template names
a frame, not a file: it ends in `{name}` or `{ext}`, so that RAW, JPEG and voice memo of one frame stay together.
What cameras and cards say is not trusted: it cannot make a folder, leave the import folder, hide a file or hold what a
FAT disk refuses.
Invariant: a filled template is relative, has no empty, `.` or `..` part and no part longer than 255 bytes.
"""

import re
from dataclasses import dataclass
from math import floor
from string import Formatter
from typing import Self

LONGEST_NAME = 255  # bytes: NAME_MAX of Linux' file systems; FAT and exFAT count 255 letters
UNKNOWN_CAMERA = "Unknown camera"

_FIELDS = ("camera", "card", "date", "ext", "name", "stem")
_LAST = ("name", "ext")
_DAY_S = 86_400
_DATES = {"Y": "{:04d}", "m": "{:02d}", "d": "{:02d}", "H": "{:02d}", "M": "{:02d}", "S": "{:02d}", "y": "{:02d}"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_REFUSED = re.compile(r'[/\\:*?"<>|]')  # what FAT and Windows refuse in a name, and the slash
_BROKEN = re.compile("[\ud800-\udfff]")  # halves of letters, which no disk can hold
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time of day, by whatever clock told it."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0

    @classmethod
    def of(cls, wall_s: float) -> Self:
        """Build from seconds since 1970-01-01T00:00 of the same clock, in the Gregorian calendar, any sign.

        Days become a date by H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days: years begin
        in March, so that the day of a leap year is the last of its year.
        """
        days, rest = divmod(floor(wall_s), _DAY_S)
        era, day_of_era = divmod(days + 719_468, 146_097)
        year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
        day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
        shifted = (5 * day_of_year + 2) // 153
        month = shifted + 3 if shifted < 10 else shifted - 9
        day = day_of_year - (153 * shifted + 2) // 5 + 1
        return cls(year + era * 400 + (month <= 2), month, day, rest // 3600, rest // 60 % 60, rest % 60)

    def told(self, letter: str) -> str:
        """Return one part: Y, y, m, d, H, M or S."""
        parts = (self.year, self.month, self.day, self.hour, self.minute, self.second, self.year % 100)
        return _DATES[letter].format(parts["YmdHMSy".index(letter)])


@dataclass(frozen=True, slots=True)
class Told:
    """What a template is filled with; `stem` is a file's name on the card without what its files do not share."""

    stem: str
    taken: Moment
    camera: str | None = None
    card: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame goes: folders below the import folder, and the stem of its files."""

    folders: tuple[str, ...]
    stem: str


_Piece = tuple[str, str, str]  # literal text, field, format; the field follows the text


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was checked; made by `parse`."""

    text: str
    parts: tuple[tuple[_Piece, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check a template. Raises ValueError with a whole sentence for a photographer."""
        if _CONTROL.search(text):
            raise ValueError("The template holds a control character, which no name of a file should.")
        if text.startswith(("/", "~")):
            raise ValueError("The template has to name a place below the import folder: it cannot begin with / or ~.")
        parts = tuple(map(_parsed, _split(text)))
        _check_end(parts)
        return cls(text, parts)

    def place(self, told: Told) -> Place:
        """Fill the template for one frame."""
        *folders, last = (_filled(part, told) for part in self.parts)
        named = tuple(cut(_tidy(folder).lstrip(". ")) or "_" for folder in folders)
        return Place(named, "_" + last if not last.strip(". ") or last.startswith(".") else last)

    def preview(self) -> str:
        """Return where a frame taken on a day in May would go."""
        example = Told("IMG_0001", Moment(2026, 5, 1, 9, 30, 15), "Canon EOS R5", "EOS_DIGITAL")
        place = self.place(example)
        return "/".join((*place.folders, f"{place.stem}.CR3"))


def numbered(stem: str, number: int, *, tail: str) -> str:
    """Return a stem with " (2)" for the second of its name, cut so that it leaves room for a tail of its files."""
    mark = f" ({number})" if number > 1 else ""
    return cut(stem, LONGEST_NAME - _length(mark) - _length(tail)) + mark


def cut(name: str, most: int = LONGEST_NAME) -> str:
    """Return as much of a name as has at most so many bytes, without a broken letter at its end."""
    if _length(name) <= most:
        return name
    letters = len(name)
    while _length(name[:letters]) > most:
        letters -= 1
    return name[:letters].rstrip(" .")


def _length(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))


def _split(text: str) -> list[str]:
    """Split at slashes outside braces."""
    return re.split(r"/(?![^{}]*\})", text)


def _parsed(part: str) -> tuple[_Piece, ...]:
    try:
        pieces = list(Formatter().parse(part))
    except ValueError:
        raise ValueError(f"The braces in “{part}” are not closed or not opened.") from None
    for literal, field, form, conversion in pieces:
        if _REFUSED.search(literal):
            raise ValueError(f"“{part}” holds a character that no name may have on every disk (such as : or *).")
        if field is not None:
            _check_field(field, form or "", conversion)
    _check_dots(part, pieces[-1][0] if pieces and pieces[-1][1] is None else None)
    return tuple((literal, field or "", form or "") for literal, field, form, _ in pieces)


def _check_dots(part: str, closing: str | None) -> None:
    if not part.strip():
        raise ValueError("The template names a folder without a name: two slashes stand together, or one at the end.")
    if part.startswith((".", " ")) or (closing is not None and closing.endswith((".", " "))):
        raise ValueError(f"“{part}” begins or ends with a dot or a blank, which hides it or is lost on some disks.")


def _check_field(field: str, form: str, conversion: str | None) -> None:
    if field not in _FIELDS:
        known = ", ".join("{" + name + "}" for name in _FIELDS)
        raise ValueError(f"The template asks for {{{field}}}, which is not known; there are {known}.")
    if conversion or (form and field != "date"):
        raise ValueError(f"{{{field}}} takes no format; only {{date:…}} does.")
    unknown = re.sub("%[" + "".join(_DATES) + "]", "", form)
    if "%" in unknown:
        raise ValueError(f"{{date:{form}}} holds a part that is not known; there are %Y %y %m %d %H %M %S.")
    if _REFUSED.search(unknown):
        raise ValueError(f"{{date:{form}}} holds a character that no name may have on every disk (such as : or /).")


def _check_end(parts: tuple[tuple[_Piece, ...], ...]) -> None:
    fields = [field for part in parts for _, field, _ in part]
    if not fields or fields[-1] not in _LAST or not parts[-1][-1][1]:
        raise ValueError("The template has to end in {name} or {ext}, so that the files of a frame keep their kinds.")
    if any(field in _LAST for field in fields[:-1]):
        raise ValueError("{name} and {ext} stand only at the end of the template; use {stem} before it.")
    if fields[-1] == "ext" and not any(field for _, field, _ in parts[-1][:-1]):
        raise ValueError("Before {ext} the template needs something that tells frames apart, such as {stem}.")


def _filled(part: tuple[_Piece, ...], told: Told) -> str:
    return "".join(literal + _value(field, form, told) for literal, field, form in part)


def _value(field: str, form: str, told: Told) -> str:
    match field:
        case "date":
            return re.sub("%(.)", lambda asked: told.taken.told(asked[1]), form or "%Y-%m-%d")
        case "camera":
            return _harmless(told.camera or "") or UNKNOWN_CAMERA
        case "card":
            return _harmless(told.card) or "card"
        case "stem" | "name":
            return _uncontrolled(told.stem)
        case _:
            return ""


def _uncontrolled(name: str) -> str:
    # Nothing else of a name is changed: on the card it had a right to a colon, a blank or a byte that is no letter.
    return _CONTROL.sub("_", name).replace("/", "_")


def _harmless(text: str) -> str:
    """Return what a camera or a card says of itself as a part of a name."""
    return _tidy(_REFUSED.sub("_", _BROKEN.sub("_", _CONTROL.sub(" ", text)))).lstrip(". ")


def _tidy(text: str) -> str:
    return _BLANKS.sub(" ", text).strip(" ").rstrip(" .")
