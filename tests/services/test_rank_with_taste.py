"""Ranking with what was learned: the sum stays exact, sets stay whole, a burst's keeper is the highest of the final."""

from collections.abc import Sequence

import pytest

from safelight.domain.entries import Entry, Kind
from safelight.domain.frame import SetKind, Stage
from safelight.domain.moment import generic, personal, weighed
from safelight.domain.rating import CUTS, own_cuts, own_stars
from safelight.domain.records import Assessment, Rating
from safelight.domain.score import Contribution, Part, Score
from safelight.domain.withholding import is_withheld
from safelight.services.rank import Leaning, Rank
from tests.services.studio import REFERENCE, Studio


@pytest.fixture
def studio() -> Studio:
    return Studio()


def ranked(studio: Studio, leaning: Leaning | None) -> list[Rating]:
    frames = list(studio.store.catalog.frames(range(1, 200)))
    rank = Rank(
        store=studio.store, assessments=studio.assessments, reference=REFERENCE, clock=studio.clock, leaning=leaning
    )
    rank.step(frames)
    return list(studio.store.ratings.ratings([frame.id for frame in frames]))


def liking(by: dict[bytes, float]) -> Leaning:
    """Return a taste that adds so much to the frames of these contents."""

    def terms(contributions: Sequence[Contribution], look: Assessment) -> tuple[tuple[str, float], ...]:
        assert all(entry.part is not Part.TASTE for entry in contributions)
        return (("subject", by.get(look.content, 0.0)), ("hour", 0.0))

    return Leaning(7, terms)


def contents(studio: Studio, frames: Sequence[int]) -> list[bytes]:
    return [frame.content or b"" for frame in studio.store.catalog.frames(frames)]


def test_without_evidence_ratings_are_as_before(studio: Studio) -> None:
    other = Studio()
    for each in (studio, other):
        each.shoot("a", range(12), burst=2)
    studio.learn.step(force=True)
    assert studio.learn.leaning() is None
    with_learning, without = ranked(studio, studio.learn.leaning()), ranked(other, None)
    assert with_learning == without
    assert all(made.part(Part.TASTE) == 0 for made in with_learning)


def test_a_shut_gate_changes_no_rating(studio: Studio) -> None:
    other = Studio()
    for each in (studio, other):
        each.shoot("a", range(12), burst=2)
    assert ranked(studio, liking({})) == ranked(other, None)


def test_taste_is_a_part_of_the_sum(studio: Studio) -> None:
    frames = studio.shoot("a", range(6))
    loved = contents(studio, frames)[2]
    made = {rating.frame_id: rating for rating in ranked(studio, liking({loved: 0.73211}))}[frames[2]]
    assert made.part(Part.TASTE) == 0.7321
    assert abs(made.score - sum(term.value for term in made.contributions)) < 1e-9
    assert "more of what you keep" in made.reason.lower()


def test_the_keeper_of_a_burst_is_the_highest_of_the_final_scores(studio: Studio) -> None:
    frames = studio.shoot("a", [5], burst=3)
    assert [made.keeper for made in ranked(Studio_copy(studio), None)] == [True, False, False]
    loved = contents(studio, frames)[2]
    made = ranked(studio, liking({loved: 3.0}))
    assert [each.keeper for each in made] == [False, False, True]
    assert made[2].score == max(each.score for each in made)
    assert all(each.stars < made[2].stars for each in made[:2])
    assert "less of what you keep" in made[0].reason.lower()


def Studio_copy(studio: Studio) -> Studio:  # noqa: N802  # reads as what it makes
    other = Studio()
    other.shoot("a", [5], burst=3)
    return other


def test_a_set_is_kept_whole_whatever_the_taste() -> None:
    studio = Studio()
    frames = studio.shoot("a", [5], burst=3)
    looks = [studio.assessments.assessment(content) for content in contents(studio, frames)]
    standings = generic([look for look in looks if look], SetKind.BRACKET)
    made = personal(standings, [(("subject", 0.9),), (("hour", -0.3),), ()], SetKind.BRACKET)
    assert all(each.keeper for each in made)
    assert len({each.score.value for each in made}) == 1
    assert made[0].score.of(Part.TASTE) == pytest.approx(0.2)


