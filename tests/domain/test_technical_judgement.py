"""Terms, keeper and failure: what the measures are made to mean."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.keeper import keeper_scores, octaves_behind
from safelight.domain.technical import Measures, measure
from safelight.domain.technical_failure import technical_failure
from safelight.domain.technical_terms import NAMES, Term, phrase, technical_score, technical_terms
from tests.bench.degradations import defocused, moved, spoiled, to_picture
from tests.bench.quality import pair_accuracy, spearman
from tests.domain.pictures import fog, moon, scene, sunset

ORDINARY = Measures(
    focus=0.7, detail=0.2, motion=0.3, exposure=0.45, highlights=0, shadows=0, noise=0.4, contrast=0.6, colour=35
)
any_measures = st.builds(
    Measures,
    focus=st.floats(-14, 6),
    detail=st.floats(-14, 8),
    motion=st.floats(0, 10),
    exposure=st.floats(0, 1),
    highlights=st.floats(0, 1),
    shadows=st.floats(0, 1),
    noise=st.floats(0, 120),
    contrast=st.floats(0, 1),
    colour=st.floats(0, 200),
)
quality = st.none() | st.floats(-20, 20)


def term(name: str, measures: Measures, quality: float | None = None) -> float:
    return next(one.value for one in technical_terms(measures, quality) if one.name == name)


@settings(max_examples=80, deadline=None)
@given(any_measures, quality)
def test_the_score_is_the_sum_of_its_terms_and_bounded(measures: Measures, head: float | None) -> None:
    terms = technical_terms(measures, head)
    assert [one.name for one in terms] == list(NAMES)
    assert technical_score(terms) == pytest.approx(sum(one.value for one in terms))
    assert all(abs(one.value) < 2.5 for one in terms)


@settings(max_examples=60, deadline=None)
@given(any_measures, quality, st.floats(0.01, 3))
def test_worse_measures_never_score_better(measures: Measures, head: float | None, step: float) -> None:
    worse = {
        "focus": measures.focus - step,
        "motion": measures.motion + step,
        "highlights": measures.highlights + step / 3,
        "shadows": measures.shadows + step / 3,
        "noise": measures.noise + step,
        "contrast": measures.contrast - step / 3,
    }
    for name, value in worse.items():
        assert term(name, dataclasses.replace(measures, **{name: value}), head) <= term(name, measures, head)


def test_a_better_head_scores_better_and_no_head_is_no_term() -> None:
    assert term("finish", ORDINARY, 1.0) > term("finish", ORDINARY, -1.0)
    assert term("finish", ORDINARY, None) == 0
    assert term("finish", ORDINARY, 50.0) == term("finish", ORDINARY, 3.0)


def test_an_ordinary_frame_scores_about_nought() -> None:
    assert abs(technical_score(technical_terms(ORDINARY, 0.0))) < 0.5
    assert abs(technical_score(technical_terms(ORDINARY))) < 0.5


def test_phrases_say_what_happened() -> None:
    dark, bright = (dataclasses.replace(ORDINARY, exposure=value) for value in (0.02, 0.97))
    assert phrase(Term("focus", 0.5)) == "sharp where it matters"
    assert phrase(Term("focus", -0.5)) == "soft where it matters"
    assert phrase(Term("highlights", -0.3)) == "blown highlights"
    assert phrase(Term("motion", -0.2)) == "motion blur"
    assert phrase(next(one for one in technical_terms(dark) if one.name == "exposure")) == "rather dark"
    assert phrase(next(one for one in technical_terms(bright) if one.name == "exposure")) == "rather bright"
    assert phrase(Term("focus", 0.01)) == ""


def test_phrases_compare_two_frames() -> None:
    assert phrase(Term("focus", -0.5), Term("focus", 0.2)) == "softer where it matters"
    assert phrase(Term("noise", 0.1), Term("noise", -0.2)) == "cleaner"
    assert phrase(Term("exposure", -0.2, dark=True), Term("exposure", 0.0)) == "darker than is good for it"
    assert phrase(Term("focus", 0.5), Term("focus", 0.49)) == ""
    with pytest.raises(ValueError, match="focus"):
        phrase(Term("focus", 0.5), Term("noise", 0.5))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_every_term_has_words(name: str, value: float) -> None:
    assert phrase(Term(name, value))
    assert phrase(Term(name, value), Term(name, 0.0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(any_measures, st.floats(-4, 4)), min_size=2, max_size=6))
def test_leaving_a_frame_out_keeps_the_differences(burst: list[tuple[Measures, float]]) -> None:
    measures, heads = [one for one, _ in burst], [head for _, head in burst]
    whole, rest = keeper_scores(measures, heads), keeper_scores(measures[1:], heads[1:])
    assert np.isfinite(whole).all()
    assert whole.mean() == pytest.approx(0, abs=1e-9)
    assert np.diff(whole[1:]) == pytest.approx(np.diff(rest), abs=1e-9)


def test_bursts_of_one_none_and_the_wrong_length() -> None:
    assert keeper_scores([ORDINARY]).tolist() == [0.0]
    assert keeper_scores([]).tolist() == [] == octaves_behind([]).tolist()
    with pytest.raises(ValueError, match="2 frames but 1"):
        keeper_scores([ORDINARY, ORDINARY], [0.3])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_original_beats_its_spoiled_copies(seed: int) -> None:
    photo = scene(240, 320, seed)
    first = measure(photo)
    copies = {name: measure(copy) for name, copy in spoiled(photo).items()}
    # How bright a picture should be the measures alone cannot know, and mild compression is no fault.
    faults = [name for name in copies if not name.startswith(("JPEG", "exposure +"))]
    assert len(faults) == 21
    assert [name for name in faults if np.argmax(keeper_scores([copies[name], first])) == 0] == []


def test_a_noisy_frame_does_not_win_for_its_grain() -> None:
    draw = np.random.default_rng(4)
    photo = scene()
    soft = to_picture(defocused((photo / 255.0) ** 2.2, 1.0))
    grainy = np.clip(np.round(soft + draw.normal(0, 12, soft.shape)), 0, 255).astype(np.uint8)
    clean, noisy = keeper_scores([measure(photo), measure(grainy)])
    assert clean > noisy


def test_the_sharp_frame_wins_though_it_is_darker() -> None:
    light = (scene() / 255.0) ** 2.2
    dark_and_sharp, bright_and_soft = to_picture(light * 0.6), to_picture(defocused(light, 1.2))
    scores = keeper_scores([measure(dark_and_sharp), measure(bright_and_soft)])
    assert scores[0] > scores[1]


def test_moon_fog_and_sunset_are_no_failures() -> None:
    assert [technical_failure(measure(picture)) for picture in (moon(), fog(), sunset())] == [None, None, None]


def test_a_lone_frame_is_never_condemned_for_blur() -> None:
    light = (scene() / 255.0) ** 2.2
    for blurred in (defocused(light, 8.0), moved(light, 40, 0)):
        assert technical_failure(measure(to_picture(blurred))) is None


def test_black_and_white_frames_are_failures() -> None:
    black = np.random.default_rng(2).integers(0, 4, (300, 400, 3)).astype(np.uint8)
    white = np.full((300, 400, 3), 255, dtype=np.uint8)
    named = [technical_failure(measure(picture)) for picture in (black, white)]
    assert [failure.name if failure else None for failure in named] == ["black", "burnt"]
    assert all(failure is not None and failure.reason for failure in named)


def test_a_blurred_frame_beside_a_sharp_one_is_a_failure() -> None:
    photo = scene()
    burst = [measure(photo), measure(to_picture(defocused((photo / 255.0) ** 2.2, 6.0)))]
    behind = octaves_behind(burst)
    assert behind[0] == 0
    sharp, soft = (technical_failure(one, octaves_behind=float(gap)) for one, gap in zip(burst, behind, strict=True))
    assert sharp is None
    assert soft is not None and soft.name == "blurred"


@pytest.mark.parametrize("camera", ["106_NIKON-D3400-35MM", "176_HONOR-7X"])
def test_the_sharp_frame_of_a_real_triplet_wins(shared_data: Path, camera: str) -> None:
    from PIL import Image

    measures = []
    for kind in "SFM":
        path = next((shared_data / "burst" / "blur_triplets").glob(f"{camera}_{kind}.*"))
        with Image.open(path) as opened:
            opened.draft("RGB", (1024, 1024))
            measures.append(measure(np.asarray(opened.convert("RGB"))))
    scores = keeper_scores(measures)
    assert scores[0] > scores[1] + 0.3 and scores[0] > scores[2] + 0.3
    assert measures[2].motion > measures[0].motion


def test_the_bench_counts_pairs_and_ranks() -> None:
    opinions = np.array([0.1, 0.5, 0.55])
    assert pair_accuracy(np.array([1.0, 2.0, 3.0]), opinions) == (2.0, 2)
    assert pair_accuracy(np.array([2.0, 2.0, 1.0]), opinions) == (0.5, 2)
    for order in itertools.permutations(range(4)):
        assert spearman(order, order) == pytest.approx(1)
    assert spearman([1, 1, 2], [3, 3, 1]) == pytest.approx(-1)
