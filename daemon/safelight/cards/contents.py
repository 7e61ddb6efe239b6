"""Lists what is on a card that is to be copied: photographs below DCIM, films there and where cameras put films.

Cameras put photographs below DCIM (DCF, JEITA CP-3461) and films also below PRIVATE (AVCHD, XAVC) and folders of their
makers; pictures there are thumbnails. Hidden names, and names that other programs left, are passed over. Frames with
pictures come first, so that rating can begin while films are copied.
Invariant: nothing is followed or opened but folders; what is listed is a regular file on this very card.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from safelight.cards.reading import entries
from safelight.domain.cards import Card, CardFile, CardFrame, frames_of, is_film, is_picture
from safelight.domain.frame import FileStamp
from safelight.domain.names import skipped_file, skipped_folder
from safelight.errors import CardGone
from safelight.ports.cards import CardListing

PICTURES = "dcim"
# Sony, Panasonic and JVC: AVCHD, XAVC (PRIVATE/M4ROOT), MP4 and XDCAM; Panasonic P2; Canon's XF and film folders.
FILMS = frozenset("avchd clip clips contents crm m4root mp_root pana_grp private xdroot".split())

_DEEPEST = 12  # folders below the root; PRIVATE/AVCHD/BDMV/STREAM is the fourth


class CardOnDisk:
    """The CardContents of a mounted card."""

    def listing(self, card: Card) -> CardListing:
        """Return what is on a card. Raises CardGone when it cannot be listed at all."""
        try:
            tops = entries(card.root)
        except OSError as error:
            raise gone(card) from error
        frames: list[CardFrame] = []
        left: list[Path] = []
        not_listed: list[Path] = []
        for name, status in tops:
            if stat.S_ISDIR(status.st_mode) and (name.lower() == PICTURES or name.lower() in FILMS):
                films_only = name.lower() != PICTURES
                for files in _folders(card.root / name, card.device, not_listed):
                    found, others = frames_of(files, films_only=films_only)
                    frames.extend(found)
                    left.extend(file.path for file in others if not films_only)
        if not self.present(card):
            raise gone(card)
        frames.sort(key=lambda frame: not frame.has_picture)  # a stable sort: otherwise as on the card
        return CardListing(tuple(frames), tuple(left), tuple(not_listed))

    def present(self, card: Card) -> bool:
        """Tell whether this very card is still mounted where it was, and its device still there."""
        try:
            here = os.stat(card.root, follow_symlinks=False).st_dev == card.device
        except OSError:
            return False
        return here and has_device(card.device)


def has_device(device: int) -> bool:
    """Tell whether the kernel still has the device of a mounted card; volumes without one (0 as major) always do."""
    return os.major(device) == 0 or os.path.exists(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")


def gone(card: Card) -> CardGone:
    """Return what is said of a card that was pulled."""
    return CardGone(
        f"The card {card.label} is no longer there.",
        hint="Put it in again: what is missing is copied then, and nothing twice.",
        path=card.root,
    )


def _folders(top: Path, device: int, not_listed: list[Path], depth: int = 1) -> Iterator[list[CardFile]]:
    """Yield the files of each folder at and below `top`, in the order of names; other mounts are passed over."""
    try:
        found = entries(top)
    except OSError:
        not_listed.append(top)
        return
    here = [(name, status) for name, status in found if status.st_dev == device]
    yield [
        CardFile(top / name, FileStamp.of(status))
        for name, status in here
        if stat.S_ISREG(status.st_mode) and skipped_file(name) is None
    ]
    not_listed.extend(
        top / name
        for name, status in here
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode) and (is_picture(name) or is_film(name))
    )
    for name, status in here:
        if stat.S_ISDIR(status.st_mode) and skipped_folder(name) is None and depth < _DEEPEST:
            yield from _folders(top / name, device, not_listed, depth + 1)
