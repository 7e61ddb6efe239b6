"""trash-cli: put, restored, emptied, on the home volume and on another one."""

from pathlib import Path

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, brief, make_library, need
from tests.interop.volumes import memory_volume

NAME = "IMG_0002.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("trash-put", "trash-restore", "trash-empty")


def test_a_frame_that_trash_put_throws_away_is_a_deletion(library: Library) -> None:
    library.run("trash-put", NAME, f"{NAME}.xmp", cwd=library.folder)
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "trash")
    assert library.reconcile(hours=20) == []
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("loss_confirmed", NAME)]
    assert library.believed() == [("deleted", (NAME,))]


def test_a_frame_that_trash_restore_brings_back_is_no_deletion(library: Library) -> None:
    library.run("trash-put", NAME, cwd=library.folder)
    assert brief(library.reconcile()) == [("frame_lost", NAME)]
    library.run("trash-restore", cwd=library.folder, said="0\n")
    assert (library.folder / NAME).is_file()
    assert brief(library.reconcile(hours=1)) == [("frame_returned", NAME)]
    library.reconcile(hours=AFTER_UNDO_H)
    assert [kind for kind, _ in library.believed() if kind == "deleted"] == []


def test_trash_empty_later_changes_nothing(library: Library) -> None:
    library.run("trash-put", NAME, cwd=library.folder)
    assert brief(library.reconcile()) == [("frame_lost", NAME)]
    library.run("trash-empty", said="y\n")
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("loss_confirmed", NAME)]
    assert library.believed() == [("deleted", (NAME,))]


def test_the_sidecar_alone_in_the_trash_is_no_deletion(library: Library) -> None:
    library.run("trash-put", f"{NAME}.xmp", cwd=library.folder)
    assert [fact for fact in library.reconcile(hours=AFTER_UNDO_H) if fact.kind != "person_rated"] == []
    assert library.believed() == []


def test_the_trash_can_of_another_volume_is_looked_into(tmp_path: Path, cache: Path) -> None:
    with memory_volume(tmp_path / "disk") as disk:
        library = make_library(tmp_path, cache, folder=disk / "shoot")
        library.run("trash-put", NAME, cwd=library.folder)
        assert not (library.home / ".local/share/Trash/files" / NAME).exists()
        (fact,) = library.reconcile()
        assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "trash")
        library.run("trash-restore", cwd=library.folder, said="0\n")
        assert brief(library.reconcile(hours=1)) == [("frame_returned", NAME)]
