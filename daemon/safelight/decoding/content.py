"""Decides what a file is by its first bytes; the name counts only where the bytes allow two answers.

Cameras and people give wrong extensions (a PNG named .jpg, a JPEG named .nef), so the extension proves nothing. What
is no picture is named for what it holds, because "cannot identify image file" helps nobody.
Invariant: `kind_of` either names a kind that this package decodes, or raises Unreadable with what the file holds.
"""

from enum import Enum
from pathlib import Path
from typing import BinaryIO

from safelight.decoding import tiff
from safelight.errors import Unreadable


class Kind(Enum):
    """How a file is to be decoded."""

    JPEG = "JPEG"
    PNG = "PNG"
    TIFF = "TIFF"
    HEIF = "HEIF"
    AVIF = "AVIF"
    RAW = "RAW"  # and whatever else only LibRaw may know


_HEAD_BYTES = 4096

_RAW_MAGIC = (
    (0, b"FUJIFILMCCD-RAW"),
    (6, b"HEAPCCDR"),  # Canon CRW
    (0, b"\0MRM"),  # Minolta
    (0, b"FOVb"),  # Sigma X3F
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),  # Olympus, OM System
    (0, b"IIU\0"),  # Panasonic, Leica
    (0, b"DSC-Image"),  # Casio
    (0, b"ARRI"),
    (0, b"NOKIARAW"),
)

_OTHER_THINGS = (
    (0, b"RIFF", 8, b"WEBP", "a WebP picture, a format that Safelight does not judge"),
    (0, b"RIFF", 8, b"AVI ", "a video"),
    (0, b"GIF8", 0, b"", "a GIF picture, a format that Safelight does not judge"),
    (0, b"8BPS", 0, b"", "a Photoshop document, a format that Safelight does not judge"),
    (0, b"BM", 6, b"\0\0\0\0", "a BMP picture, a format that Safelight does not judge"),
    (0, b"%PDF", 0, b"", "a PDF document"),
    (0, b"%!PS", 0, b"", "a PostScript document"),
    (0, b"PK\3\4", 0, b"", "a ZIP archive"),
    (0, b"\x1f\x8b", 0, b"", "a compressed archive"),
    (0, b"7z\xbc\xaf", 0, b"", "a 7-Zip archive"),
    (0, b"\x7fELF", 0, b"", "a program"),
    (0, b"MZ", 0, b"", "a program"),
    (0, b"\x1aE\xdf\xa3", 0, b"", "a video"),
    (0, b"\xff\x0a", 0, b"", "a JPEG XL picture, a format that Safelight does not judge"),
    (4, b"JXL ", 0, b"", "a JPEG XL picture, a format that Safelight does not judge"),
    (4, b"jP  ", 0, b"", "a JPEG 2000 picture, a format that Safelight does not judge"),
)

_HEIF_BRANDS = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"))


def kind_of(file: BinaryIO, path: Path) -> Kind:
    """Return what `file` is; `path` only names it. Leaves the position at 0. Raises Unreadable for what is none."""
    head = file.read(_HEAD_BYTES)
    kind = _by_magic(head) or _of_boxes(head, path)
    if kind is None and tiff.is_tiff(head):
        kind = Kind.RAW if tiff.holds_raw(file, head, path.suffix) else Kind.TIFF
    if kind is None:
        _refuse_other_things(head, path)
        kind = Kind.RAW  # LibRaw knows some sensor dumps by nothing but their size
    file.seek(0)
    return kind


def _by_magic(head: bytes) -> Kind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if any(head.startswith(magic, at) for at, magic in _RAW_MAGIC):
        return Kind.RAW
    return None


def _of_boxes(head: bytes, path: Path) -> Kind | None:
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if brands[0] == b"crx ":
        return Kind.RAW
    if b"avif" in brands or b"avis" in brands:
        return Kind.AVIF
    if any(brand in _HEIF_BRANDS for brand in brands):
        return Kind.HEIF
    raise _not_a_picture("a video", path)


def _not_a_picture(what: str, path: Path) -> Unreadable:
    return Unreadable(
        f"The file is not a picture: it holds {what}.",
        hint="Give it its right extension, or move it out of the folder.",
        path=path,
    )


def _refuse_other_things(head: bytes, path: Path) -> None:
    for at, magic, then_at, then, what in _OTHER_THINGS:
        if head.startswith(magic, at) and head.startswith(then, then_at):
            if "format" in what:
                raise Unreadable(f"The file holds {what}.", hint="Export it as JPEG or TIFF.", path=path)
            raise _not_a_picture(what, path)
    if not head.strip(b"\0"):
        raise _not_a_picture("only zeros", path)
    if _is_text(head):
        raise _not_a_picture("text", path)


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    for cut in range(4):  # the last letter may be cut in two
        try:
            head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return sum(byte > 126 for byte in head) < len(head) // 4  # Latin-1 text
