"""Real notification servers show the notices, in place and unspoilt, and their buttons do what they say."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from safelight.domain import notices
from safelight.domain.notices import Rated
from tests.desktop.notifying import Notifying
from tests.desktop.screen import Desktop, Window
from tests.fakes.bus import until

SERVER = "org.freedesktop.Notifications"
ICONS = Path(__file__).resolve().parents[2] / "packaging" / "icons" / "hicolor"

DUNST = """[global]
    width = (0, 460)
    offset = 24x24
    font = DejaVu Sans 11
    markup = full
    format = "<b>%s</b>\\n%b"
    frame_width = 1
    frame_color = "#8a1f1f"
    padding = 14
    horizontal_padding = 16
    text_icon_padding = 14
    corner_radius = 6
    gap_size = 10
    show_indicators = no
    min_icon_size = 40
    max_icon_size = 40
    icon_path = "{icons}/48x48/apps"
    mouse_left_click = do_action
[urgency_low]
    background = "#262626"
    foreground = "#dcdcdc"
[urgency_normal]
    background = "#262626"
    foreground = "#f2f2f2"
"""

RATED = Rated(frames=412, seconds=180, five=37, low=118, bursts=64)


@pytest.fixture
def notifying() -> Iterator[Callable[[Desktop], Notifying]]:
    made: list[Notifying] = []

    def make(desktop: Desktop) -> Notifying:
        shutil.copytree(ICONS, Path(desktop.environ["XDG_DATA_HOME"]) / "icons" / "hicolor")
        made.append(Notifying(desktop.bus.address, icon="safelight"))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def start_dunst(desktop: Desktop) -> subprocess.Popen[bytes]:
    (desktop.folder / "dunstrc").write_text(DUNST.replace("{icons}", str(ICONS)))
    return desktop.start("dunst", "-conf", str(desktop.folder / "dunstrc"))


def dunst(make_desktop: Callable[..., Desktop]) -> Desktop:
    desktop = make_desktop()
    start_dunst(desktop)
    desktop.wait_for_name(SERVER)
    return desktop


def xfce(make_desktop: Callable[..., Desktop]) -> Desktop:
    desktop = make_desktop(services=("org.xfce.Xfconf",))
    desktop.start("xfce4-notifyd")
    desktop.wait_for_name(SERVER)
    return desktop


def gnome_flashback(make_desktop: Callable[..., Desktop]) -> Desktop:
    desktop = make_desktop()
    desktop.start("notification-daemon")
    desktop.wait_for_name(SERVER)
    return desktop


CLASS = {xfce: "xfce4-notifyd", gnome_flashback: "[Nn]otification-daemon", dunst: "[Dd]unst"}


def standing(desktop: Desktop, server: Callable[..., Desktop], number: int = 1) -> list[Window]:
    """Wait until as many notifications are shown, and stand still."""
    before: list[Window] = []

    def settled() -> list[Window] | None:
        nonlocal before
        last, before = before, sorted(desktop.windows(CLASS[server]), key=lambda window: window.y)
        return before if len(before) == number and before == last else None

    return until(settled, told=f"{number} notifications")


def buttons(desktop: Desktop, window: Window, *, gap: int) -> list[tuple[int, int]]:
    """Return the middles of what stands in the lowest row of a notification, from the left.

    Two things are apart where more than `gap` columns hold nothing but the background.
    """
    with Image.open(desktop.screenshot("looking", region=window.region, margin=0)) as picture:
        grey = picture.convert("L")
    (desktop.pictures / "looking.png").unlink()
    top, bottom = grey.height - 44, grey.height - 18
    band = grey.crop((16, top, grey.width - 10, bottom))
    background = grey.getpixel((grey.width // 2, grey.height - 8))
    marked = [
        x
        for x in range(band.width)
        if any(abs(band.getpixel((x, y)) - background) > 8 for y in range(0, band.height, 2))
    ]
    runs: list[list[int]] = []
    for x in marked:
        if runs and x - runs[-1][-1] <= gap:
            runs[-1].append(x)
        else:
            runs.append([x])
    return [(window.x + 16 + (run[0] + run[-1]) // 2, window.y + (top + bottom) // 2) for run in runs]


def press(desktop: Desktop, window: Window, place: int, *, of: int, gap: int, us: Notifying) -> tuple[str, str]:
    """Click at the button that stands at a place from the left, and return what was told."""
    found = buttons(desktop, window, gap=gap)
    assert len(found) == of
    desktop.click(*found[place])
    until(lambda: us.pressed, told="the press")
    return us.pressed[-1]


@pytest.mark.parametrize(("server", "gap"), [(xfce, 5), (gnome_flashback, 14)], ids=["xfce", "gnome"])
def test_shoot_is_shown_and_its_undo_is_clicked(make_desktop, notifying, server, gap, request):
    desktop = server(make_desktop)
    us = notifying(desktop)
    us.show(notices.shoot_done(key="shoot:1", name="2026-11-21 Canon EOS R6", rated=RATED))
    (window,) = standing(desktop, server)
    desktop.screenshot(f"notification-shoot-{request.node.callspec.id}", region=window.region)
    assert press(desktop, window, 1, of=3, gap=gap, us=us) == ("shoot:1", "undo")


@pytest.mark.parametrize(("server", "gap"), [(xfce, 5), (gnome_flashback, 14)], ids=["xfce", "gnome"])
def test_question_for_a_card_is_answered_by_a_click(make_desktop, notifying, server, gap, request):
    desktop = server(make_desktop)
    us = notifying(desktop)
    us.show(notices.card_question(key="card:1", label="EOS_DIGITAL", frames=412))
    (window,) = standing(desktop, server)
    desktop.screenshot(f"notification-card-{request.node.callspec.id}", region=window.region)
    assert press(desktop, window, 0, of=3, gap=gap, us=us) == ("card:1", "import")


def test_card_is_done_and_can_be_ejected(make_desktop, notifying):
    desktop = xfce(make_desktop)
    us = notifying(desktop)
    us.show(notices.card_done(key="card:1", label="EOS_DIGITAL", rated=RATED))
    (window,) = standing(desktop, xfce)
    desktop.screenshot("notification-card-done", region=window.region)
    assert press(desktop, window, 1, of=3, gap=5, us=us) == ("card:1", "eject")


def test_dunst_opens_the_folder_at_a_click(make_desktop, notifying):
    desktop = dunst(make_desktop)
    us = notifying(desktop)
    us.show(notices.shoot_done(key="shoot:1", name="2026-11-21 Canon EOS R6", rated=RATED))
    (window,) = standing(desktop, dunst)
    desktop.screenshot("notification-shoot-dunst", region=window.region)
    desktop.click(window.x + window.width // 2, window.y + window.height // 2)
    until(lambda: us.pressed, told="the click")
    assert us.pressed == [("shoot:1", "open")]


def shown_by_dunst(desktop: Desktop) -> int:
    return int(desktop.run("dunstctl", "count", "displayed").split()[-1])


def test_dunst_shows_one_notification_while_a_shoot_grows(make_desktop, notifying):
    desktop = dunst(make_desktop)
    us = notifying(desktop)
    us.show(notices.shoot_growing(key="shoot:1", name="2026-11-21", done=120, total=412))
    until(lambda: shown_by_dunst(desktop) == 1)
    (window,) = standing(desktop, dunst)
    desktop.screenshot("notification-progress-dunst", region=window.region)
    number = us.number("shoot:1")
    for done in (240, 360):
        us.show(notices.shoot_growing(key="shoot:1", name="2026-11-21", done=done, total=412))
    us.show(notices.shoot_done(key="shoot:1", name="2026-11-21", rated=RATED))
    assert us.number("shoot:1") == number
    assert shown_by_dunst(desktop) == 1


def test_dunst_that_is_paused_hears_of_outcomes_only(make_desktop, notifying):
    desktop = dunst(make_desktop)
    us = notifying(desktop)
    desktop.run("dunstctl", "set-paused", "true")
    us.show(notices.shoot_growing(key="shoot:1", name="2026-11-21", done=120, total=412))
    assert int(desktop.run("dunstctl", "count", "waiting").split()[-1]) == 0
    us.show(notices.shoot_done(key="shoot:1", name="2026-11-21", rated=RATED))
    until(lambda: int(desktop.run("dunstctl", "count", "waiting").split()[-1]) == 1, told="the outcome")


def test_dunst_that_comes_late_is_asked_and_asked_again_after_it_died(make_desktop, notifying):
    desktop = make_desktop()
    us = notifying(desktop)
    us.show(notices.card_question(key="card:1", label="EOS_DIGITAL"))
    first = start_dunst(desktop)
    until(lambda: desktop.owned(SERVER) and shown_by_dunst(desktop) == 1, told="the question")
    desktop.stop(first)
    until(lambda: not desktop.owned(SERVER))
    start_dunst(desktop)
    until(lambda: desktop.owned(SERVER) and shown_by_dunst(desktop) == 1, told="the question again")


@pytest.mark.parametrize("server", [dunst, xfce, gnome_flashback], ids=["dunst", "xfce", "gnome"])
def test_what_looks_like_markup_is_shown_and_not_swallowed(make_desktop, notifying, server, request):
    """A server that reads a name as markup swallows what stands in brackets, and needs less room."""
    desktop = server(make_desktop)
    us = notifying(desktop)
    us.show(notices.trouble(key="a", summary="Tom and .jpg"))
    (swallowed,) = standing(desktop, server)
    us.show(notices.trouble(key="a", summary=f"Tom and {'<i></i>' * 12}.jpg"))
    until(lambda: desktop.windows(CLASS[server])[0].region != swallowed.region, told="more room")
    (odd,) = standing(desktop, server)
    desktop.screenshot(f"odd-{request.node.callspec.id}", region=odd.region)
    assert odd.width * odd.height > swallowed.width * swallowed.height
