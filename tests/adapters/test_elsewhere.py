"""Files that left every folder we know are looked for in the right places, and no further."""

import os
from pathlib import Path

import pytest

from safelight.domain.frame import FileStamp
from safelight.watching.elsewhere import UsualPlaces, usual_places
from safelight.watching.volumes import Mount


def stamp(size):
    return FileStamp(size, 0, 0, 0)


def write(path, size=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def find(places, wanted, known, **more):
    return UsualPlaces(places=places, **more).find({path: stamp(7) for path in wanted}, known=known)


@pytest.fixture
def known(tmp_path):
    folder = tmp_path / "photos/2024/shoot"
    folder.mkdir(parents=True)
    return folder


def test_a_file_beside_its_folder_is_found(tmp_path, known):
    there = write(tmp_path / "photos/2024/selects/a.jpg")
    assert find([], [known / "a.jpg"], [known]) == {known / "a.jpg": (there,)}


def test_a_file_in_a_usual_place_is_found_however_deep(tmp_path, known):
    there = write(tmp_path / "home/Desktop/for grandma/one/a.jpg")
    assert find([tmp_path / "home/Desktop"], [known / "a.jpg"], [known]) == {known / "a.jpg": (there,)}


def test_two_places_of_one_name_are_both_named_once(tmp_path, known):
    first, second = write(tmp_path / "p/1/a.jpg"), write(tmp_path / "p/2/a.jpg")
    places = [tmp_path / "p", tmp_path / "p/1", tmp_path / "p"]
    assert find(places, [known / "a.jpg"], [known]) == {known / "a.jpg": (first, second)}


@pytest.mark.parametrize("name", ["a.JPG", "b.jpg"])
def test_another_name_or_size_is_another_file(tmp_path, known, name):
    write(tmp_path / "p" / name)
    write(tmp_path / "p/2/a.jpg", size=8)
    assert find([tmp_path / "p"], [known / "a.jpg"], [known]) == {}


def test_known_folders_are_not_searched_nor_what_lies_in_them(tmp_path, known):
    write(known / "sub/a.jpg")
    write(tmp_path / "photos/other/a.jpg")
    assert find([tmp_path / "photos"], [known / "a.jpg"], [known, tmp_path / "photos/other"]) == {}
    assert find([known / "sub"], [known / "a.jpg"], [known]) == {}


@pytest.mark.parametrize("folder", [".cache", "Thumbnails", "@eaDir", "CaptureOne", ".Trash-1000"])
def test_hidden_folders_and_caches_are_passed_over(tmp_path, known, folder):
    write(tmp_path / "p" / folder / "a.jpg")
    assert find([tmp_path / "p"], [known / "a.jpg"], [known]) == {}


def test_links_are_not_followed_and_pipes_are_no_files(tmp_path, known):
    write(tmp_path / "far/a.jpg")
    (tmp_path / "p").mkdir()
    (tmp_path / "p/link").symlink_to(tmp_path / "far")
    (tmp_path / "p/a.jpg").symlink_to(tmp_path / "far/a.jpg")
    (tmp_path / "q").mkdir()
    os.mkfifo(tmp_path / "q/a.jpg")
    assert find([tmp_path / "p", tmp_path / "q"], [known / "a.jpg"], [known]) == {}


def test_the_search_ends_after_so_many_names_and_shallow_folders_come_first(tmp_path, known):
    near = write(tmp_path / "p/a.jpg")
    for number in range(30):
        write(tmp_path / f"p/deep/{number:02d}/x.jpg")
    write(tmp_path / "p/deep/29/a.jpg")
    assert find([tmp_path / "p"], [known / "a.jpg"], [known], most_names=12) == {known / "a.jpg": (near,)}
    assert len(find([tmp_path / "p"], [known / "a.jpg"], [known])[known / "a.jpg"]) == 2


def test_names_that_are_no_text_are_found(tmp_path, known):
    name = os.fsdecode(b"\xff\n.jpg")
    there = write(tmp_path / "p" / name)
    assert find([tmp_path / "p"], [known / name], [known]) == {known / name: (there,)}


def test_places_that_are_gone_cost_nothing(tmp_path, known):
    assert find([tmp_path / "gone"], [known / "a.jpg"], [known, tmp_path / "also/gone"]) == {}
    assert find([tmp_path], [], [known]) == {}


def test_the_usual_places_are_the_desktops_own_and_what_is_plugged_in(tmp_path):
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text(
        '# written by xdg-user-dirs-update\nXDG_PICTURES_DIR="$HOME/Bilder"\nXDG_DOWNLOAD_DIR="/big/Load\\"s"\n'
        'XDG_DESKTOP_DIR="$HOME/"\nXDG_DOCUMENTS_DIR="relative"\n'
    )
    mounts = [Mount(Path(root), "vfat") for root in ("/media/ann/CARD", "/run/media/ann/B", "/media/bob/C", "/mnt/d")]
    places = usual_places({"HOME": str(tmp_path), "USER": "ann"}, mounts)
    assert places == (
        tmp_path / "Bilder",  # the desktop folder is the home folder: switched off
        tmp_path / "Documents",
        Path('/big/Load"s'),
        Path("/media/ann/CARD"),
        Path("/run/media/ann/B"),
    )


def test_without_a_list_the_english_names_are_used(tmp_path):
    names = [place.name for place in usual_places({"HOME": str(tmp_path)}, [])]
    assert names == ["Pictures", "Desktop", "Documents", "Downloads"]
    assert usual_places({}, []) == ()
