"""exiftool changes ratings and other metadata, in the sidecar and in the photograph itself."""

import pytest

from tests.interop.library import Library, brief, need

NAME = "IMG_0001.jpg"
WAYS = {
    "by renaming": ["-overwrite_original"],
    "in place": ["-overwrite_original_in_place"],
    "keeping _original": [],
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("exiftool")


def exiftool(library: Library, *arguments: str) -> None:
    library.run("exiftool", "-q", *arguments, cwd=library.folder)


@pytest.mark.parametrize("way", WAYS)
def test_a_rating_that_exiftool_writes_into_the_sidecar_is_the_persons(library: Library, way: str) -> None:
    stars = library.other_stars(NAME)
    exiftool(library, *WAYS[way], f"-XMP-xmp:Rating={stars}", f"{NAME}.xmp")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)
    assert library.believed() == [("rated", (NAME,))]
    assert library.reconcile() == []
    assert library.rate().by_name[NAME]["stage"] == "kept"


@pytest.mark.parametrize("way", WAYS)
def test_a_rating_that_exiftool_writes_into_the_jpeg_is_the_persons_and_no_edit(library: Library, way: str) -> None:
    stars = library.other_stars(NAME)
    exiftool(library, *WAYS[way], f"-XMP-xmp:Rating={stars}", NAME)
    (fact,) = library.reconcile(hours=1)
    assert (fact.brief, fact.payload["rating"], fact.payload["program"]) == (("person_rated", NAME), stars, "file")
    assert library.believed() == [("rated", (NAME,))]
    assert library.reconcile(hours=26) == []


def test_clearing_a_rating_with_exiftool_is_told(library: Library) -> None:
    exiftool(library, "-overwrite_original", "-XMP-xmp:Rating=", f"{NAME}.xmp")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), None)


def test_a_label_that_exiftool_writes_is_told(library: Library) -> None:
    exiftool(library, "-overwrite_original", "-XMP-xmp:Label=Red", f"{NAME}.xmp")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["label"]) == (("person_labelled", NAME), "Red")


def test_rewriting_the_sidecar_with_the_same_rating_tells_nothing(library: Library) -> None:
    exiftool(library, "-overwrite_original", f"-XMP-xmp:Rating={library.stars(NAME)}", f"{NAME}.xmp")
    assert library.reconcile(hours=26) == []


def test_our_own_rating_copied_into_the_jpeg_by_exiftool_is_no_opinion(library: Library) -> None:
    """Editors that keep ratings in the files copy them there from the sidecars."""
    exiftool(library, "-overwrite_original", f"-XMP-xmp:Rating={library.stars(NAME)}", NAME)
    facts = library.reconcile(hours=26)
    assert {(fact.brief, fact.payload["rating"]) for fact in facts} <= {(("person_rated", NAME), library.stars(NAME))}
    assert library.believed() == []


METADATA = {
    "an artist": ["-Artist=Somebody"],
    "keywords": ["-XMP-dc:Subject+=garden", "-IPTC:Keywords+=garden"],
    "another time": ["-AllDates+=1:00:00"],
    "a place": ["-GPSLatitude=48.1", "-GPSLatitudeRef=N"],
    "nothing left": ["-all="],
}


@pytest.mark.parametrize("what", METADATA)
def test_other_metadata_that_exiftool_writes_into_the_jpeg_is_no_opinion(library: Library, what: str) -> None:
    exiftool(library, "-overwrite_original", *METADATA[what], NAME)
    assert library.reconcile(hours=26) == []
    assert library.believed() == []


def test_keywords_that_exiftool_writes_into_the_sidecar_are_no_opinion(library: Library) -> None:
    exiftool(library, "-overwrite_original", "-XMP-dc:Subject+=garden", f"{NAME}.xmp")
    assert library.reconcile(hours=26) == []


def test_metadata_of_the_whole_shoot_rewritten_by_exiftool_is_no_opinion(library: Library) -> None:
    exiftool(library, "-overwrite_original", "-Artist=Somebody", *(path.name for path in library.frames))
    assert library.reconcile(hours=26) == []
    assert library.believed() == []


def test_renaming_by_date_with_exiftool_is_no_opinion(library: Library) -> None:
    names = [path.name for path in library.frames]
    exiftool(library, "-FileName<DateTimeOriginal", "-d", "%Y%m%d-%H%M%S%%-c.%%e", *names)
    assert not [path for path in library.frames if path.name in names], "exiftool renamed them all"
    assert brief(library.reconcile(hours=26)) == [("frame_moved", name) for name in names]
    assert library.believed() == []
