"""A card on its whole way through the real daemon, as a photographer meets it, from the slot to the stars."""

import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.end_to_end.card_places import (
    CARDS,
    SBIN,
    Slots,
    card,
    own_mounts,
    pictures,
    rated,
    run,
    shoot,
    status,
    until_card,
    until_quiet,
)
from tests.end_to_end.daemons import Home, Running, running, until
from tests.fakes.cards import contents, traces
from tests.faults.shoot import encoded, picture, put


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with own_mounts():
        made = Home(tmp_path)
        made.settings(CARDS)
        yield made
        made.tidy()


@pytest.fixture
def slots(home: Home) -> Iterator[Slots]:
    made = Slots(home.place)
    yield made
    for root in made.place.iterdir():
        subprocess.run(["umount", "-l", str(root)], capture_output=True, check=False)


@pytest.fixture
def album(home: Home) -> Path:
    """Return the folder that cards are imported into when nobody named one; it is not there yet."""
    return home.home / "Pictures"


def journal(home: Home) -> list[dict[str, object]]:
    return [json.loads(line) for line in home.run("journal", "--json")[1].splitlines()]


def kinds(home: Home) -> Counter[str]:
    return Counter(str(entry["kind"]) for entry in journal(home))


def looks(home: Home) -> list[tuple[int, bytes]]:
    """Return every look at pixels that is kept; one that was taken again has another number."""
    with sqlite3.connect(f"file:{home.state}/catalog.sqlite?mode=ro", uri=True) as connection:
        return connection.execute("SELECT rowid, content FROM assessments ORDER BY rowid").fetchall()


def frames(home: Home) -> dict[str, int]:
    """Return the number of each frame by the name of its file."""
    with sqlite3.connect(f"file:{home.state}/catalog.sqlite?mode=ro", uri=True) as connection:
        return {Path(path.decode()).name: number for number, path in connection.execute("SELECT id, path FROM frames")}


