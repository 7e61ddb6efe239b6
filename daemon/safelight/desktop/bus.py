"""Keeps one connection to a message bus, which comes back by itself when the bus does.

There may be no bus at all (a server, a system that is starting), it may die, and whoever owns a name on it may be
replaced. So nothing is ever connected "once": a call connects if need be, a lost connection is tried again with
growing pauses, and who owns a name is followed by the bus's own signals. Only messages of the low level are used: the
library's proxies would ask each service to describe itself first.
Invariant: a signal reaches a listener only if the present owner of the named service sent it, since anyone on the
system bus may send anyone else a signal. All of it runs in the one asyncio loop that `start` was called in.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbus_fast import DBusFastError, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0  # a bus that is not there for a minute is looked for once a minute: no measurable work
CALL_S = 25.0  # what D-Bus libraries usually allow, as a service may have to be started first
CONNECT_S = 5.0
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_/.")

_LOG = logging.getLogger(__name__)


class Refused(Exception):
    """A call was answered by an error; `name` is its D-Bus name. Stays inside this package."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(f"{name}: {text}" if text else name)
        self.name = name
        self.text = text


class Unanswered(Refused):
    """There is no bus, it went away meanwhile, or nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What a listener waits for: a signal of one service, at one path or at any."""

    service: str
    interface: str
    member: str
    path: str
    heard: Callable[[Sequence[Any]], None]

    @property
    def rule(self) -> str:
        """Return it as a match rule of the bus."""
        at = f",path='{self.path}'" if self.path else ""
        return f"type='signal',sender='{self.service}',interface='{self.interface}',member='{self.member}'{at}"


def session_address(environ: Mapping[str, str]) -> str | None:
    """Return where the person's bus is: what the session says, else the socket that systemd makes; None: nowhere."""
    named = environ.get("DBUS_SESSION_BUS_ADDRESS")
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if named or not runtime.startswith("/"):
        return named or None
    socket = Path(runtime) / "bus"
    return f"unix:path={_escaped(socket)}" if socket.exists() else None


def system_address(environ: Mapping[str, str]) -> str | None:
    """Return where the bus of the whole system is; None: nowhere."""
    named = environ.get("DBUS_SYSTEM_BUS_ADDRESS")
    socket = Path("/run/dbus/system_bus_socket")
    return named or (f"unix:path={socket}" if socket.exists() else None)


def _escaped(path: Path) -> str:
    """Return a path as the D-Bus specification wants it in an address: bytes that are not plain as %XX."""
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02x}" for byte in bytes(path))


