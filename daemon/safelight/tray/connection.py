"""Connects to the message bus of the session so that a connection survives a bus that is busy.

dbus-fast 5.2 ends the connection when the kernel's buffer is full for a moment (python-dbus-next's issue 153, which it
inherited): the error of a send that would have to wait is taken for the end. The answer to a panel that asks for all
pictures is 70 KB, a panel asks several times at each change, and the buffer holds 208 KB. Here such a send has sent
nothing yet, which the library does understand: it waits until the socket takes more.
Invariant: what was handed to the bus is sent whole and in order, or the connection has ended.
"""

import socket
from collections.abc import Iterable
from typing import Any, cast

from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError

REFUSALS = (OSError, EOFError, ValueError, AuthError, DBusError)  # of a bus that is not there or not for us


class Patient:
    """A socket whose sends send nothing where they would have to wait."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def send(self, data: memoryview) -> int:
        """Return how many bytes were taken, which may be none."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def sendmsg(self, buffers: Iterable[memoryview], ancillary: Iterable[Any]) -> int:
        """Refuse: a message with descriptors must not be sent in part, and the tray has none."""
        raise OSError("descriptors are not sent")


async def connected(address: str) -> MessageBus:
    """Return a connection to the bus at an address. Raises one of REFUSALS."""
    bus = await MessageBus(bus_address=address).connect()
    writer = bus._writer  # noqa: SLF001  # held by a test that shows the defect, and the version by the lock
    if writer is not None and writer.sock is not None:
        writer.sock = cast("socket.socket", Patient(writer.sock))
    return bus


async def ended(bus: MessageBus) -> None:
    """Return when the connection has ended, whatever ended it."""
    try:
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    except REFUSALS:
        return
