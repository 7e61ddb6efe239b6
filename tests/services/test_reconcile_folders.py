"""What reconciling makes of single folders, as a watcher names them."""

import shutil
from pathlib import Path

import pytest

from safelight.domain.entries import Kind
from safelight.ports import TraceKind
from tests.services.library import DAY_S, Library

SHOOTS = [f"{shoot}/IMG_{number}.jpg" for shoot in ("one", "two") for number in range(5)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "pictures")
    made.fill(*SHOOTS)
    return made


def look_into(library: Library, *names: str) -> list[str]:
    folders = [library.folder / name for name in names]
    library.service().look_into(folders, roots=[library.folder])
    return library.kinds()


def test_only_the_named_folder_is_looked_into(library: Library) -> None:
    lost = library.frame("one/IMG_0.jpg")
    for name in ("one/IMG_0.jpg", "two/IMG_0.jpg"):
        (library.folder / name).unlink()
    assert look_into(library, "one") == ["frame_lost"]
    assert library.facts()[0].frame_id == lost


def test_the_folders_below_are_not_missing(library: Library) -> None:
    assert look_into(library, ".") == []


def test_a_rating_by_another_program_is_read(library: Library) -> None:
    library.touch_sidecar(library.folder / "one/IMG_1.jpg", TraceKind.RATING, "5")
    assert look_into(library, "one") == ["person_rated"]


def test_a_folder_that_is_gone_is_said_and_not_believed(library: Library) -> None:
    shutil.rmtree(library.folder / "one")
    done = library.service().look_into([library.folder / "one"], roots=[library.folder])
    assert library.kinds() == []
    assert [passed.path for passed in done.not_looked] == [library.folder / "one"]
    library.reconcile()
    assert library.kinds() == ["frame_lost"] * 5


def test_the_last_file_of_a_folder_is_left_to_a_look_at_everything(library: Library) -> None:
    for path in (library.folder / "one").iterdir():
        path.unlink()
    assert look_into(library, "one") == []
    library.reconcile()
    assert library.kinds() == ["frame_lost"] * 5


def test_a_loss_is_confirmed_by_a_look_at_everything_alone(library: Library) -> None:
    (library.folder / "one/IMG_0.jpg").unlink()
    look_into(library, "one")
    library.clock.sleep(DAY_S + 1)
    assert look_into(library, "one") == ["frame_lost"]
    library.reconcile()
    assert library.kinds() == ["frame_lost", "loss_confirmed"]


def test_what_moved_between_two_named_folders_is_a_move(library: Library) -> None:
    (library.folder / "one/IMG_0.jpg").rename(library.folder / "two/IMG_9.jpg")
    assert look_into(library, "one", "two") == ["frame_moved"]


def test_what_moved_into_a_folder_named_later_comes_back_without_an_opinion(library: Library) -> None:
    (library.folder / "one/IMG_0.jpg").rename(library.folder / "two/IMG_9.jpg")
    look_into(library, "one")
    assert look_into(library, "two") == ["frame_lost", "frame_returned", "frame_moved"]


def test_an_absent_volume_says_nothing(library: Library) -> None:
    for path in (library.folder / "one").iterdir():
        path.unlink()  # as an empty mount point looks
    library.mounts.mount(library.folder, device=77)
    assert look_into(library, "one") == []
    assert library.facts(Kind.FRAME_LOST) == []
