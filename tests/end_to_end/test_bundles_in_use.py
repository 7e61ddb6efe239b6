"""A fetched bundle in use, as a person lives with it: it gets to know the library, takes over, and nothing is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.end_to_end.daemons import running, until
from tests.faults.library import FRAMES, IN_USE, Library, library
from tests.faults.shoot import encoded, put

__all__ = ["library"]

RATED = range(120)  # by their person
LATER = ("--as-of", "2099-01-01")  # when a deletion is believed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Return a library that the embedded bundle has rated and learned from; the tiny bundle is installed."""
    library = Library(tmp_path_factory.mktemp("library"))
    library.make()
    library.rate_by_kind(RATED)
    for command in (("reconcile", library.pictures), ("learn",)):
        status, said, complained = library.run(*command)
        assert status == 0, said + complained
    library.keep()
    yield library
    library.tidy()


def took_over(library: Library) -> None:
    """Let the tiny bundle see everything and judge."""
    status, said, complained = library.run("models", "catch-up")
    assert status == 0 and "judges from now on" in said, said + complained


def comparisons(library: Library) -> int:
    """Return how many comparisons the present taste rests on."""
    found: int = library.record("taste")["comparisons"]
    return found


def test_a_bundle_takes_over_when_it_has_seen_the_library(library: Library) -> None:
    assert library.standing() | {"provider": ""} == {
        "bundle": "tiny-siglip", "seen": 0, "unseen": FRAMES, "judges": False, "fails": False, "provider": "",
        "trouble": "", "out_of_reach": 0, "waits_for_absent": False,
    }  # fmt: skip
    took_over(library)
    assert library.standing()["judges"]
    assert len(library.told()["changes"]) == 1
    status, said, complained = library.run("rerate")
    assert status == 0, complained
    status, said, complained = library.run("explain", library.pictures / f"IMG_{FRAMES - 1:04d}.jpg")
    assert status == 0 and "taste: subject" in said, complained
    assert library.verified() == ""


def test_a_bundle_that_takes_over_unlearns_nothing(library: Library) -> None:
    before = comparisons(library)
    assert before > 100
    took_over(library)
    library.run("rerate")  # gives all but what the person rated another judge
    assert comparisons(library) == before
    library.use("embedded")
    library.run("rerate")
    assert comparisons(library) == before
    assert library.verified() == ""


def test_photographs_that_are_gone_count_under_a_bundle_that_never_saw_them(library: Library) -> None:
    gone = range(100, 104)
    before = comparisons(library)
    library.delete(gone)
    library.run("reconcile", library.pictures)
    library.run("reconcile", library.pictures, *LATER)
    took_over(library)
    library.run("learn", *LATER)
    library.run("rerate")
    assert library.standing()["seen"] == FRAMES - len(gone)
    status, _, complained = library.run("taste")  # pictures that two bundles have seen are shown side by side
    assert status == 0, complained
    assert comparisons(library) >= before
    assert library.verified() == ""


def test_numbers_are_of_photographs_that_are_there(library: Library) -> None:
    took_over(library)
    library.delete(range(200, 205))
    library.run("reconcile", library.pictures)
    _, said, _ = library.run("models", "catch-up")
    assert f"tiny-siglip has seen {FRAMES - 5} photographs, all there are" in said
    assert library.standing()["seen"] == FRAMES - 5


def test_what_an_older_release_of_the_embedded_bundle_saw_is_looked_at(library: Library) -> None:
    library.change("UPDATE assessments SET judge = 'embedded:000000000000:fp32/m1'")
    assert library.standing()["unseen"] == FRAMES
    took_over(library)
    assert library.standing()["seen"] == FRAMES


def test_a_library_that_was_copied_back_is_seen_without_another_command(library: Library) -> None:
    for path in library.pictures.glob("*.jpg"):
        before = path.stat().st_ino
        aside = path.rename(path.with_suffix(".aside"))
        put(path, aside.read_bytes())
        aside.unlink()
        assert path.stat().st_ino != before
    took_over(library)


def archive(library: Library, frames: int) -> Path:
    """Rate so many more pictures with the embedded bundle, in a folder that is away afterwards; return where it is."""
    away, folder = library.place / "archive-away", library.place / "archive"
    for each in (away, folder):
        shutil.rmtree(each, ignore_errors=True)
    folder.mkdir()
    for number in range(FRAMES, FRAMES + frames):
        library.add(number).rename(folder / f"OLD_{number:04d}.jpg")
    library.use("embedded")
    status, _, complained = library.run("rate", folder)
    assert status == 0, complained
    library.use("tiny-siglip")
    return folder.rename(away)


