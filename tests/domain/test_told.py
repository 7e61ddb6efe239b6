"""Which traces are new, which were taken back, and which are one act."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.lineage import is_editor, names, possible_sources
from safelight.domain.told import acts, ended, new


@dataclass(frozen=True)
class Said:
    program: str = "darktable"
    kind: str = "rating"
    value: str = "4"
    path: Path = Path("a.xmp")
    changed_s: float = 0.0


TRACES = st.lists(
    st.builds(
        Said,
        program=st.sampled_from(["darktable", "digikam"]),
        kind=st.sampled_from(["rating", "flag"]),
        value=st.sampled_from(["1", "4"]),
        path=st.sampled_from([Path("a.xmp"), Path("b.pp3")]),
    ),
    max_size=4,
)


@settings(max_examples=60)
@given(TRACES)
def test_a_reading_tells_nothing_new_of_itself(traces: list[Said]) -> None:
    assert new(traces, traces) == ()
    assert ended(traces, traces, is_there=lambda _: True) == ()


def test_the_same_value_in_another_program_and_another_file_is_new() -> None:
    before, now = Said(), Said(program="digikam", path=Path("b.xmp"))
    assert new([before], [now]) == (now,)
    assert new([before], [replace(now, path=before.path)]) == ()


def test_only_what_its_file_no_longer_says_was_taken_back() -> None:
    flag = Said(kind="flag", value="1")
    assert ended([flag], [], is_there=lambda _: True) == (flag,)
    assert ended([flag], [], is_there=lambda _: False) == ()


def test_a_group_that_darktable_rates_is_one_act() -> None:
    chain = [(frame, Said("darktable", changed_s=frame * 0.2)) for frame in range(4)]
    found = acts([*chain, (9, Said("darktable", changed_s=60.0)), (10, Said("darktable", value="2", changed_s=0.3))])
    assert {frame for frame, _, _ in found} == {0, 1, 2, 3}
    assert len(set(found.values())) == 1


def test_ratings_keyed_in_quickly_are_an_act_each() -> None:
    assert not acts([(frame, Said("darktable", changed_s=frame * 1.0)) for frame in range(4)])


def test_a_selection_rated_in_another_program_is_an_act_each() -> None:
    assert not acts([(frame, Said("lightroom", changed_s=0.0)) for frame in range(4)])


@pytest.mark.parametrize("name", ["IMG_1234", "IMG_1234-2", "IMG_1234_01", "best IMG_1234 (web)", "img_1234.edited"])
def test_a_name_within_a_name_is_found(name: str) -> None:
    assert "img_1234" in possible_sources(name)


@pytest.mark.parametrize("name", ["IMG_12345", "XIMG_1234", "IMG-1234"])
def test_a_longer_number_is_another_frame(name: str) -> None:
    assert "img_1234" not in possible_sources(name)


@pytest.mark.parametrize(
    ("software", "editor"),
    [
        ("darktable 4.2.1", True), ("Adobe Photoshop Lightroom Classic 13.0 (Windows)", True), ("ART 1.21", True),
        ("Capture One 23 Macintosh", True), ("Ver.1.10", False), ("Canon EOS R5 Firmware 1.8.1", False),
        ("SMART CAMERA", False), (None, False),
    ],
)  # fmt: skip
def test_editors_sign_and_cameras_do_not_pass_for_one(software: str | None, editor: bool) -> None:
    assert is_editor(software) is editor


def test_a_source_is_named_by_its_file_with_or_without_a_path() -> None:
    assert names("IMG_1.CR2", "img_1.cr2")
    assert names("C:\\photos\\IMG_1.CR2", "IMG_1.CR2")
    assert not names("xmp.did:1234", "IMG_1.CR2")
    assert not names(None, "IMG_1.CR2")
