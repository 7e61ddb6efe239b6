"""Says in words for a photographer why something could not be read from a card or written beside the others.

An error of the system says what failed and not what it means. Whether a failed read means one bad file or a card that
was pulled is asked of the kernel: it knows whether the device is still there.
Invariant: a full disk, a pulled card and an unusable folder end an import; everything else costs one file.
"""

import errno
import os
from pathlib import Path

from safelight.errors import CardError, CardGone, CopyFailed, NoRoom, TargetUnusable

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_GONE = frozenset((errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.ESHUTDOWN, errno.ENOMEDIUM))
_BAD_NAME = frozenset((errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ))

_UNREADABLE = {
    errno.EIO: ("The card cannot read this file.", "Copy what you can by hand and do not use the card again."),
    errno.EACCES: ("There is no permission to read this file.", "Copy it by hand as a user who may read it."),
    errno.EPERM: ("There is no permission to read this file.", "Copy it by hand as a user who may read it."),
    errno.ENOENT: ("The file is no longer there.", "It was deleted on the card meanwhile."),
    errno.ELOOP: ("It is a link, and links on a card are not followed.", "Copy by hand what it leads to."),
}
_UNUSABLE = {
    errno.EROFS: "The disk is mounted read-only; choose another import folder.",
    errno.EACCES: "You have no permission to write there; change it or choose another import folder.",
    errno.EPERM: "You have no permission to write there; change it or choose another import folder.",
    errno.EIO: "The disk reports an error; check it before anything else.",
    errno.ENOTDIR: "A file stands where a folder should be; move it away or choose another import folder.",
    errno.ELOOP: "A link there leads nowhere or in a circle; choose another import folder.",
    errno.ENOENT: "The folder was moved or deleted meanwhile, or its disk is not connected.",
    errno.EFBIG: "The disk cannot hold files as large as this; choose another import folder.",
}


def not_read(error: OSError, path: Path, *, device_there: bool) -> CardError:
    """Return what a failed read from a card means."""
    if error.errno in _GONE or not device_there:
        return CardGone(
            "The card is no longer there.",
            hint="Put it in again: what is missing is copied then, and nothing twice.",
            path=path,
        )
    reason = f"The system cannot read the file ({_words(error)})."
    summary, hint = _UNREADABLE.get(error.errno or 0, (reason, "Copy it by hand."))
    return CopyFailed(summary, hint=hint, path=path)


def not_written(error: OSError, path: Path) -> CardError:
    """Return what a failed step of writing a copy means; `path` is the file or folder that was to be written."""
    if error.errno in _FULL:
        return NoRoom(
            f"The disk of {path.parent} is full.",
            hint="Make room; the rest of the card is copied then, and nothing twice.",
            path=path,
        )
    if error.errno in _BAD_NAME:
        return CopyFailed(
            "The disk that is copied to cannot hold a file of this name.", hint="Copy it by hand.", path=path
        )
    hint = _UNUSABLE.get(error.errno or 0, "See that the folder can be written.")
    return TargetUnusable(f"{path.parent} cannot be written: {_words(error)}.", hint=hint, path=path)


def _words(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
