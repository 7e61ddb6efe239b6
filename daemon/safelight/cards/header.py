"""Reads from a picture's first bytes when it was taken and with which camera, and nothing else.

That is all that deciding a file's place on the disk needs, and it is needed before each copy. Asking exiftool would
take longer than copying a small JPEG does, and Pillow has no place in the process that is always on. So this follows
the few structures that tell it: EXIF is a TIFF structure, which JPEG keeps in a segment, CR3 in boxes and most RAWs
are. What is not found here another reader may be asked for.
Invariants: never raises, never follows more than a handful of directories; a value that is not plainly one is not told.
Source of tags: Exif 2.32 (CIPA DC-008).
"""

import os
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from safelight.cards.reading import opened
from safelight.domain.frame import CaptureFacts

_SEARCHED = 1 << 17  # bytes; EXIF of a JPEG fits one segment of 64 KB, which comes after at most a few others
_MODEL, _DETAILS, _TAKEN, _DIGITISED = 0x0110, 0x8769, 0x9003, 0x9004
_ASCII, _LONG = 2, 4
_MAGIC = (b"II*\0", b"MM\0*", b"IIU\0", b"IIRO", b"IIRS", b"MMOR")  # TIFF; Panasonic's and Olympus' own
_DATE = re.compile(rb"(\d{4})[:\-/. ](\d\d)[:\-/. ](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOST_ENTRIES, _LONGEST_MODEL = 512, 128
_FIRST_YEAR = 1826  # the first photograph


class HeaderReader:
    """A FactsReader for date and camera only; leaves out each file that does not tell both."""

    def read(self, paths: Iterable[Path]) -> dict[Path, CaptureFacts]:
        """Return date and camera of each file that plainly tells both."""
        told = ((path, _facts(path)) for path in paths)
        return {path: facts for path, facts in told if facts is not None}


def _facts(path: Path) -> CaptureFacts | None:
    try:
        with opened(path) as descriptor:
            start = os.pread(descriptor, _SEARCHED, 0)
            return _facts_in(start, descriptor)
    except (OSError, struct.error):
        return None


def _facts_in(start: bytes, descriptor: int) -> CaptureFacts | None:
    found: dict[int, bytes] = {}
    for at in _structures(start):
        found = _Tiff(start, at, descriptor).tags() | found
    model, taken = found.get(_MODEL, b""), _seconds(found.get(_TAKEN) or found.get(_DIGITISED) or b"")
    camera = " ".join(model.split(b"\0")[0].decode("utf-8", "replace").split())
    if taken is None or not camera or not camera.isprintable():
        return None
    return CaptureFacts(taken_s=taken, camera=camera)


def _structures(start: bytes) -> Iterator[int]:
    """Yield where TIFF structures begin that hold EXIF."""
    if start[:4] in _MAGIC:
        yield 0
    elif start[:2] == b"\xff\xd8":
        yield from _in_jpeg(start, 0)
    elif start.startswith(b"FUJIFILMCCD-RAW"):
        yield from _in_jpeg(start, int.from_bytes(start[84:88], "big"))
    elif start[4:12] == b"ftypcrx ":
        for name in (b"CMT1", b"CMT2"):
            if (at := start.find(name)) >= 0:
                yield at + 4


def _in_jpeg(start: bytes, at: int) -> Iterator[int]:
    """Walk the segments before the picture to the one that holds EXIF."""
    at += 2
    while start[at : at + 1] == b"\xff" and start[at + 1 : at + 2] not in (b"\xda", b"\xd9", b""):
        if start[at + 1] == 0xE1 and start[at + 4 : at + 10] == b"Exif\0\0":
            yield at + 10
            return
        at += 2 + int.from_bytes(start[at + 2 : at + 4], "big")


class _Tiff:
    """One TIFF structure at a place in a file, of which the beginning is in memory."""

    def __init__(self, start: bytes, base: int, descriptor: int) -> None:
        self._start, self._base, self._descriptor = start, base, descriptor
        self._order = "<" if start[base : base + 2] == b"II" else ">"

    def tags(self) -> dict[int, bytes]:
        """Return the wanted texts of the first directory and the one with the details."""
        if self._bytes(0, 4) not in _MAGIC:
            return {}
        first = self._directory(self._number(self._bytes(4, 4)))
        if _DETAILS in first:
            return first | self._directory(self._number(first[_DETAILS]))
        return first

    def _directory(self, at: int) -> dict[int, bytes]:
        count = struct.unpack(self._order + "H", self._bytes(at, 2))[0]
        found: dict[int, bytes] = {}
        block = self._bytes(at + 2, 12 * min(count, _MOST_ENTRIES))
        for entry in range(0, len(block) - 11, 12):
            tag, kind, number = struct.unpack_from(self._order + "HHI", block, entry)
            value = block[entry + 8 : entry + 12]
            if tag in (_MODEL, _TAKEN, _DIGITISED) and kind == _ASCII and number <= _LONGEST_MODEL:
                found[tag] = value[:number] if number <= 4 else self._bytes(self._number(value), number)
            elif tag == _DETAILS and kind in (_LONG, 13):
                found[tag] = value
        return found

    def _number(self, value: bytes) -> int:
        return int(struct.unpack(self._order + "I", value)[0])

    def _bytes(self, at: int, length: int) -> bytes:
        at += self._base
        if at + length <= len(self._start):
            return self._start[at : at + length]
        return os.pread(self._descriptor, length, at)


def _seconds(text: bytes) -> float | None:
    """Return a recorded date as seconds since 1970-01-01T00:00 of the camera's clock; None if it is no date.

    Days are counted by H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    """
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    plain = year >= _FIRST_YEAR and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] and hour < 24
    if not plain or minute > 59 or second > 59:
        return None
    if (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        return None
    year -= month <= 2
    era, in_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146_097 + in_era * 365 + in_era // 4 - in_era // 100 + day_of_year - 719_468
    return float(days * 86_400 + hour * 3600 + minute * 60 + second)
