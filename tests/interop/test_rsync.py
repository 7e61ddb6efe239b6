"""rsync -a: backups, mirrors, moves with --remove-source-files, a restore from a backup."""

from pathlib import Path

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, brief, need
from tests.interop.volumes import memory_volume

NAME = "IMG_0002.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("rsync")


def test_a_backup_by_rsync_tells_nothing(library: Library) -> None:
    library.run("rsync", "-a", f"{library.folder}/", f"{library.base}/backup/")
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_a_shoot_moved_by_rsync_to_another_disk_is_archiving(library: Library) -> None:
    with memory_volume(library.base / "archive") as archive:
        (archive / "readme.txt").write_text("archive")
        library.program.rate(archive, "--state", library.base / "state")
        library.news()
        names = [path.name for path in library.frames]
        library.run("rsync", "-a", "--remove-source-files", f"{library.folder}/", f"{archive}/shoot/")
        assert library.frames == []
        assert brief(library.reconcile(status=None)) == [("frame_moved", name) for name in names]
        library.reconcile(hours=AFTER_UNDO_H)
        assert library.believed() == []
        again = library.program.rate(archive, "--state", library.base / "state")
        assert [again.by_name[name]["stage"] for name in names] == ["published"] * len(names)
        library.reconcile(hours=2 * AFTER_UNDO_H)
        assert [entry for entry in library.journal() if entry["kind"] == "loss_confirmed"] == []
        assert library.believed() == []


def test_one_frame_moved_by_rsync_into_a_rated_folder_is_a_choice(library: Library) -> None:
    with memory_volume(library.base / "album") as album:
        (album / "readme.txt").write_text("album")
        library.program.rate(album, "--state", library.base / "state")
        library.news()
        library.run("rsync", "-a", "--remove-source-files", NAME, f"{NAME}.xmp", f"{album}/", cwd=library.folder)
        (fact,) = library.reconcile(hours=AFTER_UNDO_H)
        assert (fact.brief, Path(fact.payload["path"])) == (("frame_moved", NAME), album / NAME)
        assert library.believed() == [("moved", (NAME,))]


def test_a_frame_that_rsync_restores_from_a_backup_is_no_deletion(library: Library) -> None:
    library.run("rsync", "-a", f"{library.folder}/", f"{library.home}/backup/")
    (library.folder / NAME).unlink()
    assert brief(library.reconcile())[0][1] == NAME
    library.run("rsync", "-a", f"{library.home}/backup/", f"{library.folder}/")
    library.reconcile(hours=1)
    library.reconcile(hours=AFTER_UNDO_H)
    assert [kind for kind, _ in library.believed() if kind == "deleted"] == []
    assert [entry for entry in library.journal() if entry["kind"] == "loss_confirmed"] == []


def test_a_mirror_by_rsync_delete_repeats_the_persons_deletion(library: Library) -> None:
    """The rated folder is the mirror; the person deletes in the original, elsewhere."""
    original = library.home / "camera roll"
    library.run("rsync", "-a", f"{library.folder}/", f"{original}/")
    (original / NAME).unlink()
    library.run("rsync", "-a", "--delete", f"{original}/", f"{library.folder}/")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "unlinked")
    assert not fact.payload.get("ignored")
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == [("deleted", (NAME,))]


def test_rsync_without_times_over_the_same_files_tells_nothing(library: Library) -> None:
    library.run("rsync", "-a", f"{library.folder}/", f"{library.base}/backup/")
    library.run("rsync", "-r", "--ignore-times", f"{library.base}/backup/", f"{library.folder}/")
    assert library.reconcile(hours=AFTER_UNDO_H) == []