def test_a_card_is_imported_and_rated_where_nobody_can_be_asked(home: Home, slots: Slots, album: Path) -> None:
    image = slots.filled("EOS", 6)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    with running(home):
        slots.put_in("EOS", "ro", "noload")
        until(lambda: rated(album, 6))
        seen = until_card(home, "EOS", "done")
        assert (seen.policy, seen.safe_to_remove, seen.told) == ("import", True, "6 files copied.")
        assert until(lambda: status(home).shoots)[0].frames == 6
        slots.take_out("EOS")
        until(lambda: card(home, "EOS") is None)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_not_even_a_time_of_access_changes_on_a_card_that_is_imported(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EOS", 3)
    root = slots.put_in("EOS", "strictatime")
    before = traces(root)
    with running(home):
        until(lambda: rated(album, 3))
        until_quiet(home)
    assert traces(root) == before


def test_only_rating_leaves_no_trace_and_the_ratings_go_along(home: Home, slots: Slots, album: Path) -> None:
    home.settings(CARDS + 'new = "rate"\n')
    slots.filled("EOS", 4)
    root = slots.put_in("EOS", "strictatime")
    undated(root / "DCIM/100SAFE/IMG_0005.JPG")  # of which exiftool is asked
    before = traces(root)
    with running(home):
        seen = until_card(home, "EOS", "done")
        assert (seen.done, seen.total, seen.safe_to_remove) == (5, 5, True)
        until_quiet(home)
        assert traces(root) == before
        assert not album.exists() or not pictures(album)
        judged, known = looks(home), frames(home)
        assert len(judged) == 5
        run("cp", "-r", root / "DCIM/100SAFE", home.pictures / "sunday")
        until(lambda: rated(home.pictures, 5))
        until_quiet(home)
        assert (looks(home), frames(home)) == (judged, known)
    told = kinds(home)
    assert (told["frame_arrived"], told["frame_imported"], told["rating_published"]) == (5, 5, 5)


def undated(path: Path) -> None:
    """Write a photograph with maker's notes that only exiftool can read the date from."""
    facts = Image.Exif()
    facts[271] = "Canon"
    facts.get_ifd(0x8769)[37500] = bytes(64)
    put(path, encoded(picture(99, side=240), quality=90, exif=facts))


def test_a_rated_card_that_comes_again_is_done_at_once(home: Home, slots: Slots) -> None:
    home.settings(CARDS + 'new = "rate"\n')
    slots.filled("EOS", 3)
    with running(home):
        slots.put_in("EOS", "ro", "noload")
        assert until_card(home, "EOS", "done").total == 3
        judged = looks(home)
        slots.take_out("EOS")
        until(lambda: card(home, "EOS") is None)
        slots.put_in("EOS", "ro", "noload")
        seen = until_card(home, "EOS", "done")
        assert (seen.told, seen.safe_to_remove) == ("Nothing on it waits to be rated.", True)
        assert looks(home) == judged


def test_a_card_pulled_while_it_is_only_rated_goes_on_when_it_is_back(home: Home, slots: Slots) -> None:
    home.settings(CARDS + 'new = "rate"\n')
    slots.filled("EOS", 40)
    with running(home):
        slots.put_in("EOS")
        until(lambda: len(looks(home)) >= 2)
        slots.pull("EOS")
        until(lambda: card(home, "EOS") is None)
        until_quiet(home)
        assert len(looks(home)) < 40, "it was too fast to be pulled in the middle"
        root = slots.put_in("EOS")
        until_card(home, "EOS", "done")
        assert len(looks(home)) == 40
        run("cp", "-r", root / "DCIM/100SAFE", home.pictures / "sunday")
        until(lambda: rated(home.pictures, 40))
    assert kinds(home)["frame_arrived"] == 40


def test_a_card_that_comes_again_has_nothing_new(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EOS", 3)
    with running(home):
        slots.put_in("EOS")
        until(lambda: rated(album, 3))
        until_card(home, "EOS", "done")
        slots.take_out("EOS")
        until(lambda: card(home, "EOS") is None)
        before = contents(album)
        root = slots.put_in("EOS")
        seen = until_card(home, "EOS", "done")
        assert seen.told == "Nothing new: 3 files had been imported before."
        slots.take_out("EOS")
        until(lambda: card(home, "EOS") is None)
        root = slots.put_in("EOS")
        until_card(home, "EOS", "done")
        slots.take_out("EOS")
        until(lambda: card(home, "EOS") is None)
        assert contents(album) == before
        renamed(slots)
        root = slots.put_in("EOS")
        until(lambda: rated(album, 4))
        assert until_card(home, "EOS", "done").told == "1 file copied; 3 files had been imported before."
        assert "NEW_0001.JPG" not in {path.name for path in pictures(album)}
        assert (root / "DCIM/100SAFE/NEW_0001.JPG").exists()


def renamed(slots: Slots) -> None:
    """Give one photograph another name and take another one, without the daemon (it sees no card without DCIM)."""
    aside = slots.place.parent / "aside"
    aside.mkdir()
    with own_mounts():
        run("mount", "-o", "loop", slots.place.parent / "EOS.img", aside)
        (aside / "DCIM/100SAFE/IMG_0001.JPG").rename(aside / "DCIM/100SAFE/NEW_0001.JPG")
        shoot(aside, 1, first=9)
        run("umount", aside)


def test_a_card_that_is_to_be_ignored_is_left_alone(home: Home, slots: Slots, album: Path) -> None:
    home.settings(CARDS + 'new = "ignore"\n')
    slots.filled("EOS", 2)
    with running(home):
        slots.put_in("EOS")
        assert until_card(home, "EOS", "ignored").safe_to_remove
        until_quiet(home)
        assert home.run("cards", "set", "EOS", "import")[0] == 0
        until(lambda: rated(album, 2))
        until_card(home, "EOS", "done")
        assert home.run("cards", "set", "EOS", "ignore")[0] == 0
        until_card(home, "EOS", "ignored")
    listed = home.record("cards", "list")
    assert [(each["label"], each["policy"]) for each in listed] == [("EOS", "ignore")]


def test_a_card_pulled_in_the_middle_goes_on_when_it_is_back(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EOS", 60, films=2)
    with running(home):
        slots.put_in("EOS")
        until(lambda: len(pictures(album)) >= 5)
        assert not until(lambda: card(home, "EOS")).safe_to_remove
        slots.pull("EOS")
        until(lambda: card(home, "EOS") is None)
        there = len(pictures(album))
        assert not list(album.rglob("*.MP4")), "it was too fast to be pulled in the middle"
        assert there <= 60
        slots.put_in("EOS")
        until(lambda: rated(album, 60))
        until_card(home, "EOS", "done")
        assert len(list(album.rglob("*.MP4"))) == 2
    told = kinds(home)
    assert (told["frame_arrived"], told["rating_published"]) == (60, 60)


def test_killed_in_the_middle_it_goes_on_with_the_card(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EOS", 60, films=2)
    root = slots.put_in("EOS")
    daemon = Running(home)
    daemon.ready()
    until(lambda: len(pictures(album)) >= 5)
    daemon.stop(signal.SIGKILL)
    daemon.close()
    assert len(list(album.rglob("*.MP4"))) < 2, "it was too fast to be killed in the middle"
    with running(home):
        until(lambda: rated(album, 60))
        until_card(home, "EOS", "done")
    assert [path.read_bytes() for path in sorted(album.rglob("*.MP4"))] == [
        path.read_bytes() for path in sorted(root.rglob("*.MP4"))
    ]
    assert not [path for path in album.rglob(".*") if path.is_file()]
    told = kinds(home)
    assert (told["frame_arrived"], told["rating_published"]) == (60, 60)


def test_a_full_disk_is_said_and_the_rest_follows(home: Home, slots: Slots) -> None:
    slots.filled("EOS", 4, films=2)
    disk = slots.memory("disk", 60)
    (disk / "Album").mkdir()
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(20 << 20))
    home.settings(CARDS + f'import_folder = "{disk}/Album"\n')
    with running(home):
        slots.put_in("EOS")
        seen = until_card(home, "EOS", "failed")
        assert "to spare" in seen.told
        assert "Make room" in seen.told
        assert seen.safe_to_remove
        run("mount", "-o", "remount,size=400m", disk)
        assert home.run("cards", "set", "EOS", "import")[0] == 0
        until(lambda: rated(disk, 4))
        until_card(home, "EOS", "done")
        assert len(list(disk.rglob("*.MP4"))) == 2


def test_two_cards_at_once(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("ONE", 12)
    slots.filled("TWO", 12, first=101)
    with running(home):
        for name in ("ONE", "TWO"):
            slots.put_in(name)
        until(lambda: rated(album, 24))
        for name in ("ONE", "TWO"):
            assert until_card(home, name, "done").told == "12 files copied."
        assert sum(done.frames for done in until_quiet(home).shoots) == 24


def test_a_card_that_is_in_before_the_daemon_starts(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EOS", 2)
    slots.put_in("EOS")
    with running(home):
        until(lambda: rated(album, 2))


def test_a_card_with_the_file_system_of_cameras(home: Home, slots: Slots, album: Path) -> None:
    if shutil.which("mount.exfat-fuse", path=SBIN) is None:
        pytest.skip("needs exfat-fuse")
    image = slots.filled("EXFAT", 3, kind="exfat")
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    with running(home):
        slots.put_in("EXFAT", "-o", "ro", kind="exfat")
        until(lambda: rated(album, 3))
        assert until_card(home, "EXFAT", "done").told == "3 files copied."
        slots.take_out("EXFAT")
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_cards_without_photographs(home: Home, slots: Slots, album: Path) -> None:
    slots.filled("EMPTY", 0)
    slots.filled("FILMS", 0, films=1)
    with running(home):
        slots.put_in("EMPTY")
        assert until_card(home, "EMPTY", "done").told == "There is nothing on it to copy."
        slots.put_in("FILMS")
        assert until_card(home, "FILMS", "done").told == "1 file copied."
        assert [path.suffix for path in album.rglob("*") if path.is_file()] == [".MP4"]
        assert not status(home).shoots
