"""`safelight run`: puts the daemon together and keeps it running until somebody tells it to stop.

The main thread runs an asyncio loop: socket, D-Bus, signals. The conductor's thread (`app.keeping`) changes the
catalog. They speak by letters in one direction and by the board in the other. What is heavy is imported by the worker's
process; what is merely not needed to be ready is imported afterwards.
Invariant: READY is told only when the socket answers and the watched folders are watched.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import __version__, paths
from safelight.app import configuration
from safelight.app.board import Board
from safelight.app.configuration import Configuration
from safelight.app.keeping import LONGEST_S, Keeping, MainThread
from safelight.app.letters import Asked, LeaseBegins, LeaseEnds, Letterbox, Reconfigured
from safelight.app.settings import Settings
from safelight.control.messages import Answer, Request, Status, Trouble
from safelight.control.server import Server
from safelight.desktop import systemd
from safelight.errors import CannotStart, SafelightError

if TYPE_CHECKING:
    from safelight.app.surroundings import Surroundings

STOP_S = 8.0  # of the ten seconds that the service manager allows


def run(*, environ: Mapping[str, str], state: Path | None) -> int:
    """Run until SIGTERM, SIGINT or `safelight quit`. Raises CannotStart when another daemon runs, or nothing can."""
    chosen = configuration.read(environ)
    settings = chosen.settings(environ, state=state)
    return asyncio.run(Daemon(environ=environ, settings=settings, configuration=chosen).main())


class Daemon:
    """The main thread's part: it answers, shows and stops."""

    def __init__(self, *, environ: Mapping[str, str], settings: Settings, configuration: Configuration) -> None:
        self._environ = environ
        self._settings = settings
        self._manager = systemd.Supervisor(environ)
        self._watched_s = systemd.watchdog_s(environ, pid=os.getpid())
        self._beat_s = 0.0
        self._box = Letterbox()
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._failure: SafelightError | None = None
        self._board = Board(
            first=Status(version=__version__, pid=os.getpid(), started_s=time.time()),  # noqa: TID251  # before any clock
            changed=self._changed,
        )
        self._server = Server(
            path=paths.socket_file(environ),
            state=settings.state,
            status=lambda: self._board.status,
            answer=self._answer,
            lease_begin=self._lease_begin,
            lease_end=lambda: self._box.put(LeaseEnds()),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._surroundings: Surroundings | None = None
        self._begun = threading.Lock()
        self._keeping = Keeping(
            settings=settings,
            chosen=configuration,
            main=MainThread(
                self._box,
                self._board,
                self._get_surroundings,
                self._beat,
                min(LONGEST_S, self._watched_s or LONGEST_S),
            ),
        )
        self._thread: threading.Thread | None = None
        self._told_state = ""

    async def main(self) -> int:
        """Start everything, wait, stop everything; returns the exit status. Raises CannotStart."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload)
        await self._server.start()
        try:
            self._thread = threading.Thread(target=self._keep, name="conductor", daemon=True)
            self._thread.start()
            await self._first_of(self._ready, self._stopping)
            if self._failure is None and not self._stopping.is_set():
                self._manager.ready("Watching")
                await self._get_surroundings().start(self._environ, self._box)
                await self._stopping.wait()
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure
        return 0

    def _keep(self) -> None:
        """Run the conductor's thread; what ends it ends the daemon."""
        try:
            self._keeping.run(ready=lambda: self._in_loop(self._ready.set))
        except SafelightError as error:
            self._failure = error
        except BaseException:
            self._failure = CannotStart("Safelight's daemon has ended because of a mistake in it.")
            raise
        finally:
            self._in_loop(self._ready.set)
            self._in_loop(self._stopping.set)

    async def _stop(self) -> None:
        self._manager.stopping("Stopping")
        self._board.say(state="stopping")
        self._keeping.stop()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)
        if self._surroundings is not None:
            await self._surroundings.close()
        await self._server.close()

    async def _answer(self, request: Request) -> Answer:
        if request.command == "quit":
            self._stopping.set()
            return Answer(record={}, text="Safelight stops.")
        if request.command == "reload":
            self._reload(raises=True)
            return Answer(record={}, text="The settings are read again.")
        asked = Asked(request.command, request.arguments)
        self._box.put(asked)
        answer = await asyncio.wrap_future(asked.answer)
        if request.command == "eject":
            await self._get_surroundings().eject(Path(answer.record["root"]), label=answer.record["label"])
        return answer

    def _get_surroundings(self) -> "Surroundings":
        """Return the way to the desktop, loaded when it is first asked for; from any thread."""
        from safelight.app.surroundings import Surroundings

        with self._begun:
            if self._surroundings is None:
                self._surroundings = Surroundings(in_loop=self._in_loop)
            return self._surroundings

    async def _lease_begin(self) -> None:
        begins = LeaseBegins()
        self._box.put(begins)
        await asyncio.wrap_future(begins.free)

    def _reload(self, *, raises: bool = False) -> None:
        """Read the settings again; those that cannot be meant are refused, and the old ones stay."""
        self._manager.reloading()
        try:
            chosen = configuration.read(self._environ)
        except SafelightError as error:
            told = Trouble(level="bad", told=error.summary, hint=f"{error.hint} The settings of before stay.".strip())
            self._board.trouble("settings", told)
            if raises:
                raise
        else:
            self._board.trouble("settings", None)
            self._box.put(Reconfigured(chosen))
        finally:
            self._manager.ready()

    def _beat(self) -> None:
        """Tell the service manager that work goes on, as often as it wants to hear that; in the conductor's thread."""
        now_s = time.monotonic()
        if self._watched_s is not None and now_s - self._beat_s >= min(1.0, self._watched_s / 2):
            self._beat_s = now_s
            self._manager.alive()

    def _changed(self, status: Status) -> None:
        """Let everybody know who shows how things stand."""
        self._server.changed()
        told = status.why or {"idle": "Idle", "working": "Working"}.get(status.state, status.state.capitalize())
        if told != self._told_state:
            self._told_state = told
            self._manager.status(told)

    def _in_loop(self, function: Callable[[], object]) -> None:
        """Have something done by the main thread, soon; nothing when it has ended."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function)

    @staticmethod
    async def _first_of(*happenings: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(each.wait()) for each in happenings]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
