"""A panel of Xfce with nothing but a clock and the icons of programs, light or dark."""

import signal
from dataclasses import dataclass

from tests.desktop.screen import Desktop, Window
from tests.fakes.bus import until

SERVICES = ("org.xfce.Xfconf",)
WATCHER = "org.kde.StatusNotifierWatcher"
_CHANNEL = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{dark}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=2;x=0;y=0"/>
      <property name="length" type="uint" value="30"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="{size}"/>
      <property name="icon-size" type="uint" value="{icon}"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="2"/>
        <value type="int" value="1"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="icon-size" type="int" value="{icon}"/>
    </property>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="clock"/>
  </property>
</channel>
"""


@dataclass
class PanelOfXfce:
    """A panel at the bottom right corner of the screen."""

    desktop: Desktop
    dark: bool
    icon: int = 22
    size: int = 32

    def start(self) -> "PanelOfXfce":
        folder = self.desktop.home / ".config/xfce4/xfconf/xfce-perchannel-xml"
        folder.mkdir(parents=True, exist_ok=True)
        text = _CHANNEL.format(dark=str(self.dark).lower(), size=self.size, icon=self.icon)
        (folder / "xfce4-panel.xml").write_text(text)
        self.running = self.desktop.start("xfce4-panel", "--disable-wm-check")
        self.desktop.wait_for_name(WATCHER)
        until(self.windows, told="the window of the panel")
        return self

    def windows(self) -> list[Window]:
        """Return the windows of the panel itself; its menus belong to other programs."""
        return self.desktop.windows("^xfce4-panel$", by="--classname")

    def kill(self) -> None:
        self.desktop.stop(self.running, by=signal.SIGKILL)

    @property
    def window(self) -> Window:
        return self.windows()[0]
