"""Reads capture facts with Pillow from a file that is open anyway: EXIF directories and the rating in an XMP packet.

It costs a fraction of a millisecond, so every frame gets it; exiftool adds what only makers' notes tell. RAW files
that keep EXIF in a TIFF structure (or in a known place) are read too, without touching their pixels. The XMP packet is
searched for single values; only `packet` parses it, where an export may say what it was made from.
Invariant: never raises for damaged metadata; what cannot be read is not told.
"""

import io
import os
import re
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from PIL import Image

from safelight.decoding.facts import facts_from_tags, number
from safelight.decoding.failures import PILLOW_ERRORS
from safelight.decoding.opening import size_of
from safelight.decoding.packet import derived_from
from safelight.decoding.tiff import is_like_tiff, is_tiff
from safelight.domain.frame import CaptureFacts

_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
_MAIN_TAGS = {
    0x010F: "Make",
    0x0110: "Model",
    0x0112: "Orientation",
    0x0131: "Software",
    0x4746: "Rating",
    0x4749: "RatingPercent",
}
_EXIF_TAGS = {
    0x829A: "ExposureTime",
    0x829D: "FNumber",
    0x8827: "ISO",
    0x8831: "StandardOutputSensitivity",
    0x8832: "RecommendedExposureIndex",
    0x9003: "DateTimeOriginal",
    0x9004: "CreateDate",
    0x9011: "OffsetTimeOriginal",
    0x9012: "OffsetTimeDigitized",
    0x9204: "ExposureCompensation",
    0x920A: "FocalLength",
    0x927C: "MakerNote",
    0x9291: "SubSecTimeOriginal",
    0x9292: "SubSecTimeDigitized",
    0xA402: "ExposureMode",
    0xA420: "ImageUniqueID",
    0xA434: "LensModel",
}
_APEX_TAGS = {0x9201: ("ShutterSpeedValue", -1.0), 0x9202: ("ApertureValue", 0.5)}  # powers of two: Exif 2.3, annex C
_COLOUR_SPACE = 0xA001
_GPS_TAGS = {1: "GPSLatitudeRef", 2: "GPSLatitude", 3: "GPSLongitudeRef", 4: "GPSLongitude", 9: "GPSStatus"}
_UNCALIBRATED = 0xFFFF

_MAX_PACKET = 1 << 20  # bytes of XMP that are searched
_DARKTABLE = b"http://darktable.sf.net/"
_XMP_VALUES = {
    "XMP:Rating": re.compile(rb"""\b(?:xmp|xap):Rating(?:\s*=\s*["']|\s*>)\s*(-?\d{1,3}(?:\.\d{1,6})?)\s*["'<]"""),
    "XMP:RatingPercent": re.compile(rb"""\bMicrosoftPhoto\w*:Rating(?:\s*=\s*["']|\s*>)\s*(\d{1,3})\s*["'<]"""),
    "XMP:DateTimeOriginal": re.compile(rb"""\bexif:DateTimeOriginal(?:\s*=\s*["']|\s*>)\s*([\dT:.Z+-]{19,40})"""),
    "XMP:CreateDate": re.compile(rb"""\bxmp:CreateDate(?:\s*=\s*["']|\s*>)\s*([\dT:.Z+-]{19,40})"""),
}

_CR3_BOXES = ((b"CMT1", None), (b"CMT2", _EXIF_IFD), (b"CMT4", _GPS_IFD))  # each holds one TIFF structure
_CR3_SEARCHED = 1 << 17  # bytes; the directory of a CR3 is at its start
_RAF_JPEG_AT = 84


def facts_of(exif: Image.Exif, xmp: object = None) -> CaptureFacts:
    """Return the facts in Pillow's EXIF and an XMP packet (bytes, text or None)."""
    tags = {"EXIF:" + name: value for name, value in _tags_of(exif).items()}
    tags.update(_tags_of_packet(xmp))
    if "EXIF:MakerNote" in tags:
        tags["MakerNote"] = True
    return facts_from_tags(tags)


def facts_of_image(image: Image.Image) -> CaptureFacts:
    """Return the facts of an opened Pillow image; to be asked before its pixels are loaded."""
    try:
        exif = image.getexif()
    except PILLOW_ERRORS:
        exif = Image.Exif()
    return facts_of(exif, image.info.get("xmp"))


