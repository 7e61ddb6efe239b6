"""Reads from names whether one picture may have been made from another, before anybody looks at either.

Programs put the source's name into the name of what they make, into its metadata, or both. A name alone proves
nothing, because counters start again; what is found here is a candidate for `domain.derivation`.
"""

import re
from pathlib import PurePath

_LEAST_LETTERS = 4  # of a name that may be found within another: IMG is in every name
_MOST_PARTS = 12
_SEPARATED = re.compile(r"([-_ .()]+)")

# Names by which editors sign what they write; a camera's firmware signs with a version, a model or its maker.
_EDITORS = (
    "darktable ansel lightroom camera|raw photoshop rawtherapee capture|one photolab dxo gimp affinity luminar on1 "
    "digikam showfoto nx|studio capture|nx silkypix digital|photo|professional exposure topaz snapseed pixelmator "
    "acdsee zoner krita imagemagick vkdt filmulator aftershot polarr vsco picasa imaging|edge paintshop aperture "
    "iridient raw|power"
).split()
_ART = re.compile(r"\bART\b")


def possible_sources(stem: str) -> tuple[str, ...]:
    """Return the stems, lower case, that may stand within a file's stem: IMG_1 for IMG_1-2 and for best_IMG_1_web.

    A part counts when it is set off by a separator and has at least four letters; the stem itself comes first.
    """
    parts = _SEPARATED.split(stem.lower())[: 2 * _MOST_PARTS + 1]
    runs = ("".join(parts[i:j]) for i in range(0, len(parts), 2) for j in range(len(parts), i, -2))
    return tuple(dict.fromkeys([stem.lower(), *(run for run in runs if len(run) >= _LEAST_LETTERS)]))


def is_editor(software: str | None) -> bool:
    """Tell whether a file says that an editor wrote it, and not a camera."""
    if software is None:
        return False
    lowered = software.lower()
    return any(name.replace("|", " ") in lowered for name in _EDITORS) or _ART.search(software) is not None


def names(derived_from: str | None, name: str) -> bool:
    """Tell whether what a picture says it was made from is a file of this name."""
    return derived_from is not None and PurePath(derived_from.replace("\\", "/")).name.lower() == name.lower()
