"""Decodes a JPEG at the smallest DCT scale that is large enough, and notices when part of its data is missing.

libjpeg scales by 1/2, 1/4 and 1/8 while it decodes, which saves two thirds of the work; nothing is decoded twice. It
forgives too much: lost data becomes grey or a repeated pattern with only a warning, which Pillow does not pass on. So
the data is watched on its way to the decoder. Trailing data (motion photos, second pictures, padding) is not looked at
by a decoder and does no harm; a missing end marker alone costs nothing either.
Invariant: a picture is handed out only if all of it was decoded from data that the camera wrote.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from safelight.decoding.completeness import ends_early, zero_filled
from safelight.decoding.failures import PILLOW_ERRORS, undecodable
from safelight.decoding.plausibility import refuse_many, refuse_missing_rows, refuse_small
from safelight.decoding.rules import DecodeRules

_END_MARKER = b"\xff\xd9"
_FILLER = bytes(range(1, 251)) * 256  # valid entropy-coded data of no meaning, without a marker in it
_SECTOR = 512  # bytes; disks and cards lose data in whole sectors
_SAMPLE_STEP = 256
_ZERO_SAMPLES = b"\0" * 4
_ZERO_RUN = re.compile(rb"\0{1024,}")
_ZERO_TAIL = 32  # bytes
_PROGRESSIVE_BYTES_PER_PX = 4  # all coefficients are kept until the last scan: 3 at 4:2:0, 6 at 4:4:4
_TOLERATED_LOSS = 0.005  # share of pixels that may depend on the missing bytes


class _Watched:
    """The file as Pillow sees it: notes runs of zeros, and puts an end to data that has none."""

    def __init__(self, file: BinaryIO, *, after_end: bytes = _END_MARKER, repeats: int = 1) -> None:
        self._file = file
        self._after_end, self._repeats = after_end, repeats
        self.scan_at: int | None = None  # where the pixel data starts; None while Pillow still reads the header
        self.ended_early = False
        self.has_zeros = False
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if self.scan_at is None:
            return data
        if not data:
            self.ended_early = True
            self._repeats -= 1
            return self._after_end if self._repeats >= 0 else _END_MARKER if self._repeats == -1 else b""
        header = max(0, self.scan_at - self._file.tell() + len(data))  # makers do fill their notes up with zeros
        if _ZERO_SAMPLES in data[header::_SAMPLE_STEP]:
            self.has_zeros = True
        return data


def draft_scale(width_px: int, height_px: int, long_edge_px: int) -> int:
    """Return by what (8, 4, 2 or 1) libjpeg may divide so that the long edge keeps `long_edge_px` where it has it."""
    return next((s for s in (8, 4, 2) if -(-max(width_px, height_px) // s) >= long_edge_px), 1)


def decode_jpeg(file: BinaryIO, path: Path, rules: DecodeRules) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an open JPEG; return the scaled image as stored (not rotated) and its full (width, height) in pixels.

    Raises Unreadable for damaged, cut, too large or too small ones.
    """
    watched = _Watched(file)
    image = _header(watched, path)
    full = image.size
    refuse_many(*full, rules.limit_px, path)
    refuse_small(*full, path)
    progressive = bool(image.info.get("progressive"))
    with rules.gate(full[0] * full[1] * _PROGRESSIVE_BYTES_PER_PX if progressive else 0):
        _load(image, watched, path, rules.long_edge_px)
    if watched.has_zeros:
        _refuse_lost_data(file, watched.scan_at or 0, path)
    if watched.ended_early:
        _refuse_lost_end(image, file, path, rules.long_edge_px)
    elif image.mode in ("RGB", "L"):
        _refuse_grey_end(image, path)
    return image, full


def _header(watched: _Watched, path: Path) -> JpegImagePlugin.JpegImageFile:
    try:
        image = JpegImagePlugin.JpegImageFile(cast(BinaryIO, watched))
    except PILLOW_ERRORS as error:
        if not watched.read(1):
            raise ends_early(path) from None
        raise undecodable("JPEG", error, path) from None
    watched.scan_at = watched.tell()
    return image


def _load(image: JpegImagePlugin.JpegImageFile, watched: _Watched, path: Path, long_edge_px: int) -> None:
    width, height = image.size
    scale = draft_scale(width, height, long_edge_px)
    try:
        if scale > 1:
            image.draft(None, (max(1, width // scale), max(1, height // scale)))
        image.load()
    except PILLOW_ERRORS as error:
        if watched.ended_early:
            raise ends_early(path) from None
        raise undecodable("JPEG", error, path) from None


def _refuse_grey_end(image: Image.Image, path: Path) -> None:
    """Look at the last row alone; most pictures are done with that."""
    width, height = image.size
    last = np.asarray(image.crop((0, height - 1, width, height)))
    if (last == 128).all():
        refuse_missing_rows(np.asarray(image), path)


def _refuse_lost_end(image: Image.Image, file: BinaryIO, path: Path, long_edge_px: int) -> None:
    """Decode once more with nonsense after the end: where all data is there, that changes nothing to speak of."""
    size = file.seek(0, os.SEEK_END)
    if not _read_at(file, max(0, size - _ZERO_TAIL), _ZERO_TAIL).strip(b"\0"):
        raise zero_filled(path)
    file.seek(0)
    again = _Watched(file, after_end=_FILLER, repeats=1 + size // len(_FILLER))
    other = _header(again, path)
    _load(other, again, path, long_edge_px)
    if _share_changed(np.asarray(image), np.asarray(other)) > _TOLERATED_LOSS:
        raise ends_early(path)


def _read_at(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _share_changed(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.mean(one != other)) if one.shape == other.shape else 1.0


def _refuse_lost_data(file: BinaryIO, scan_at: int, path: Path) -> None:
    """Refuse pixel data with a run of zeros that no picture gives.

    One colour over millions of pixels is coded as zeros if the Huffman tables were optimised for it, so there a run
    counts only if it lasts until the file ends, or has the bounds of disk sectors at both ends (by chance once in
    250,000 times). The end marker cannot occur within pixel data: what comes after it (padding, a video) is left out.
    """
    header, data = _read_at(file, 0, scan_at), _read_at(file, scan_at, -1)
    end = data.find(_END_MARKER)
    for run in _ZERO_RUN.finditer(data, 0, end if end >= 0 else len(data)):
        by_sector = not any((bound + scan_at) % _SECTOR for bound in run.span())
        if run.end() == len(data) or by_sector or not _zeros_mean_flat(header):
            raise zero_filled(path)


def _zeros_mean_flat(header: bytes) -> bool:
    """Tell whether zero bits can stand for a block without detail in a sequential JPEG's pixel data.

    They do if the all-zero code, the first of each AC table, means "end of block" (ITU T.81, annexes C and F). The
    usual luminance table has "one small coefficient" there. Progressive data is not judged by this: True.
    """
    segments = list(_segments(header))
    sequential = any(marker in (0xC0, 0xC1) for marker, _ in segments)
    return not sequential or not any(marker == 0xC4 and _has_detail_first(body) for marker, body in segments)


def _segments(header: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(header) and header[at] == 0xFF:
        length = int.from_bytes(header[at + 2 : at + 4], "big")
        yield header[at + 1], header[at + 4 : at + 2 + length]
        at += 2 + length


def _has_detail_first(tables: bytes) -> bool:
    """Tell whether an AC table of a DHT segment starts with something other than "end of block"."""
    at = 0
    while at + 17 < len(tables):
        count = sum(tables[at + 1 : at + 17])
        if tables[at] >> 4 == 1 and count and tables[at + 17] != 0:
            return True
        at += 17 + count
    return False
