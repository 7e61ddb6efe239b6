"""What faces say of a frame: the size-weighted worst, alone and beside the other frames of a burst."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.face_terms import burst_terms, lone_term, with_faces
from safelight.domain.faces import FULL_WIDTH, LEAST_WIDTH, Face, Faults, faults, same_place, shutness
from safelight.domain.score import Contribution, Part, Score, spread

OPEN = Face(0.4, 0.3, 0.2, 0.3, 0.9, 1.0, 1.0, 0.0)
SHUT = replace(OPEN, open_right=0.02, open_left=0.05)
NOT_TOLD = replace(OPEN, open_right=None, open_left=None)

shares = st.floats(0, 1)
eyes = st.none() | shares
faces = st.builds(Face, shares, shares, shares, shares, shares, eyes, eyes, st.floats(-14, 6))
frames = st.lists(st.none() | st.lists(faces, max_size=4), min_size=1, max_size=6)
scores = st.floats(-6, 6).map(lambda value: round(value, 4))


def sized(face: Face, width: float) -> Face:
    return replace(face, width=width, height=width * 1.5)


def lone(value: float) -> Score:
    return Score((Contribution(Part.TECHNICAL, "focus", value),))


def placed(lone_scores: list[float], keeper: list[float], seen: list[list[Face] | None]) -> list[Score]:
    """Place a burst as ranking does: technically first, then by faces."""
    technical = spread([lone(value) for value in lone_scores], keeper)
    return [with_faces(score, term) for score, term in zip(technical, burst_terms(keeper, seen), strict=True)]


def keeper_of(scores: list[Score]) -> int:
    values = [score.value for score in scores]
    return values.index(max(values))


# --- one frame --------------------------------------------------------------------------------------------------------


def test_shut_eyes_are_a_fault_and_open_ones_are_none() -> None:
    assert shutness(SHUT) == 1
    assert shutness(OPEN) == 0
    assert faults([[SHUT]]) == (Faults(shut=1, told=True),)


def test_narrow_laughing_eyes_are_no_blink() -> None:
    """A laughing portrait with a fifth of the opening left reads 0.32 (tests/bench/faces.py)."""
    assert shutness(replace(OPEN, open_right=0.34, open_left=0.30)) == 0
    assert shutness(replace(OPEN, open_right=0.22, open_left=0.22)) < 0.1, "the shoulder is soft"


def test_a_wink_is_no_fault() -> None:
    assert shutness(replace(OPEN, open_right=0.0)) == 0


def test_eyes_that_cannot_be_told_are_no_fault() -> None:
    assert faults([[NOT_TOLD]]) == (Faults(),)
    assert lone_term([NOT_TOLD]).value == 0


def test_one_eye_that_is_told_speaks_for_both() -> None:
    assert shutness(replace(SHUT, open_left=None)) == 1


@pytest.mark.parametrize("seen", [None, [], [NOT_TOLD], [OPEN, OPEN]])
def test_without_a_fault_nothing_is_said(seen: list[Face] | None) -> None:
    term = lone_term(seen)
    assert (term.eyes, term.faces, term.against, term.favour) == (0, 0, (), ())
    assert with_faces(lone(1.0), term) == lone(1.0), "not even a contribution of nothing"


def test_faces_under_two_percent_of_the_frame_do_not_count() -> None:
    assert lone_term([sized(SHUT, LEAST_WIDTH)]).value == 0
    assert lone_term([sized(SHUT, 0.0199)]).value == 0
    assert lone_term([sized(SHUT, FULL_WIDTH)]).eyes == lone_term([SHUT]).eyes < 0


def test_the_worst_face_counts_by_its_size() -> None:
    """A child that blinks in the background spoils a portrait a little, the other way round a lot."""
    behind = faults([[OPEN, sized(SHUT, 0.08)]])[0].shut
    before = faults([[sized(OPEN, 0.08), SHUT]])[0].shut
    assert behind == pytest.approx(0.4)
    assert before == 1


def test_a_lone_frame_loses_less_than_a_star() -> None:
    """What two people would call meant, such as a sleeper or a prayer, must not decide."""
    assert -0.6 < lone_term([SHUT]).eyes < -0.3


# --- a burst ----------------------------------------------------------------------------------------------------------


def test_open_eyes_beat_a_blink_that_is_a_little_sharper() -> None:
    scores = placed([1.0, 0.9, 1.1], [0.2, 0.0, 0.5], [[OPEN], [SHUT], [SHUT]])
    assert keeper_of(scores) == 0
    assert scores[0].value == pytest.approx(1.1), "a burst is judged by the best that it offers"
    assert scores[2].value < scores[0].value - 0.3


def test_a_clearly_blurred_frame_does_not_win_by_open_eyes() -> None:
    """Three octaves behind is clearly blurred: 1.5 in units of the keeper's score."""
    assert keeper_of(placed([1.0, 0.2], [0.75, -0.75], [[SHUT], [OPEN]])) == 0
    assert keeper_of(placed([1.0, 0.2], [0.5, -0.5], [[SHUT], [OPEN]])) == 1, "two octaves are forgiven"


