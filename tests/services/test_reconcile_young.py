"""Files that look as if they were written just now, and what is believed of them when they have been moved."""

from pathlib import Path

import pytest

from tests.services.library import Library

AHEAD_S = -3600.0  # the camera's clock is an hour ahead, so its pictures look unsettled for an hour


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "pictures")
    for number in range(5):
        made.put(f"one/IMG_{number}.jpg", age_s=AHEAD_S)
    made.fill("other/IMG_9.jpg")
    assert made.kinds() == []
    return made


def test_what_was_moved_with_its_folder_a_moment_after_it_came_is_not_lost(library: Library) -> None:
    (library.folder / "one").rename(library.folder / "two")
    library.reconcile()
    assert library.kinds() == ["frame_moved"] * 5


def test_what_was_moved_into_another_folder_a_moment_after_it_came_is_not_lost(library: Library) -> None:
    (library.folder / "one/IMG_0.jpg").rename(library.folder / "other/IMG_0.jpg")
    library.reconcile()
    assert library.kinds() == ["frame_moved"]


def test_what_is_being_written_again_at_its_new_place_is_left_for_a_later_look(library: Library) -> None:
    (library.folder / "one").rename(library.folder / "two")
    path = library.put("two/IMG_0.jpg", b"half of another picture", age_s=0.5)
    library.reconcile()
    assert library.store.catalog.frame_at(path) is None
