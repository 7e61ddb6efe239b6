"""Decides which bursts stay without stars for a while, so that what the person does with them is done unseen.

Who sees our stars is swayed by them, and would then agree with us for that reason alone. A small share of the bursts is
therefore left unrated until the person is done with the folder: only on those can be measured honestly how well we do.
Which they are follows from the name of the burst, so that every run and every replay chooses the same ones, and no
picture is chosen for what it shows.
Invariant: with a share of 0 nothing is held back.
"""

import hashlib

SHARE = 0.08  # of the bursts: 5-10 % give 200 blind decisions within the first few thousand frames
QUIET_S = 24 * 3600.0  # without anything done in the folder: then the person is done with it

HELD_BACK = (
    "Held back on purpose: Safelight leaves some bursts unrated until you are done with the folder, to measure honestly"
    " how well it does."
)

_ROOM = 1 << 32


def is_withheld(name: str, share: float) -> bool:
    """Tell whether the burst (or lone frame) of this name is among the `share`, 0-1, that is held back."""
    place = int.from_bytes(hashlib.sha256(f"blind {name}".encode()).digest()[:4], "big")
    return place < share * _ROOM


def is_due(quiet_since_s: float | None, now_s: float) -> bool:
    """Tell whether a folder has been quiet for so long that what was held back may be shown."""
    return quiet_since_s is not None and now_s - quiet_since_s >= QUIET_S
