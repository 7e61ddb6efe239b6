"""What a taste is said to believe of a person is so, and nothing is said that cannot be told from chance."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from safelight.domain.evaluation_rows import rows_of
from safelight.domain.features import CAPTURE, GENERIC, NAMES, OF_CAPTURE, OF_SUBJECT
from safelight.domain.portrait import portray
from safelight.domain.portrait_examples import EXAMPLES, Pictured
from safelight.domain.portrait_words import CAPTURED, KINDS, MEASURED, hour_words, leaning_words
from safelight.domain.preference import Kind
from safelight.domain.taste import fit
from tests.fakes.generated_people import Life, Person, make_frames
from tests.fakes.taste import fake_basis

BASIS = fake_basis(96)


@lru_cache(maxsize=8)
def lived(*, seed=0, chance=False, **weights):
    """A person who weighs what is named, and everything generic as the average person does; None of it by chance."""
    rng = np.random.default_rng(seed)
    frames = make_frames(BASIS, rng, shoots=40, bursts=14)
    own = BASIS.mean.copy()
    for name, weight in weights.items():
        own[NAMES.index(name)] = weight
    life = Life(frames, None if chance else Person(own), rng)
    comparisons = [each for shoot in range(40) for each in life.cull(shoot)]
    return fit(rows_of(comparisons, frames.seen()).table, BASIS), comparisons, frames


def portrayed(taste, comparisons, frames=None):
    pictured = [] if frames is None else pictures(frames)
    return portray(taste, comparisons, pictured, rng=np.random.default_rng(0))


def pictures(frames):
    """Embeddings from the subject's components, so that what looks alike has like components."""
    return [
        Pictured(
            name=f"IMG_{place:04d}.jpg",
            features=frames.features[place],
            embedding=frames.features[place][OF_SUBJECT] @ BASIS.directions,
            burst=f"b{frames.burst[place]}",
        )
        for place in range(len(frames.shoot))
    ]


def test_a_measure_that_matters_more_is_claimed_and_no_other():
    portrait = portrayed(*lived(focus=4.0)[:2])
    assert portrait.claims[0].name == "focus"
    assert portrait.claims[0].ratio > 1.3 and portrait.claims[0].low > 1
    # the measures' parts add up, so another may well matter less; none can matter more
    assert all(each.high < 1 for each in portrait.claims[1:])


def test_a_measure_that_counts_against_a_frame_is_told_as_such():
    portrait = portrayed(*lived(contrast=-2.0)[:2])
    (claim,) = [each for each in portrait.claims if each.name == "contrast"]
    assert claim.ratio < 0 and claim.high < 0.5


def test_firmness_alone_is_no_unusual_taste():
    """Who decides more firmly has larger weights for everything; no measure matters more than to others."""
    firm = {name: 2.0 for name in GENERIC if name != "set"}
    assert portrayed(*lived(**firm)[:2]).claims == ()


@pytest.mark.parametrize("seed", range(4))
def test_who_decides_by_chance_has_no_portrait(seed):
    portrait = portrayed(*lived(seed=seed, chance=True))
    assert portrait.leaning_words in ("not at all", "a little")
    assert portrait.claims == () and portrait.likes == ()
    if portrait.leaning_words == "not at all":
        assert portrait.measures == portrait.rising == portrait.sinking == ()


def test_kinds_of_pictures_that_rise_and_sink_are_shown_by_frames():
    taste, comparisons, frames = lived(subject_03=3.0)
    portrait = portrayed(taste, comparisons, frames)
    component = {each.name: each.features[NAMES.index("subject_03")] for each in pictures(frames)}
    assert len(portrait.rising) == len(portrait.sinking) == EXAMPLES
    assert min(component[each.name] for each in portrait.rising) > 1.0
    assert max(component[each.name] for each in portrait.sinking) < -1.0
    assert all(each.lift > 0 for each in portrait.rising) and all(each.lift < 0 for each in portrait.sinking)


