"""Turns a small PNG into the pixels that a panel is sent, without an imaging library.

The library would take half of the memory that the tray may have, for reading pictures that we made ourselves: 8 bits
of red, green, blue and alpha, not interlaced. Everything else is refused, as it cannot be one of them.
Format: PNG, second edition (ISO/IEC 15948), sections 5, 9 and 11.2.2.
Invariant: the answer has four bytes for each pixel, or there is none.
"""

import zlib
from dataclasses import dataclass

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = b"\x08\x06\x00\x00\x00"  # 8 bits, truecolour with alpha, deflate, adaptive filters, not interlaced
_LARGEST = 1024
_WIDTH = 4  # bytes of a pixel


@dataclass(frozen=True, slots=True)
class Pixmap:
    """A picture as StatusNotifierItem wants it: rows of alpha, red, green, blue, a byte each, not premultiplied."""

    width: int
    height: int
    pixels: bytes


def pixmap(png: bytes) -> Pixmap:
    """Return the pixels of a PNG of ours. Raises ValueError for any other file."""
    width, height, packed = _chunks(png)
    try:
        raw = zlib.decompressobj().decompress(packed, (width * _WIDTH + 1) * height)
    except zlib.error as error:
        raise ValueError("the PNG is damaged") from error
    rgba = _unfiltered(raw, width, height)
    argb = bytearray(len(rgba))
    argb[0::4], argb[1::4], argb[2::4], argb[3::4] = rgba[3::4], rgba[0::4], rgba[1::4], rgba[2::4]
    return Pixmap(width, height, bytes(argb))


def _chunks(png: bytes) -> tuple[int, int, bytes]:
    """Return width, height and the packed rows."""
    if not png.startswith(_SIGNATURE) or png[12:16] != b"IHDR" or png[24:29] != _HEADER:
        raise ValueError("no PNG with 8 bits of red, green, blue and alpha")
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise ValueError("the PNG is empty or too large")
    at, packed = len(_SIGNATURE), bytearray()
    while at + 8 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += 12 + length
    return width, height, bytes(packed)


def _unfiltered(raw: bytes, width: int, height: int) -> bytearray:
    length = width * _WIDTH
    if len(raw) != (length + 1) * height:
        raise ValueError("the PNG ends too early")
    found, above = bytearray(), bytearray(length)
    for top in range(0, len(raw), length + 1):
        above = _row(raw[top], bytearray(raw[top + 1 : top + 1 + length]), above)
        found += above
    return found


def _row(kind: int, row: bytearray, above: bytearray) -> bytearray:
    """Return a row as it was before the filter of its kind (0 to 4) was laid over it."""
    if kind > 4:
        raise ValueError("the PNG has a filter that does not exist")
    for at in range(len(row) if kind else 0):
        left = row[at - _WIDTH] if at >= _WIDTH else 0
        corner = above[at - _WIDTH] if at >= _WIDTH else 0
        guessed = (0, left, above[at], (left + above[at]) // 2, _nearest(left, above[at], corner))[kind]
        row[at] = (row[at] + guessed) & 0xFF
    return row


def _nearest(left: int, above: int, corner: int) -> int:
    """Return the one of three neighbours that is nearest to left + above - corner (section 9.4)."""
    guess = left + above - corner
    far = abs(guess - left), abs(guess - above), abs(guess - corner)
    if far[0] <= far[1] and far[0] <= far[2]:
        return left
    return above if far[1] <= far[2] else corner
