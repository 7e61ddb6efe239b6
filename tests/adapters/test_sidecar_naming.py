"""Which sidecars belong to a frame."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.sidecars.naming import Profile, candidates, targets

HERE = Path("/shoot")


def names(images, profile, *listing):
    paths = targets([HERE / image for image in images], Profile(profile), {*images, *listing})
    assert all(path.parent == HERE for path in paths)
    return [path.name for path in paths]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("darktable", ("A.CR2.xmp",)), ("adobe", ("A.xmp",)), ("both", ("A.CR2.xmp", "A.xmp"))],
)
def test_a_profile_decides_where_nothing_is_there(profile, expected):
    assert candidates(HERE / "A.CR2", Profile(profile)) == expected
    assert names(["A.CR2"], profile) == list(expected)


def test_raw_and_jpeg_get_one_each_or_one_together():
    pair = ["A.CR2", "A.JPG"]
    assert names(pair, "darktable") == ["A.CR2.xmp", "A.JPG.xmp"]
    assert names(pair, "adobe") == ["A.xmp"]
    assert names(pair, "both") == ["A.CR2.xmp", "A.JPG.xmp", "A.xmp"]


@pytest.mark.parametrize("profile", ["darktable", "adobe", "both"])
def test_the_one_that_exists_is_used(profile):
    assert names(["A.CR2"], profile, "A.xmp") == ["A.xmp"]
    assert names(["A.CR2"], profile, "A.CR2.xmp") == ["A.CR2.xmp"]


@pytest.mark.parametrize("profile", ["darktable", "adobe", "both"])
def test_both_that_exist_are_kept_in_agreement(profile):
    assert names(["A.CR2"], profile, "A.xmp", "A.CR2.xmp") == ["A.CR2.xmp", "A.xmp"]


@pytest.mark.parametrize("suffix", ["XMP", "Xmp", "xMP"])
def test_any_case_of_xmp_is_the_same_sidecar(suffix):
    assert names(["A.CR2"], "darktable", f"A.{suffix}") == [f"A.{suffix}"]
    assert names(["A.CR2"], "darktable", f"A.CR2.{suffix}") == [f"A.CR2.{suffix}"]


def test_short_name_beside_raw_and_jpeg_belongs_to_the_frame():
    assert names(["A.CR2", "A.JPG"], "darktable", "A.xmp") == ["A.xmp"]


def test_companion_without_a_sidecar_gets_its_own():
    assert names(["A.CR2", "A.JPG"], "darktable", "A.CR2.xmp") == ["A.CR2.xmp", "A.JPG.xmp"]
    assert names(["A.CR2", "A.JPG"], "adobe", "A.CR2.xmp") == ["A.CR2.xmp"]


def test_short_name_of_another_frame_is_left_alone():
    # The JPEG is a frame of its own beside the RAW of another exposure with the same number.
    assert names(["A.JPG"], "darktable", "A.CR2", "A.xmp") == ["A.JPG.xmp"]
    assert names(["A.JPG"], "adobe", "A.CR2") == ["A.JPG.xmp"]
    assert names(["A.CR2"], "darktable", "A.JPG", "A.xmp") == ["A.xmp"]
    assert names(["A.CR2"], "adobe", "A.NEF", "A.xmp") == ["A.CR2.xmp"]


def test_film_of_the_same_name_may_own_the_short_name():
    assert names(["A.JPG"], "darktable", "A.MOV", "A.xmp") == ["A.JPG.xmp"]


@pytest.mark.parametrize("beside", ["A.THM", "A.pp3", "A.JPG.xmp", "A.WAV", "B.CR2", "A1.CR2", "A.JPG.out.pp3"])
def test_files_that_own_no_sidecar_change_nothing(beside):
    assert "A.xmp" in names(["A.JPG"], "adobe", "A.xmp", beside)


def test_darktable_duplicates_are_left_alone():
    assert names(["A.CR2"], "darktable", "A.CR2.xmp", "A_01.CR2.xmp") == ["A.CR2.xmp"]


def test_names_that_are_not_utf8_and_names_with_dots():
    assert names(["\udcff.v1.CR2"], "both") == ["\udcff.v1.CR2.xmp", "\udcff.v1.xmp"]
    assert names(["a\nb.CR2"], "darktable") == ["a\nb.CR2.xmp"]
    assert names(["noext"], "both") == ["noext.xmp"]


@settings(deadline=None)
@given(
    st.sets(st.sampled_from(["A.CR2", "A.JPG", "A.HEIC"]), min_size=1),
    st.sampled_from(Profile),
    st.sets(st.sampled_from(["A.xmp", "A.XMP", "A.CR2.xmp", "A.JPG.xmp", "A.DNG", "A.MOV", "B.xmp"])),
)
def test_every_frame_gets_sidecars_and_only_sidecars(images, profile, beside):
    paths = [HERE / name for name in images]
    listing = images | beside
    found = targets(paths, profile, listing)
    assert found
    assert all(path.suffix.lower() == ".xmp" for path in found)
    assert len(set(found)) == len(found)
    assert found == targets(paths[::-1], profile, sorted(listing, reverse=True))
    # Once written, the same ones are found again.
    assert targets(paths, profile, listing | {path.name for path in found}) == found
