"""The traces of a frame are gathered from all its files, safely, and one decision is told once."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.ports import TraceKind
from safelight.sidecars.traces import DAMAGED_AFTER_S, TracesBeside
from tests.adapters.companions import EDITED, cos, dop, pp3, xmp
from tests.fakes.clock import FakeClock

NOW_S = 1_800_000_000.0


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.nef"
    path.write_bytes(b"picture")
    return path


def write(path, data, *, age_s=3600.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (NOW_S - age_s, NOW_S - age_s))
    return path


def read(image, *companions):
    return TracesBeside(clock=FakeClock(NOW_S)).read([image], companions)


def beside(image, suffix, data, **more):
    return write(image.with_name(image.name + suffix), data, **more)


def told(reading):
    return {
        (each.program, each.kind.value, each.value) for each in reading.traces if each.kind is not TraceKind.DEVELOP
    }


def test_every_file_is_named_with_its_stamp_and_every_trace_with_its_file(image):
    sidecar, profile = beside(image, ".xmp", xmp({"xmp:Rating": 5})), beside(image, ".pp3", pp3())
    reading = read(image, sidecar, profile)
    assert set(reading.files) == {sidecar, profile}
    (trace,) = reading.traces
    assert (trace.path, trace.changed_s) == (sidecar, NOW_S - 3600.0)
    assert reading.files[sidecar].size == sidecar.stat().st_size


def test_rawtherapee_taking_over_our_stars_is_no_rating(image):
    ours = beside(image, ".xmp", xmp({"xmp:Rating": 4}, rating=4))
    echo = beside(image, ".pp3", pp3(General={"Rank": "4"}))
    assert told(read(image, ours, echo)) == set()
    beside(image, ".pp3", pp3(General={"Rank": "2"}))
    assert told(read(image, ours, echo)) == {("rawtherapee", "rating", "2")}


def test_one_rating_in_two_files_is_told_once(image):
    sidecar = beside(image, ".xmp", xmp({"xmp:Rating": 5}, rating=4), age_s=100)
    profile = beside(image, ".pp3", pp3(General={"Rank": "5"}), age_s=200)
    (trace,) = read(image, sidecar, profile).traces
    assert trace.path == profile, "the one that said it first"


def test_a_person_going_back_to_our_number_by_xmp_is_ours_again(image):
    sidecar = beside(image, ".xmp", xmp({"xmp:Rating": 4}, rating=4))
    assert read(image, sidecar).traces == ()


def test_capture_one_settings_are_found_beside_the_pictures_and_the_newest_version_counts(image):
    write(image.parent / "CaptureOne/Settings131/a.nef.cos", cos({"Basic_Rating": 2}), age_s=900)
    newest = write(image.parent / "CaptureOne/Settings153/A.NEF.cos", cos({"Basic_Rating": 5}), age_s=100)
    write(image.parent / "CaptureOne/Settings153/b.nef.cos", cos({"Basic_Rating": 1}))
    reading = read(image)
    assert (told(reading), set(reading.files)) == ({("capture one", "rating", "5")}, {newest})
    assert told(read(image, newest, image.parent / "CaptureOne/Settings131/a.nef.cos")) == told(reading)


def test_a_session_folder_that_is_a_link_is_not_followed(image, tmp_path):
    write(tmp_path / "far/Settings153/a.nef.cos", cos({"Basic_Rating": 5}))
    (image.parent / "CaptureOne").symlink_to(tmp_path / "far")
    assert read(image).traces == ()


def test_the_listing_of_a_session_is_kept_for_one_folder(tmp_path):
    for folder in ("one", "two"):
        write(tmp_path / folder / "a.nef", b"picture")
        write(tmp_path / folder / "CaptureOne/Settings153/a.nef.cos", cos({"Basic_Rating": 5}))
    traces = TracesBeside(clock=FakeClock(NOW_S))
    for folder in ("one", "two", "one"):
        (trace,) = traces.read([tmp_path / folder / "a.nef"], []).traces
        assert trace.path.is_relative_to(tmp_path / folder)


@pytest.mark.parametrize(
    ("value", "stars"), [(b"10", "5"), (b"9", "5"), (b"2", "1"), (b"1", "1"), (b"0", None), (b"11", None), (b"x", None)]
)
def test_the_file_managers_rating_is_read_in_half_stars(image, value, stars):
    try:
        os.setxattr(image, "user.baloo.rating", value)
    except OSError:
        pytest.skip("needs a file system with user attributes")
    reading = read(image)
    assert told(reading) == ({("file manager", "rating", stars)} if stars else set())
    assert all(trace.path == image for trace in reading.traces)


# --- damaged and hostile files --------------------------------------------------------------------------------------

WHOLE = {
    ".xmp": xmp({"xmp:Rating": 5, **EDITED}),
    ".pp3": pp3(General={"Rank": "5"}),
    ".dop": dop(rating=5),
}


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_file_that_is_half_written_makes_the_reading_busy(image, suffix):
    path = beside(image, suffix, WHOLE[suffix][: len(WHOLE[suffix]) // 2].rstrip(b"\n"), age_s=1)
    reading = read(image, path)
    assert (reading.busy, reading.traces) == (True, ())
    path.write_bytes(WHOLE[suffix])
    reading = read(image, path)
    assert not reading.busy
    assert reading.traces != ()


@pytest.mark.parametrize("suffix", WHOLE)
def test_an_empty_file_is_busy_while_it_is_fresh(image, suffix):
    assert read(image, beside(image, suffix, b"", age_s=1)).busy


@pytest.mark.parametrize("suffix", WHOLE)
def test_a_file_that_stays_damaged_holds_nothing_up(image, suffix):
    path = beside(image, suffix, WHOLE[suffix][:40], age_s=DAMAGED_AFTER_S + 1)
    other = write(image.with_name("a.xmp"), xmp({"xmp:Rating": 2}))
    reading = read(image, path, other)
    assert (reading.busy, told(reading)) == (False, {("xmp", "rating", "2")})
    assert path in reading.files
    assert reading.unread == {path}, "what it said before is not taken back"


def _pipe(path):
    os.mkfifo(path)


def _link(path):
    path.with_name("real").write_bytes(WHOLE[".xmp"])
    path.symlink_to(path.with_name("real"))


def _huge(path):
    with path.open("wb") as file:
        file.truncate(1 << 33)


@pytest.mark.parametrize("suffix", [".xmp", ".pp3", ".dop", ".arp"])
@pytest.mark.parametrize("make", [_pipe, _link, _huge, Path.mkdir], ids=["pipe", "link", "huge", "folder"])
def test_what_is_no_ordinary_file_says_nothing(image, suffix, make):
    path = image.with_name(image.name + suffix)
    make(path)
    reading = read(image, path)
    assert (reading.traces, reading.busy, dict(reading.files)) == ((), False, {})
    assert reading.unread == {path}


def test_a_companion_that_is_gone_or_of_no_known_kind_says_nothing(image):
    other = beside(image, ".on1", b"{}")
    reading = read(image, image.with_name("gone.xmp"), other)
    assert (reading.traces, reading.busy, set(reading.files)) == ((), False, {other})


@given(st.sampled_from([".xmp", ".pp3", ".dop", ".arp", ".cos"]), st.binary(max_size=300), st.integers(0, 400))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_content_makes_it_raise(image, suffix, junk, place):
    whole = {**WHOLE, ".arp": WHOLE[".pp3"], ".cos": cos({"Basic_Rating": 5})}[suffix]
    data = whole[:place] + junk + whole[place:]
    if suffix == ".cos":
        write(image.parent / "CaptureOne/Settings1" / (image.name + suffix), data)
        read(image)
    else:
        read(image, beside(image, suffix, data))


def test_reading_changes_nothing(image):
    paths = [beside(image, suffix, data) for suffix, data in WHOLE.items()]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    read(image, *paths)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before
