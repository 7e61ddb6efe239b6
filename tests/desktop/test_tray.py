"""The tray in a real panel of Xfce: seen on light and dark panels, opened, clicked, and there when it restarts."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from safelight.control.messages import Answer, CardSeen, Doing, Request, ShootDone, Status, Trouble, Watched
from tests.control.served import Served
from tests.desktop.screen import Desktop, Window
from tests.desktop.xfce_panel import SERVICES, PanelOfXfce
from tests.fakes.bus import until
from tests.tray.statuses import ODD_NAME

_HOUR_S = 3600.0


class TrayInPanel:
    """The panel, the tray as a program, and a socket in the place of the daemon."""

    def __init__(self, desktop: Desktop, state: Path, *, dark: bool, icon: int = 22) -> None:
        self.desktop = desktop
        self.panel = PanelOfXfce(desktop, dark=dark, icon=icon, size=max(32, icon + 10)).start()
        self.asked: list[tuple[str, dict]] = []
        socket = Path(desktop.environ["XDG_RUNTIME_DIR"]) / "safelight" / "control.sock"
        self.daemon = Served(socket, state, answer=self._answer)

    async def _answer(self, request: Request) -> Answer:
        self.asked.append((request.command, request.arguments))
        return Answer(text="done")

    def start(self) -> "TrayInPanel":
        self.desktop.point()
        self.running = self.desktop.start(sys.executable, "-m", "safelight.tray.main")
        until(self.lamp, told="the icon in the panel")
        return self

    def look(self, region: tuple[int, int, int, int]) -> Image.Image:
        """Return a part of the screen: x, y, width, height."""
        x, y, width, height = region
        picture = self.desktop.folder / "look.png"
        shape = f"{width}x{height}+{x}+{y}"
        self.desktop.run("import", "-silent", "-window", "root", "-crop", shape, "+repage", str(picture))
        with Image.open(picture) as opened:
            return opened.convert("RGB")

    def lamp(self) -> tuple[int, int] | None:
        """Return where the red of the lamp is in the panel, None where there is none."""
        points = self.red()
        if len(points) < 20:
            return None
        return sum(x for x, _ in points) // len(points), sum(y for _, y in points) // len(points)

    def red(self) -> list[tuple[int, int]]:
        """Return the points of the panel that are red."""
        window = self.panel.window
        image = self.look(window.region)
        flat = image.tobytes()
        return [
            (window.x + at % image.width, window.y + at // image.width)
            for at in range(image.width * image.height)
            if flat[3 * at] > 1.6 * max(flat[3 * at + 1], flat[3 * at + 2], 40)
        ]

    def menus(self) -> list[Window]:
        """Return the menus that are open, the first one first."""
        return sorted((one for one in self.desktop.windows() if one.height > 80), key=lambda one: (one.y, -one.x))

    def open_menu(self, *, button: int = 1) -> Window:
        x, y = self.lamp()
        self.desktop.click(x, y, button=button)
        (menu,) = until(self.menus, told="the menu")
        return menu

    def keys(self, *names: str) -> None:
        self.desktop.run("xdotool", "key", "--delay", "40", *names)

    def picture(self, name: str, *, height: int) -> Path:
        """Keep a picture of the corner in which the panel is."""
        window = self.panel.window
        return self.desktop.screenshot(name, region=(window.x - 500, 0, window.width + 500, height), margin=0)


def status(now_s: float, folder: Path) -> Status:
    def shoot(number: int, name: str, frames: int) -> ShootDone:
        at_s = now_s - 7 * _HOUR_S * number
        counts = {"five": frames // 11, "low": frames // 4, "bursts": frames // 6, "seconds": frames / 2.4}
        return ShootDone(run=number, name=name, folder=str(folder), at_s=at_s, frames=frames, **counts)

    return Status(
        state="working",
        doing=(Doing(what="Copying from EOS_DIGITAL", done=300, total=412), Doing(what="Rating", done=187, total=300)),
        waiting=113,
        frames=12_480,
        watched=(Watched(folder="/home/anna/Pictures", state="watched"),),
        cards=(
            CardSeen(
                card="1", label="EOS_DIGITAL", root="/media/anna/EOS_DIGITAL", policy="import", state="copying",
                done=300, total=412, safe_to_remove=False,
            ),
        ),
        shoots=(shoot(3, "Harbour at dusk", 188), shoot(2, "R&D_fair <day 2>", 96), shoot(1, "Anna's wedding", 1204)),
        taste="Taste: from 1,204 decisions, 71 % foreseen",
        trouble=(Trouble(level="note", told="The disk of Pictures/Archive is not here.", hint="Nothing is lost."),),
    )  # fmt: skip


@pytest.fixture
def tray(make_desktop, tmp_path, request) -> Iterator[TrayInPanel]:
    given = getattr(request, "param", {"dark": False})
    made = TrayInPanel(make_desktop(services=SERVICES), tmp_path / "state", **given)
    (tmp_path / "shoot").mkdir()
    opener = made.desktop.folder / "bin" / "xdg-open"
    opener.parent.mkdir()
    told = made.desktop.folder / "opened"
    opener.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >"{told}.new"; mv "{told}.new" "{told}"\n')
    opener.chmod(0o755)
    made.desktop.environ["PATH"] = f"{opener.parent}:{made.desktop.environ['PATH']}"
    made.daemon.status = status(time.time(), tmp_path / "shoot")
    with made.daemon.running():
        yield made


light_and_dark = pytest.mark.parametrize(
    "tray", [{"dark": False}, {"dark": True}], indirect=True, ids=["light", "dark"]
)


@light_and_dark
def test_the_lamp_and_its_menu_are_seen(tray):
    tray.start()
    shade = "dark" if tray.panel.dark else "light"
    backdrop = tray.look((tray.panel.window.x + 10, 5, 1, 1)).getpixel((0, 0))
    assert (max(backdrop) < 90) == tray.panel.dark
    menu = tray.open_menu()
    assert menu.width > 200 and menu.height > 250
    tray.keys("Down", "Down", "Down", "Right")  # the card, the trouble and the newest shoot have menus of their own
    until(lambda: len(tray.menus()) == 2, told="the menu of the newest shoot")
    tray.picture(f"tray-menu-{shade}", height=400)


@light_and_dark
def test_all_lamps_are_seen(tray):
    tray.start()
    shade = "dark" if tray.panel.dark else "light"
    working = tray.daemon.status
    plain = working.model_copy(update={"trouble": (), "cards": ()})
    burning = {
        "lit": plain,
        "dim": plain.model_copy(update={"state": "idle", "doing": ()}),
        "off": plain.model_copy(update={"state": "paused", "doing": (), "paused_until_s": 0.0}),
        "marked": plain.model_copy(update={"trouble": (Trouble(level="bad", told="The disk is full."),)}),
    }
    seen: dict[str, bytes] = {}
    x, y = tray.lamp()
    for name, one in burning.items():
        tray.daemon.set(one)

        def other(name: str = name) -> bool:
            seen[name] = tray.look((x - 18, y - 14, 36, 30)).tobytes()
            return all(seen[name] != pixels for state, pixels in seen.items() if state != name)

        until(other, told=f"the lamp that is {name}")
        tray.desktop.screenshot(f"tray-{name}-{shade}", region=(x - 100, 0, 200, 48), margin=0)
    assert len(set(seen.values())) == len(burning)


def test_an_entry_is_clicked_with_the_mouse(tray):
    tray.start()
    menu = tray.open_menu()
    tray.keys("End")
    # The last entry stands at the foot of the menu; "Pause for an hour" is the fifth from below.
    rows = entry_rows(tray, menu)
    tray.desktop.click(menu.x + 60, rows[-5])
    until(lambda: tray.asked, told="the command")
    ((command, arguments),) = tray.asked
    assert command == "pause" and arguments["until_s"] == pytest.approx(time.time() + _HOUR_S, abs=60)


def entry_rows(tray: TrayInPanel, menu: Window) -> list[int]:
    """Return the middle of each line of text in a menu, from above."""
    image = tray.look((menu.x + 20, menu.y + 3, menu.width - 60, menu.height - 6)).convert("L")
    dark = [min(image.crop((0, y, image.width, y + 1)).tobytes()) < 190 for y in range(image.height)]
    rows, begun = [], None
    for at, inked in enumerate([*dark, False]):
        if inked and begun is None:
            begun = at
        if not inked and begun is not None:
            if at - begun > 4:
                rows.append(menu.y + 3 + (begun + at) // 2)
            begun = None
    return rows


@pytest.mark.parametrize("button", [1, 3], ids=["left", "right"])
def test_the_menu_opens_with_either_button_and_its_shoots_can_be_undone(tray, button):
    tray.start()
    tray.open_menu(button=button)
    tray.keys("Down", "Down", "Down", "Right")
    until(lambda: len(tray.menus()) == 2, told="the menu of the newest shoot")
    tray.keys("End", "Return")
    until(lambda: tray.asked, told="the command")
    assert tray.asked == [("undo", {"run": 3})]


def test_the_folder_of_a_shoot_is_opened(tray):
    tray.start()
    tray.open_menu()
    tray.keys("Down", "Down", "Down", "Right")
    until(lambda: len(tray.menus()) == 2, told="the menu of the newest shoot")
    tray.keys("Return")
    told = tray.desktop.folder / "opened"
    until(told.exists, told="the folder that was opened")
    assert told.read_text().strip() == tray.daemon.status.shoots[0].folder


def test_a_count_goes_on_in_the_open_menu(tray):
    tray.start()
    menu = tray.open_menu()
    head = (menu.x, menu.y, menu.width, 60)
    before = tray.look(head).tobytes()
    doing = (Doing(what="Copying from EOS_DIGITAL", done=411, total=412), Doing(what="Rating", done=200, total=411))
    tray.daemon.set(tray.daemon.status.model_copy(update={"doing": doing}))
    until(lambda: tray.look(head).tobytes() != before, told="the new count in the open menu")
    assert [one.id for one in tray.menus()] == [menu.id]


def test_the_panel_is_killed_and_comes_back(tray):
    tray.start()
    tray.panel.kill()
    until(lambda: not tray.panel.windows(), told="the end of the panel")
    tray.panel.start()
    until(tray.lamp, told="the icon in the new panel")
    assert tray.running.poll() is None


def test_odd_names_are_shown_in_the_menu_as_text(tray, tmp_path):
    odd = tray.daemon.status.shoots[0].model_copy(update={"name": ODD_NAME, "folder": f"{tmp_path}/{ODD_NAME}"})
    tray.daemon.status = tray.daemon.status.model_copy(update={"shoots": (odd, *tray.daemon.status.shoots[1:])})
    tray.start()
    tray.open_menu()
    tray.picture("tray-odd-names", height=400)
    tray.keys("Escape")
    assert "Gtk-WARNING" not in tray.desktop.log("xfce4-panel") and tray.running.poll() is None


def test_beside_the_lamp_it_says_what_goes_on(tray):
    tray.start()
    x, y = tray.lamp()
    before = {one.id for one in tray.desktop.windows()}
    tray.desktop.point(x - 2, y)
    tray.desktop.point(x, y)
    until(lambda: {one.id for one in tray.desktop.windows()} - before, told="the text beside the lamp")
    tray.picture("tray-tooltip", height=140)


@pytest.mark.parametrize("tray", [{"dark": False, "icon": size} for size in (16, 24, 32, 48)], indirect=True, ids=str)
def test_the_lamp_fits_panels_of_every_size(tray):
    tray.start()
    size = tray.panel.icon
    red = tray.red()
    width = max(x for x, _ in red) - min(x for x, _ in red) + 1
    assert 0.6 * size <= width <= size + 1
    x, _y = tray.lamp()
    tray.desktop.screenshot(f"tray-{size}px", region=(x - size, 0, 2 * size, tray.panel.window.height), margin=0)


def test_it_is_small_beside_a_real_panel(tray):
    tray.start()
    tray.open_menu()
    tray.keys("Escape")
    told = Path(f"/proc/{tray.running.pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in told}
    assert kilobytes["Pss"] <= kilobytes["Rss"] <= 40_000_000 // 1024, kilobytes


def test_without_a_bus_pystray_shows_the_lamp_in_a_tray_of_x(tray):
    if importlib.util.find_spec("pystray") is None:  # to import it would want a display
        pytest.skip("needs the extra 'tray'")
    tray.desktop.point()
    started = tray.desktop.start(
        sys.executable, "-m", "safelight.tray.main", environ={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    )
    x, y = until(tray.lamp, told="the lamp by pystray")
    tray.desktop.screenshot("tray-pystray", region=(x - 100, 0, 200, 48), margin=0)
    tray.desktop.click(x, y)  # no menu can be shown there: the click opens the newest shoot
    told = tray.desktop.folder / "opened"
    until(told.exists, told="the folder that was opened")
    assert told.read_text().strip() == tray.daemon.status.shoots[0].folder
    tray.panel.kill()
    until(lambda: not tray.panel.windows(), told="the end of the panel")
    tray.panel.start()
    until(tray.lamp, told="the lamp by pystray in the new panel")
    tray.desktop.stop(started)


_ONE_THREAD = """
import sys, threading
from Xlib.protocol.display import Display
from safelight.tray.main import main

