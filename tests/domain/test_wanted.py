"""What a search asks for beside likeness."""

import pytest

from safelight.domain.frame import CaptureFacts, Stage
from safelight.domain.wanted import Stars, Wanted, stars_shown

CANON = CaptureFacts(taken_s=1000.0, make="Canon", camera="Canon EOS R5", lens="RF24-105mm F4 L IS USM")


@pytest.mark.parametrize(
    "wanted, fits",
    [
        (Wanted(), True),
        (Wanted(camera="canon r5"), True),
        (Wanted(camera="EOS"), True),
        (Wanted(camera="nikon"), False),
        (Wanted(camera="canon nikon"), False),
        (Wanted(lens="24-105"), True),
        (Wanted(lens="%"), False),
        (Wanted(lens="RF_4"), False),
        (Wanted(since_s=1000.0), True),
        (Wanted(since_s=1000.1), False),
        (Wanted(until_s=1000.0), False),
        (Wanted(until_s=1000.1), True),
        (Wanted(since_s=900.0, until_s=1100.0, camera="r5", lens="usm"), True),
    ],
)
def test_facts_that_fit(wanted: Wanted, fits: bool) -> None:
    assert wanted.facts_fit(CANON) is fits


@pytest.mark.parametrize("wanted", [Wanted(since_s=0.0), Wanted(until_s=1e12), Wanted(camera="a"), Wanted(lens="a")])
def test_what_is_not_told_fits_no_demand(wanted: Wanted) -> None:
    assert not wanted.facts_fit(CaptureFacts())
    assert wanted.of_facts


def test_the_maker_is_part_of_what_a_camera_is_called() -> None:
    assert Wanted(camera="sony ilce").facts_fit(CaptureFacts(make="SONY", camera="ILCE-7M3"))


@pytest.mark.parametrize(
    "stage, given, ours, shown",
    [
        (Stage.KEPT, 4, 2, 4),
        (Stage.KEPT, -1, 5, None),
        (Stage.KEPT, 0, 5, None),
        (Stage.KEPT, None, 5, None),
        (Stage.PUBLISHED, None, 3, 3),
        (Stage.RANKED, None, 2, 2),
        (Stage.DERIVED, None, 3, None),
        (Stage.UNREADABLE, None, 3, None),
        (Stage.ARRIVED, None, None, None),
    ],
)
def test_a_persons_own_stars_count_before_ours(stage: Stage, given: int | None, ours: int, shown: int | None) -> None:
    assert stars_shown(stage, given=given, ours=ours) == shown


@pytest.mark.parametrize("stars, fits", [(None, False), (1, False), (2, True), (4, True), (5, False)])
def test_stars_in_a_range(stars: int | None, fits: bool) -> None:
    assert Stars(2, 4).fit(stars) is fits


def test_without_stars_is_a_range_as_well() -> None:
    assert Stars(0, 0).fit(None)
    assert not Stars(0, 0).fit(1)
