"""Services on a private bus, played by the test: they answer as they are told to, wrongly or never."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from dbus_fast import Message, MessageType, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

NEVER = object()  # as an answer: none


class Trouble(Exception):
    """Answered as a D-Bus error of this name."""


class FakeService:
    """Owns a name; `answer` gets member and body of each call, and returns (signature, body), NEVER, or raises."""

    started: ClassVar[list["FakeService"]] = []  # and not stopped

    def __init__(self, name: str, answer: Callable[[Message], Any]) -> None:
        self.name = name
        self._answer = answer
        self._link: MessageBus | None = None
        self.calls: list[Message] = []

    async def start(self, address: str) -> "FakeService":
        self._link = await MessageBus(bus_address=address).connect()
        self.started.append(self)
        self._link.add_message_handler(self._handle)
        assert await self._link.request_name(self.name) is RequestNameReply.PRIMARY_OWNER
        return self

    async def stop(self) -> None:
        if self._link is not None:
            self.started.remove(self)
            self._link.disconnect()
            with contextlib.suppress(EOFError, OSError):  # its bus may have died
                await self._link.wait_for_disconnect()
            self._link = None

    @classmethod
    async def stop_all(cls) -> None:
        for service in list(cls.started):
            await service.stop()

    async def signal(self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]) -> None:
        await self.send(Message.new_signal(path, interface, member, signature, list(body)))

    async def send(self, message: Message) -> None:
        assert self._link is not None
        await self._link.send(message)

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        self.calls.append(message)
        try:
            answer = self._answer(message)
        except Trouble as trouble:
            return Message.new_error(message, str(trouble), "as the test wants it")
        if answer is NEVER:
            return True
        signature, body = answer
        return Message.new_method_return(message, signature, body)


SERVER = "org.freedesktop.Notifications"
SERVER_PATH = "/org/freedesktop/Notifications"


class FakeNotifications:
    """A notification server that remembers what it shows."""

    def __init__(self, *, abilities: Sequence[str] = ("actions", "body", "body-markup"), first: int = 1) -> None:
        self.service = FakeService(SERVER, self._answer)
        self.abilities = list(abilities)
        self.behaves: Callable[[str], Any] | None = None  # an answer for a member instead of the usual one, or None
        self.inhibited: bool | None = None
        self.shown: dict[int, list[Any]] = {}  # what stands now, by number
        self.history: list[list[Any]] = []  # every Notify
        self._next = first

    async def start(self, address: str) -> "FakeNotifications":
        await self.service.start(address)
        return self

    async def stop(self) -> None:
        await self.service.stop()

    async def press(self, number: int, button: str, *, closes: bool = True) -> None:
        await self.service.signal(SERVER_PATH, SERVER, "ActionInvoked", "us", [number, button])
        if closes:
            await self.end(number, 2)

    async def end(self, number: int, reason: int) -> None:
        self.shown.pop(number, None)
        await self.service.signal(SERVER_PATH, SERVER, "NotificationClosed", "uu", [number, reason])

    def _answer(self, message: Message) -> Any:
        if self.behaves is not None:
            given = self.behaves(message.member)
            if given is not None:
                return given
        if message.member == "GetCapabilities":
            return "as", [self.abilities]
        if message.member == "GetServerInformation":
            return "ssss", ["fake", "test", "1", "1.2"]
        if message.member == "Get":
            if self.inhibited is None or message.body != [SERVER, "Inhibited"]:
                raise Trouble("org.freedesktop.DBus.Error.UnknownProperty")
            return "v", [Variant("b", self.inhibited)]
        if message.member == "Notify":
            return "u", [self._notify(message.body)]
        if message.member == "CloseNotification":
            asyncio.get_running_loop().create_task(self.end(message.body[0], 3))
            return "", []
        raise Trouble("org.freedesktop.DBus.Error.UnknownMethod")

    def _notify(self, body: list[Any]) -> int:
        number = body[1]
        if not number:
            number, self._next = self._next, self._next + 1
        self.shown[number] = body
        self.history.append(body)
        return number
