"""Brings a decoded picture of any mode and colour space to 8-bit sRGB.

Wide-gamut frames look pale and HDR frames grey when their numbers are taken for sRGB, and a judge of exposure and
colour would be wrong about them. Conversions happen after the picture was made small. Most files say "sRGB" in their
profile; those are left alone, because a needless conversion costs as much as a fifth of the decoding.
Invariant: what comes out is mode RGB, same size; a broken profile means a plain conversion, not a failure.
"""

import io
import struct
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_BACKGROUND = (255, 255, 255)  # what shows through transparency
_KEPT_TRANSFORMS = 8  # a shoot has one or two profiles
_PQ, _HLG = 16, 18  # transfer characteristics, ITU-T H.273 table 3
_LINEAR_LIGHT = 4096  # steps of the table from linear light back to sRGB

# RGB to linear sRGB for primaries of ITU-T H.273 table 2: 9 is BT.2020, 12 is Display P3 (both D65).
_TO_SRGB = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}


def to_srgb(image: Image.Image, icc: object = None, nclx: object = None, *, adobe_rgb: bool = False) -> Image.Image:
    """Return `image` (any mode of 8 bits a channel) as RGB in sRGB.

    `icc` is an ICC profile as bytes, `nclx` a mapping with H.273 numbers as HEIF gives it, `adobe_rgb` tells that a
    file without a profile is Adobe RGB by its EXIF.
    """
    image = _without_alpha(image)
    profile = icc if isinstance(icc, bytes) and len(icc) > 132 else adobe_rgb_profile() if adobe_rgb else None
    if profile is not None and not _says_srgb(profile):
        converted = _by_profile(image, profile)
        if converted is not None:
            return converted
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return _by_numbers(rgb, nclx) if profile is None and isinstance(nclx, Mapping) else rgb


def _without_alpha(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
    if image.mode != "RGBA":
        return image
    flat = Image.new("RGB", image.size, _BACKGROUND)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _says_srgb(profile: bytes) -> bool:
    """Tell whether the profile's description tag (ICC.1:2010, 9.2.41) names sRGB itself."""
    count = min(struct.unpack_from(">I", profile, 128)[0], 100)
    for at in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        if profile[at : at + 4] == b"desc":
            start, length = struct.unpack_from(">II", profile, at + 4)
            text = profile[start : start + min(length, 512)].replace(b"\0", b"").lower()
            return b"srgb" in text and b"linear" not in text and b"e-srgb" not in text
    return False


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    mode = image.mode if image.mode in ("L", "RGB", "CMYK", "LAB") else "RGB"
    try:
        transform = _transform(profile, mode)
        source = image if image.mode == mode else image.convert(mode)
        return ImageCms.applyTransform(source, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(maxsize=_KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


@lru_cache(maxsize=1)
def adobe_rgb_profile() -> bytes:
    """Return an ICC version 2 profile of Adobe RGB (1998), made from the numbers of its specification.

    Cameras mark Adobe RGB in EXIF and often embed no profile. Primaries adapted to D50 and gamma 563/256 as Adobe's
    "Adobe RGB (1998) Color Image Encoding", annex C, gives them.
    """
    points = {
        b"wtpt": (0.95045, 1.0, 1.08905),
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    }
    bodies = {tag: b"XYZ \0\0\0\0" + _fixed(*point) for tag, point in points.items()}
    bodies |= {tag: b"curv\0\0\0\0" + struct.pack(">IHH", 1, 563, 0) for tag in (b"rTRC", b"gTRC", b"bTRC")}
    table, data, at = b"", b"", 128 + 4 + 12 * len(bodies)
    for tag, body in bodies.items():
        table += tag + struct.pack(">II", at + len(data), len(body))
        data += body
    size = at + len(data)
    header = struct.pack(">I4xI", size, 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    header += _fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(bodies)) + table + data


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _by_numbers(image: Image.Image, nclx: Mapping[str, object]) -> Image.Image:
    """Convert wide-gamut or HDR pixels that carry H.273 numbers in place of a profile (Canon and Sony HIF)."""
    primaries, transfer = nclx.get("color_primaries"), nclx.get("transfer_characteristics")
    matrix = _TO_SRGB.get(primaries) if isinstance(primaries, int) else None
    hdr = transfer in (_PQ, _HLG)
    if matrix is None and not hdr:
        return image
    linear = _light(transfer if hdr else None)[np.asarray(image)]
    if matrix is not None:
        linear = linear @ np.asarray(matrix, np.float32).T
    np.clip(linear, 0, 1, out=linear)
    steps = (linear * (_LINEAR_LIGHT - 1) + 0.5).astype(np.uint16)
    return Image.fromarray(_encoding()[steps])


def _light(transfer: object) -> NDArray[np.float32]:
    """Return linear light for the 256 code values, 1 being the white of a normal picture.

    PQ: SMPTE ST 2084, white at 203 cd/m2 (ITU-R BT.2408). HLG: BT.2100 inverse OETF, white at code 0.75 (BT.2408).
    """
    code = np.arange(256) / 255.0
    if transfer == _PQ:
        root = code ** (1 / 78.84375)
        light = 10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        light = light / 203.0
    elif transfer == _HLG:
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        light = light / 0.265
    else:
        light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@lru_cache(maxsize=1)
def _encoding() -> NDArray[np.uint8]:
    """Return the sRGB code value (IEC 61966-2-1) for each step of linear light."""
    light = np.arange(_LINEAR_LIGHT) / (_LINEAR_LIGHT - 1)
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (code * 255 + 0.5).astype(np.uint8)
