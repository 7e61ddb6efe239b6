"""Whose rating is it?"""

import pytest

from safelight.domain.opinion import Opinion, OurRating
from safelight.sidecars.facts import OurFacts, SidecarFacts, decide, decide_together

OURS = OurFacts(rating=3, score="0.500", reason="because", version="1")


@pytest.mark.parametrize("rating", [None, 0])
def test_no_rating_and_zero_carry_no_opinion(rating):
    assert decide(SidecarFacts(rating=rating)) is Opinion.NONE


@pytest.mark.parametrize("rating", [-1, 1, 2, 3, 4, 5])
def test_any_other_rating_is_a_persons(rating):
    assert decide(SidecarFacts(rating=rating)) is Opinion.PERSON


def test_darktable_import_default_of_one_star_is_no_opinion():
    assert decide(SidecarFacts(rating=1, written_by_darktable=True, darktable_untouched=True)) is Opinion.NONE


def test_one_star_on_a_picture_edited_in_darktable_is_a_persons():
    assert decide(SidecarFacts(rating=1, written_by_darktable=True)) is Opinion.PERSON


def test_one_star_of_another_program_is_a_persons():
    assert decide(SidecarFacts(rating=1, darktable_untouched=True)) is Opinion.PERSON


@pytest.mark.parametrize("rating", [-1, 2, 5])
def test_other_ratings_of_untouched_darktable_sidecars_are_a_persons(rating):
    facts = SidecarFacts(rating=rating, written_by_darktable=True, darktable_untouched=True)
    assert decide(facts) is Opinion.PERSON


def test_our_rating_is_ours_while_both_copies_agree():
    assert decide(SidecarFacts(rating=3, ours=OURS)) is Opinion.OURS


@pytest.mark.parametrize("rating", [-1, 1, 2, 4, 5])
def test_a_rating_that_differs_from_our_copy_is_a_persons(rating):
    facts = SidecarFacts(rating=rating, ours=OURS, written_by_darktable=True, darktable_untouched=True)
    assert decide(facts) is Opinion.PERSON


@pytest.mark.parametrize("rating", [None, 0])
def test_a_person_who_cleared_our_stars_has_decided(rating):
    assert decide(SidecarFacts(rating=rating, ours=OURS)) is Opinion.PERSON


@pytest.mark.parametrize("rating", [None, 0, 3])
def test_damaged_copy_of_ours_proves_nothing(rating):
    assert decide(SidecarFacts(rating=rating, ours=OurFacts(reason="because"))) is Opinion.PERSON


def test_unclear_rating_is_left_to_the_person():
    assert decide(SidecarFacts(unclear=True)) is Opinion.PERSON
    assert decide(SidecarFacts(rating=3, unclear=True, ours=OURS)) is Opinion.PERSON


@pytest.mark.parametrize("flag", [-1, 1])
def test_pick_and_reject_flags_are_decisions(flag):
    assert decide(SidecarFacts(rating=0, flag=flag)) is Opinion.PERSON


def test_stars_under_another_name_are_a_persons():
    assert decide(SidecarFacts(other_stars=True)) is Opinion.PERSON


def test_colour_label_is_no_rating():
    assert decide(SidecarFacts(rating=0, label="Red")) is Opinion.NONE


def test_a_person_in_one_sidecar_decides_for_the_frame():
    sidecars = [SidecarFacts(), SidecarFacts(rating=3, ours=OURS), SidecarFacts(rating=5)]
    assert decide_together(sidecars) is Opinion.PERSON
    assert decide_together(sidecars[:2]) is Opinion.OURS
    assert decide_together(sidecars[:1]) is Opinion.NONE
    assert decide_together([]) is Opinion.NONE


@pytest.mark.parametrize("rating", [-1, 0, 6])
def test_the_machine_writes_one_to_five_only(rating):
    with pytest.raises(ValueError, match="1-5"):
        OurRating(rating, 0.5, "", "1")


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_score_that_is_no_number_is_never_written(score):
    with pytest.raises(ValueError, match="finite"):
        OurRating(3, score, "", "1")