def test_a_lift_is_what_the_score_shows():
    taste, comparisons, frames = lived(subject_03=3.0)
    first = portrayed(taste, comparisons, frames).rising[0]
    features = next(each.features for each in pictures(frames) if each.name == first.name)
    assert dict(taste.terms(features))["subject"] == pytest.approx(first.lift, abs=1e-4)


def test_examples_do_not_show_one_scene_twice():
    taste, comparisons, frames = lived(subject_03=3.0)
    twins = [replace(each, name=f"{each.name}.copy.jpg", burst=None) for each in pictures(frames)]
    shown = portray(taste, comparisons, [*pictures(frames), *twins], rng=np.random.default_rng(0)).rising
    by_name = {each.name: each for each in (*pictures(frames), *twins)}
    bursts = [by_name[each.name].burst for each in shown if by_name[each.name].burst]
    assert len(set(bursts)) == len(bursts)
    looks = np.array([by_name[each.name].embedding for each in shown])
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    assert (looks @ looks.T - np.eye(len(looks))).max() < 0.8


def test_ways_of_taking_a_frame_are_named():
    portrait = portrayed(*lived(focal=-1.5, hour_sin=1.5)[:2])
    assert "wider lenses" in portrait.likes
    assert "frames taken around 06:00" in portrait.likes
    assert len(portrait.likes) == 2


def test_who_nothing_is_known_of_is_portrayed_as_such():
    portrait = portrayed(fit(rows_of([], {}).table, BASIS), [])
    assert portrait.leaning == 0 and portrait.leaning_words == "not at all"
    assert portrait.since_s is portrait.until_s is None
    assert portrait.actions == portrait.comparisons == 0
    assert portrait.evidence == portrait.measures == portrait.rising == ()


def test_evidence_is_counted_by_kind():
    taste, comparisons, _ = lived(focus=4.0)
    comparisons = [replace(comparisons[0], blind=False), *comparisons[1:]]
    portrait = portrayed(taste, comparisons)
    counts = {each.kind: each.comparisons for each in portrait.evidence}
    assert counts == {
        kind.value: sum(each.kind is kind for each in comparisons) for kind in set(counts_of(comparisons))
    }
    assert portrait.comparisons == sum(counts.values()) and portrait.blind == portrait.comparisons - 1
    assert portrait.actions == len({action for each in comparisons for action in each.actions})
    assert portrait.since_s == comparisons[0].at_s and portrait.until_s == comparisons[-1].at_s
    assert all(0.01 <= each.lapse <= 0.45 for each in portrait.evidence)


def counts_of(comparisons):
    return [each.kind for each in comparisons]


def test_parts_add_up_and_follow_the_person():
    portrait = portrayed(*lived(subject_03=3.0)[:2])
    assert sum(portrait.parts.values()) == pytest.approx(1)
    plain = portrayed(*lived(focus=4.0)[:2])
    assert portrait.parts["subject"] > plain.parts["subject"] + 0.2


def test_the_same_taste_gives_the_same_portrait():
    lives = lived(subject_03=3.0)
    assert portrayed(*lives).as_json() == portrayed(*lives).as_json()


def test_everything_has_words():
    assert set(MEASURED) == set(GENERIC) - {"set"}  # frames of a set stand level: nobody can prefer one by it
    assert set(KINDS) == {kind.value for kind in Kind}
    assert len(CAPTURED) == len(CAPTURE) - 2 == OF_CAPTURE.stop - OF_CAPTURE.start - 2


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (0.0, "not at all"),
        (0.049, "not at all"),
        (0.05, "a little"),
        (0.5, "about half"),
        (0.7, "mostly"),
        (1, "mostly"),
    ],
)
def test_how_far_it_leans_in_words(gate, words):
    assert leaning_words(gate) == words


@pytest.mark.parametrize(
    ("sine", "cosine", "hour"), [(0, 1, "00:00"), (1, 0, "06:00"), (0, -1, "12:00"), (-1, 0, "18:00")]
)
def test_the_hour_in_words(sine, cosine, hour):
    assert hour_words(sine, cosine).endswith(hour)
