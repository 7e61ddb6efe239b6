"""Answers clients on the control socket: many at once, none of them able to hold up another or the daemon.

    server = Server(path=paths.socket_file(environ), state=state, status=..., answer=..., ...)
    await server.start()          # raises StateError: another daemon, or no place for a socket
    server.changed()              # from any thread: whoever watches is told, at most five times a second
    await server.close()

A connection asks one thing after another and is read only while nothing of it is being answered, so that what a client
sends piles up in the kernel and not here. A line has a limit of size and of time, and so has the taking of an answer: a
client that does not read is let go of. `watch` and `lease` are the last thing that a connection asks; a lease lasts as
long as its connection, which the kernel ends with the client, however that ended.
Invariant: whatever a client does, its connection ends by itself and nothing but it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from safelight.control.conversation import Conversation, Patience
from safelight.control.lease import Lease
from safelight.control.lines import REQUEST_BYTES
from safelight.control.messages import Answer, Request, Status
from safelight.control.peers import is_us
from safelight.control.place import Place
from safelight.errors import ControlError

CLIENTS = 32  # at once; a desktop has a tray and a command or two


class Server:
    """The daemon's end of the socket, on the loop that runs `start`."""

    def __init__(
        self,
        *,
        path: Path,
        state: Path,
        status: Callable[[], Status],
        answer: Callable[[Request], Awaitable[Answer]],
        lease_begin: Callable[[], Awaitable[None]],
        lease_end: Callable[[], None],
        clients: int = CLIENTS,
        patience: Patience | None = None,
    ) -> None:
        """Prepare; `state` is the state folder that the daemon works with, which clients compare with theirs.

        `answer` is asked with arguments that are checked (`control.arguments`) and may raise any SafelightError; it is
        not cancelled when the client goes. `lease_begin` returns once the state folder is free to be written by
        another process; `lease_end` is called when the last lease has ended.
        """
        self._path = path
        self._state = state
        self._status = status
        self._answer = answer
        self._lease = Lease(begin=lease_begin, end=lease_end)
        self._clients = clients
        self._patience = patience or Patience()
        self._connections: set[asyncio.Task[object]] = set()
        self._place: Place | None = None
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._marking = False
        self._closing = False

    async def start(self) -> None:
        """Listen. Raises StateError when another daemon does, or when the socket cannot be made."""
        self._loop = asyncio.get_running_loop()
        self._place = Place(self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=self._place.socket, limit=REQUEST_BYTES)

    async def close(self) -> None:
        """Let go of all clients and of the socket."""
        if self._server is not None:
            self._server.close()
        self._closing = True
        for connection in tuple(self._connections):
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        if self._place is not None:
            self._place.leave()
            self._place = None

    def changed(self) -> None:
        """Tell, from any thread, that `status` has something new to say."""
        if self._marking or self._loop is None:
            return
        self._marking = True  # until the loop has come to it: a storm of changes is one call
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._mark)

    def _mark(self) -> None:
        self._marking = False
        past, self._changed = self._changed, asyncio.Event()
        past.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        if not is_us(writer.get_extra_info("socket")):
            writer.transport.abort()
            return
        self._connections.add(connection)
        conversation = Conversation(
            reader=reader,
            writer=writer,
            patience=self._patience,
            state=self._state,
            status=self._status,
            answer=self._answer,
            lease=self._lease,
            next_change=lambda: self._changed,
        )
        try:
            if len(self._connections) > self._clients:
                await conversation.refuse(ControlError("Too many programs are speaking with the daemon at once."))
            else:
                await conversation.hold()
        except (ConnectionError, TimeoutError):  # the client has gone, or does not read
            pass
        except asyncio.CancelledError:
            if not self._closing:
                raise
        finally:
            writer.transport.abort()  # what was to arrive has been sent by now
            self._connections.discard(connection)
