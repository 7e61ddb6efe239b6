"""What was thrown away is found, in every can that the specification allows, and in no other."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.watching.trash import XdgTrash
from tests.adapters.cans import Can


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def home_can(data):
    return Can(data / "Trash")


def trash(data, *volumes, uid=None, **more):
    environ = {"XDG_DATA_HOME": str(data)}
    return XdgTrash(environ=environ, uid=os.getuid() if uid is None else uid, volumes=lambda: volumes, **more)


def found(data, *volumes, **more):
    return trash(data, *volumes, **more).files()


def test_a_trashed_file_is_found_by_the_path_it_had(data, home_can, tmp_path):
    lies = home_can.put(tmp_path / "shoot/a.jpg")
    (entry,) = found(data).values()
    assert (entry.original, entry.path) == (tmp_path / "shoot/a.jpg", lies)


def test_a_trashed_folder_covers_the_files_in_it_however_deep(data, home_can, tmp_path):
    home_can.put_folder(tmp_path / "shoot", "a.jpg", "raw/a.cr2")
    assert set(found(data)) == {tmp_path / "shoot/a.jpg", tmp_path / "shoot/raw/a.cr2"}


def test_names_are_percent_encoded_bytes_and_need_not_be_text(data, home_can, tmp_path):
    name = os.fsdecode(b"a %41\n\xff=\xc3\xa9.jpg")
    home_can.put(tmp_path / name, name="plain")
    assert set(found(data)) == {tmp_path / name}


@given(st.binary(min_size=1, max_size=40).filter(lambda name: not {0, 0x2F} & set(name) and name not in (b".", b"..")))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_possible_name_comes_back(tmp_path, name):
    data = tmp_path / os.urandom(8).hex()
    can = Can(data / "Trash")
    can.put(Path("/photos") / os.fsdecode(name), name="x")
    assert [os.fsencode(path.name) for path in found(data)] == [name]


@pytest.mark.parametrize(
    ("zone", "date", "expected_s"),
    [
        ("UTC0", "2024-05-06T07:08:09", 1714979289.0),
        ("XST-3", "2024-05-06T07:08:09", 1714979289.0 - 3 * 3600),  # three hours east
        ("UTC0", "2024-05-06T07:08:09.123", 1714979289.0),
        ("UTC0", "2024-13-06T07:08:09", None),
        ("UTC0", "yesterday", None),
        ("UTC0", "", None),
        ("UTC0", None, None),
    ],
)
def test_the_date_is_local_time_and_an_impossible_one_is_not_told(data, home_can, monkeypatch, zone, date, expected_s):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        home_can.put("/photos/a.jpg", date=date)
        assert [entry.deleted_s for entry in found(data).values()] == [expected_s]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_of_two_deletions_of_one_path_the_newer_counts(data, home_can):
    home_can.put("/photos/a.jpg", name="a.2.jpg", date="2024-05-06T09:00:00")
    home_can.put("/photos/a.jpg", name="a.jpg", date="2024-05-06T08:00:00")
    home_can.put("/photos/a.jpg", name="a.3.jpg", date=None)
    assert found(data)[Path("/photos/a.jpg")].path.name == "a.2.jpg"


def test_what_was_emptied_or_restored_is_not_there_any_more(data, home_can):
    home_can.put("/photos/a.jpg").unlink()  # its .trashinfo has outlived it
    restored = home_can.put("/photos/b.jpg")
    home_can.info("b.jpg").unlink()
    assert restored.exists()
    assert found(data) == {}


def test_a_link_in_the_way_to_the_original_is_seen_through(data, home_can, tmp_path):
    (tmp_path / "disk/shoot").mkdir(parents=True)
    (tmp_path / "Pictures").symlink_to(tmp_path / "disk")
    home_can.put(tmp_path / "Pictures/shoot/a.jpg")
    assert set(found(data)) == {tmp_path / "Pictures/shoot/a.jpg", tmp_path / "disk/shoot/a.jpg"}


def test_where_no_data_home_is_named_the_can_lies_below_home(tmp_path):
    Can(tmp_path / ".local/share/Trash").put("/photos/a.jpg")
    for environ in ({"HOME": str(tmp_path)}, {"HOME": str(tmp_path), "XDG_DATA_HOME": "relative"}):
        assert set(XdgTrash(environ=environ, uid=0, volumes=tuple).files()) == {Path("/photos/a.jpg")}
    assert XdgTrash(environ={}, uid=0, volumes=tuple).files() == {}


# --- cans on other volumes ------------------------------------------------------------------------------------------


def test_the_own_can_of_a_volume_names_paths_from_its_root(data, tmp_path):
    volume = tmp_path / "stick"
    Can(volume / f".Trash-{os.getuid()}").put("DCIM/a.jpg")
    assert set(found(data, volume)) == {volume / "DCIM/a.jpg"}


def test_the_shared_can_of_a_volume_is_used_where_it_is_sticky(data, tmp_path):
    volume = tmp_path / "stick"
    Can(volume / ".Trash" / str(os.getuid()), sticky_parent=True).put("a.jpg")
    assert set(found(data, volume)) == {volume / "a.jpg"}


def test_a_shared_can_that_is_not_sticky_must_not_be_used(data, tmp_path):
    volume = tmp_path / "stick"
    can = Can(volume / ".Trash" / str(os.getuid()))
    can.place.parent.chmod(0o777)
    can.put("a.jpg")
    assert found(data, volume) == {}


def test_a_shared_can_that_is_a_link_must_not_be_used(data, tmp_path):
    volume = tmp_path / "stick"
    volume.mkdir()
    Can(tmp_path / "real" / str(os.getuid()), sticky_parent=True).put("a.jpg")
    (volume / ".Trash").symlink_to(tmp_path / "real")
    assert found(data, volume) == {}


def test_a_can_of_somebody_else_is_not_looked_into(data, tmp_path):
    volume = tmp_path / "stick"
    Can(volume / ".Trash-4242").put("a.jpg")
    assert found(data, volume) == {}
    if os.getuid() == 0:
        os.chown(volume / ".Trash-4242", 1, 1)
        assert found(data, volume, uid=4242) == {}, "a folder that another user made for us"


@pytest.mark.parametrize("named", ["/photos/a.jpg", "../a.jpg", "shoot/../../a.jpg", ".", "/", ""])
def test_a_stick_cannot_say_that_a_file_elsewhere_was_deleted(data, tmp_path, named):
    volume = tmp_path / "stick"
    Can(volume / f".Trash-{os.getuid()}").put(named, name="a.jpg")
    assert found(data, volume) == {}


def test_an_absolute_path_on_the_volume_itself_is_believed(data, tmp_path):
    volume = tmp_path / "stick"
    Can(volume / f".Trash-{os.getuid()}").put(volume / "a.jpg")
    assert set(found(data, volume)) == {volume / "a.jpg"}


# --- hostile cans ---------------------------------------------------------------------------------------------------


def _huge(info):
    with info.open("wb") as file:
        file.write(b"[Trash Info]\nPath=/photos/a.jpg\n")
        file.truncate(1 << 32)


HOSTILE = {
    "a pipe that nobody writes to": os.mkfifo,
    "a link": lambda info: info.symlink_to("/etc/hostname"),
    "a folder": lambda info: info.mkdir(),
    "four gigabytes": _huge,
    "no path": lambda info: info.write_bytes(b"[Trash Info]\nDeletionDate=2024-05-06T07:08:09\n"),
    "another group": lambda info: info.write_bytes(b"[Other]\nPath=/photos/a.jpg\n"),
    "a path in a later group": lambda info: info.write_bytes(b"[Trash Info]\n[Other]\nPath=/photos/a.jpg\n"),
    "a NUL in the path": lambda info: info.write_bytes(b"[Trash Info]\nPath=/photos/a%00.jpg\n"),
    "climbing out": lambda info: info.write_bytes(b"[Trash Info]\nPath=/photos/../../etc/passwd\n"),
    "nothing": lambda info: info.write_bytes(b""),
    "no text": lambda info: info.write_bytes(b"\xff\xfe\x00\x80" * 100),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_info_is_passed_over_and_the_others_are_read(data, home_can, what):
    home_can.put("/photos/good.jpg")
    (home_can.place / "files/a.jpg").write_bytes(b"picture")
    HOSTILE[what](home_can.info("a.jpg"))
    assert set(found(data)) == {Path("/photos/good.jpg")}


def test_an_info_that_is_not_utf_8_still_names_its_file(data, home_can):
    (home_can.place / "files/a.jpg").write_bytes(b"picture")
    home_can.info("a.jpg").write_bytes(b"[Trash Info]\nPath=/photos/\xff.jpg\nDeletionDate=\xff\n")
    assert [os.fsencode(path) for path in found(data)] == [b"/photos/\xff.jpg"]


def test_where_a_key_stands_twice_the_first_counts(data, home_can):
    (home_can.place / "files/a.jpg").write_bytes(b"picture")
    home_can.info("a.jpg").write_bytes(b"[Trash Info]\nPath=/photos/a.jpg\nPath=/photos/b.jpg\n")
    assert set(found(data)) == {Path("/photos/a.jpg")}


def test_links_and_pipes_in_a_trashed_folder_are_passed_over(data, home_can, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.jpg").write_bytes(b"picture")
    folder = home_can.put_folder("/photos/shoot", "a.jpg")
    (folder / "link").symlink_to(outside)
    (folder / "b.jpg").symlink_to(outside / "x.jpg")
    os.mkfifo(folder / "c.jpg")
    assert set(found(data)) == {Path("/photos/shoot/a.jpg")}


def test_a_can_with_too_many_names_is_looked_at_only_so_far(data, home_can):
    home_can.put_folder("/photos/shoot", *(f"{number}.jpg" for number in range(50)))
    assert len(found(data, most_names=20)) == 19  # one name went for the .trashinfo
    assert len(found(data)) == 50


def test_nothing_in_a_can_is_changed(data, home_can):
    home_can.put("/photos/a.jpg")
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    found(data)
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*")} == before


@pytest.mark.skipif(shutil.which("gio") is None, reason="needs gio of Debian's libglib2.0-bin")
def test_gio_trash(tmp_path):
    home, photos = tmp_path / "home", tmp_path / "photos"
    home.mkdir()
    (photos / "a shoot").mkdir(parents=True)
    single, inside = photos / os.fsdecode(b"a %41\xff.jpg"), photos / "a shoot/b é.jpg"
    for path in (single, inside):
        path.write_bytes(b"picture")
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "GIO_USE_VFS": "local"}
    for path in (single, inside.parent):
        done = subprocess.run(["gio", "trash", path], env=environ, capture_output=True, check=False)
        if b"internal mounts" in done.stderr:
            pytest.skip("gio has no can for this file system")
        assert done.returncode == 0, done.stderr
    trashed = XdgTrash(environ=environ, uid=os.getuid(), volumes=tuple).files()
    assert set(trashed) == {single, inside}
    assert all(abs((entry.deleted_s or 0) - entry.path.stat().st_ctime) < 3 for entry in trashed.values())