def is_adobe_rgb(exif: Image.Exif) -> bool:
    """Tell whether DCF 2.0 marks the colours as Adobe RGB: an uncalibrated colour space and interoperability R03."""
    if _directory(exif, _EXIF_IFD).get(_COLOUR_SPACE) != _UNCALIBRATED:
        return False
    return str(_directory(exif, _INTEROP_IFD).get(1, "")).startswith("R03")


def facts_of_raw(file: BinaryIO) -> CaptureFacts:
    """Return the facts that a RAW file's own EXIF tells; empty facts if its structure is not known here."""
    file.seek(0)
    head = file.read(128)
    try:
        if is_like_tiff(head):
            return facts_of(_exif_of_tiff(file, head))
        if head[4:12] == b"ftypcrx ":
            return _facts_of_cr3(os.pread(file.fileno(), _CR3_SEARCHED, 0))
        if head.startswith(b"FUJIFILMCCD-RAW"):
            return facts_of(_exif_of_raf(file, head))
    except PILLOW_ERRORS:
        pass
    return CaptureFacts()


def _directory(exif: Image.Exif, which: int) -> Mapping[int, Any]:
    try:
        return cast(Mapping[int, Any], exif.get_ifd(which))
    except PILLOW_ERRORS:
        return {}


def _tags_of(exif: Image.Exif) -> dict[str, Any]:
    main, details = exif, _directory(exif, _EXIF_IFD)
    tags = {name: main.get(tag) for tag, name in (_EXIF_TAGS | _MAIN_TAGS).items() if tag in main}
    tags |= {name: details[tag] for tag, name in _EXIF_TAGS.items() if tag in details}
    for tag, (name, doublings) in _APEX_TAGS.items():
        apex = number(details.get(tag))
        if apex is not None and abs(apex) < 40:
            tags[name] = 2.0 ** (doublings * apex)
    if _GPS_IFD in main:
        place = _directory(exif, _GPS_IFD)
        tags |= {name: place[tag] for tag, name in _GPS_TAGS.items() if tag in place}
    return tags


def _tags_of_packet(xmp: object) -> dict[str, str]:
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8", "replace")
    if not isinstance(xmp, bytes):
        return {}
    packet = xmp[:_MAX_PACKET]
    found = {name: value.search(packet) for name, value in _XMP_VALUES.items()}
    tags = {name: match[1].decode("ascii") for name, match in found.items() if match}
    if tags.get("XMP:Rating") == "1" and _DARKTABLE in packet:
        del tags["XMP:Rating"]  # its import gives every picture 1 star, and its exports carry it on
    if (source := derived_from(xmp)) is not None:
        tags["XMP:DerivedFrom"] = source
    return {name: value.replace("-", ":", 2) if "Date" in name else value for name, value in tags.items()}


class _PlainTiff:
    """A file under a camera maker's own magic number, shown as plain TIFF."""

    def __init__(self, file: BinaryIO, magic: bytes) -> None:
        self._file, self._magic = file, magic
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        at = self._file.tell()
        data = self._file.read(size)
        return self._magic[at : at + len(data)] + data[max(0, 4 - at) :] if at < 4 else data


def _exif_of_tiff(file: BinaryIO, head: bytes) -> Image.Exif:
    plain = b"II*\0" if head.startswith(b"II") else b"MM\0*"
    exif = Image.Exif()
    file.seek(0)
    exif.load_from_fp(cast(BinaryIO, file if is_tiff(head) else _PlainTiff(file, plain)))
    return exif


def _facts_of_cr3(start: bytes) -> CaptureFacts:
    tags: dict[str, Any] = {}
    for name, directory in _CR3_BOXES:
        at = start.find(name)
        if at < 4:
            continue
        box = start[at + 4 : at - 4 + int.from_bytes(start[at - 4 : at], "big")]
        exif = Image.Exif()
        exif.load_from_fp(io.BytesIO(box))
        names = _MAIN_TAGS if directory is None else _EXIF_TAGS if directory == _EXIF_IFD else _GPS_TAGS
        tags |= {"EXIF:" + names[tag]: exif[tag] for tag in exif if tag in names}
    return facts_from_tags(tags)


def _exif_of_raf(file: BinaryIO, head: bytes) -> Image.Exif:
    start = int.from_bytes(head[_RAF_JPEG_AT : _RAF_JPEG_AT + 4], "big")
    jpeg = os.pread(file.fileno(), 1 << 16, min(start, size_of(file)))
    exif, at = Image.Exif(), jpeg.find(b"Exif\0\0")
    if at >= 0:
        exif.load(jpeg[at:])
    return exif
