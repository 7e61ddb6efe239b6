"""What the daemon keeps over a restart, of folders whose names are bytes and no text, and its clock's bells."""

import os
import time
from pathlib import Path

import pytest

from safelight.app.configuration import Configuration, Watched
from safelight.app.configuration_sections import CardsSection, Watch
from safelight.app.letters import Bell
from safelight.app.roots import Roots
from safelight.app.schedule import Schedule
from safelight.app.shift import kept_shoots
from safelight.app.shoots_done import ShootsDone
from safelight.app.worker_messages import Delivered
from safelight.domain.frame import FoundFile
from safelight.storage.store import SqliteStore, open_store
from safelight.watching.scan import DiskScanner
from tests.fakes.clock import FakeClock

ODD = os.fsdecode(b"caf\xe9 <b>\n")


def _store(folder: Path) -> SqliteStore:
    (folder / "state").mkdir(exist_ok=True)
    return open_store(folder / "state")


def _roots(tmp_path: Path, *folders: Watched, later_s: float = 0.0) -> Roots:
    store = _store(tmp_path)
    roots = Roots(memory=store.memos, clock=FakeClock(time.time() + later_s).now, cards=tuple)
    cards = CardsSection(import_folder=tmp_path / "pictures", new="ignore")
    roots.configure(Configuration(watch=Watch(folders=folders), cards=cards, file=tmp_path / "settings.toml"))
    store.close()
    return roots


def test_since_when_a_folder_of_an_odd_name_is_watched_is_kept(tmp_path: Path) -> None:
    (tmp_path / ODD).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / ODD)
    roots = _roots(tmp_path, Watched(path=tmp_path / "link", existing="leave"))
    assert roots.all() == (tmp_path / ODD,)


def test_a_watched_folder_that_is_a_link_to_itself_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "fine").mkdir()
    roots = _roots(tmp_path, Watched(path=tmp_path / "circle"), Watched(path=tmp_path / "fine"))
    assert tmp_path / "fine" in roots.all()


def _file(path: Path) -> FoundFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    found = DiskScanner().listing(path.parent)
    return next(file for file in found.files if file.path == path)


def test_what_lay_in_a_folder_is_left_alone_also_within_one_that_is_rated_as_a_whole(tmp_path: Path) -> None:
    archive, rest = tmp_path / "pictures" / "archive", tmp_path / "pictures"
    old, new = _file(archive / "old.jpg"), _file(rest / "old.jpg")
    roots = _roots(tmp_path, Watched(path=rest), Watched(path=archive, existing="leave"), later_s=60.0)
    assert roots.all() == (rest,)
    assert not roots.wants(old) and roots.wants(new)


def test_a_part_may_be_rated_of_a_folder_whose_past_is_left_alone(tmp_path: Path) -> None:
    trip, rest = tmp_path / "pictures" / "trip", tmp_path / "pictures"
    old, new = _file(trip / "old.jpg"), _file(rest / "old.jpg")
    roots = _roots(tmp_path, Watched(path=rest, existing="leave"), Watched(path=trip), later_s=60.0)
    assert roots.wants(old) and not roots.wants(new)


def test_a_folder_that_is_watched_again_is_watched_from_then_on(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    leaving = Watched(path=folder, existing="leave")
    _roots(tmp_path, leaving)
    between = _file(folder / "between.jpg")
    assert _roots(tmp_path, leaving, later_s=60.0).wants(between)
    _roots(tmp_path, later_s=60.0)
    assert not _roots(tmp_path, leaving, later_s=60.0).wants(between)


def _shoots(folder: Path) -> ShootsDone:
    return ShootsDone(kept=kept_shoots(_store(folder).memos), clock=FakeClock().now, told=lambda *_: None)


def test_a_shoot_in_a_folder_of_an_odd_name_is_kept(tmp_path: Path) -> None:
    place = tmp_path / ODD
    _shoots(tmp_path).add(tmp_path, Delivered(1, frames=3, written=3), places=[place], began_s=0.0)
    (shoot,) = _shoots(tmp_path).newest
    assert (shoot.name, shoot.folder) == (ODD, str(place))


def test_a_shoot_of_several_folders_bears_the_name_of_what_holds_them(tmp_path: Path) -> None:
    shoots = _shoots(tmp_path)
    trip = tmp_path / "trip"
    for day in ("monday", "tuesday"):
        shoots.add(tmp_path, Delivered(1, frames=3, written=3), places=[trip / day], began_s=0.0)
    (shoot,) = shoots.newest
    assert (shoot.name, shoot.folder, shoot.frames) == ("trip", str(trip), 6)


@pytest.mark.parametrize("kept", ["no JSON", "[1]", '[{"run": 1}]', "{}"])
def test_shoots_that_another_release_kept_are_no_obstacle(tmp_path: Path, kept: str) -> None:
    store = _store(tmp_path)
    store.memos.put("shoots", kept)
    assert kept_shoots(store.memos).read() == ()


def test_saying_again_how_often_does_not_put_off_the_look_at_everything() -> None:
    schedule = Schedule(ring=lambda _: None)
    schedule.start(rescan_minutes=15.0)
    try:
        first = schedule.next_s(Bell.RESCAN)
        schedule.rescan_every(15.0)
        assert schedule.next_s(Bell.RESCAN) == first
        schedule.rescan_every(60.0)
        assert schedule.next_s(Bell.RESCAN) > first + 40 * 60
    finally:
        schedule.close()
