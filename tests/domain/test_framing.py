"""Which files are one frame, and which names are no photographs."""

from pathlib import Path

import pytest

from safelight.domain.frame import FileStamp, FoundFile, Role
from safelight.domain.framing import apart, drafts, sources
from safelight.domain.names import role_of, skipped_file, skipped_folder


def found(*names: str) -> list[FoundFile]:
    stamp = FileStamp(1, 1, 1, 1)
    return [FoundFile(Path("/p") / name, role, stamp) for name in names if (role := role_of(name)) is not None]


def names(files: list[FoundFile]) -> list[list[str]]:
    return [[file.path.name for file in draft.files] for draft in drafts(files)]


def test_raw_and_jpeg_of_one_stem_are_one_frame_with_the_raw_first() -> None:
    assert names(found("IMG_1.JPG", "IMG_1.CR3", "IMG_2.JPG")) == [["IMG_1.CR3", "IMG_1.JPG"], ["IMG_2.JPG"]]


def test_a_sidecar_is_no_frame() -> None:
    assert names(found("IMG_1.JPG", "IMG_1.JPG.xmp", "IMG_9.xmp")) == [["IMG_1.JPG"]]


def test_stems_that_differ_in_case_are_two_frames() -> None:
    assert names(found("img_1.jpg", "IMG_1.JPG")) == [["IMG_1.JPG"], ["img_1.jpg"]]


def test_the_cheapest_file_is_looked_at_first() -> None:
    paths = [Path("/p/a.NEF"), Path("/p/a.heic"), Path("/p/a.jpg")]
    assert sources(paths, {path: path.suffix == ".NEF" for path in paths}) == (paths[2], paths[1], paths[0])


@pytest.mark.parametrize(("one", "other", "expected"), [(10.0, 11.5, False), (10.0, 20.0, True), (None, 3.0, False)])
def test_a_counter_that_started_again_is_seen_by_the_capture_times(
    one: float | None, other: float | None, expected: bool
) -> None:
    assert apart(one, other) is expected


def test_names_that_are_not_utf8_are_kept() -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert bytes(drafts(found(name))[0].main.path) == b"/p/caf\xe9.jpg"


@pytest.mark.parametrize(
    "name", ["._IMG_1.JPG", ".hidden.jpg", "a.sync-conflict-20260101-1.jpg", "b.jpg~", "~syncthing~c.jpg.tmp"]
)
def test_droppings_are_skipped(name: str) -> None:
    assert skipped_file(name)


@pytest.mark.parametrize("name", ["@eaDir", ".Trash-1000", ".git", "$RECYCLE.BIN", "Previews.lrdata", ".stversions"])
def test_folders_of_others_are_skipped(name: str) -> None:
    assert skipped_folder(name)


@pytest.mark.parametrize("name", ["2026-11-21", "DCIM", "Selects", "thumbs up party", "trash the dress"])
def test_photographers_folders_are_not_skipped(name: str) -> None:
    assert skipped_folder(name) is None


@pytest.mark.parametrize(
    ("name", "role"),
    [("a.JPG", Role.IMAGE), ("a.hif", Role.IMAGE), ("a.dng", Role.RAW), ("a.CR3", Role.RAW), ("a.xmp", Role.SIDECAR)],
)
def test_roles_go_by_suffix(name: str, role: Role) -> None:
    assert role_of(name) is role
    assert role_of("notes.txt") is None
