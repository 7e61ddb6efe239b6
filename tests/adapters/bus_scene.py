"""A private bus and a loop for tests of what speaks D-Bus; what fails unseen in the loop fails the test."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.bus import PrivateBus
from tests.fakes.bus_services import FakeService


@contextmanager
def private_bus() -> Iterator[PrivateBus]:
    """Give a bus that is not started; its folder is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="sl-") as folder:
        bus = PrivateBus(Path(folder))
        yield bus
        bus.stop()


def played(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scene in a loop of its own; no exception may have been left to the loop."""
    failures: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
        try:
            await asyncio.wait_for(scene(), 25)
        finally:
            await FakeService.stop_all()

    asyncio.run(watched())
    assert not failures


async def reached(condition: Callable[[], object], *, seconds: float = 8.0) -> None:
    """Wait until a condition is true, or fail."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "what the test waits for did not come"
        await asyncio.sleep(0.005)
