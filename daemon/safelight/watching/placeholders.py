"""Tells files of which only the name is on this disk, because a cloud keeps the content.

A synchronising program that frees space leaves a placeholder; later it may take the name away too. Neither is a
person's decision about a picture, and reading a placeholder would fetch it. Four marks are known:
- NAME.EXT.nextcloud or NAME.EXT.owncloud lies where NAME.EXT was (virtual files with a suffix, the desktop clients'
  default on Linux);
- the attribute user.nextcloud.hydrate_exec, which the Nextcloud client puts on placeholders only;
- the attribute user.openvfs.state with the value "dehydrated" (ownCloud's and OpenCloud's open VFS);
- a size without blocks, where the file system is seen to give other files blocks. Many FUSE file systems report no
  blocks for anything, and small files may lie in the inode (ext4, btrfs, NTFS), so both are ruled out first.
Invariant: in doubt a file is no placeholder; no file is opened.
"""

import os
import stat
from itertools import islice
from pathlib import Path

_SUFFIXES = (".nextcloud", ".owncloud")
_HYDRATED_ON_OPEN = "user.nextcloud.hydrate_exec"
_STATE, _DEHYDRATED = "user.openvfs.state", b"dehydrated"

# The largest content that is kept in an inode is btrfs' max_inline, 2,048 bytes as it is made and a page at most.
_INLINE_BYTES = 4096
_MOST_NEIGHBOURS = 256  # looked at in one folder for a file with blocks


class CloudPlaceholders:
    """The Placeholders of this machine; remembers for each device whether it gives files blocks."""

    def __init__(self) -> None:
        self._allocates: set[int] = set()

    def is_placeholder(self, path: Path) -> bool:
        """Tell whether of the file at `path` (absolute) only the name, or the name with a suffix, is here."""
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return any(_is_file(path.with_name(path.name + suffix)) for suffix in _SUFFIXES)
        except (OSError, ValueError):
            return False
        if not stat.S_ISREG(status.st_mode):
            return False
        if _attribute(path, _HYDRATED_ON_OPEN) is not None or _attribute(path, _STATE) == _DEHYDRATED:
            return True
        if status.st_size <= _INLINE_BYTES or status.st_blocks > 0:
            return False
        return self._gives_blocks(path.parent, status.st_dev)

    def _gives_blocks(self, folder: Path, device: int) -> bool:
        """Tell whether some other file on the device has blocks: one in the same folder, or in a folder around it."""
        for place in (folder, *folder.parents):
            if device in self._allocates:
                return True
            try:
                if os.lstat(place).st_dev != device:
                    break
                with os.scandir(place) as listing:
                    found = any(_has_blocks(entry, device) for entry in islice(listing, _MOST_NEIGHBOURS))
            except OSError:
                continue
            if found:
                self._allocates.add(device)
        return device in self._allocates


def _has_blocks(entry: "os.DirEntry[str]", device: int) -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_dev == device and status.st_blocks > 0


def _attribute(path: Path, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