class Bus:
    """One connection; `address` is asked before each try, as it may become known only later."""

    def __init__(self, *, address: Callable[[], str | None], first_retry_s: float = FIRST_RETRY_S) -> None:
        self._address = address
        self._first_retry_s = first_retry_s
        self._link: MessageBus | None = None
        self._connecting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._listening: list[Listening] = []
        self._followers: dict[str, list[Callable[[str], None]]] = {}
        self._owners: dict[str, str] = {}
        self._startable: frozenset[str] = frozenset()

    def follow(self, service: str, changed: Callable[[str], None]) -> None:
        """Call `changed` with the owner of a service when it is known and whenever it changes; "" says: none.

        Called before `start`, as is `listen`.
        """
        self._followers.setdefault(service, []).append(changed)

    def listen(
        self, service: str, interface: str, member: str, heard: Callable[[Sequence[Any]], None], *, path: str = ""
    ) -> None:
        """Call `heard` with the body of each signal of that name that the owner of `service` sends."""
        self._followers.setdefault(service, [])
        self._listening.append(Listening(service, interface, member, path, heard))

    def start(self) -> None:
        """Connect, and stay connected, in the running loop; returns at once and raises nothing."""
        self._task = asyncio.get_running_loop().create_task(self._stay(), name="message bus")

    async def close(self) -> None:
        """Disconnect for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        link, self._link = self._link, None
        if link is not None and link.connected:
            link.disconnect()
            await _lost(link)

    @property
    def connected(self) -> bool:
        """Return whether there is a connection now."""
        return self._link is not None and self._link.connected

    def owner(self, service: str) -> str:
        """Return who owns a service that is followed or listened to; "": nobody, or no bus."""
        return self._owners.get(service, "")

    def reachable(self, service: str) -> bool:
        """Return whether someone owns a service, or the bus says that it can start it. Any thread may ask."""
        return self.connected and (bool(self.owner(service)) or service in self._startable)

    async def call(
        self,
        service: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        gives: str,
        timeout_s: float = CALL_S,
        may_start: bool = True,
    ) -> list[Any]:
        """Call a method and return the body of the answer, which has the signature `gives`.

        `may_start`: the bus may start the service for it. Raises Refused where the answer is an error or of another
        form, Unanswered where there is none.
        """
        link = await self._ensure()
        try:
            message = Message(
                destination=service,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
                flags=MessageFlag.NONE if may_start else MessageFlag.NO_AUTOSTART,
            )
            return await self._answered(link, message, timeout_s, gives=gives)
        except (DBusFastError, ValueError, TypeError) as error:  # a name or a text that the bus does not allow
            raise Refused("org.freedesktop.DBus.Error.InvalidArgs", str(error)) from error

    async def _answered(self, link: MessageBus, message: Message, timeout_s: float, *, gives: str) -> list[Any]:
        try:
            # Not wait_for, which loses a cancellation that meets the answer (Python 3.11): ending would hang.
            async with asyncio.timeout(timeout_s):
                reply = await link.call(message)
        except TimeoutError as error:
            raise Unanswered("org.freedesktop.DBus.Error.NoReply", "no answer in time") from error
        except (OSError, EOFError) as error:
            raise Unanswered("org.freedesktop.DBus.Error.Disconnected", str(error)) from error
        if reply is None:
            raise Unanswered("org.freedesktop.DBus.Error.Disconnected")
        if reply.message_type is MessageType.ERROR:
            told = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
            raise Refused(reply.error_name or "org.freedesktop.DBus.Error.Failed", told)
        if reply.signature != gives:
            raise Refused("org.freedesktop.DBus.Error.InvalidSignature", f"'{reply.signature}' instead of '{gives}'")
        return list(reply.body)

    async def _stay(self) -> None:
        """Connect whenever there is no connection, with growing pauses between tries that fail."""
        pause_s = self._first_retry_s
        while True:
            try:
                link = await self._ensure()
            except Refused:
                pause_s = min(2 * pause_s, LAST_RETRY_S)
            else:
                pause_s = self._first_retry_s
                await _lost(link)
                self._forget()
            await asyncio.sleep(pause_s)

    async def _ensure(self) -> MessageBus:
        async with self._connecting:
            if self._link is not None and self._link.connected:
                return self._link
            self._forget()
            address = self._address()
            if not address:
                raise Unanswered("org.freedesktop.DBus.Error.NoServer")
            link = await self._connected_to(address)
            self._link = link
            return link

    async def _connected_to(self, address: str) -> MessageBus:
        """Connect and subscribe; raises Unanswered where either fails, with nothing left open."""
        with ExitStack() as left_open:
            try:
                async with asyncio.timeout(CONNECT_S):
                    link = await MessageBus(bus_address=address).connect()
                    left_open.callback(link.disconnect)
                    link.add_message_handler(self._heard)
                    await self._subscribe(link)
            except (OSError, EOFError, DBusFastError, ValueError, TypeError, Refused) as error:
                raise Unanswered("org.freedesktop.DBus.Error.NoServer", str(error)) from error
            left_open.pop_all()
        return link

    async def _subscribe(self, link: MessageBus) -> None:
        """Ask for the signals that are listened to, and learn who owns the services now."""
        changes = [
            f"type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{service}'"
            for service in self._followers
        ]
        for rule in [*changes, *(listening.rule for listening in self._listening)]:
            await self._answered(link, _to_bus("AddMatch", rule), CALL_S, gives="")
        (startable,) = await self._answered(link, _to_bus("ListActivatableNames"), CALL_S, gives="as")
        self._startable = frozenset(startable)
        for service in self._followers:
            try:
                (owner,) = await self._answered(link, _to_bus("GetNameOwner", service), CALL_S, gives="s")
            except Unanswered:
                raise
            except Refused:  # nobody owns it
                owner = ""
            self._owned(service, owner)

    def _heard(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.sender == BUS and message.member == "NameOwnerChanged" and message.body[0] in self._followers:
            self._owned(message.body[0], message.body[2])
            return
        for listening in self._listening:
            if self._is_for(listening, message):
                asyncio.get_running_loop().call_soon(listening.heard, message.body)

    def _is_for(self, listening: Listening, message: Message) -> bool:
        owner = self._owners.get(listening.service)
        return (
            bool(owner)
            and message.sender == owner
            and message.interface == listening.interface
            and message.member == listening.member
            and listening.path in ("", message.path)
        )

    def _owned(self, service: str, owner: str) -> None:
        if self._owners.get(service) == owner:
            return
        self._owners[service] = owner
        for changed in self._followers[service]:
            asyncio.get_running_loop().call_soon(changed, owner)

    def _forget(self) -> None:
        """Know of no owner any more: the bus that named them is gone."""
        self._link = None
        for service in [service for service, owner in self._owners.items() if owner]:
            self._owned(service, "")


def _to_bus(member: str, *arguments: str) -> Message:
    signature = "s" * len(arguments)
    return Message(
        destination=BUS, path=BUS_PATH, interface=BUS, member=member, signature=signature, body=list(arguments)
    )


async def _lost(link: MessageBus) -> None:
    """Wait until a connection is gone, whatever the reason."""
    try:
        # Shielded: whoever waits may be cancelled, and would take the library's own future with it.
        await asyncio.shield(link.wait_for_disconnect())  # type: ignore[no-untyped-call]  # it has no type
    except (OSError, EOFError, DBusFastError) as error:
        _LOG.debug("The message bus went away: %s", error)