def test_a_face_softer_than_in_another_frame_counts() -> None:
    """Focus on the wall behind: the frames are equally sharp, the face is not."""
    soft = replace(OPEN, detail=-3.0)
    first, second = burst_terms([0.1, 0.0], [[soft], [OPEN]])
    assert first.faces < 0 < second.faces
    assert first.against == ("a face softer than in another frame of the burst",)
    assert keeper_of(placed([1.0, 1.0], [0.1, 0.0], [[soft], [OPEN]])) == 1


def test_softness_is_told_of_the_same_face_only() -> None:
    elsewhere = replace(OPEN, left=0.0, detail=5.0)
    assert faults([[OPEN], [elsewhere]])[0].soft == 0
    assert faults([[OPEN], [replace(OPEN, left=0.45, detail=5.0)]])[0].soft == 1


def test_who_turns_away_does_not_beat_open_eyes() -> None:
    terms = burst_terms([0.0, 0.0, 0.1], [[OPEN], [SHUT], []])
    scores = placed([1.0, 1.0, 1.0], [0.0, 0.0, 0.1], [[OPEN], [SHUT], []])
    assert keeper_of(scores) == 0
    assert scores[2].value > scores[1].value
    assert terms[2].against == (), "nothing is said of eyes that nobody saw"


def test_a_sleeper_is_as_good_in_every_frame() -> None:
    with_sleeper = placed([1.0, 0.8], [0.3, -0.3], [[SHUT], [SHUT]])
    without = spread([lone(1.0), lone(0.8)], [0.3, -0.3])
    gaps = {round(one.value - other.value, 4) for one, other in zip(without, with_sleeper, strict=True)}
    assert gaps == {-lone_term([SHUT]).eyes}


def test_a_burst_in_which_some_frames_were_not_looked_at_is_left_alone() -> None:
    assert all(term.value == 0 for term in burst_terms([0.0, 1.0], [[SHUT], None]))


def test_words_say_what_hurt_and_what_helped() -> None:
    blink, seen = burst_terms([0.2, 0.0], [[SHUT], [OPEN]])
    assert blink.against == ("eyes shut",) and blink.favour == ()
    assert seen.favour == ("eyes open, which another frame's are not",) and seen.against == ()
    nearly = replace(OPEN, open_right=0.14, open_left=0.14)
    assert burst_terms([0.2, 0.0], [[nearly], [OPEN]])[0].against == ("eyes nearly shut",)


# --- always -----------------------------------------------------------------------------------------------------------


@given(frames)
def test_faults_are_shares(seen: list[list[Face] | None]) -> None:
    told = faults(seen)
    assert len(told) == len(seen)
    assert all(0 <= fault.shut <= 1 and 0 <= fault.soft <= 1 for fault in told)


@given(frames, st.data())
def test_what_faces_say_is_the_whole_difference(seen: list[list[Face] | None], data: st.DataObject) -> None:
    """The burst placed anew with the faults in its keeper scores is the old one plus the contributions."""
    keeper = data.draw(st.lists(scores, min_size=len(seen), max_size=len(seen)))
    own = data.draw(st.lists(scores, min_size=len(seen), max_size=len(seen)))
    technical = spread([lone(value) for value in own], keeper)
    after = placed(own, keeper, seen)
    for before, now in zip(technical, after, strict=True):
        assert now.of(Part.TECHNICAL) == before.of(Part.TECHNICAL)
        assert now.value == pytest.approx(before.value + now.of(Part.FACES), abs=1e-9)
    common = min(fault.shut for fault in faults(seen))
    assert max(score.value for score in after) == pytest.approx(max(own) + lone_term([SHUT]).eyes * common, abs=3e-4)


@given(frames, st.data())
def test_words_fit_the_signs(seen: list[list[Face] | None], data: st.DataObject) -> None:
    keeper = data.draw(st.lists(scores, min_size=len(seen), max_size=len(seen)))
    for term in burst_terms(keeper, seen):
        assert not term.favour or term.eyes > 0
        assert not term.against or min(term.eyes, term.faces) < 0


@given(st.lists(scores, min_size=1, max_size=6))
def test_without_faces_nothing_changes(keeper: list[float]) -> None:
    for seen in ([None] * len(keeper), [[]] * len(keeper), [[OPEN]] * len(keeper)):
        assert all(term.value == 0 and not term.against and not term.favour for term in burst_terms(keeper, seen))


@given(faces, shares, shares)
def test_more_open_is_never_worse(face: Face, one: float, other: float) -> None:
    low, high = sorted((one, other))
    shut, wide = (replace(face, open_right=value, open_left=value) for value in (low, high))
    assert shutness(shut) >= shutness(wide)


@given(faces, faces)
def test_being_in_one_place_is_mutual(one: Face, other: Face) -> None:
    assert same_place(one, other) == same_place(other, one)
