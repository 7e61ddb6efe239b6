"""Shows the menu to a panel over the message bus, as com.canonical.dbusmenu asks for it.

Only what has changed is signalled: new labels by themselves, which a panel puts into the open menu, and the whole only
where entries have come or gone, as an open menu may be built anew for that.
Specification: com.canonical.dbusmenu, version 3 (the XML of libdbusmenu), from which the names of members are.
Invariant: whatever a panel asks for, it gets an answer or an error of the bus; a number that stands for nothing any
more does nothing.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

from dbus_fast import DBusError, ErrorType, PropertyAccess, Variant
from dbus_fast.annotations import DBusInt32, DBusSignature, DBusStr, DBusUInt32, DBusVariant
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from safelight.tray.entries import Act, Entry
from safelight.tray.numbering import ROOT, Numbering, Row, Values

INTERFACE = "com.canonical.dbusmenu"
VERSION = 3
_KINDS = {str: "s", bool: "b", int: "i"}

Layout = list[object]  # (ia{sv}av): number, properties, entries below
Numbers = Annotated[list[int], DBusSignature("ai")]
Names = Annotated[list[str], DBusSignature("as")]
Properties = Annotated[list[list[object]], DBusSignature("a(ia{sv})")]
Clicked = Annotated[list[tuple[int, str, Variant, int]], DBusSignature("a(isvu)")]


class MenuOnBus(ServiceInterface):
    """The menu as an object of the bus; `chosen` is called with the act of an entry that was clicked."""

    def __init__(self, *, chosen: Callable[[Act], None]) -> None:
        super().__init__(INTERFACE)
        self._chosen = chosen
        self._menu = Numbering()
        self._revision = 1

    def show(self, entries: Sequence[Entry]) -> None:
        """Take a new menu, and tell whoever shows the old one what has changed."""
        difference = self._menu.take(entries)
        if difference.shape:
            self._revision += 1
            self.layout_updated(self._revision, ROOT)
        elif difference.values:
            self.properties_updated([[number, _variants(values)] for number, values in difference.values])

    # Properties.

    @dbus_property(PropertyAccess.READ, name="Version")
    def version(self) -> DBusUInt32:
        """Return the version of the specification."""
        return VERSION

    @dbus_property(PropertyAccess.READ, name="TextDirection")
    def text_direction(self) -> DBusStr:
        """Return how texts are to be read."""
        return "ltr"

    @dbus_property(PropertyAccess.READ, name="Status")
    def status(self) -> DBusStr:
        """Return whether the menu wants to be looked at; the icon says that."""
        return "normal"

    @dbus_property(PropertyAccess.READ, name="IconThemePath")
    def icon_theme_path(self) -> Names:
        """Return where icons of entries lie; there are none."""
        return []

    # Methods.

    @dbus_method(name="GetLayout")
    def get_layout(
        self, number: DBusInt32, depth: DBusInt32, names: Names
    ) -> Annotated[tuple[int, Layout], DBusSignature("u(ia{sv}av)")]:
        """Return an entry with so many generations below it (-1: all), with the properties that are named ([]: all)."""
        return self._revision, _layout(self._row(number), depth, names)

    @dbus_method(name="GetGroupProperties")
    def get_group_properties(self, numbers: Numbers, names: Names) -> Properties:
        """Return the properties of entries; those that are gone are left out, and no numbers are all."""
        asked = set(numbers)
        rows = (row for row in self._menu.rows() if not asked or row.number in asked)
        return [[row.number, _variants(row.values, names)] for row in rows]

    @dbus_method(name="GetProperty")
    def get_property(self, number: DBusInt32, name: DBusStr) -> DBusVariant:
        """Return one property of an entry."""
        found = _variants(self._row(number).values, [name])
        if name not in found:
            raise DBusError(ErrorType.INVALID_ARGS, f"entry {number} has no property {name}")
        return found[name]

    @dbus_method(name="Event")
    def told(self, number: DBusInt32, kind: DBusStr, data: DBusVariant, at: DBusUInt32) -> None:
        """Take a click ("clicked"); that a menu is opened, closed or hovered over changes nothing."""
        self._told(number, kind)

    @dbus_method(name="EventGroup")
    def told_group(self, group: Clicked) -> Numbers:
        """Take several at once; return the numbers that stand for nothing."""
        return [number for number, kind, _data, _at in group if not self._told(number, kind)]

    @dbus_method(name="AboutToShow")
    def about_to_show(self, number: DBusInt32) -> Annotated[bool, DBusSignature("b")]:
        """Return whether the menu has changed and was not told of: never."""
        self._row(number)
        return False

    @dbus_method(name="AboutToShowGroup")
    def about_to_show_group(self, numbers: Numbers) -> Annotated[tuple[list[int], list[int]], DBusSignature("aiai")]:
        """Return the numbers that have changed, and those that stand for nothing."""
        return [], [number for number in numbers if self._menu.row(number) is None]

    # Signals.

    @dbus_signal(name="LayoutUpdated")
    def layout_updated(self, revision: int, number: int) -> Annotated[tuple[int, int], DBusSignature("ui")]:
        """Tell that entries have come or gone below one."""
        return revision, number

    @dbus_signal(name="ItemsPropertiesUpdated")
    def properties_updated(
        self, changed: list[list[object]]
    ) -> Annotated[tuple[list[list[object]], list[object]], DBusSignature("a(ia{sv})a(ias)")]:
        """Tell that entries say something else."""
        return changed, []

    def _told(self, number: int, kind: str) -> bool:
        row = self._menu.row(number)
        if row is not None and kind == "clicked" and row.act is not None:
            self._chosen(row.act)
        return row is not None

    def _row(self, number: int) -> Row:
        row = self._menu.row(number)
        if row is None:
            raise DBusError(ErrorType.INVALID_ARGS, f"no entry has the number {number}")
        return row


def _layout(row: Row, depth: int, names: Sequence[str]) -> Layout:
    below = [Variant("(ia{sv}av)", _layout(child, depth - 1, names)) for child in row.children] if depth else []
    return [row.number, _variants(row.values, names), below]


def _variants(values: Values, names: Sequence[str] = ()) -> dict[str, Variant]:
    return {name: Variant(_KINDS[type(value)], value) for name, value in values.items() if not names or name in names}
