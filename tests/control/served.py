"""Serves a real control socket from a thread, with answers that a test decides on."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from safelight.control.client import Client
from safelight.control.messages import PROTOCOL, Answer, Request, Status
from safelight.control.server import Patience, Server
from safelight.errors import SafelightError

SOON_S = 10.0  # until something that is about to happen must have happened
SHORTLY = Patience(line_s=0.4, taking_s=0.4, between_s=0.02)


async def echo(request: Request) -> Answer:
    """Answer with what was asked."""
    return Answer(record={"command": request.command, "arguments": request.arguments}, text=request.command)


@dataclass
class Served:
    """A daemon that has nothing but its socket."""

    path: Path
    state: Path
    answer: Callable[[Request], Awaitable[Answer]] = echo
    patience: Patience = field(default_factory=lambda: Patience(between_s=0.02))
    clients: int = 32
    status: Status = field(default_factory=lambda: Status(state="idle"))
    told: list[str] = field(default_factory=list)  # what the leases did
    troubles: list[dict[str, Any]] = field(default_factory=list)  # what asyncio found no place for
    statuses: int = 0  # how often it was asked how it stands
    server: Server | None = None
    loop: asyncio.AbstractEventLoop | None = None

    lend: Callable[[], Awaitable[None]] | None = None

    def _status_now(self) -> Status:
        self.statuses += 1
        return self.status

    async def _answered(self, request: Request) -> Answer:
        return await self.answer(request)

    async def _begin(self) -> None:
        if self.lend is not None:
            await self.lend()
        self.told.append("begin")

    def _end(self) -> None:
        self.told.append("end")

    def client(self, **how: Any) -> Client:
        """Return a client of it."""
        client = Client.connect(self.path, **how)
        assert client is not None
        return client

    def raw(self) -> socket.socket:
        """Return a connection that may say anything."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(self.path))
        made.settimeout(SOON_S)
        return made

    def set(self, status: Status) -> None:
        """Change how the daemon stands, as another thread does."""
        self.status = status
        self.server.changed()

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return len(self.server._connections)

    @contextmanager
    def running(self) -> Iterator["Served"]:
        """Serve from a thread."""
        ready, done = threading.Event(), threading.Event()
        failed: list[SafelightError] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.troubles.append(context))

        async def serve() -> None:
            self.server = Server(
                path=self.path,
                state=self.state,
                status=self._status_now,
                answer=self._answered,
                lease_begin=self._begin,
                lease_end=self._end,
                clients=self.clients,
                patience=self.patience,
            )
            self.ending = asyncio.Event()
            try:
                await self.server.start()
            except SafelightError as error:
                failed.append(error)
                ready.set()
                return
            ready.set()
            await self.ending.wait()
            await self.server.close()

        def run() -> None:
            try:
                self.loop.run_until_complete(serve())
            finally:
                self.loop.close()
                done.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(SOON_S)
        if failed:
            raise failed[0]
        try:
            yield self
        finally:
            self.loop.call_soon_threadsafe(self.ending.set)
            assert done.wait(SOON_S), "the server could not be closed"
            thread.join(SOON_S)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def line(command: str, number: int = 1, **arguments: Any) -> bytes:
    """Return a request as it travels."""
    told = {"protocol": PROTOCOL, "id": number, "command": command, "arguments": arguments}
    return json.dumps(told).encode() + b"\n"


def received(connected: socket.socket) -> list[dict[str, Any]]:
    """Return all replies until the server ends the connection."""
    got = b""
    while True:
        try:
            more = connected.recv(1 << 16)
        except ConnectionResetError:
            break
        if not more:
            break
        got += more
    return [json.loads(each) for each in got.splitlines()]


def reply(connected: socket.socket) -> dict[str, Any]:
    """Return the next reply."""
    got = b""
    while not got.endswith(b"\n"):
        more = connected.recv(1)
        assert more, got
        got += more
    return json.loads(got)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a socket may stand; the base folder of a test can be too long for one."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="s") as folder:
        yield Path(folder) / "safelight" / "control.sock"


@pytest.fixture
def served(place: Path, tmp_path: Path) -> Iterator[Served]:
    """Return a daemon that answers with what it was asked."""
    with Served(place, tmp_path / "state").running() as running:
        yield running
        assert not running.troubles, running.troubles
