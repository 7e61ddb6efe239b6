"""mount and umount: a disk that is taken out and comes back, elsewhere too, or gives way to another: never a cull."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.shoot import OLD_S, jpeg, make_shoot, put
from tests.interop.library import AFTER_UNDO_H, Library, brief, make_library
from tests.interop.volumes import KINDS, Disk, disks

pytestmark = pytest.mark.xdist_group("mount")  # loop devices have numbers, and some tests want a certain one

NAME = "IMG_0002.jpg"


@dataclass
class Stick:
    """A rated shoot on a disk that is in, a second disk that is not, and where disks are mounted."""

    library: Library
    disk: Disk
    other: Disk
    mount: Path

    def swap(self) -> None:
        """Put the other disk in, in the place of the first and as the same device."""
        self.disk.remove()
        self.other.loop = self.disk.used
        self.other.insert(self.mount)


@pytest.fixture(params=KINDS)
def stick(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[Stick]:
    """Return a shoot in a folder of a disk of each kind."""
    with disks(tmp_path, request.param, "first", "second") as (disk, other):
        mount = disk.insert(tmp_path / "media" / "STICK")
        library = make_library(tmp_path, cache, folder=mount / "shoot")
        yield Stick(library, disk, other, mount)


def test_a_disk_that_is_taken_out_is_not_a_cull(stick: Stick) -> None:
    stick.disk.remove()
    assert stick.library.reconcile(status=1) == []
    assert stick.library.reconcile(hours=AFTER_UNDO_H, status=1) == []
    assert stick.library.reconcile(hours=2000, status=1) == []
    assert stick.library.actions() == []


def test_a_disk_that_comes_back_tells_nothing(stick: Stick) -> None:
    before = len(stick.library.journal())
    for hours in (0.0, AFTER_UNDO_H):
        stick.disk.remove()
        assert stick.library.reconcile(hours=hours, status=1) == []
        stick.disk.insert(stick.mount)
        assert stick.library.reconcile(hours=hours) == []
    assert {record["stage"] for record in stick.library.rate().records} == {"published"}
    assert len(stick.library.journal()) == before


def test_what_was_really_deleted_is_believed_only_while_its_disk_is_there(stick: Stick) -> None:
    (stick.library.folder / NAME).unlink()
    (lost,) = stick.library.reconcile()
    assert lost.brief == ("frame_lost", NAME)
    stick.disk.remove()
    assert stick.library.reconcile(hours=AFTER_UNDO_H, status=1) == []
    assert stick.library.believed() == []
    stick.disk.insert(stick.mount)
    (confirmed,) = stick.library.reconcile(hours=AFTER_UNDO_H + 1)
    assert (confirmed.brief, confirmed.payload["of"]) == (("loss_confirmed", NAME), lost.seq)
    assert stick.library.believed() == [("deleted", (NAME,))]


def test_what_was_deleted_on_another_computer_is_seen_when_the_disk_comes_back(stick: Stick) -> None:
    stick.disk.remove()
    assert stick.library.reconcile(status=1) == []
    away = stick.disk.insert(stick.library.base / "other computer")
    (away / "shoot" / NAME).unlink()
    stick.disk.remove()
    stick.disk.insert(stick.mount)
    assert brief(stick.library.reconcile()) == [("frame_lost", NAME)]


def test_a_disk_that_comes_back_at_another_mount_point_is_not_a_cull(stick: Stick) -> None:
    names = [path.name for path in stick.library.frames]
    stick.disk.remove()
    assert stick.library.reconcile(status=1) == []
    place = stick.disk.insert(stick.mount.with_name("STICK1"))
    assert stick.library.reconcile(hours=1, status=1) == []
    again = stick.library.rate(place / "shoot")
    assert [again.by_name[name]["stage"] for name in names] == ["published"] * len(names)
    stick.library.reconcile(hours=AFTER_UNDO_H, status=1)
    stick.library.reconcile(hours=900, status=1)
    assert [entry for entry in stick.library.journal() if entry["kind"] in {"frame_lost", "loss_confirmed"}] == []
    assert stick.library.believed() == []


def test_another_empty_disk_at_the_same_mount_point_is_not_a_cull(stick: Stick) -> None:
    stick.swap()
    assert stick.library.reconcile(status=1) == []
    stick.library.folder.mkdir()
    assert stick.library.reconcile(hours=AFTER_UNDO_H, status=1) == []
    assert stick.library.actions() == []


def test_another_disk_with_other_photographs_at_the_same_mount_point_is_not_a_cull(stick: Stick) -> None:
    stick.swap()
    stick.library.folder.mkdir()
    for number in range(6):
        put(stick.library.folder / f"DSC_{number:04d}.jpg", jpeg(50 + number, side=320))
    facts = stick.library.reconcile(status=1)
    facts += stick.library.reconcile(hours=AFTER_UNDO_H, status=1)
    assert facts == []
    stick.other.remove()
    stick.disk.insert(stick.mount)
    assert stick.library.reconcile(hours=60) == []
    assert stick.library.actions() == []


def test_another_disk_with_the_same_names_at_the_same_mount_point_is_no_edit(stick: Stick) -> None:
    names = [path.name for path in stick.library.frames]
    stick.swap()
    stick.library.folder.mkdir()
    for number, name in enumerate(names):
        put(stick.library.folder / name, jpeg(70 + number, side=320))
    facts = stick.library.reconcile(status=1)
    facts += stick.library.reconcile(hours=AFTER_UNDO_H, status=1)
    assert facts == []
    stick.other.remove()
    stick.disk.insert(stick.mount)
    assert stick.library.reconcile(hours=60) == []
    assert {record["stage"] for record in stick.library.rate().records} == {"published"}


def test_a_shoot_copied_to_another_disk_of_the_same_place_is_the_same_shoot(stick: Stick) -> None:
    """A stick was replaced by a larger one with all that was on it: the photographs go on."""
    shutil.copytree(stick.library.folder, stick.library.base / "kept", copy_function=shutil.copy2)
    stick.swap()
    shutil.copytree(stick.library.base / "kept", stick.library.folder, copy_function=shutil.copy2)
    shutil.rmtree(stick.library.base / "kept")
    assert stick.library.reconcile(hours=AFTER_UNDO_H) == []
    (stick.library.folder / NAME).unlink()
    assert brief(stick.library.reconcile(hours=30)) == [("frame_lost", NAME)]


@pytest.fixture(params=KINDS)
def card(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[Stick]:
    """Return a shoot on a card."""
    with disks(tmp_path, request.param, "first", "second") as (disk, other):
        mount = disk.insert(tmp_path / "media" / "EOS")
        library = make_library(tmp_path, cache, folder=mount / "DCIM" / "100TEST", rated=False)
        rated = library.program.rate(mount, "--state", library.base / "state")
        assert {record["stage"] for record in rated.records} == {"ranked"}, "a card is only ever read"
        assert not library.news()
        yield Stick(library, disk, other, mount)


def test_a_card_that_is_emptied_is_no_opinion(card: Stick) -> None:
    for path in card.library.frames:
        path.unlink()
    make_shoot(card.library.folder.with_name("101TEST"), scenes=1, side=160)
    card.library.reconcile(status=None)
    card.library.program.rate(card.mount, "--state", card.library.base / "state")
    facts = card.library.reconcile(hours=AFTER_UNDO_H, status=None)
    assert all(fact.kind == "frame_lost" and fact.payload["ignored"] for fact in facts), brief(facts)
    assert card.library.believed() == []


def test_frames_deleted_on_a_card_are_no_opinion(card: Stick) -> None:
    (card.library.folder / NAME).unlink()
    card.library.reconcile()
    card.library.reconcile(hours=AFTER_UNDO_H)
    assert card.library.believed() == []


def test_a_card_formatted_and_used_again_is_no_opinion(card: Stick) -> None:
    card.swap()  # a new file system on the same device: what formatting in a camera leaves
    card.library.folder.mkdir(parents=True)
    for number in range(4):
        put(card.library.folder / f"IMG_{number:04d}.jpg", jpeg(90 + number, second=30_000 + number, side=320))
    assert (card.library.folder / "IMG_0000.jpg").stat().st_mtime == OLD_S
    card.library.program.run("reconcile", "--state", card.library.base / "state")
    card.library.news()
    card.library.program.rate(card.mount, "--state", card.library.base / "state")
    card.library.reconcile(hours=AFTER_UNDO_H, status=None)
    card.library.reconcile(hours=2 * AFTER_UNDO_H, status=None)
    assert card.library.believed() == []
