"""Says what a clock on the wall showed at a moment: the fallback for files whose camera recorded no time.

Cards of FAT keep local times without a zone, which the kernel turns into moments by the zone of this computer; the same
zone turns them back.
"""

import time


def wall_s(epoch_s: float) -> float:
    """Return seconds since 1970-01-01T00:00 of the local clock at a moment in seconds since the epoch, UTC."""
    try:
        return epoch_s + time.localtime(epoch_s).tm_gmtoff
    except (OverflowError, ValueError, OSError):  # a file may claim any year
        return epoch_s
