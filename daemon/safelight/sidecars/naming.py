"""Decides which sidecar files belong to a frame.

Two habits exist. darktable, digiKam and Immich write NAME.EXT.xmp, one for every file; Adobe, Capture One and Photo
Mechanic write NAME.xmp, one for the RAW and its JPEG together. What is already there is taken up, so that a library
keeps its habit; the profile decides only where nothing is there yet.
NAME.xmp cannot tell which NAME.* it means. Where another picture or film has the same stem it is taken as this
frame's only if the frame has the RAW and the other has not, because the programs that write it write it for the RAW.
Invariant: every path given out ends in .xmp, and the same frame and listing give the same paths in the same order.
"""

import os
from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import Path, PurePath

from safelight.domain.names import IMAGE_SUFFIXES, RAW_SUFFIXES, SIDECAR_SUFFIX

_FILMS = frozenset(".mov .mp4 .m4v .avi .mts .m2ts .mpg .3gp .mxf .braw .r3d .crm .insv .360".split())
_PICTURES = RAW_SUFFIXES | IMAGE_SUFFIXES | {".psd", ".psb", ".webp", ".gif", ".bmp", ".jxl"}

# What a NAME.xmp may speak of, in the two cases that cameras and programs write. Asking for each of them costs less
# than going through a folder of ten thousand names for every frame in it.
_OWNERS = tuple(sorted({form(suffix) for suffix in _PICTURES | _FILMS for form in (str.lower, str.upper)}))


class Profile(StrEnum):
    """Which sidecars are made where a frame has none."""

    DARKTABLE = "darktable"  # NAME.EXT.xmp
    ADOBE = "adobe"  # NAME.xmp
    BOTH = "both"


def candidates(image: Path, profile: Profile) -> tuple[str, ...]:
    """Return the names of the sidecars that a profile makes for one image file."""
    full, short = image.name + SIDECAR_SUFFIX, image.stem + SIDECAR_SUFFIX
    names = {Profile.DARKTABLE: (full,), Profile.ADOBE: (short,), Profile.BOTH: (full, short)}[profile]
    return tuple(dict.fromkeys(names))


def targets(images: Sequence[Path], profile: Profile, listing: Collection[str]) -> tuple[Path, ...]:
    """Return the sidecars of a frame that a rating goes into, in a fixed order.

    `images` are all image files of the frame, in one folder; `listing` is every file name in that folder, best a set.
    - NAME.xmp is there and is the frame's: it, and every NAME.EXT.xmp that is there, are kept in agreement.
    - Only NAME.EXT.xmp are there: they are used. A companion that has none gets its own, unless the profile is
      `adobe`, where one sidecar speaks for the frame.
    - None is there: the profile's names, for every image file; never NAME.xmp where another frame may mean the same.
    """
    ordered = sorted(images, key=os.fsencode)
    full = {image: _present(image.name, listing) for image in ordered}
    may_be_short = not _shared(ordered, listing)
    short = _present(ordered[0].stem, listing) if may_be_short else ()
    existing = [name for names in full.values() for name in names]
    if short:
        names = [*existing, *short]
    elif existing and profile is Profile.ADOBE:
        names = existing
    else:
        usable = profile if may_be_short and not existing else Profile.DARKTABLE
        names = [name for image in ordered for name in full[image] or candidates(image, usable)]
    return tuple(ordered[0].parent / name for name in sorted(dict.fromkeys(names), key=os.fsencode))


def _present(base: str, listing: Collection[str]) -> tuple[str, ...]:
    """Return the sidecars named `base` + .xmp in any case of .xmp that are in the listing."""
    variants = (base + "." + x + m + p for x in "xX" for m in "mM" for p in "pP")
    return tuple(name for name in variants if name in listing)


def _shared(images: Sequence[Path], listing: Collection[str]) -> bool:
    """Tell whether NAME.xmp may be meant for a file that is not of this frame."""
    stem = images[0].stem
    own = {image.name for image in images}
    rivals = [name for suffix in _OWNERS if (name := stem + suffix) in listing and name not in own]
    if not rivals:
        return False
    return not any(_raw(image.name) for image in images) or any(map(_raw, rivals))


def _raw(name: str) -> bool:
    return PurePath(name).suffix.lower() in RAW_SUFFIXES
