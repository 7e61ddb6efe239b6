"""Tells whether some program on this computer has a file open for writing.

The kernel grants a lease for reading only on a file that nobody has open for writing (fcntl(2), F_SETLEASE), so asking
for one answers exactly, where a quiet time can only guess. The lease is given back at once: another program that opens
the file in that moment waits for some microseconds. It is asked for files whose closing nobody has seen.
Invariant: a file is opened for reading only, no link is followed, and a pipe is not waited for.
"""

import fcntl
import os
import signal
from errno import EAGAIN
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_F_SETSIG = 10  # Linux; not named by Python's fcntl


class LeaseWriters:
    """The Writers of this machine."""

    def writing(self, path: Path) -> bool | None:
        """Tell whether the file is open for writing; None where the file system or its owner lets nobody know."""
        try:
            descriptor = os.open(path, _FLAGS)
        except (OSError, ValueError):
            return None
        try:
            # Should the lease be broken before it is given back, the kernel sends a signal: by default one that ends
            # the program, so another is asked for, which nobody minds.
            fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            return True if error.errno == EAGAIN else None
        finally:
            os.close(descriptor)
        return False
