"""Turns what EXIF readers report into typed capture facts, and everything strange into "not told".

One pure function serves both readers (Pillow's EXIF and exiftool), so that a file gives the same facts whichever read
it. Tags are named as exiftool names them, with or without their group ("EXIF:ISO", "ISO"); numbers come as numbers,
pairs or text. Cameras write zero dates, 0/0 fractions, arrays, NULs and NaN: such a value becomes None, because a
wrong fact is worse than a missing one.
Invariant: every number handed out is finite and within the range stated here; the modification time is never used.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from safelight.domain.frame import CaptureFacts

Tags = Mapping[str, Any]

_GROUPS = ("EXIF:", "", "MakerNotes:", "XMP:", "Composite:")
_TAKEN = (
    ("DateTimeOriginal", "SubSecTimeOriginal", "OffsetTimeOriginal"),
    ("CreateDate", "SubSecTimeDigitized", "OffsetTimeDigitized"),
)
_DATE = re.compile(
    r"\s*(\d{4})[:\-/. ](\d{1,2})[:\-/. ](\d{1,2})[ T]+(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?"
)
_ZONE = re.compile(r"\s*(Z|([+-])(\d\d):?(\d\d))\s*$")
_DIGITS = re.compile(r"\s*(\d{1,9})\s*$")
_UNTOLD_LENS = re.compile(r"^(unknown\b.*|none|n/a|manual lens\b.*|[-\s0]*)$|^0(\.0)? ?mm|^----", re.IGNORECASE)
_HEX_NUMBER = re.compile(r"[0-9A-Fa-f-]{16,64}")  # Exif 2.3: 128 bits as 32 hexadecimal digits
_MAX_LETTERS = 128
_FIRST_YEAR = 1826  # the first photograph
_MAX_ZONE_S = 15 * 3600  # the farthest zones are -12 and +14 hours

_LENS_TAGS = (
    "EXIF:LensModel",
    "LensModel",
    "Composite:LensID",
    "MakerNotes:LensModel",
    "MakerNotes:Lens",
    "MakerNotes:LensType",
    "XMP:LensModel",
    "XMP:Lens",
)
_FOCUS_SERIES = ("FocusBracket", "FocusBracketing", "FocusShiftShooting")
_DRIVE_TAGS = ("DriveMode", "ContinuousDrive", "ReleaseMode", "ReleaseMode2", "BurstMode", "SequenceMode")
_EXPOSURE_BRACKET = re.compile(r"bracket|\baeb?\b", re.IGNORECASE)
_OTHER_BRACKET = re.compile(r"no bracket|focus|white|\bwb\b|dro|\biso\b|film|off", re.IGNORECASE)
_STARS_BY_PERCENT = ((1, 1), (25, 2), (50, 3), (75, 4), (99, 5))  # MicrosoftPhoto:Rating and its stars


def facts_from_tags(tags: Tags) -> CaptureFacts:
    """Return the capture facts that `tags` (exiftool's names, raw values) tell; never raises for a strange value."""
    taken_s, subsecond, zone_s = _taken(tags)
    latitude, longitude = _place(tags)
    return CaptureFacts(
        taken_s=taken_s,
        subsecond=subsecond,
        zone_s=zone_s,
        make=text(_value(tags, "Make")),
        camera=text(_value(tags, "Model")),
        lens=_lens(tags),
        focal_mm=_number(tags, "FocalLength", 0.1, 20_000),
        aperture_f=_number(tags, "FNumber", 0.3, 256) or _number(tags, "ApertureValue", 0.3, 256),
        shutter_s=_number(tags, "ExposureTime", 1e-7, 1e5) or _number(tags, "ShutterSpeedValue", 1e-7, 1e5),
        iso=_iso(tags),
        bias_ev=_number(tags, "ExposureCompensation", -20, 20),
        bracketing=_bracketing(tags),
        drive=_drive(tags),
        orientation=_whole(tags, "Orientation", 1, 8),
        latitude_deg=latitude,
        longitude_deg=longitude,
        rating=_rating(tags),
        unique_id=_unique_id(tags),
        derived_from=text(tags.get("XMP:DerivedFrom")),
        software=text(_value(tags, "Software")),
        has_maker_notes=any(name.startswith("MakerNote") for name in tags),
    )


def _value(tags: Tags, name: str) -> Any:
    return next((tags[group + name] for group in _GROUPS if tags.get(group + name) is not None), None)


def text(value: object) -> str | None:
    """Return `value` as one trimmed line of at most 128 letters, cut at the first NUL; None if nothing is left."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    line = "".join(letter if letter.isprintable() else " " for letter in str(value).split("\0")[0])
    return " ".join(line.split())[:_MAX_LETTERS].strip() or None


def number(value: object) -> float | None:
    """Return `value` (number, fraction, pair, text such as "1/250", or an array's first) as a finite float."""
    if isinstance(value, str):
        value = value.split("\0")[0].split("/") if value.count("/") == 1 else value.split("\0")[0].strip()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _first_number(value)
    try:
        found = float(value)  # type: ignore[arg-type]  # whatever cannot be a float raises
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None


def _first_number(values: Sequence[object]) -> float | None:
    if len(values) == 2 and all(isinstance(value, str) for value in values):  # a fraction written as text
        above, below = number(values[0]), number(values[1])
        return above / below if above is not None and below else None
    return number(values[0]) if values and not isinstance(values[0], list | tuple) else None


def _number(tags: Tags, name: str, least: float, most: float) -> float | None:
    found = number(_value(tags, name))
    return found if found is not None and least <= found <= most else None


def _whole(tags: Tags, name: str, least: int, most: int) -> int | None:
    found = _number(tags, name, least, most)
    return int(found) if found is not None and found == int(found) else None


def _iso(tags: Tags) -> float | None:
    """ISO 65535 means "more than 16 bits hold": Exif 2.3 puts the number into RecommendedExposureIndex then."""
    value = _value(tags, "ISO")
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    several = value if isinstance(value, list | tuple) else (value,)
    plain = next((iso for iso in map(number, several) if iso is not None and 1 <= iso <= 1e7 and iso != 65535), None)
    index = _number(tags, "RecommendedExposureIndex", 1, 1e7) or _number(tags, "StandardOutputSensitivity", 1, 1e7)
    return plain if plain is not None else index


def _lens(tags: Tags) -> str | None:
    for name in _LENS_TAGS:
        lens = text(tags.get(name))
        if lens is not None and not _UNTOLD_LENS.match(lens):
            return lens
    return None


def _taken(tags: Tags) -> tuple[float | None, bool, int | None]:
    for date, fraction, zone in _TAKEN:
        moment = text(_value(tags, date))
        found = _DATE.match(moment) if moment else None
        seconds = _seconds(found) if found else None
        if found is None or seconds is None:
            continue
        part = _fraction(found[7], _value(tags, fraction))
        offset = zone_offset(_value(tags, zone))
        return seconds + part, part > 0, offset if offset is not None else zone_offset(found[8])
    return None, False, None


def _seconds(found: re.Match[str]) -> float | None:
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    if year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:  # 30 February, hour 25, day 0
        return None


def _fraction(within: str | None, apart: object) -> float:
    """Return the recorded part of a second in 0..1; ".00" says that the camera records none."""
    digits = _DIGITS.match(text(apart) or "")
    return float("0." + digits[1]) if digits else float(within or 0)


def zone_offset(value: object) -> int | None:
    """Return "+02:00", "-0530" or "Z" as seconds east of UTC, or None."""
    found = _ZONE.match(text(value) or "")
    if found is None:
        return None
    if found[1] == "Z":
        return 0
    seconds = int(found[3]) * 3600 + int(found[4]) * 60
    if seconds > _MAX_ZONE_S or int(found[4]) > 59:
        return None
    return -seconds if found[2] == "-" else seconds


def _place(tags: Tags) -> tuple[float | None, float | None]:
    latitude = _degrees(tags, "GPSLatitude", 90, "S")
    longitude = _degrees(tags, "GPSLongitude", 180, "W")
    void = (text(_value(tags, "GPSStatus")) or "").upper().startswith("V")
    if latitude is None or longitude is None or void or (latitude == 0 and longitude == 0):
        return None, None  # 0, 0 is what a receiver without a fix writes
    return latitude, longitude


def _degrees(tags: Tags, name: str, most: float, negative: str) -> float | None:
    signed = number(tags.get("Composite:" + name))
    degrees = signed if signed is not None else _from_parts(_value(tags, name))
    if degrees is None or abs(degrees) > most:
        return None
    side = (text(_value(tags, name + "Ref")) or "").upper()[:1]
    return -degrees if signed is None and side == negative else degrees


def _from_parts(value: object) -> float | None:
    """Return (degrees, minutes, seconds), each a number or fraction, as degrees."""
    if not isinstance(value, list | tuple):
        return number(value)
    parts = [number(part) for part in value[:3]]
    if not parts or any(part is None or part < 0 for part in parts) or any((part or 0) >= 61 for part in parts[1:]):
        return None
    return sum((part or 0.0) / 60.0**power for power, part in enumerate(parts))


def _drive(tags: Tags) -> str | None:
    modes = [text(_joined(tags.get("MakerNotes:" + name))) for name in _DRIVE_TAGS]
    if (text(_value(tags, "Make")) or "").upper().startswith("NIKON"):
        modes.append(text(_joined(tags.get("MakerNotes:ShootingMode"))))
    if any(_says_on(tags, name) for name in _FOCUS_SERIES):
        modes.append("Focus bracketing")
    return text("; ".join(dict.fromkeys(mode for mode in modes if mode)))


def _joined(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _says_on(tags: Tags, name: str) -> bool:
    said = (text(tags.get("MakerNotes:" + name)) or "off").lower()
    return not said.startswith(("off", "disable", "no", "0", "unknown", "n/a"))


def _bracketing(tags: Tags) -> bool | None:
    """Tell whether the camera says "exposure bracket": Exif 2.3 ExposureMode 2, or what makers write beside it."""
    mode = _whole(tags, "ExposureMode", 0, 2)
    said = [text(_joined(tags.get("MakerNotes:" + name))) or "" for name in ("BracketMode", "BracketSettings")]
    said += (_drive(tags) or "").split("; ")
    named = any(_EXPOSURE_BRACKET.search(word) and not _OTHER_BRACKET.search(word) for word in said)
    steps = any(number(tags.get("MakerNotes:" + name)) for name in ("AEBBracketValue", "ExposureBracketValue"))
    if mode == 2 or named or steps or _says_on(tags, "AutoBracketing"):
        return True
    return False if mode is not None else None


def _rating(tags: Tags) -> int | None:
    """Return the embedded rating, -1 (rejected) to 5 stars; 0 carries no opinion and is None."""
    for group in ("XMP:", "EXIF:", "", "MakerNotes:"):
        stars = number(tags.get(group + "Rating"))
        if stars is not None:
            return round(stars) if -1 <= stars <= 5 and round(stars) else None
    percent = number(_value(tags, "RatingPercent"))
    if percent is None or not 1 <= percent <= 100:
        return None
    return max(stars for least, stars in _STARS_BY_PERCENT if percent >= least)


def _unique_id(tags: Tags) -> str | None:
    """Return ImageUniqueID where it can be one: Samsung writes its sensor's part number there, alike in all frames."""
    found = text(_value(tags, "ImageUniqueID"))
    return found if found and _HEX_NUMBER.fullmatch(found) and found.strip("0-") else None
