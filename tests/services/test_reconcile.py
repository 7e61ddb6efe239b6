"""What reconciling makes of an absence: every way in which a file that is gone is no opinion of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.ports import TraceKind
from tests.services.library import DAY_S, Library

FIVE = [f"shoot/IMG_{number}.jpg" for number in range(5)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "pictures")
    made.fill(*FIVE)
    return made


def test_nothing_happened_and_nothing_is_told(library: Library) -> None:
    assert library.facts() == []
    assert library.reconcile().files == 5


def test_an_unlinked_frame_is_lost_and_believed_after_a_day(library: Library) -> None:
    frame_id = library.frame(FIVE[0])
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    library.clock.sleep(DAY_S - 1)
    library.reconcile()
    (lost,) = library.facts()
    assert (lost.kind, lost.frame_id) == (Kind.FRAME_LOST, frame_id)
    assert lost.payload["how"] == "unlinked"
    assert lost.payload["confidence"] == 0.6
    assert lost.payload["paths"] == [str(library.folder / FIVE[0])]
    assert "ignored" not in lost.payload
    library.clock.sleep(2)
    library.reconcile()
    confirmed = library.facts()[-1]
    assert (confirmed.kind, confirmed.payload["of"]) == (Kind.LOSS_CONFIRMED, lost.seq)


def test_two_reconciles_find_nothing_new(library: Library) -> None:
    (library.folder / FIVE[0]).unlink()
    library.throw_away(library.folder / FIVE[1])
    (library.folder / FIVE[2]).rename(library.folder / "shoot/best.jpg")
    library.reconcile()
    told = library.kinds()
    assert sorted(told) == ["frame_lost", "frame_lost", "frame_moved"]
    library.reconcile()
    library.clock.sleep(2 * DAY_S)
    library.reconcile()
    library.reconcile()
    assert library.kinds() == [*told, "loss_confirmed", "loss_confirmed"]


def test_the_trash_tells_when_and_makes_it_surer(library: Library) -> None:
    library.clock.sleep(2 * 3600.0)
    library.throw_away(library.folder / FIVE[0], ago_s=3600.0)
    library.reconcile()
    (lost,) = library.facts()
    assert lost.payload["how"] == "trash"
    assert lost.payload["reason"] == "It went into the trash."
    assert lost.payload["confidence"] == 0.95
    assert lost.payload["happened_s"] == library.clock.now() - 3600.0
    library.clock.sleep(DAY_S - 3600.0)
    library.reconcile()
    assert library.kinds() == ["frame_lost", "loss_confirmed"]


def test_a_date_in_the_trash_from_before_the_frame_was_there_does_not_shorten_the_day_to_take_it_back(
    library: Library,
) -> None:
    """A disk that comes with a trash, another clock, something put back long ago: it was there when it was rated."""
    library.throw_away(library.folder / FIVE[0], ago_s=9 * DAY_S)
    library.reconcile()
    (lost,) = library.facts()
    assert lost.payload["how"] == "trash" and "happened_s" not in lost.payload
    library.clock.sleep(0.9 * DAY_S)
    library.reconcile()
    assert library.kinds() == ["frame_lost"]
    library.clock.sleep(0.2 * DAY_S)
    library.reconcile()
    assert library.kinds() == ["frame_lost", "loss_confirmed"]


def test_another_file_of_that_name_in_the_trash_is_not_the_frame(library: Library) -> None:
    place = library.throw_away(library.folder / FIVE[0])
    place.write_bytes(b"another")
    library.reconcile()
    assert library.facts()[0].payload["how"] == "unlinked"


@pytest.mark.parametrize("days", [0, 3])
def test_restored_from_the_trash_is_returned(library: Library, days: int) -> None:
    frame_id = library.frame(FIVE[0])
    place = library.throw_away(library.folder / FIVE[0])
    library.reconcile()
    library.clock.sleep(days * DAY_S)
    library.reconcile()
    shutil.move(place, library.folder / FIVE[0])
    library.trash.empty()
    library.reconcile()
    lost, *_, returned = library.facts()
    assert (returned.kind, returned.frame_id, returned.payload["of"]) == (Kind.FRAME_RETURNED, frame_id, lost.seq)
    assert library.kinds() == ["frame_lost", *["loss_confirmed"][:days], "frame_returned"]
    library.clock.sleep(3 * DAY_S)
    library.reconcile()
    assert library.kinds()[-1] == "frame_returned"
    assert library.frame(FIVE[0]) == frame_id


def test_a_frame_that_is_lost_again_is_told_again(library: Library) -> None:
    path = library.folder / FIVE[0]
    for _ in range(2):
        shutil.move(library.throw_away(path), library.can / "kept")
        library.reconcile()
        shutil.move(library.can / "kept", path)
        library.reconcile()
    assert library.kinds() == ["frame_lost", "frame_returned"] * 2


def test_rename_is_a_move_not_a_loss(library: Library) -> None:
    frame_id = library.frame(FIVE[0])
    (library.folder / FIVE[0]).rename(library.folder / "shoot/best.jpg")
    library.reconcile()
    (moved,) = library.facts()
    assert (moved.kind, moved.frame_id) == (Kind.FRAME_MOVED, frame_id)
    assert moved.payload["path"] == str(library.folder / "shoot/best.jpg")
    assert library.frame("shoot/best.jpg") == frame_id


@pytest.mark.parametrize("target", ["a", "z"])
def test_a_move_to_another_root_is_seen_whichever_is_looked_at_first(library: Library, target: str) -> None:
    other = library.folder.parent / target
    other.mkdir()
    library.rate(other)
    (library.folder / FIVE[0]).rename(other / "IMG_0.jpg")
    library.reconcile()
    assert library.kinds() == ["frame_moved"]


def test_a_look_at_one_folder_finds_what_was_moved_to_another(library: Library) -> None:
    other = library.folder.parent / "other"
    other.mkdir()
    library.rate(other)
    (library.folder / FIVE[0]).rename(other / "IMG_0.jpg")
    library.reconcile([library.folder])
    assert library.kinds() == ["frame_moved"]


def test_a_frame_that_left_every_known_folder_was_moved_and_not_deleted(library: Library, tmp_path: Path) -> None:
    place = tmp_path / "desk" / "IMG_0.jpg"
    place.parent.mkdir()
    (library.folder / FIVE[0]).rename(place)
    stamp = place.stat()
    library.elsewhere.places[place] = library.store.catalog.files_in(library.folder / "shoot")[0].stamp
    library.reconcile()
    (moved,) = library.facts()
    assert (moved.kind, moved.payload["path"]) == (Kind.FRAME_MOVED, str(place))
    assert stamp.st_size == len(FIVE[0])
    library.clock.sleep(3 * DAY_S)
    library.reconcile()
    assert library.kinds() == ["frame_moved"]


def test_a_backup_elsewhere_makes_a_deletion_no_opinion_and_no_move(library: Library, tmp_path: Path) -> None:
    place = tmp_path / "backup" / "IMG_0.jpg"
    place.parent.mkdir()
    shutil.copy2(library.folder / FIVE[0], place)
    library.elsewhere.places[place] = library.store.catalog.files_in(library.folder / "shoot")[0].stamp
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    (lost,) = library.facts()
    assert lost.kind == Kind.FRAME_LOST
    assert lost.payload["ignored"] == f"A copy of it is at {place}."


def test_a_file_of_the_same_name_and_size_elsewhere_is_not_the_frame(library: Library, tmp_path: Path) -> None:
    place = tmp_path / "IMG_0.jpg"
    place.write_bytes(b"x" * len(FIVE[0]))
    library.elsewhere.places[place] = library.store.catalog.files_in(library.folder / "shoot")[0].stamp
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    assert library.kinds() == ["frame_lost"]


def test_names_that_move_on_by_one_are_moves(library: Library) -> None:
    names = [*FIVE, "shoot/IMG_9.jpg"]
    was = [library.frame(name) for name in FIVE]
    for old, new in reversed(list(zip(FIVE, names[1:], strict=True))):
        (library.folder / old).rename(library.folder / new)
    library.reconcile()
    assert [library.frame(name) for name in names[1:]] == was
    assert set(library.kinds()) == {"frame_moved"}


def test_inode_reuse_is_no_move(library: Library) -> None:
    path = library.folder / FIVE[0]
    path.write_bytes(b"y" * len(FIVE[0]))  # the same inode, size and folder under another name: another picture
    path.rename(library.folder / "shoot/new.jpg")
    library.put("shoot/new.jpg", b"y" * len(FIVE[0]))
    library.reconcile()
    assert library.kinds() == ["frame_lost"]


def test_half_of_a_pair_is_no_opinion(library: Library) -> None:
    library.fill("shoot/P.nef", "shoot/P.jpg")
    frame_id = library.frame("shoot/P.nef")
    (library.folder / "shoot/P.jpg").unlink()
    library.reconcile()
    assert library.facts() == []
    (library.folder / "shoot/P.nef").unlink()
    library.reconcile()
    (lost,) = library.facts()
    assert lost.frame_id == frame_id


def test_the_raw_of_a_pair_is_no_opinion_and_the_jpeg_stands_for_it(library: Library) -> None:
    library.fill("shoot/P.nef", "shoot/P.jpg")
    frame_id = library.frame("shoot/P.nef")
    (library.folder / "shoot/P.nef").unlink()
    library.reconcile()
    assert library.facts() == []
    assert library.store.catalog.frame(frame_id).path.name == "P.jpg"


def test_a_copy_left_behind_is_no_opinion(library: Library) -> None:
    library.put("shoot/copy.jpg", FIVE[0].encode())
    library.rate()
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    (lost,) = library.facts()
    assert lost.payload["ignored"] == f"A copy of it is still at {library.folder / 'shoot/copy.jpg'}."
    assert lost.payload["reason"] == "It is gone.", "what happened; why it says nothing is another sentence"
    library.clock.sleep(3 * DAY_S)
    library.reconcile()
    assert library.kinds() == ["frame_lost"]


def test_a_removed_tree_is_no_opinion(library: Library) -> None:
    library.fill("other/a.jpg")
    shutil.rmtree(library.folder / "shoot")
    library.reconcile()
    assert {entry.payload.get("ignored") for entry in library.facts()} == {"Its whole folder is gone."}
    assert len(library.facts()) == 5
    library.clock.sleep(3 * DAY_S)
    library.reconcile()
    assert len(library.facts()) == 5


def test_a_removed_root_is_no_opinion(library: Library) -> None:
    shutil.rmtree(library.folder)
    (told,) = library.reconcile().absent
    assert told.reason == (
        f"The folder {library.folder} is not there now (its disk may not be connected): nothing is concluded from that."
    )
    assert library.facts() == []


def test_an_emptied_root_is_no_opinion(library: Library) -> None:
    shutil.rmtree(library.folder / "shoot")
    assert "nothing is concluded" in library.reconcile().absent[0].reason
    assert library.facts() == []


def test_format_of_the_card_is_no_opinion(tmp_path: Path) -> None:
    library = Library(tmp_path / "card")
    library.mounts.mount(library.folder, device=9, file_system=99)
    library.cards.roots.add(library.folder)
    library.fill("DCIM/100/a.jpg", "DCIM/100/b.jpg")
    (library.folder / "DCIM/100/a.jpg").unlink()
    library.cards.roots.clear()  # formatting took the folder by which a card is known
    library.reconcile()
    (lost,) = library.facts()
    assert "card" in str(lost.payload["ignored"])


def test_a_placeholder_of_a_cloud_is_no_opinion(library: Library) -> None:
    library.placeholders.paths.add(library.folder / FIVE[0])
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    assert "cloud" in str(library.facts()[0].payload["ignored"])


def test_unmount_is_not_a_cull(tmp_path: Path) -> None:
    library = Library(tmp_path / "disk")
    library.mounts.mount(library.folder, device=9, file_system=99)
    library.fill(*FIVE)
    shutil.move(library.folder, tmp_path / "unplugged")
    library.folder.mkdir()
    library.put("left.jpg")  # what somebody once copied below the mount point
    library.mounts.unmount(library.folder)
    done = library.reconcile()
    assert "its disk may not be connected" in done.absent[0].reason
    shutil.rmtree(library.folder)
    shutil.move(tmp_path / "unplugged", library.folder)
    library.mounts.mount(library.folder, device=12, file_system=99)  # another number, the same file system
    assert library.reconcile().absent == []
    assert library.facts() == []


def test_volume_swapped_under_the_same_mount_point(tmp_path: Path) -> None:
    library = Library(tmp_path / "disk")
    library.mounts.mount(library.folder, device=9, file_system=99)
    library.fill(*FIVE)
    shutil.move(library.folder, tmp_path / "first")
    library.folder.mkdir()
    library.put("DCIM/other.jpg")
    library.mounts.mount(library.folder, device=9, file_system=77)
    assert len(library.reconcile().absent) == 1
    assert library.facts() == []


def test_another_disk_that_is_rated_in_the_same_place_is_no_cull(tmp_path: Path) -> None:
    library = Library(tmp_path / "disk")
    library.mounts.mount(library.folder, device=9, file_system=99)
    library.fill(*FIVE)
    shutil.move(library.folder, tmp_path / "first")
    library.folder.mkdir()
    library.mounts.mount(library.folder, device=9, file_system=77)
    others = [f"shoot/other{number}.jpg" for number in range(20)]
    for name in others:
        library.put(name)
    library.service().accept([library.folder])
    library.rate()
    for days in (0, 2, 9):
        library.clock.sleep(days * DAY_S)
        assert library.reconcile().absent == []
    assert library.facts() == []
    (library.folder / others[0]).unlink()
    library.reconcile()
    assert library.kinds() == ["frame_lost"], "what happens on the new disk is seen"
    shutil.move(library.folder, tmp_path / "second")
    shutil.move(tmp_path / "first", library.folder)
    library.mounts.mount(library.folder, device=9, file_system=99)
    assert len(library.reconcile().absent) == 1
    library.service().accept([library.folder])
    frames = library.rate()
    library.clock.sleep(9 * DAY_S)
    library.reconcile()
    assert len(frames) == len(FIVE)
    assert "loss_confirmed" not in library.kinds()
    assert library.kinds().count("frame_lost") == 1


def test_a_volume_that_changed_its_identity_is_known_by_its_files(tmp_path: Path) -> None:
    library = Library(tmp_path / "disk")
    library.mounts.mount(library.folder, device=9, file_system=0)
    library.fill(*FIVE)
    library.mounts.mount(library.folder, device=17, file_system=0)
    assert library.reconcile().absent == []
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    assert library.kinds() == ["frame_lost"]


def test_a_volume_mounted_below_a_folder_is_not_culled_by_its_unmount(library: Library) -> None:
    inner = library.folder / "shoot/usb"
    inner.mkdir()
    library.mounts.mount(inner, device=9, file_system=99)
    library.fill("shoot/usb/a.jpg", "shoot/usb/b.jpg")
    shutil.rmtree(inner)
    inner.mkdir()
    library.mounts.unmount(inner)
    done = library.reconcile()
    assert [each.path for each in done.absent] == [inner]
    assert library.facts() == []


def plugged_in(library: Library, inner: Path, hidden: Path, **identity: int) -> None:
    """Let a disk that is kept in `hidden` be seen in `inner`; what lies in the mount point is covered."""
    inner.rename(hidden.with_name("covered"))
    hidden.rename(inner)
    library.mounts.mount(inner, **identity)


def pulled(library: Library, inner: Path, hidden: Path) -> None:
    """Take that disk away again."""
    inner.rename(hidden)
    covered = hidden.with_name("covered")
    if covered.exists():
        covered.rename(inner)
    else:
        inner.mkdir()
    library.mounts.unmount(inner)


def test_rating_a_folder_while_a_disk_below_it_is_away_says_nothing_of_that_disk(tmp_path: Path) -> None:
    library = Library(tmp_path / "pictures")
    inner, hidden = library.folder / "stick", tmp_path / "hidden"
    library.fill("shoot/c.jpg", "stick/a.jpg", "stick/b.jpg")
    library.mounts.mount(inner, device=9, file_system=99)
    library.reconcile()
    pulled(library, inner, hidden)
    library.service().accept([library.folder])  # `rate` is run meanwhile
    assert [each.path for each in library.reconcile().absent] == [inner]
    plugged_in(library, inner, hidden, device=9, file_system=99)
    assert library.reconcile().absent == []
    pulled(library, inner, hidden)
    assert [each.path for each in library.reconcile().absent] == [inner]
    assert library.facts() == []


@pytest.mark.parametrize("noticed", [True, False])  # whether a watcher tells what arrives; else a look finds it
def test_pictures_in_a_mount_point_and_on_its_disk_are_neither_deleted_by_the_other(
    tmp_path: Path, noticed: bool
) -> None:
    library = Library(tmp_path / "pictures")
    inner, hidden = library.folder / "stick", tmp_path / "hidden"
    library.mounts.mount(inner, device=9, file_system=99)
    library.fill("shoot/c.jpg", "stick/a.jpg", "stick/b.jpg")
    library.reconcile()
    pulled(library, inner, hidden)
    library.put("stick/bare.jpg")
    library.service().accept([library.folder])
    library.rate()
    library.reconcile()
    for _ in range(2):
        plugged_in(library, inner, hidden, device=9, file_system=99)
        library.put("stick/late.jpg")
        if noticed:
            library.service().settle_on([inner])
        library.reconcile()
        library.rate()
        library.reconcile()
        pulled(library, inner, hidden)
        library.reconcile()
    assert library.facts() == []


def test_a_disk_that_is_mounted_over_known_pictures_deletes_none(tmp_path: Path) -> None:
    library = Library(tmp_path / "pictures")
    inner, hidden = library.folder / "stick", tmp_path / "hidden"
    library.fill("shoot/c.jpg", "stick/bare.jpg")
    library.reconcile()
    hidden.mkdir()
    (hidden / "a.jpg").write_bytes(b"another picture")
    plugged_in(library, inner, hidden, device=9, file_system=99)
    library.reconcile()
    library.clock.sleep(9 * DAY_S)
    library.reconcile()
    assert library.facts() == []
    pulled(library, inner, hidden)
    (inner / "bare.jpg").unlink()
    library.reconcile()
    assert library.facts() == []


def test_a_disk_that_is_pulled_before_it_was_ever_looked_through_was_not_culled(tmp_path: Path) -> None:
    library = Library(tmp_path / "pictures")
    inner, hidden = library.folder / "stick", tmp_path / "hidden"
    library.fill("shoot/c.jpg")
    library.reconcile()
    inner.mkdir()
    library.mounts.mount(inner, device=9, file_system=99)
    library.put("stick/a.jpg")
    library.service().settle_on([inner])
    library.rate()
    pulled(library, inner, hidden)
    assert [each.path for each in library.reconcile().absent] == [inner]
    assert library.facts() == []


def test_a_loss_is_not_confirmed_while_its_volume_is_away(tmp_path: Path) -> None:
    library = Library(tmp_path / "disk")
    volume = library.mounts.mount(library.folder, device=9, file_system=99)
    library.fill(*FIVE)
    (library.folder / FIVE[0]).unlink()
    library.reconcile()
    library.mounts.unmount(library.folder)
    shutil.move(library.folder, tmp_path / "unplugged")
    library.folder.mkdir()
    library.clock.sleep(2 * DAY_S)
    library.reconcile()
    assert library.kinds() == ["frame_lost"]
    library.folder.rmdir()
    shutil.move(tmp_path / "unplugged", library.folder)
    library.mounts.mounted[library.folder] = volume
    library.reconcile()
    assert library.kinds() == ["frame_lost", "loss_confirmed"]


def test_a_folder_that_cannot_be_listed_loses_nothing(library: Library) -> None:
    library.fill("other/a.jpg")
    folder = library.folder / "shoot"
    folder.chmod(0o000)
    try:
        if list(folder.glob("*")):
            pytest.skip("this user may list every folder")
        assert library.reconcile().not_looked
    finally:
        folder.chmod(0o755)
    assert library.facts() == []


def test_a_changed_picture_is_looked_at_again(library: Library) -> None:
    frame_id = library.frame(FIVE[0])
    library.put(FIVE[0], b"edited in place", age_s=5.0)
    library.reconcile()
    assert library.kinds() == ["frame_changed"]
    assert library.store.catalog.frame(frame_id).stage is Stage.ARRIVED
    (reread,) = library.store.sightings.rereads()
    assert (reread.frame_id, reread.path) == (frame_id, library.folder / FIVE[0])


def test_a_file_that_is_being_written_is_left_for_the_next_look(library: Library) -> None:
    library.put(FIVE[0], b"half of an ed", age_s=0.1)
    library.reconcile()
    assert library.facts() == []
    library.clock.sleep(60.0)
    library.reconcile()
    assert library.kinds() == ["frame_changed"]


def test_new_photographs_are_left_to_rate(library: Library) -> None:
    library.put("shoot/new.jpg")
    library.reconcile()
    assert library.facts() == []
    assert library.store.catalog.frame_at(library.folder / "shoot/new.jpg") is None


def test_a_pair_that_moves_goes_together(library: Library) -> None:
    library.fill("shoot/P.nef", "shoot/P.jpg")
    frame_id = library.frame("shoot/P.nef")
    (library.folder / "selects").mkdir()
    for name in ("P.nef", "P.jpg"):
        (library.folder / "shoot" / name).rename(library.folder / "selects" / name)
    library.reconcile()
    assert [(entry.kind, entry.frame_id) for entry in library.facts()] == [("frame_moved", frame_id)] * 2
    assert {file.path.parent.name for file in library.store.catalog.files_of(frame_id)} == {"selects"}


def test_the_scan_of_rate_loses_nothing_that_reconciling_has_to_tell(library: Library) -> None:
    (library.folder / FIVE[0]).unlink()
    library.rate()
    library.reconcile()
    assert library.kinds() == ["frame_lost"]


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it."""


