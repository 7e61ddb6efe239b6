"""Counts who has been lent the state folder: the daemon lets go of it for the first and takes it back after the last.

Several may hold a lease at once, because a lease only keeps the daemon away; which of them writes is settled by the
lock of the state folder, with the same words as without a daemon.
Invariant: `end` follows every `begin` that returned, once, and never while somebody holds a lease.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Lease:
    """The state folder as it is lent to clients; used on one loop."""

    def __init__(self, *, begin: Callable[[], Awaitable[None]], end: Callable[[], None]) -> None:
        self._begin = begin
        self._end = end
        self._beginning = asyncio.Lock()
        self._held = 0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold a lease; what `begin` raises is raised."""
        async with self._beginning:
            if not self._held:
                await self._begin()
            self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._end()
