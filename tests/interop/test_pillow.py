"""Pillow, which many small tools use, writes over a photograph."""

from PIL import Image, ImageEnhance

from tests.interop.library import AFTER_UNDO_H, Library

NAME = "IMG_0002.jpg"


def test_pixels_that_pillow_changed_in_place_are_an_edit(library: Library) -> None:
    path = library.folder / NAME
    with Image.open(path) as image:
        ImageEnhance.Contrast(image).enhance(1.5).save(path, quality=92, exif=image.getexif())
    (fact,) = library.reconcile(hours=1)
    assert (fact.brief, fact.payload["program"]) == (("frame_developed", NAME), "file")
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.believed() == [("edited", (NAME,))]


def test_another_photograph_under_the_same_name_is_no_edit_of_the_old_one(library: Library) -> None:
    """A camera whose counter starts again, or a person who copies over: what was there is gone, unasked."""
    (library.folder / NAME).write_bytes((library.folder / "IMG_0200.jpg").read_bytes() + b"\0")
    library.reconcile()
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == []
