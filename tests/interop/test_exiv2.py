"""exiv2 changes ratings, in the sidecar (which it truncates in place) and in the photograph itself."""

import pytest

from tests.interop.library import Library, brief, need

NAME = "IMG_0001.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("exiv2")


def exiv2(library: Library, *arguments: str) -> None:
    library.run("exiv2", *arguments, cwd=library.folder)


def test_a_rating_that_exiv2_writes_into_the_sidecar_is_the_persons(library: Library) -> None:
    stars = library.other_stars(NAME)
    exiv2(library, f"-Mset Xmp.xmp.Rating {stars}", f"{NAME}.xmp")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)
    assert library.believed() == [("rated", (NAME,))]
    assert library.rate().by_name[NAME]["stage"] == "kept"


def test_a_rating_that_exiv2_writes_into_the_jpeg_is_the_persons_and_no_edit(library: Library) -> None:
    stars = library.other_stars(NAME)
    exiv2(library, f"-Mset Xmp.xmp.Rating {stars}", NAME)
    (fact,) = library.reconcile(hours=26)
    assert (fact.brief, fact.payload["rating"], fact.payload["program"]) == (("person_rated", NAME), stars, "file")


def test_changing_ones_mind_with_exiv2_tells_the_last_rating(library: Library) -> None:
    for stars in (5, 4):
        exiv2(library, f"-Mset Xmp.xmp.Rating {stars}", f"{NAME}.xmp")
        (fact,) = library.reconcile()
        assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)
    assert library.believed() == [("rated", (NAME,))]


def test_a_rejection_that_exiv2_writes_is_the_persons(library: Library) -> None:
    exiv2(library, "-Mset Xmp.xmp.Rating -1", f"{NAME}.xmp")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), -1)
    assert library.believed() == [("rated", (NAME,))]


@pytest.mark.parametrize(
    "arguments", [["-Mset Exif.Image.Artist Ascii Somebody"], ["-da"], ["-ea"], ["-a", "01:00:00"]]
)
def test_other_changes_that_exiv2_makes_to_the_jpeg_are_no_opinion(library: Library, arguments: list[str]) -> None:
    before = (library.folder / NAME).read_bytes()
    exiv2(library, *arguments, NAME)
    changed = (library.folder / NAME).read_bytes() != before
    assert changed == (arguments != ["-ea"]), "extracting alone leaves the photograph as it was"
    assert library.reconcile(hours=26) == []
    assert library.believed() == []


def test_renaming_by_date_with_exiv2_is_no_opinion(library: Library) -> None:
    names = [path.name for path in library.frames]
    exiv2(library, "-F", "-r%Y%m%d_%H%M%S_:basename:", "mv", *names)
    assert not [path for path in library.frames if path.name in names], "exiv2 renamed them all"
    assert brief(library.reconcile(hours=26)) == [("frame_moved", name) for name in names]
    assert library.believed() == []
