"""The sentence beside the stars says what the contributions say, and nothing else."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.explain import sentence
from safelight.domain.frame import SetKind
from safelight.domain.series import filled, worth_asking
from safelight.domain.technical_terms import NAMES, Term, phrase, technical_terms
from tests.fakes.pictures import PLAIN, at

VALUES = st.lists(st.floats(-1.5, 1.5), min_size=len(NAMES), max_size=len(NAMES))


def terms(values: list[float]) -> tuple[Term, ...]:
    return tuple(Term(name, value) for name, value in zip(NAMES, values, strict=True))


@given(VALUES, st.floats(-3, 3))
def test_what_is_praised_helped_and_what_is_blamed_hurt(values: list[float], appeal: float) -> None:
    said = sentence(terms(values), appeal).lower()
    praise, _, blame = said.partition(", but ")
    for term in terms(values):
        words = phrase(term)
        if words and words in praise and blame:
            assert term.value > 0
        if words and words in blame:
            assert term.value < 0
    assert said.endswith(".")


@given(VALUES, VALUES)
def test_beside_the_keeper_only_what_is_worse_is_named(own: list[float], keeper: list[float]) -> None:
    said = sentence(terms(own), 0.0, group_size=3, keeper=terms(keeper))
    assert said.startswith("Not the keeper of 3 alike: ")
    for term, other in zip(terms(own), terms(keeper), strict=True):
        words = phrase(term, other)
        if words and words in said:
            assert term.value < other.value


def test_a_set_is_said_to_be_kept_whole() -> None:
    said = sentence(technical_terms(PLAIN), 0.0, group_size=3, kind=SetKind.BRACKET)
    assert said.startswith("One of 3 frames of an exposure bracket, kept whole;")


def test_a_frame_without_anything_to_say_is_ordinary() -> None:
    assert sentence(terms([0.0] * len(NAMES)), 0.0) == "Ordinary in every respect."


def test_the_reason_for_one_star_comes_first() -> None:
    assert sentence(terms([1.0] * len(NAMES)), 2.0, failure="almost all of it is black") == "Almost all of it is black."


def test_maker_notes_are_worth_asking_only_in_rapid_runs_of_one_camera() -> None:
    rapid = [replace(at(second), has_maker_notes=True) for second in (0.0, 1.0, 2.0)]
    other_body = replace(at(1.5, camera="Two"), has_maker_notes=True)
    slow = replace(at(60.0), has_maker_notes=True)
    told = replace(rapid[0], drive="Single")
    assert worth_asking([slow, rapid[2], other_body, rapid[0], rapid[1]]) == (1, 3, 4)
    assert worth_asking([rapid[0], rapid[1], slow]) == ()
    assert worth_asking([told, rapid[1], rapid[2]]) == (1, 2)
    assert worth_asking([at(0.0), at(0.5), at(1.0)]) == ()


def test_filling_facts_keeps_what_is_known() -> None:
    made = filled(at(1.0, lens="mine"), at(2.0, lens="theirs", drive="Continuous", bracketing=True))
    assert (made.taken_s, made.lens, made.drive, made.bracketing) == (at(1.0).taken_s, "mine", "Continuous", True)
