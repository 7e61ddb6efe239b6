"""Knows where the pictures of the lamp lie and gives them out in the sizes that panels ask for.

They are drawn in packaging/icons and turned into PNG there, on a grid of their own for each small size; a panel takes
the size that fits and never has to scale one up.
Invariant: a picture is read once and kept; a lamp in all sizes is 35 KB, and there are six lamps.
"""

from pathlib import Path

from safelight.tray.pixels import Pixmap, pixmap

SIZES = (16, 22, 24, 32, 48, 64)
FOLDER = Path(__file__).parent / "pictures"


def picture(name: str, size: int) -> Path:
    """Return the PNG of a lamp (`state.Light.name`) at a size of SIZES."""
    return FOLDER / f"{name}-{size}.png"


class Lamps:
    """The pictures that were shown so far."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Pixmap, ...]] = {}

    def pixmaps(self, name: str) -> tuple[Pixmap, ...]:
        """Return a lamp in all sizes. Raises OSError or ValueError where its files are missing or damaged."""
        if name not in self._read:
            self._read[name] = tuple(pixmap(picture(name, size).read_bytes()) for size in SIZES)
        return self._read[name]
