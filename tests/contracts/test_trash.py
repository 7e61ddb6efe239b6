"""What every Trash, Elsewhere, Mounts and Placeholders keeps to, in memory and on the disk."""

import os
from pathlib import Path

import pytest

from safelight.domain.frame import FileStamp
from safelight.ports import Elsewhere, Mounts, Placeholders, Trash
from safelight.watching.elsewhere import UsualPlaces
from safelight.watching.placeholders import CloudPlaceholders
from safelight.watching.trash import XdgTrash
from safelight.watching.volumes import MountedVolumes
from tests.adapters.cans import Can
from tests.fakes.traces import FakePlaceholders
from tests.fakes.trash import FakeElsewhere, FakeMounts, FakeTrash


class MemoryTrash:
    def __init__(self, folder: Path) -> None:
        self.port: Trash = (fake := FakeTrash())
        self.put, self.restore, self.empty = fake.put, fake.restore, fake.empty


class DiskTrash:
    def __init__(self, folder: Path) -> None:
        self.can = Can(folder / "Trash")
        environ = {"XDG_DATA_HOME": str(folder)}
        self.port: Trash = XdgTrash(environ=environ, uid=os.getuid(), volumes=tuple)

    def put(self, original: Path) -> None:
        self.can.put(original)

    def restore(self, original: Path) -> None:
        self.can.info(original.name).unlink()
        (self.can.place / "files" / original.name).unlink()

    def empty(self) -> None:
        for path in [*(self.can.place / "files").iterdir(), *(self.can.place / "info").iterdir()]:
            path.unlink()


@pytest.fixture(params=[MemoryTrash, DiskTrash], ids=["memory", "disk"])
def trash(request, tmp_path):
    return request.param(tmp_path)


def test_what_is_thrown_away_is_named_until_it_is_restored_or_the_can_is_emptied(trash):
    paths = [Path("/photos/a.jpg"), Path("/photos/b.jpg"), Path("/photos/c.jpg")]
    assert trash.port.files() == {}
    for path in paths:
        trash.put(path)
    found = trash.port.files()
    assert set(found) == set(paths)
    assert all(trashed.original == path and trashed.path != path for path, trashed in found.items())
    trash.restore(paths[0])
    assert set(trash.port.files()) == set(paths[1:])
    trash.empty()
    assert trash.port.files() == {}


@pytest.fixture(params=["memory", "disk"])
def elsewhere(request, tmp_path):
    """Return (port, put): `put` lays a file of some size somewhere below the place that is searched."""
    fake = FakeElsewhere()

    def put(name: str, size: int) -> Path:
        path = tmp_path / "place" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        fake.places[path] = FileStamp.of(path.stat())
        return path

    port: Elsewhere = fake if request.param == "memory" else UsualPlaces(places=[tmp_path / "place"])
    return port, put


def test_candidates_have_the_same_name_and_size_and_lie_outside_of_known_folders(elsewhere, tmp_path):
    port, put = elsewhere
    there, known = put("b/a.jpg", 5), put("known/a.jpg", 5)
    put("c/a.jpg", 6)
    put("d/b.jpg", 5)
    wanted = {Path("/gone/a.jpg"): FileStamp(5, 0, 0, 0), Path("/gone/z.jpg"): FileStamp(5, 0, 0, 0)}
    assert port.find(wanted, known=[known.parent]) == {Path("/gone/a.jpg"): (there,)}
    assert port.find({}, known=[]) == {}


@pytest.mark.parametrize("mounts", [FakeMounts(), MountedVolumes()], ids=["memory", "disk"])
def test_what_is_gone_lies_where_its_folder_lay(mounts: Mounts, tmp_path):
    found = mounts.identity(tmp_path)
    assert found is not None
    assert tmp_path.is_relative_to(found.mount)
    assert mounts.identity(tmp_path / "gone/a.jpg") == found


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_a_file_that_is_here_is_no_placeholder(kind, tmp_path):
    stub, solid = tmp_path / "stub.jpg", tmp_path / "solid.jpg"
    solid.write_bytes(os.urandom(9000))
    tmp_path.joinpath("stub.jpg.nextcloud").write_bytes(b" ")
    port: Placeholders = FakePlaceholders({stub}) if kind == "memory" else CloudPlaceholders()
    assert [port.is_placeholder(path) for path in (stub, solid, tmp_path / "gone.jpg")] == [True, False, False]