spoken = Display.send_and_recv

def watched(display, *arguments, **named):
    if threading.current_thread() is not threading.main_thread():
        sys.stderr.write(f"X was spoken to by {threading.current_thread().name}\\n")
    return spoken(display, *arguments, **named)

Display.send_and_recv = watched
sys.exit(main())
"""


def test_one_thread_alone_speaks_to_x_for_pystray(tray, tmp_path):
    """With two of them python-xlib lost an answer in one start of thirty, and the lamp never came."""
    if importlib.util.find_spec("pystray") is None:
        pytest.skip("needs the extra 'tray'")
    script = tmp_path / "one_thread.py"
    script.write_text(_ONE_THREAD)
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}
    started = tray.desktop.start(sys.executable, str(script), environ=nowhere)
    until(tray.lamp, told="the lamp by pystray")
    for state in ("idle", "working") * 10:
        tray.daemon.set(tray.daemon.status.model_copy(update={"state": state, "doing": (), "trouble": ()}))
    paused = {"state": "paused", "doing": (), "cards": (), "trouble": ()}
    tray.daemon.set(tray.daemon.status.model_copy(update=paused))
    until(lambda: tray.lamp() is None, told="the lamp that is off")
    assert started.poll() is None
    assert tray.desktop.log(sys.executable) == ""


@pytest.mark.parametrize("display", [True, False], ids=["on a screen", "without a screen"])
def test_where_there_is_no_panel_it_ends_well(desktop, display):
    ended = subprocess.run(
        [sys.executable, "-m", "safelight.tray.main", "--wait", "0.2"],
        env=desktop.environ | ({} if display else {"DISPLAY": ""}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0 and ended.stderr.startswith("No panel here shows icons")
