"""A panel without a screen: the StatusNotifierWatcher that icons register with, and asks for picture and menu."""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any, Self

from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusInt32, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

NAME = "org.kde.StatusNotifierWatcher"
LAMP = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
_PROPERTIES = "org.freedesktop.DBus.Properties"


class Refused(Exception):
    """The one who was asked answered with an error."""


class _Interface(ServiceInterface):
    def __init__(self, registered: list[str]) -> None:
        super().__init__(NAME)
        self._registered = registered

    @dbus_method(name="RegisterStatusNotifierItem")
    def register(self, service: DBusStr) -> None:
        self._registered.append(service)

    @dbus_property(PropertyAccess.READ, name="RegisteredStatusNotifierItems")
    def registered(self) -> Annotated[list[str], DBusSignature("as")]:
        return self._registered

    @dbus_property(PropertyAccess.READ, name="IsStatusNotifierHostRegistered")
    def host(self) -> DBusBool:
        return True

    @dbus_property(PropertyAccess.READ, name="ProtocolVersion")
    def version(self) -> DBusInt32:
        return 0


class WatcherWithoutScreen:
    """A watcher and panel on a bus, in a thread; what it is asked from outside waits for the answer."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.registered: list[str] = []  # names on the bus, as they came
        self.signals: list[tuple[str, list[Any]]] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._bus = self._loop.run_until_complete(self._begin())
        self._ready.set()
        self._loop.run_forever()
        self._bus.disconnect()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _begin(self) -> MessageBus:
        bus = await MessageBus(bus_address=self._address).connect()
        bus.add_message_handler(self._heard)
        for interface in (LAMP, MENU):
            await bus.call(
                _message(
                    "org.freedesktop.DBus",
                    "/org/freedesktop/DBus",
                    "org.freedesktop.DBus",
                    "AddMatch",
                    "s",
                    [f"type='signal',interface='{interface}'"],
                )
            )
        bus.export("/StatusNotifierWatcher", _Interface(self.registered))
        await bus.request_name(NAME)
        return bus

    def _heard(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.interface in (LAMP, MENU):
            self.signals.append((message.member, message.body))

    def ask(self, path: str, interface: str, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Return what the newest icon answers. Raises Refused where it answers with an error."""
        message = _message(self.registered[-1], path, interface, member, signature, list(body))
        reply = asyncio.run_coroutine_threadsafe(self._bus.call(message), self._loop).result(10.0)
        if reply.message_type is MessageType.ERROR:
            raise Refused(reply.error_name, *reply.body)
        return reply.body

    def lamp(self) -> dict[str, Any]:
        """Return the properties of the icon."""
        (found,) = self.ask("/StatusNotifierItem", _PROPERTIES, "GetAll", "s", LAMP)
        return {name: variant.value for name, variant in found.items()}

    def menu(self, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Ask the menu that the icon names."""
        return self.ask(self.lamp()["Menu"], MENU, member, signature, *body)

    def layout(self, number: int = 0, depth: int = -1, names: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return an entry of the menu with those below it."""
        return _tree(self.menu("GetLayout", "iias", number, depth, list(names))[1])

    def click(self, label: str) -> None:
        """Click the entry of that label, wherever in the menu it is."""
        found = [entry["number"] for entry in _flat(self.layout()) if entry.get("label") == label]
        assert len(found) == 1, (label, [entry.get("label") for entry in _flat(self.layout())])
        self.menu("Event", "isvu", found[0], "clicked", Variant("s", ""), 0)

    def labels(self) -> list[str]:
        """Return what stands in the menu."""
        return [entry.get("label", "—") for entry in self.layout()["children"]]

    def heard(self, member: str) -> Callable[[], bool]:
        """Return whether a signal has come, as a condition to wait for."""
        return lambda: any(name == member for name, _body in self.signals)


def _message(to: str, path: str, interface: str, member: str, signature: str, body: list[Any]) -> Message:
    return Message(destination=to, path=path, interface=interface, member=member, signature=signature, body=body)


def _tree(layout: list[Any]) -> dict[str, Any]:
    number, properties, below = layout
    values = {name: variant.value for name, variant in properties.items()}
    return values | {"number": number, "children": [_tree(child.value) for child in below]}


def _flat(entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry, *(found for child in entry["children"] for found in _flat(child))]
