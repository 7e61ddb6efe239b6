"""Another version of a bundle under the same name, as a person lives with it, and one that is spoiled while in use."""

from collections.abc import Iterator

import pytest

from tests.faults.library import FRAMES, Library, library
from tests.faults.shoot import jpeg, put

__all__ = ["library"]
pytestmark = pytest.mark.xdist_group("bundle_versions")

ANOTHER = (
    "UPDATE {0} SET judge = replace(judge, substr(judge, 1, 24), 'tiny-siglip:000000000000') WHERE judge LIKE 'tiny%'"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Return a library that the tiny bundle has taken over."""
    library = Library(tmp_path_factory.mktemp("library"))
    library.make()
    library.use("tiny-siglip")
    status, said, complained = library.run("models", "catch-up")
    assert status == 0 and "judges from now on" in said, said + complained
    library.keep()
    yield library
    library.tidy()


def another_version_looked(library: Library) -> None:
    """Let the catalog say that all was seen by another version than the one that is installed."""
    for table in ("assessments", "successions", "passed_over"):
        library.change(ANOTHER.format(table))


def test_another_version_of_a_bundle_gets_to_know_the_library_anew(library: Library) -> None:
    another_version_looked(library)
    standing = library.standing()
    assert (standing["seen"], standing["unseen"], standing["judges"]) == (0, FRAMES, False)
    status, said, complained = library.run("search", "a beach")
    assert (status, said) == (2, "") and "another version" in complained and "models catch-up" in complained
    status, said, complained = library.run("similar", put(library.place / "new.jpg", jpeg(7)))
    assert status == 0 and "IMG_" in said, complained
    assert (
        f"tiny-siglip has seen {FRAMES} photographs, all there are, and judges" in library.run("models", "catch-up")[1]
    )
    assert library.run("search", "a beach")[0] == 0
    judges = {
        library.record("search", "a beach")["judge"],
        library.record("similar", library.place / "new.jpg")["judge"],
    }
    assert len(judges) == 1 and "000000000000" not in judges.pop()


def test_a_bundle_that_is_spoiled_while_in_use_judges_nothing(library: Library) -> None:
    tower = library.bundle() / "vision_int8.onnx"
    content = bytearray(tower.read_bytes())
    content[len(content) // 2] ^= 1
    tower.write_bytes(content)
    status, said, _ = library.run("models", "catch-up")
    assert status == 1 and "not the one that was verified" in said
    assert "judges from now on" not in said and "embedded judges in place of tiny-siglip" in said
    told = library.record("models", "catch-up")
    assert (told["judges"], told["fails"]) == (False, True)
    status, said, complained = library.run("similar", put(library.place / "new.jpg", jpeg(7)))
    assert status == 0 and "IMG_" in said, complained


def test_a_bundle_that_is_removed_is_told_of_by_a_search(library: Library) -> None:
    library.bundle().rename(library.place / "away")
    status, said, complained = library.run("search", "a beach")
    assert (status, said) == (2, "") and "'tiny-siglip' is not installed" in complained
    assert "catch-up" not in complained
    status, said, complained = library.run("similar", put(library.place / "new.jpg", jpeg(7)))
    assert status == 0 and "IMG_" in said, complained


def test_a_taking_over_that_was_broken_off_goes_on_as_status_says(library: Library) -> None:
    library.change("DELETE FROM successions")
    said = library.run("status")[1]
    assert "does not judge yet" in said and "'safelight models catch-up' lets it take over" in said
    assert "judges from now on" in library.run("models", "catch-up")[1]
    assert library.standing()["judges"]
