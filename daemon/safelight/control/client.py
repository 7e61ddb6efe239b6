"""Asks the daemon, waiting for each answer; what commands and the tray speak through.

    client = Client.connect(paths.socket_file(environ))      # None: no daemon runs
    with client:
        client.state                                          # the state folder that the daemon works with
        answer = client.ask("rescan", folder=str(folder))     # raises the SafelightError that the daemon met
        status = client.status()
        with client.lease(): ...                              # meanwhile the daemon leaves the state folder alone
        for status in client.watch(): ...                     # ends when the daemon does, or after close()

A connection asks one thing at a time, from one thread; only `close` may be called from another, and ends whatever is
being waited for. `watch` and `lease` are the last thing that a connection asks. The daemon lets go of a connection that
asks nothing for half a minute: one connection a question.
Neither asyncio nor anything heavy is imported, and what checks messages only when somebody listens, so that a command
without a daemon loses no time.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safelight.control.peers import is_us
from safelight.control.place import short_enough
from safelight.errors import ControlError

if TYPE_CHECKING:
    from types import TracebackType

    from safelight.control.messages import Answer, Reply, Status

_SILENT = "Safelight's daemon runs and does not answer."
_ENDED = "Safelight's daemon has ended before it answered."
_RECEIVE_BYTES = 1 << 16
_TIME = struct.Struct("ll")  # struct timeval


class Client:
    """One connection to the daemon."""

    def __init__(self, connected: socket.socket, *, timeout_s: float) -> None:
        """Speak over a connected socket; `connect` is the usual way."""
        self._socket = connected
        self._timeout_s = timeout_s
        self._got = bytearray()
        self._number = 0
        self.state = Path()

    @classmethod
    def connect(cls, path: Path, *, timeout_s: float = 5.0) -> Client | None:
        """Return a connection to the daemon of this user, None when none listens there.

        Raises ControlError when something listens that does not answer in time or is of another version.
        """
        connected = _connected(path, timeout_s)
        if connected is None:
            return None
        client = cls(connected, timeout_s=timeout_s)
        try:
            client.state = _state_of(client.ask("hello", timeout_s=timeout_s).record)
        except BaseException:
            client.close()
            raise
        return client

    def ask(self, command: str, *, timeout_s: float | None = None, **arguments: Any) -> Answer:
        """Return the answer to a command, waited for without end or so many seconds.

        Raises the SafelightError that the daemon met, or ControlError when it refuses or does not answer.
        """
        reply = self._asked(command, arguments, timeout_s)
        if reply.answer is None:
            raise ControlError(f"Safelight's daemon has given no answer to {command!r}.")
        return reply.answer

    def status(self) -> Status:
        """Return how the daemon stands. Raises ControlError when it does not answer."""
        return _status_of(self._asked("status", {}, self._timeout_s))

    def watch(self) -> Iterator[Status]:
        """Yield how the daemon stands, now and whenever that has changed, until it ends or `close` is called.

        Raises ControlError when what it says cannot be understood.
        """
        yield _status_of(self._asked("watch", {}, self._timeout_s))
        while (line := self._line(None)) is not None:
            yield _status_of(_reply_of(line))

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the daemon from the state folder, for a command that writes it here. Raises what `ask` raises."""
        self.ask("lease")
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """End the connection, and whatever is being waited for on it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # a copy of the descriptor in a child would keep it open
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _asked(self, command: str, arguments: dict[str, Any], timeout_s: float | None) -> Reply:
        from safelight.control.failures import error_of
        from safelight.control.lines import line_of
        from safelight.control.messages import Request

        self._number += 1
        try:
            self._socket.settimeout(self._timeout_s)
            with suppress(BrokenPipeError, ConnectionResetError):  # why it was closed may lie there to be read
                self._socket.sendall(line_of(Request(id=self._number, command=command, arguments=arguments)))
        except TimeoutError as error:
            raise _silent() from error
        except OSError as error:
            raise ControlError(_ENDED) from error
        line = self._line(timeout_s)
        if line is None:
            raise ControlError(_ENDED, hint="Its journal may tell why: journalctl --user -u safelight.")
        reply = _reply_of(line)
        if reply.failure is not None:
            raise error_of(reply.failure)
        if reply.id != self._number:
            raise ControlError("Safelight's daemon has answered something that was not asked.")
        return reply

    def _line(self, timeout_s: float | None) -> bytes | None:
        """Return the next line, None at the end. Raises ControlError when none comes in time, or without an end."""
        from safelight.control.lines import REPLY_BYTES

        searched = 0
        while (end := self._got.find(b"\n", searched)) < 0:
            searched = len(self._got)
            if searched > REPLY_BYTES:
                raise ControlError("Safelight's daemon has answered more than can be taken.")
            try:
                self._socket.settimeout(timeout_s)
                more = self._socket.recv(_RECEIVE_BYTES)
            except TimeoutError as error:
                raise _silent() from error
            except OSError:  # closed here, or by the daemon's end
                return None
            if not more:
                return None
            self._got += more
        line = bytes(self._got[: end + 1])
        del self._got[: end + 1]
        return line


def _connected(path: Path, timeout_s: float) -> socket.socket | None:
    """Return a socket that is connected to a daemon of ours, None when there is none."""
    if not short_enough(path):
        return None  # nor can a daemon listen there
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Python's own time limit would not wait at all where more are waiting than the daemon lets wait (connect(2)).
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIME.pack(int(timeout_s), int(timeout_s % 1 * 1e6)))
        made.connect(os.fspath(path))
    except BlockingIOError as error:
        made.close()
        raise _silent() from error
    except OSError:  # not there, left behind by a dead daemon, or not to be opened by us
        made.close()
        return None
    if not is_us(made):
        made.close()
        return None
    return made


def _state_of(record: Any) -> Path:
    try:
        return Path(record["state_folder"])
    except (TypeError, KeyError) as error:
        raise ControlError("Safelight's daemon has not said which state folder it works with.") from error


def _reply_of(line: bytes) -> Reply:
    from safelight.control.lines import message_of
    from safelight.control.messages import Reply

    return message_of(line, Reply)


def _status_of(reply: Reply) -> Status:
    if reply.status is None:
        raise ControlError("Safelight's daemon has not said how it stands.")
    return reply.status


def _silent() -> ControlError:
    return ControlError(_SILENT, hint="Wait a little, or restart it: systemctl --user restart safelight.")
