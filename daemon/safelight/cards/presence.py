"""Tells which of the volumes that were just mounted are cards.

Only volumes that a card can have are looked at: to look at a network drive may wait for ever, and to look at an
automount point mounts something. A card is a volume with a folder DCIM at its root (DCF, JEITA CP-3461).
Invariant: of any other mount not even its root is touched; never raises.
"""

from collections.abc import Iterable
from pathlib import Path

from safelight.cards.identity import card_of
from safelight.domain.cards import Card
from safelight.ports.cards import Mounted

# What cameras and phones format cards with, and what a computer may have made of one. tmpfs and loop devices are here
# because a card that was read into a file is one as well.
KINDS = frozenset(
    "btrfs exfat ext2 ext3 ext4 f2fs fuseblk fuse.exfat hfs hfsplus iso9660 msdos ntfs ntfs3 tmpfs udf vfat xfs".split()
)


def cards_among(mounts: Iterable[Mounted]) -> tuple[Card, ...]:
    """Return the cards among mounted volumes, each once (the last one mounted at a place is the one that is seen)."""
    kinds = {mount.root: mount.kind for mount in mounts}
    roots = [root for root, kind in kinds.items() if kind in KINDS and root != Path("/")]
    return tuple(card for card in map(card_of, roots) if card is not None)
