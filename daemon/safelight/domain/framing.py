"""Decides which files of a folder are one frame.

A camera that writes RAW and JPEG gives both the same stem, so stem and folder pair them; the capture times, known only
once a file has been opened, part what a counter that started again has thrown together.
Invariant: every image file is in exactly one frame; a frame has at least one image file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import FoundFile, Role

# Cameras stamp both files of one exposure alike; some write the second file a moment later and round differently.
SAME_EXPOSURE_S = 2.0

# Which file to look at first: what the camera rendered is decoded cheaper than the RAW beside it.
_EASE = {".jpg": 0, ".jpeg": 0, ".jpe": 0, ".jfif": 0, ".heic": 1, ".heif": 1, ".hif": 1, ".avif": 2}


@dataclass(frozen=True, slots=True)
class Draft:
    """The image files of one frame: the main one first (the RAW where there is one)."""

    files: tuple[FoundFile, ...]

    @property
    def main(self) -> FoundFile:
        """Return the file that stands for the frame: the RAW where there is one, else the camera's picture."""
        return self.files[0]


def drafts(files: Sequence[FoundFile]) -> tuple[Draft, ...]:
    """Pair the image files of one folder by stem, in the order of their names; sidecars and settings are left out."""
    stems: dict[str, list[FoundFile]] = {}
    for file in files:
        if file.is_picture:
            stems.setdefault(file.path.stem, []).append(file)
    return tuple(Draft(tuple(sorted(members, key=_standing))) for _, members in sorted(stems.items(), key=_by_bytes))


def sources(paths: Sequence[Path], raw: Mapping[Path, bool]) -> tuple[Path, ...]:
    """Return a frame's files in the order in which they should be tried for pixels, cheapest decode first."""
    return tuple(sorted(paths, key=lambda path: (raw[path], _EASE.get(path.suffix.lower(), 3), bytes(path))))


def apart(taken_s: float | None, other_taken_s: float | None) -> bool:
    """Tell whether two files of one stem are two exposures after all; unknown times leave them together."""
    if taken_s is None or other_taken_s is None:
        return False
    return abs(taken_s - other_taken_s) > SAME_EXPOSURE_S


def _standing(file: FoundFile) -> tuple[int, int, bytes]:
    return (file.role is not Role.RAW, _EASE.get(file.path.suffix.lower(), 3), bytes(file.path))


def _by_bytes(entry: tuple[str, list[FoundFile]]) -> bytes:
    return bytes(entry[1][0].path.parent / entry[0])
