"""Decides whether a folder lies on a card, which Safelight only ever reads.

A card is a mounted volume with a DCIM folder at its root (the DCF standard, JEITA CP-3461: cameras write below DCIM).
A DCIM folder inside a home folder is an ordinary copy and may get sidecars.
"""

import os
from pathlib import Path


def mount_root(path: Path) -> Path:
    """Return the root of the mounted volume that `path` (absolute) lies on."""
    return next((parent for parent in (path, *path.parents) if os.path.ismount(parent)), Path("/"))


class CardVolumes:
    """The Volumes of this machine's mounts."""

    def card_root(self, path: Path) -> Path | None:
        """Return the root of the card that `path` (absolute) lies on, None when it lies on no card."""
        root = mount_root(path)
        if root == Path("/"):
            return None
        return root if any((root / name).is_dir() for name in ("DCIM", "dcim")) else None
