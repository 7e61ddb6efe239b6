"""ImageMagick's mogrify writes over a photograph: other pixels are an edit, a whole shoot written again is not."""

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, need

NAME = "IMG_0002.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("mogrify")


CHANGES = {
    "brighter": ["-modulate", "125"],
    "cropped": ["-gravity", "center", "-crop", "70%x70%+0+0", "+repage"],
    "half the colour": ["-modulate", "100,50"],
    "turned upside down": ["-rotate", "180"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_pixels_that_mogrify_changed_in_place_are_an_edit(library: Library, change: str) -> None:
    library.run("mogrify", *CHANGES[change], NAME, cwd=library.folder)
    (fact,) = library.reconcile(hours=1)
    assert (fact.brief, fact.payload["program"]) == (("frame_developed", NAME), "file")
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.believed() == [("edited", (NAME,))]


def test_a_shoot_that_mogrify_wrote_again_smaller_is_no_opinion_of_its_frames(library: Library) -> None:
    """Everything made smaller at once is no choice among the frames."""
    library.run("mogrify", "-resize", "50%", *(path.name for path in library.frames), cwd=library.folder)
    library.reconcile()
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == []
    assert {record["stage"] for record in library.rate().records} == {"published"}