def test_a_small_archive_that_is_away_keeps_no_bundle_waiting_and_is_seen_when_it_is_back(library: Library) -> None:
    away = archive(library, 8)
    took_over(library)
    assert (library.standing()["seen"], library.standing()["out_of_reach"]) == (FRAMES, 8)
    library.run("rerate")
    away.rename(library.place / "archive")
    _, said, _ = library.run("models", "catch-up")
    assert f"tiny-siglip has seen {FRAMES + 8} photographs, all there are, and judges" in said
    assert library.standing()["out_of_reach"] == 0
    status, said, complained = library.run("similar", library.place / "archive" / f"OLD_{FRAMES:04d}.jpg")
    assert status == 0 and "tiny-siglip" not in complained, complained
    assert library.verified() == ""


def test_a_large_archive_that_is_away_is_waited_for_until_the_person_leaves_it(library: Library) -> None:
    archive(library, 40)
    status, said, _ = library.run("models", "catch-up")
    assert status == 0 and "40 photographs cannot be reached now" in said and "--leave-absent" in said
    assert library.standing()["waits_for_absent"]
    assert "waits for 40 photographs that cannot be reached" in library.run("status")[1]
    _, said, _ = library.run("models", "catch-up", "--leave-absent")
    assert f"has seen {FRAMES} photographs, all that can be reached, and judges from now on" in said
    assert "judged as embedded saw them" in said
    assert library.standing()["judges"]
    assert library.verified() == ""


def test_what_was_gone_when_a_bundle_took_over_changes_nothing_when_it_is_put_back(library: Library) -> None:
    aside = library.place / "aside"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    taken = [path for number in range(100, 105) for path in library.pictures.glob(f"IMG_{number:04d}.jpg*")]
    for path in taken:
        path.rename(aside / path.name)
    library.run("reconcile", library.pictures)
    took_over(library)
    library.run("rerate")
    assert library.verified() == ""
    for path in taken:
        (aside / path.name).rename(path)
    assert "judges from now on" in library.run("models", "catch-up")[1]
    assert library.standing()["seen"] == FRAMES
    assert library.verified() == ""


def test_frames_that_were_edited_in_place_replay_as_they_were_judged(library: Library) -> None:
    library.use("embedded")
    library.run("rerate")
    for number in range(130, 140):
        path = library.pictures / f"IMG_{number:04d}.jpg"
        with Image.open(path) as image:
            edited = encoded(image.point(lambda value: min(255, int(value * 1.3))), exif=image.info["exif"])
        path.unlink()  # what was remembered for `restore` is the same file
        path.write_bytes(edited)
    library.run("reconcile", library.pictures)
    status, said, complained = library.run("rerate")
    assert status == 0, said + complained
    assert library.verified() == ""


def test_two_bundles_one_after_the_other(library: Library) -> None:
    before = comparisons(library)
    took_over(library)
    library.install("tiny-two")
    library.use("tiny-two")
    status, said, _ = library.run("models", "catch-up")
    assert status == 0 and "tiny-two has seen" in said
    library.run("rerate")
    library.use("tiny-siglip")
    library.run("rerate")  # what it saw is known still
    assert library.standing()["judges"]
    told = library.told()
    assert len(told["took over"]) == 2 and len(told["changes"]) == 3
    assert comparisons(library) == before
    assert library.verified() == ""


def test_the_daemon_goes_on_as_soon_as_a_folder_is_back(library: Library) -> None:
    away = archive(library, 40)
    folders = [library.pictures, library.place / "archive"]
    library.settings(IN_USE.format("tiny-siglip"), folders=folders)
    with running(library) as daemon:
        until(lambda: library.standing()["waits_for_absent"], most_s=150, why=daemon.log)
        away.rename(library.place / "archive")
        until(lambda: library.standing()["judges"], most_s=150, why=daemon.log)
        assert library.standing()["seen"] == FRAMES + 40
        until(lambda: "is not there" not in library.run("status")[1], why=daemon.log)


def test_the_daemon_lets_a_bundle_take_over_and_says_when_it_is_missed(library: Library) -> None:
    with running(library) as daemon:
        until(lambda: library.standing()["seen"], why=daemon.log)
        status, said, complained = library.run("models", "catch-up")  # both at once see nothing twice
        assert status == 0 and "judges from now on" in said, said + complained
        looks = [(judge, content) for judge, content, *_ in library.told()["looks"]]
        assert len(looks) == len(set(looks)) == 2 * FRAMES
        assert len(library.told()["changes"]) == 1
        library.bundle().rename(library.place / "away")
        assert library.standing()["fails"]
        library.add(FRAMES)
        name = f"IMG_{FRAMES:04d}.jpg.xmp"
        until(lambda: name in library.stars(), why=daemon.log)
        assert library.standing()["trouble"].count("is not installed") == 1
        assert "is not installed" in daemon.log  # its worker lived when the bundle went, and opened it no more
        assert "The model bundle tiny-siglip runs on " in daemon.log
        (library.place / "away").rename(library.bundle())
        assert not library.standing()["fails"]
