"""RawTherapee develops; what it writes of its own accord says nothing, what a person sets says "edited".

rawtherapee-cli writes the profile beside its output. In the program itself the same profile comes to lie beside the
photograph, as NAME.EXT.pp3, so that is where it is put here.
"""

import shutil

import pytest

from tests.interop.library import Library, need

NAME = "IMG_0001.jpg"


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("rawtherapee-cli")


def develop(library: Library, edit: str = "") -> None:
    """Develop the frame with the default profile and, over it, a part of a profile."""
    out = library.base / "developed"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    over = []
    if edit:
        (library.base / "edit.pp3").write_text(edit)
        over = ["-p", library.base / "edit.pp3"]
    library.run("rawtherapee-cli", "-Y", "-O", out / NAME, "-d", *over, "-c", library.folder / NAME)
    shutil.copy(out / f"{NAME}.pp3", library.folder / f"{NAME}.pp3")


def test_the_profile_of_an_untouched_photograph_says_nothing(library: Library) -> None:
    develop(library)
    assert library.reconcile(hours=26) == []
    assert library.believed() == []


@pytest.mark.parametrize("edit", ["[Exposure]\nCompensation=0.7\n", "[Vibrance]\nEnabled=true\nPastels=30\n"])
def test_settings_made_in_rawtherapee_are_an_edit(library: Library, edit: str) -> None:
    develop(library)
    library.reconcile()
    develop(library, edit)
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["program"]) == (("frame_developed", NAME), "rawtherapee")
    assert library.reconcile(hours=26) == []
    assert library.believed() == [("edited", (NAME,))]


def mark(library: Library, before: str, after: str) -> None:
    """Change one line of the profile, as RawTherapee's file browser does; the command line has no way to."""
    path = library.folder / f"{NAME}.pp3"
    text = path.read_text()
    assert text.count(f"\n{before}\n") == 1
    path.write_text(text.replace(f"\n{before}\n", f"\n{after}\n"))


def test_a_rank_given_in_rawtherapee_is_the_persons_rating_and_no_edit(library: Library) -> None:
    stars = library.other_stars(NAME)
    develop(library)
    mark(library, "Rank=-1", f"Rank={stars}")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)


def test_a_rank_that_rawtherapee_took_over_from_our_stars_is_no_rating(library: Library) -> None:
    develop(library)
    mark(library, "Rank=-1", f"Rank={library.stars(NAME)}")
    assert library.reconcile(hours=26) == []


def test_a_photograph_in_rawtherapees_trash_is_rejected(library: Library) -> None:
    develop(library)
    mark(library, "InTrash=false", "InTrash=true")
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["flag"]) == (("person_flagged", NAME), -1)