def test_a_choice_inside_a_burst_says_nothing_of_sharpness_between_photographs(studio: Studio) -> None:
    frames = studio.shoot("a", [3], burst=4)
    looks = [studio.assessments.assessment(content) for content in contents(studio, frames)]
    standings = generic([look for look in looks if look], None)
    told = weighed(standings, None)
    for standing, contributions in zip(standings, told, strict=True):
        assert Score(contributions).value == pytest.approx(standing.score.value, abs=1e-9)
    one, *others = (
        {(entry.name, entry.value) for entry in each if entry.part is Part.TECHNICAL and entry.name != "burst"}
        for each in told
    )
    assert others == [one] * 3
    assert len({entry.value for each in told for entry in each if entry.name == "burst"}) == 4
    assert weighed(standings[:1], None)[0] == standings[0].score.contributions
    assert weighed(standings, SetKind.FOCUS) == tuple(each.score.contributions for each in standings)


def test_stars_follow_the_persons_own_histogram() -> None:
    assert own_cuts({}) == CUTS
    generous = own_cuts({5: 400, 4: 100})
    assert all(own < default for own, default in zip(generous, CUTS, strict=True))
    strict = own_cuts({1: 300, 2: 100, 3: 20})
    assert strict[0] > CUTS[0]
    assert own_cuts({1: 50}) == own_cuts({2: 50})
    assert strict == tuple(sorted(strict))


def test_a_person_who_gives_many_fives_gets_more_of_them() -> None:
    given = []
    for rating in (2, 5):
        studio = Studio()
        studio.shoot("new", range(900, 930))
        for frame_id in range(1000, 1400):
            studio.tell(Kind.FRAME_RATED, frame_id, stars=3, shoot="old", keeper=True)
            studio.tell(Kind.PERSON_RATED, frame_id, rating=rating)
        given.append(sum(made.stars for made in studio.rank().values()))
    assert given[1] > given[0] + 15


def test_a_person_who_marks_only_the_best_does_not_want_nothing_but_fives() -> None:
    told = []
    for frame_id in range(400):
        told.append(Entry(2 * frame_id, 0.0, Kind.FRAME_RATED, frame_id, {"shoot": "old", "keeper": True}))
        kind, what = (Kind.PERSON_RATED, "rating") if frame_id < 20 else (Kind.RATING_PUBLISHED, "stars")
        told.append(Entry(2 * frame_id + 1, 0.0, kind, frame_id, {what: 5 if frame_id < 20 else 2 + frame_id % 3}))
    assert own_stars(told) == {2: 127, 3: 126, 4: 127, 5: 20}
    unrated = [entry for entry in told if entry.kind != Kind.RATING_PUBLISHED]
    assert own_stars(unrated) == {}, "most of the shoot has no stars: how many of each there should be is not told"


def test_rerate_never_touches_a_persons_rating(studio: Studio) -> None:
    frames = studio.shoot("a", range(10))
    before = studio.rank()
    studio.rate(frames[3], 1)
    loved = contents(studio, frames)
    rank = Rank(store=studio.store, assessments=studio.assessments, reference=REFERENCE, clock=studio.clock,
                leaning=liking(dict.fromkeys(loved, 2.0)))  # fmt: skip
    known = list(studio.store.catalog.frames(frames))
    rank.step(known, stages=(Stage.PUBLISHED, Stage.RANKED))
    after = {made.frame_id: made for made in studio.store.ratings.ratings(frames)}
    assert after[frames[3]] == before[frames[3]]
    standing = studio.store.catalog.frame(frames[3])
    assert (standing.stage, standing.given) == (Stage.KEPT, 1)
    assert all(after[each].score > before[each].score for each in frames if each != frames[3])


def test_stars_that_stay_the_same_are_not_written_again(studio: Studio) -> None:
    frames = studio.shoot("a", range(10))
    studio.rank()
    rank = Rank(store=studio.store, assessments=studio.assessments, reference=REFERENCE, clock=studio.clock)
    rank.step(list(studio.store.catalog.frames(frames)), stages=(Stage.PUBLISHED,))
    assert {frame.stage for frame in studio.store.catalog.frames(frames)} == {Stage.PUBLISHED}


def test_a_steady_share_of_bursts_is_held_back() -> None:
    names = [f"burst-{number:012x}" for number in range(5000)]
    share = sum(is_withheld(name, 0.08) for name in names) / len(names)
    assert 0.07 < share < 0.09
    assert not any(is_withheld(name, 0.0) for name in names)
    assert all(is_withheld(name, 1.0) for name in names)
    few = {name for name in names if is_withheld(name, 0.05)}
    assert few <= {name for name in names if is_withheld(name, 0.10)}
