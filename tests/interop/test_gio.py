"""`gio trash`, which is what file managers of the desktop do: thrown away, restored, emptied; one frame, a folder."""

from pathlib import Path

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, brief, need

NAME = "IMG_0002.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("gio", "dbus-run-session")


def gio(library: Library, *commands: str) -> str:
    """Run gio commands in one session bus of their own; the trash of gvfs needs one."""
    return library.run("dbus-run-session", "--", "sh", "-ec", "\n".join(commands), cwd=library.folder.parent)


def trash(library: Library, *names: str) -> None:
    folder = library.folder.name
    gio(library, *(f"gio trash {folder}/{name} {folder}/{name}.xmp" for name in names))
    can = library.home / ".local/share/Trash/files"
    assert all((can / name).is_file() for name in names), "they are in the trash"


def test_a_frame_in_the_trash_of_gio_is_a_deletion_after_the_undo_window(library: Library) -> None:
    trash(library, NAME)
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "trash")
    assert fact.payload["confidence"] == pytest.approx(0.95)
    assert not fact.payload.get("ignored")
    assert library.believed() == [], "it may still be taken back"
    (confirmed,) = library.reconcile(hours=AFTER_UNDO_H)
    assert (confirmed.brief, confirmed.payload["of"]) == (("loss_confirmed", NAME), fact.seq)
    assert library.believed() == [("deleted", (NAME,))]


def test_a_frame_that_gio_restores_is_no_deletion(library: Library) -> None:
    trash(library, NAME)
    (lost,) = library.reconcile()
    gio(library, f"gio trash --restore trash:///{NAME}")
    assert (library.folder / NAME).is_file()
    (fact,) = library.reconcile(hours=1)
    assert (fact.brief, fact.payload["of"]) == (("frame_returned", NAME), lost.seq)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert [kind for kind, _ in library.believed() if kind != "returned"] == []
    assert [action["state"] for action in library.actions() if action["kind"] == "deleted"] == ["retracted"]


def test_a_frame_that_gio_restores_between_two_looks_was_never_lost(library: Library) -> None:
    trash(library, NAME)
    gio(library, f"gio trash --restore trash:///{NAME} trash:///{NAME}.xmp")
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_a_frame_that_gio_restores_weeks_later_takes_the_deletion_back(library: Library) -> None:
    trash(library, NAME)
    library.reconcile()
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == [("deleted", (NAME,))]
    gio(library, f"gio trash --restore trash:///{NAME}")
    assert brief(library.reconcile(hours=600)) == [("frame_returned", NAME)]
    assert ("deleted", (NAME,)) not in library.believed()


def test_emptying_the_trash_of_gio_later_changes_nothing(library: Library) -> None:
    trash(library, NAME)
    (lost,) = library.reconcile()
    gio(library, "gio trash --empty")
    assert not (library.home / ".local/share/Trash/files" / NAME).exists()
    assert library.reconcile(hours=1) == []
    (confirmed,) = library.reconcile(hours=AFTER_UNDO_H)
    assert (confirmed.brief, confirmed.payload["of"]) == (("loss_confirmed", NAME), lost.seq)
    assert library.believed() == [("deleted", (NAME,))]


def test_emptying_the_trash_of_gio_before_a_look_leaves_a_less_sure_deletion(library: Library) -> None:
    trash(library, NAME)
    gio(library, "gio trash --empty")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["how"]) == (("frame_lost", NAME), "unlinked")
    assert fact.payload["confidence"] == pytest.approx(0.6)


def test_the_whole_shoot_trashed_by_gio_is_no_opinion(library: Library) -> None:
    names = [path.name for path in library.frames]
    other = library.folder.parent / "other"
    other.mkdir()
    (other / "IMG_9000.jpg").write_bytes((library.folder / NAME).read_bytes() + b"\0")
    library.rate(library.folder.parent)
    library.news()
    gio(library, f"gio trash {library.folder.name}")
    assert not library.folder.exists()
    facts = library.reconcile()
    assert brief(facts) == [("frame_lost", name) for name in names]
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == []


def test_the_whole_shoot_trashed_and_restored_by_gio_loses_nothing(library: Library) -> None:
    names = [path.name for path in library.frames]
    gio(library, f"gio trash {library.folder.name}")
    library.reconcile(status=1)
    gio(library, f"gio trash --restore trash:///{library.folder.name}")
    assert [path.name for path in library.frames] == names
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == []
    assert [record["stage"] for record in library.rate().records] == ["published"] * len(names)


def test_half_of_a_burst_trashed_by_gio_is_a_deletion_of_those(library: Library) -> None:
    trash(library, "IMG_0001.jpg", "IMG_0102.jpg")
    library.reconcile()
    library.reconcile(hours=AFTER_UNDO_H)
    assert sorted(name for kind, names in library.believed() for name in names if kind == "deleted") == [
        "IMG_0001.jpg",
        "IMG_0102.jpg",
    ]
    assert Path(library.folder / "IMG_0000.jpg").is_file()