class Dying:
    """Lets a store's transactions work until one dies, before it is written or right after."""

    def __init__(self, library: Library, after: int, *, written: bool) -> None:
        self._real = library.store.transaction
        self._left = after
        self._written = written

    @contextmanager
    def __call__(self) -> Iterator[object]:
        self._left -= 1
        with self._real() as inside:
            yield inside
            if self._left == 0 and not self._written:
                raise Killed
        if self._left == 0:
            raise Killed


def lively(folder: Path) -> Library:
    """Return a library in which everything has happened at once."""
    library = Library(folder)
    library.fill(*FIVE, "shoot/P.nef", "shoot/P.jpg", "other/a.jpg", "other/b.jpg")
    (library.folder / FIVE[0]).unlink()
    library.throw_away(library.folder / FIVE[1])
    (library.folder / FIVE[2]).rename(library.folder / "other/best.jpg")
    library.touch_sidecar(library.folder / FIVE[3], TraceKind.RATING, "5")
    library.touch_sidecar(library.folder / FIVE[4], TraceKind.DEVELOP, "x")
    (library.folder / "shoot/P.jpg").unlink()
    library.put("other/a.jpg", b"written again", age_s=30.0)
    return library


def told(library: Library) -> list[tuple[str, int | None, str]]:
    """Return the facts without their times."""
    return sorted((entry.kind, entry.frame_id, str(entry.payload.get("of", ""))) for entry in library.facts())


@pytest.mark.parametrize("written", [False, True])
def test_a_kill_in_or_after_any_transaction_loses_no_fact_and_doubles_none(tmp_path: Path, written: bool) -> None:
    calm = lively(tmp_path / "calm")
    calm.reconcile()
    calm.clock.sleep(2 * DAY_S)
    calm.reconcile()
    kills = 0
    for after in range(1, 100):
        stormy = lively(tmp_path / f"stormy-{after}")
        real = stormy.store.transaction
        stormy.store.transaction = Dying(stormy, after, written=written)  # type: ignore[method-assign]
        for _ in range(2):
            try:
                stormy.reconcile()
            except Killed:
                kills += 1
                stormy.store.transaction = real  # type: ignore[method-assign]
                stormy.reconcile()
            stormy.clock.sleep(2 * DAY_S)
        stormy.store.transaction = real  # type: ignore[method-assign]
        stormy.reconcile()
        assert [each[:2] for each in told(stormy)] == [each[:2] for each in told(calm)], after
        shutil.rmtree(stormy.can)
        if kills < after:
            break
    assert kills >= 8
