"""cp, mv and rm: one frame filed elsewhere, a shoot renamed, moved to another disk, copied, deleted."""

from pathlib import Path

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, brief, make_library
from tests.interop.volumes import memory_volume

NAME = "IMG_0002.jpg"
BURST_MATES = ["IMG_0000.jpg", "IMG_0001.jpg"]


@pytest.fixture
def year(tmp_path: Path, cache: Path) -> Library:
    """Return a library of which the folder around the shoot is rated."""
    library = make_library(tmp_path, cache, rated=False)
    library.rate(library.folder.parent)
    return library


def test_rm_of_one_frame_is_a_deletion_after_the_undo_window(library: Library) -> None:
    library.run("rm", NAME, f"{NAME}.xmp", cwd=library.folder)
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "unlinked")
    assert fact.payload["confidence"] == pytest.approx(0.6)
    assert library.reconcile(hours=20) == []
    assert library.believed() == []
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("loss_confirmed", NAME)]
    assert library.believed() == [("deleted", (NAME,))]


def test_rm_of_the_whole_shoot_is_no_opinion(year: Library) -> None:
    names = [path.name for path in year.frames]
    (year.folder.parent / "letter.txt").write_text("still here")
    year.run("cp", "-a", year.folder, year.base / "elsewhere")
    (year.folder.parent / "other").mkdir()
    year.run("cp", "-a", year.folder / NAME, year.folder.parent / "other" / "IMG_7000.jpg")
    with (year.folder.parent / "other" / "IMG_7000.jpg").open("ab") as file:
        file.write(b"another")
    year.rate(year.folder.parent)
    year.run("rm", "-r", year.folder)
    year.run("rm", "-r", year.base / "elsewhere")
    assert brief(year.reconcile()) == [("frame_lost", name) for name in names]
    year.reconcile(hours=AFTER_UNDO_H)
    assert year.believed() == []


def test_mv_into_a_folder_of_selects_is_a_choice(library: Library) -> None:
    (library.folder / "selects").mkdir()
    library.run("mv", NAME, f"{NAME}.xmp", "selects/", cwd=library.folder)
    (fact,) = library.reconcile()
    assert fact.brief == ("frame_moved", NAME)
    assert Path(fact.payload["path"]) == library.folder / "selects" / NAME
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.believed() == [("moved", (NAME,))]


def test_mv_into_a_folder_beside_that_nobody_rates_is_a_choice(library: Library) -> None:
    selects = library.folder.parent / "for the album"
    selects.mkdir()
    library.run("mv", NAME, selects, cwd=library.folder)
    (fact,) = library.reconcile(hours=AFTER_UNDO_H)
    assert (fact.brief, Path(fact.payload["path"])) == (("frame_moved", NAME), selects / NAME)
    assert library.believed() == [("moved", (NAME,))]


def test_mv_there_and_back_is_no_deletion(library: Library) -> None:
    (library.folder / "selects").mkdir()
    library.run("mv", NAME, "selects/", cwd=library.folder)
    assert brief(library.reconcile()) == [("frame_moved", NAME)]
    library.run("mv", f"selects/{NAME}", ".", cwd=library.folder)
    assert brief(library.reconcile(hours=1)) == [("frame_moved", NAME)]
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert [action for action in library.actions() if action["kind"] == "deleted"] == []


def test_mv_to_another_name_is_a_rename_and_nothing_else(library: Library) -> None:
    library.run("mv", NAME, "garden.jpg", cwd=library.folder)
    library.run("mv", f"{NAME}.xmp", "garden.jpg.xmp", cwd=library.folder)
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("frame_moved", NAME)]
    assert library.believed() == []


def test_mv_of_two_frames_onto_each_others_names_is_no_edit(library: Library) -> None:
    library.run("sh", "-ec", "mv IMG_0000.jpg t; mv IMG_0101.jpg IMG_0000.jpg; mv t IMG_0101.jpg", cwd=library.folder)
    facts = library.reconcile(hours=AFTER_UNDO_H)
    assert {fact.kind for fact in facts} <= {"frame_moved"}, brief(facts)
    assert library.believed() == []


