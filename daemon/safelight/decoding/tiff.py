"""Reads as much of a TIFF structure as decides two things: is it a RAW file, and is all its data there.

Most RAW formats are TIFF files inside. A RAW that was cut off keeps a perfect header and often a perfect preview, and
some decoders turn the missing data into black without an error; the directory says where the data should end, so the
cut shows for the price of a few small reads. Written here because no library tells where the data lies.
Invariant: never trusts a count or an offset: at most 64 directories of 512 entries are looked at, each only once.
Source of tag numbers: TIFF 6.0; TIFF/EP and DNG 1.7 for SubIFDs, CFA and DNGVersion.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_TIFF_MAGIC = (b"II*\0", b"MM\0*")
_COUSINS = (b"IIU\0", b"IIRO", b"IIRS", b"MMOR")  # Panasonic, Olympus: same structure, other magic

_NEW_SUBFILE, _COMPRESSION, _PHOTOMETRIC = 0x00FE, 0x0103, 0x0106
_STRIP_AT, _STRIP_BYTES, _SUB_IFDS, _TILE_AT, _TILE_BYTES = 0x0111, 0x0117, 0x014A, 0x0144, 0x0145
_JPEG_AT, _JPEG_BYTES = 0x0201, 0x0202
_PANASONIC_AT = 0x0118  # where the data lies when the strip offset says 0xFFFFFFFF
_DNG_VERSION = 0xC612
_WANTED = frozenset(
    (
        _NEW_SUBFILE,
        _COMPRESSION,
        _PHOTOMETRIC,
        _STRIP_AT,
        _STRIP_BYTES,
        _SUB_IFDS,
        _TILE_AT,
        _TILE_BYTES,
        _JPEG_AT,
        _JPEG_BYTES,
        _PANASONIC_AT,
        _DNG_VERSION,
    )
)
_CFA, _LINEAR_RAW = 32803, 34892
_RAW_COMPRESSIONS = frozenset((32767, 32769, 34713, 34892, 65000, 65535))  # Sony, Nikon, Pentax, Kodak
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4}
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I"}
_UNKNOWN = 0xFFFFFFFF
_MAX_DIRECTORIES, _MAX_ENTRIES, _MAX_VALUES = 64, 512, 1 << 16
_PICTURE_NAMES = frozenset((".tif", ".tiff", ".jpg", ".jpeg", ".png", ".heic", ".heif", ".hif", ".avif", ""))

Directory = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of picture data that a directory promises, in bytes from the start of the file."""

    start: int
    end: int


def is_tiff(head: bytes) -> bool:
    """Tell whether `head`, the first bytes of a file, opens a plain TIFF structure."""
    return head[:4] in _TIFF_MAGIC


def is_like_tiff(head: bytes) -> bool:
    """Tell whether `head` opens a TIFF structure, be it under a camera maker's own magic number."""
    return is_tiff(head) or head[:4] in _COUSINS


def holds_raw(file: BinaryIO, head: bytes, suffix: str) -> bool:
    """Tell whether a TIFF structure is a RAW file; `suffix` decides only where the structure leaves it open."""
    if head[8:10] == b"CR" or head[8:12] == b"IIII":
        return True
    seen = False
    for directory in directories(file):
        seen = True
        photometric = directory.get(_PHOTOMETRIC, (0,))[0]
        compression = directory.get(_COMPRESSION, (0,))[0]
        if _DNG_VERSION in directory or photometric in (_CFA, _LINEAR_RAW) or compression in _RAW_COMPRESSIONS:
            return True
    return suffix.lower() not in _PICTURE_NAMES if seen else False


def extents(file: BinaryIO) -> list[Extent]:
    """Return where the picture data of all directories should lie; counts that say "unknown" are left out."""
    found = []
    for directory in directories(file):
        for at, count in ((_STRIP_AT, _STRIP_BYTES), (_TILE_AT, _TILE_BYTES), (_JPEG_AT, _JPEG_BYTES)):
            for start, length in zip(directory.get(at, ()), directory.get(count, ()), strict=False):
                begin = directory.get(_PANASONIC_AT, (0,))[0] if start == _UNKNOWN else start
                if begin > 0 and 0 < length < _UNKNOWN:
                    found.append(Extent(begin, begin + length))
    return found


def directories(file: BinaryIO) -> Iterator[Directory]:
    """Yield the image directories (the chain and its sub-directories) of a TIFF-like file."""
    file.seek(0)
    head = file.read(8)
    if len(head) < 8 or not is_like_tiff(head):
        return
    order = "<" if head[:2] == b"II" else ">"
    waiting, seen = [struct.unpack(order + "I", head[4:])[0]], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        offset = waiting.pop(0)
        if offset in seen or offset < 8:
            continue
        seen.add(offset)
        directory, following = _read(file, offset, order)
        if directory:
            yield directory
        waiting.extend([*directory.get(_SUB_IFDS, ())[:16], following])


def _read(file: BinaryIO, offset: int, order: str) -> tuple[Directory, int]:
    file.seek(offset)
    start = file.read(2)
    if len(start) < 2:
        return {}, 0
    count = struct.unpack(order + "H", start)[0]
    if count > _MAX_ENTRIES:
        return {}, 0
    block = file.read(count * 12 + 4)
    directory: Directory = {}
    for at in range(0, min(count * 12, len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, at)
        if tag in _WANTED and kind in _SIZES and 0 < number <= _MAX_VALUES:
            directory[tag] = _values(file, order, kind, number, block[at + 8 : at + 12])
    following = struct.unpack_from(order + "I", block, count * 12)[0] if len(block) >= count * 12 + 4 else 0
    return {tag: values for tag, values in directory.items() if values}, following


def _values(file: BinaryIO, order: str, kind: int, number: int, inline: bytes) -> tuple[int, ...]:
    length = number * _SIZES[kind]
    if length > 4:
        file.seek(struct.unpack(order + "I", inline)[0])
        inline = file.read(length)
        if len(inline) < length:
            return ()
    return struct.unpack(f"{order}{number}{_CODES[kind]}", inline[:length])
