"""Decides whether all the bytes of a file are there that its own header promises.

A photograph that was cut off, or filled up with zeros where a card could not be read, often decodes without an error:
to black, to grey, or to a perfect preview of a ruined RAW. Here only the file is looked at, not its pixels: does the
promised data end inside the file, and is its last quarter more than zeros. That takes a few small reads.
Invariant: a file that keeps what its header promises is never refused; an unknown structure counts as complete.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from safelight.decoding import tiff
from safelight.errors import Unreadable

_COPY_AGAIN = "Copy it from the card or the backup again if one still has it."

# Some makers' byte counts run over the end of the file by some padding; a file that lacks less than this much, or
# less than 0.2 % of its size, is taken as whole.
_SLACK_BYTES = 4096
_SLACK_SHARE = 0.002

_PROBES = 32  # looks at the promised data, evenly spread
_PROBE_BYTES = 64
_ZERO_PROBES = 8  # a quarter of the data
_WORTH_PROBING = 1 << 15  # bytes

_MAX_MOVIE_BOX = 1 << 20  # bytes
_RAF_POINTERS = (84, 92, 100)  # JPEG, directory, sensor data: offset and length, big-endian (Fujifilm RAF)


def ends_early(path: Path) -> Unreadable:
    """Return the refusal of a file that was cut off."""
    return Unreadable("The file ends early: part of the picture is missing.", hint=_COPY_AGAIN, path=path)


def zero_filled(path: Path) -> Unreadable:
    """Return the refusal of a file whose data was replaced by zeros."""
    return Unreadable("Part of the picture is missing: the file is filled up with zeros.", hint=_COPY_AGAIN, path=path)


def refuse_incomplete(file: BinaryIO, size: int, path: Path, *, zeros_are_loss: bool = True) -> None:
    """Raise Unreadable if the file lacks data that its TIFF, box or RAF structure promises; leaves position 0.

    `zeros_are_loss` is False for data that may be uncompressed, where zeros are black.
    """
    file.seek(0)
    promised = promised_data(file, file.read(128), size)
    end = max((extent.end for extent in promised), default=0)
    if end - size > max(_SLACK_BYTES, _SLACK_SHARE * size):
        raise ends_early(path)
    if promised and zeros_are_loss:
        _refuse_zeros(file, max(promised, key=lambda extent: extent.end - extent.start), size, path)
    file.seek(0)


def promised_data(file: BinaryIO, head: bytes, size: int) -> list[tiff.Extent]:
    """Return where the header says that picture data lies; empty when the structure is not known."""
    if tiff.is_like_tiff(head):
        return _joined(tiff.extents(file))
    if head[4:8] == b"ftyp":
        return _boxes(file, size)
    if head.startswith(b"FUJIFILMCCD-RAW"):
        pairs = [
            (int.from_bytes(head[at : at + 4], "big"), int.from_bytes(head[at + 4 : at + 8], "big"))
            for at in _RAF_POINTERS
        ]
        return [tiff.Extent(start, start + length) for start, length in pairs if start and length]
    return []


def _joined(extents: Iterable[tiff.Extent]) -> list[tiff.Extent]:
    """Join strips and tiles that follow each other, so that a stretch is the picture and not a row of it."""
    joined: list[tiff.Extent] = []
    for extent in sorted(extents, key=lambda extent: extent.start):
        if joined and extent.start - joined[-1].end <= _SLACK_BYTES and extent.end >= joined[-1].end:
            joined[-1] = tiff.Extent(joined[-1].start, extent.end)
        else:
            joined.append(extent)
    return joined


def _boxes(file: BinaryIO, size: int) -> list[tiff.Extent]:
    """Return the top-level boxes of an ISO media file (ISO/IEC 14496-12, 4.2); at most 64 are looked at."""
    found, at = [], 0
    for _ in range(64):
        if at + 8 > size:
            break
        file.seek(at)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0 or length < 8 or not header[4:8].isalnum():  # 0: up to the end of the file
            break
        found.append(tiff.Extent(at, at + length))
        if header[4:8] == b"moov":
            file.seek(at)
            found += _samples(file.read(min(length, _MAX_MOVIE_BOX)))
        at += length
    return found


def _samples(movie: bytes) -> list[tiff.Extent]:
    """Return where the tracks' samples lie (8.7.3 and 8.7.5); a CR3 keeps each of its pictures as one sample."""
    found = []
    for size in re.finditer(rb"stsz\0{4}(.{4})\0{3}\x01(.{4})?", movie, re.DOTALL):
        place = re.compile(rb"co64\0{4}\0{3}\x01(.{8})", re.DOTALL).search(movie, size.end(1))
        length = int.from_bytes(size[1], "big") or int.from_bytes(size[2] or b"", "big")
        if place and length:
            start = int.from_bytes(place[1], "big")
            found.append(tiff.Extent(start, start + length))
    return found


def _refuse_zeros(file: BinaryIO, data: tiff.Extent, size: int, path: Path) -> None:
    length = min(data.end, size) - data.start
    if length < _WORTH_PROBING:
        return
    step, run = length // _PROBES, 0
    for number in range(_PROBES):
        probe = os.pread(file.fileno(), _PROBE_BYTES, data.start + number * step + step // 2)
        run = run + 1 if not probe.strip(b"\0") else 0
        if run >= _ZERO_PROBES:
            raise zero_filled(path)
