"""Shows the lamp to a panel over the message bus, as org.kde.StatusNotifierItem asks for it.

The picture travels as pixels in six sizes, so that it needs to be installed nowhere and a theme cannot replace it.
A click with the left button is asked to open the menu as well: the lamp has nothing else to do.
Specification: StatusNotifierItem of freedesktop.org, from which the names of members are.
Invariant: a panel is told of a change by one signal for each property that has changed, and of nothing else.
"""

from typing import Annotated

from dbus_fast import PropertyAccess
from dbus_fast.annotations import DBusBool, DBusInt32, DBusObjectPath, DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from safelight.tray.lamps import Lamps
from safelight.tray.look import TITLE, Look
from safelight.tray.state import Light

INTERFACE = "org.kde.StatusNotifierItem"
PATH = "/StatusNotifierItem"
MENU_PATH = "/Menu"

Pictures = Annotated[list[list[object]], DBusSignature("a(iiay)")]
Beside = Annotated[list[object], DBusSignature("(sa(iiay)ss)")]
_READ = PropertyAccess.READ


class LampOnBus(ServiceInterface):
    """The lamp as an object of the bus."""

    def __init__(self, look: Look, *, lamps: Lamps) -> None:
        super().__init__(INTERFACE)
        self._look = look
        self._lamps = lamps

    def show(self, look: Look) -> None:
        """Take what is to be shown, and tell the panel what of it is new."""
        old, self._look = self._look, look
        if old.light != look.light:
            self.new_icon()
            if look.light.marked:
                self.new_attention_icon()
        if _standing(old.light) != _standing(look.light):
            self.new_status(_standing(look.light))
        if old.said != look.said:
            self.new_tool_tip()

    # Properties.

    @dbus_property(_READ, name="Category")
    def category(self) -> DBusStr:
        """Return what kind of program this is."""
        return "ApplicationStatus"

    @dbus_property(_READ, name="Id")
    def identity(self) -> DBusStr:
        """Return the name by which a panel remembers where the lamp is and whether it is hidden."""
        return "safelight"

    @dbus_property(_READ, name="Title")
    def title(self) -> DBusStr:
        """Return the name of the program."""
        return TITLE

    @dbus_property(_READ, name="Status")
    def status(self) -> DBusStr:
        """Return whether a person is needed."""
        return _standing(self._look.light)

    @dbus_property(_READ, name="WindowId")
    def window_id(self) -> DBusUInt32:
        """Return the window of the program; it has none."""
        return 0

    @dbus_property(_READ, name="IconName")
    def icon_name(self) -> DBusStr:
        """Return the picture's name in the icon theme: none, it is sent."""
        return ""

    @dbus_property(_READ, name="IconThemePath")
    def icon_theme_path(self) -> DBusStr:
        """Return where named pictures lie: nowhere."""
        return ""

    @dbus_property(_READ, name="IconPixmap")
    def icon_pixmap(self) -> Pictures:
        """Return the lamp in all sizes."""
        return self._pictures()

    @dbus_property(_READ, name="OverlayIconName")
    def overlay_icon_name(self) -> DBusStr:
        """Return what is laid over the picture: nothing, the mark is drawn into it."""
        return ""

    @dbus_property(_READ, name="OverlayIconPixmap")
    def overlay_icon_pixmap(self) -> Pictures:
        """Return what is laid over the picture: nothing."""
        return []

    @dbus_property(_READ, name="AttentionIconName")
    def attention_icon_name(self) -> DBusStr:
        """Return the name of the picture while a person is needed: none, it is sent."""
        return ""

    @dbus_property(_READ, name="AttentionIconPixmap")
    def attention_icon_pixmap(self) -> Pictures:
        """Return the lamp that is shown while a person is needed: as it burns now, with its mark."""
        return self._pictures() if self._look.light.marked else []

    @dbus_property(_READ, name="AttentionMovieName")
    def attention_movie_name(self) -> DBusStr:
        """Return what moves while a person is needed: nothing does."""
        return ""

    @dbus_property(_READ, name="ToolTip")
    def tool_tip(self) -> Beside:
        """Return what is said beside the lamp; the text may hold markup, so what looks like markup is escaped."""
        return ["", [], TITLE, _escaped(self._look.said)]

    @dbus_property(_READ, name="ItemIsMenu")
    def is_menu(self) -> DBusBool:
        """Return that a click with any button is for the menu."""
        return True

    @dbus_property(_READ, name="Menu")
    def menu(self) -> DBusObjectPath:
        """Return where the menu is on the bus."""
        return MENU_PATH

    # Methods.

    @dbus_method(name="Activate")
    def activate(self, x: DBusInt32, y: DBusInt32) -> None:
        """Take a click from a panel that shows the menu for the other button only; it means nothing."""

    @dbus_method(name="SecondaryActivate")
    def secondary_activate(self, x: DBusInt32, y: DBusInt32) -> None:
        """Take a click with the middle button; it means nothing."""

    @dbus_method(name="ContextMenu")
    def context_menu(self, x: DBusInt32, y: DBusInt32) -> None:
        """Take the wish for a menu from a panel that does not read `Menu`; such panels are gone."""

    @dbus_method(name="Scroll")
    def scroll(self, delta: DBusInt32, orientation: DBusStr) -> None:
        """Take a turn of the wheel; it means nothing."""

    # Signals.

    @dbus_signal(name="NewIcon")
    def new_icon(self) -> None:
        """Tell that the lamp burns differently."""

    @dbus_signal(name="NewAttentionIcon")
    def new_attention_icon(self) -> None:
        """Tell that the lamp burns differently while a person is needed."""

    @dbus_signal(name="NewToolTip")
    def new_tool_tip(self) -> None:
        """Tell that something else is said beside it."""

    @dbus_signal(name="NewStatus")
    def new_status(self, status: str) -> Annotated[str, DBusSignature("s")]:
        """Tell that a person is needed, or no longer."""
        return status

    def _pictures(self) -> list[list[object]]:
        return [[one.width, one.height, one.pixels] for one in self._lamps.pixmaps(self._look.light.name)]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _standing(light: Light) -> str:
    return "NeedsAttention" if light.marked else "Active"
