"""Shows the tray by pystray, where no panel speaks StatusNotifierItem: old trays of X, macOS, Windows.

pystray is under the LGPL and an extra of its own (`safelight[tray]`), so it is imported only when it is wanted, and its
absence is an answer. It picks what it works with while it is imported, and where there is no display that import fails
with an error of the X library instead of an ImportError.
Invariant: no failure of pystray leaves this module.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from safelight.tray.entries import Act, Entry, Open, Plain
from safelight.tray.lamps import picture
from safelight.tray.look import TITLE, Look
from safelight.tray.pystray_x import LoopOnX

_SIZE = 64
_NAME = "safelight"
_TILE = (43, 46, 51)  # behind the lamp where a picture cannot be seen through; it stands out on light and dark panels
# pystray 0.19.5 asks X for no clicks: ButtonPressMask, StructureNotifyMask and ExposureMask of the X protocol.
_CLICKS_TOO = 0x4 | 0x20000 | 0x8000


def load(environ: Mapping[str, str]) -> Any | None:
    """Return the module pystray, None where it is not installed or finds nothing to show an icon on."""
    if not sys.platform.startswith(("darwin", "win")) and not environ.get("DISPLAY"):
        return None  # it works with X here, also under Wayland
    try:
        import pystray
    except _refusals():
        return None
    return pystray


def _refusals() -> tuple[type[Exception], ...]:
    """Return what pystray and the libraries below it raise where a display is named and cannot be used."""
    usual = (ImportError, OSError, ValueError, AttributeError, RuntimeError)
    try:
        from Xlib import error  # type: ignore[import-untyped]
    except ImportError:
        return usual
    return (*usual, error.DisplayError, error.XauthError, error.XNoAuthError, error.ConnectionClosedError)


class PystrayIcon:
    """The tray as pystray shows it."""

    def __init__(self, pystray: Any, *, look: Look, chosen: Callable[[Act], None], patience_s: float = 0.0) -> None:
        self._pystray = pystray
        self._patience_s = patience_s
        self._chosen = chosen
        self._look = look
        self._lock = threading.Lock()
        self._ready = False
        self._gone = False
        self._icon: Any = None
        self._loop: LoopOnX | None = None

    def show(self, look: Look) -> None:
        """Show a look; may be called from any thread."""
        with self._lock:
            old, self._look = self._look, look
            if self._ready:
                self._do(partial(self._change, look, picture=old.light != look.light))

    def leave(self) -> None:
        """End `run`; may be called from any thread."""
        self._gone = True
        if self._loop is not None:
            self._loop.leave()
        if self._ready:
            self._do(self._icon.stop)

    def _do(self, wanted: Callable[[], None]) -> None:
        """Do something with the icon, in the thread that may."""
        if self._loop is None:
            wanted()
        else:
            self._loop.do(wanted)

    def _change(self, look: Look, *, picture: bool) -> None:
        if picture:
            self._icon.icon = self._image(look)
        self._icon.title = _title(look)
        self._icon.menu = self._menu(look.entries)

    def run(self) -> bool:
        """Serve until told to leave; return False where the icon cannot be shown. Wants the main thread."""
        with suppress(*_refusals()):
            self._icon = self._pystray.Icon(
                _NAME, icon=self._image(self._look), title=_title(self._look), menu=self._menu(self._look.entries)
            )
            if not self._prepared():
                return False
            self._icon.run(setup=self._begin)
            return True
        return False

    def _prepared(self) -> bool:
        """Make up for what pystray leaves out on X; return False where X has no tray: it would wait for one, unseen."""
        window = getattr(self._icon, "_window", None)
        if self._icon.HAS_MENU or window is None:
            return True
        window.change_attributes(event_mask=_CLICKS_TOO)
        self._loop = LoopOnX(self._icon)
        return self._loop.tray_comes(patience_s=0.0 if self._gone else self._patience_s)

    def _begin(self, icon: Any) -> None:
        """Show the icon, once there is something to show it on; pystray calls this in a thread of its own."""
        self._do(partial(setattr, icon, "visible", True))
        with self._lock:
            self._ready = True
            self._do(partial(self._change, self._look, picture=True))
        if self._gone:
            self._do(icon.stop)

    def _image(self, look: Look) -> Any:
        """Return the lamp as a Pillow image; on X, where pystray would put black behind it, on a tile."""
        from PIL import Image

        with Image.open(picture(look.light.name, _SIZE)) as opened:
            lamp = opened.convert("RGBA")
        if self._pystray.Icon.HAS_MENU:
            return lamp
        tile = Image.new("RGBA", lamp.size, (*_TILE, 255))
        tile.alpha_composite(lamp)
        return tile

    def _menu(self, entries: Iterable[Entry]) -> Any:
        entries = list(entries)
        default = default_of(entries) if not self._pystray.Icon.HAS_MENU else None
        return self._pystray.Menu(*(self._entry(entry, default) for entry in _reachable(entries, default)))

    def _entry(self, entry: Entry, default: Entry | None) -> Any:
        if entry.line:
            return self._pystray.Menu.SEPARATOR
        below = self._pystray.Menu(*(self._entry(child, None) for child in entry.children)) if entry.children else None
        return self._pystray.MenuItem(
            entry.label,
            below if below is not None else self._action(entry.act),
            checked=None if entry.chosen is None else lambda _shown, chosen=entry.chosen: chosen,
            radio=entry.chosen is not None,
            default=entry is default,
            enabled=entry.enabled,
        )

    def _action(self, act: Act | None) -> Callable[[], None]:
        def chosen() -> None:
            if act is not None:
                self._chosen(act)

        return chosen


def default_of(entries: Iterable[Entry]) -> Entry | None:
    """Return what a click means where no menu can be shown: open the newest shoot, else start or settings."""
    flat = [below for entry in entries for below in (entry, *entry.children)]
    wanted = (
        lambda entry: isinstance(entry.act, Open) and entry.key.startswith("shoot:"),
        lambda entry: entry.act is Plain.START,
        lambda entry: entry.act is Plain.SETTINGS,
    )
    return next((entry for fits in wanted for entry in flat if fits(entry)), None)


def _reachable(entries: list[Entry], default: Entry | None) -> list[Entry]:
    """Return the entries with the default among them: pystray looks for it at the top only."""
    return entries if default is None or default in entries else [default, *entries]


def _title(look: Look) -> str:
    return f"{TITLE}: {look.said}"[:127].replace("\n", os.linesep)  # Windows takes no more