def test_mv_of_the_whole_shoot_within_what_is_rated_is_no_opinion(year: Library) -> None:
    names = [path.name for path in year.frames]
    year.run("mv", "shoot", "2026-05-01 garden", cwd=year.folder.parent)
    assert brief(year.reconcile()) == [("frame_moved", name) for name in names]
    year.reconcile(hours=AFTER_UNDO_H)
    assert year.believed() == []
    assert {record["stage"] for record in year.rate(year.folder.parent).records} == {"published"}


def test_mv_of_the_rated_folder_itself_is_no_opinion(library: Library) -> None:
    library.run("mv", "shoot", "2026-05-01 garden", cwd=library.folder.parent)
    assert library.reconcile(status=1) == []
    assert library.reconcile(hours=AFTER_UNDO_H, status=1) == []
    again = library.rate(library.folder.parent)
    assert {record["stage"] for record in again.records} == {"published"}
    library.reconcile(hours=2 * AFTER_UNDO_H)
    assert library.believed() == []


@pytest.mark.parametrize("known", [True, False], ids=["rated", "unknown"])
def test_mv_of_most_of_a_shoot_to_another_disk_is_archiving(tmp_path: Path, cache: Path, known: bool) -> None:
    library = make_library(tmp_path, cache, scenes=4)
    names = [path.name for path in library.frames][:-1]
    assert len(names) >= 0.9 * len(library.frames)
    with memory_volume(library.base / "archive") as archive:
        if known:
            (archive / "readme.txt").write_text("archive")
            library.program.rate(archive, "--state", library.base / "state")
            library.news()
        library.run("mv", *names, archive, cwd=library.folder)
        facts = library.reconcile()
        assert brief(facts) == [("frame_moved" if known else "frame_lost", name) for name in names]
        library.reconcile(hours=AFTER_UNDO_H)
        assert library.believed() == []


def test_mv_of_one_frame_to_another_disk_that_is_rated_is_a_choice(library: Library) -> None:
    with memory_volume(library.base / "album") as album:
        (album / "readme.txt").write_text("album")
        library.program.rate(album, "--state", library.base / "state")
        library.news()
        library.run("mv", NAME, album, cwd=library.folder)
        (fact,) = library.reconcile(hours=AFTER_UNDO_H)
        assert (fact.brief, Path(fact.payload["path"])) == (("frame_moved", NAME), album / NAME)
        assert library.believed() == [("moved", (NAME,))]


def test_cp_a_of_a_shoot_tells_nothing_of_the_frames(year: Library) -> None:
    year.run("cp", "-a", "shoot", "backup", cwd=year.folder.parent)
    assert year.reconcile(hours=AFTER_UNDO_H) == []
    year.rate(year.folder.parent)
    assert year.reconcile(hours=2 * AFTER_UNDO_H) == []
    assert year.believed() == []


def test_rm_of_a_copy_is_no_opinion(year: Library) -> None:
    year.run("cp", "-a", "shoot", "backup", cwd=year.folder.parent)
    year.rate(year.folder.parent)
    year.news()
    year.run("rm", f"backup/{NAME}", f"backup/{NAME}.xmp", cwd=year.folder.parent)
    facts = year.reconcile()
    assert all(fact.kind == "frame_lost" and fact.payload["ignored"] for fact in facts), brief(facts)
    year.reconcile(hours=AFTER_UNDO_H)
    assert year.believed() == []


def test_cp_a_and_rm_across_disks_is_a_move(library: Library) -> None:
    with memory_volume(library.base / "album") as album:
        (album / "readme.txt").write_text("album")
        library.program.rate(album, "--state", library.base / "state")
        library.news()
        library.run("cp", "-a", NAME, f"{NAME}.xmp", album, cwd=library.folder)
        assert library.reconcile() == []
        library.run("rm", NAME, f"{NAME}.xmp", cwd=library.folder)
        facts = library.reconcile(hours=1) + library.reconcile(hours=AFTER_UNDO_H)
        assert [fact for fact in facts if fact.kind == "frame_lost" and not fact.payload.get("ignored")] == []
        assert ("deleted", (NAME,)) not in library.believed()


def test_touch_and_chmod_tell_nothing(library: Library) -> None:
    library.run("sh", "-ec", "touch *.jpg *.xmp; chmod 600 *.jpg", cwd=library.folder)
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_cp_onto_itself_by_a_backup_tool_tells_nothing(library: Library) -> None:
    """The same bytes under another inode and another time."""
    library.run("sh", "-ec", "for f in *.jpg *.xmp; do cp $f t; mv t $f; done", cwd=library.folder)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
