"""Gives memory back to the system after a look at everything, which needs more for a moment than the daemon does.

The allocator of the C library keeps what was freed for the next time, which here is a quarter of an hour away.
Invariant: where the C library has no such call, nothing happens.
"""

import ctypes
import gc


def give_back() -> None:
    """Free what nobody uses."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim  # GNU libc; musl and others have none
    except (AttributeError, OSError):
        return
    trim(0)
