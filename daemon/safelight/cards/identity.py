"""Says which card is plugged in, so that what the person wanted done with it is done again.

In this order: the serial number that the maker burnt into the card (a reader of the computer's own tells it, and it
survives formatting), the number and label that its file system was given when it was formatted, and where neither can
be had a sum of what hardly changes: label, size of the volume and the camera's folder names.
Invariant: nothing is opened but small files of the kernel and of udev, and folders of the card; never raises.
"""

import os
import re
import stat
from pathlib import Path

import xxhash

from safelight.cards.reading import entries
from safelight.domain.cards import Card

_SYSTEM = Path("/")
_CAMERA_FOLDER = re.compile(r"[1-9]\d\d([0-9A-Za-z_]{5})")  # DCF: 100CANON; what makers name it by is in the letters
_NO_NUMBER = re.compile(r"[0-]*")


def card_of(root: Path, *, system: Path = _SYSTEM) -> Card | None:
    """Return the card that is mounted at `root`, None when there is no DCIM folder or it cannot be looked at.

    `system` is where /dev, /run and /sys are found.
    """
    try:
        status = os.stat(root, follow_symlinks=False)
        volume = os.statvfs(root)
    except OSError:
        return None
    if not has_pictures(root):
        return None
    told = _told_by_udev(system, status.st_dev) | _told_by_links(system, status.st_dev)
    label = told.get("label") or root.name or "card"
    number = told.get("uuid", "")
    if serial := _serial(system, status.st_dev):
        identity = f"serial {serial}"
    elif not _NO_NUMBER.fullmatch(number):
        identity = f"volume {number} {label}"
    else:
        identity = f"folders {_sum(root, label, volume.f_blocks * volume.f_frsize)}"
    return Card(identity, label, root, status.st_dev, bool(volume.f_flag & os.ST_RDONLY))


def has_pictures(root: Path) -> bool:
    """Tell whether a folder DCIM, and no link of that name, is at the root of a volume."""
    for name in ("DCIM", "dcim"):
        try:
            if stat.S_ISDIR(os.stat(root / name, follow_symlinks=False).st_mode):
                return True
        except OSError:
            continue
    return False


def _told_by_links(system: Path, device: int) -> dict[str, str]:
    """Look which names udev gives the device below /dev/disk."""
    told = {}
    for kind, folder in (("uuid", "by-uuid"), ("label", "by-label")):
        place = system / "dev/disk" / folder
        try:
            names = sorted(os.listdir(place))
        except OSError:
            continue
        for name in names:
            try:
                found = os.stat(place / name)
            except OSError:
                continue
            if stat.S_ISBLK(found.st_mode) and found.st_rdev == device:
                told[kind] = _unescaped(name)
    return told


def _told_by_udev(system: Path, device: int) -> dict[str, str]:
    """Read what udev remembers of the device."""
    lines = _text(system / "run/udev/data" / f"b{os.major(device)}:{os.minor(device)}").splitlines()
    fields = dict(line[2:].partition("=")[::2] for line in lines if line.startswith("E:"))
    names = {"uuid": "ID_FS_UUID_ENC", "label": "ID_FS_LABEL_ENC"}
    return {kind: _unescaped(fields[name]) for kind, name in names.items() if fields.get(name)}


def _serial(system: Path, device: int) -> str:
    """Return the card's own serial number: of the device, or of the one it is a part of."""
    block = system / "sys/dev/block" / f"{os.major(device)}:{os.minor(device)}"
    found = _text(block / "device/cid") or _text(block / "../device/cid")
    return found.strip() if re.fullmatch(r"[0-9a-fA-F]{32}\s*", found) else ""


def _sum(root: Path, label: str, size: int) -> str:
    letters = set()
    for name in ("DCIM", "dcim"):
        try:
            names = [entry for entry, status in entries(root / name) if stat.S_ISDIR(status.st_mode)]
        except OSError:
            continue
        letters |= {match[1].upper() for match in map(_CAMERA_FOLDER.fullmatch, names) if match}
    told = "\n".join((label, str(size), *sorted(letters)))
    return xxhash.xxh3_64_hexdigest(told.encode("utf-8", "surrogateescape"))


def _text(file: Path) -> str:
    try:
        return file.read_bytes()[:65536].decode("utf-8", "replace")
    except OSError:
        return ""


def _unescaped(name: str) -> str:
    """Undo udev's escapes: a backslash, an x and two digits stand for one byte."""
    data = os.fsencode(name)
    raw = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), data)
    return "".join(letter if letter.isprintable() else " " for letter in raw.decode("utf-8", "replace")).strip()
