"""A further bundle gets to know the library, takes over, and nothing that was learned is lost."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp, FoundFile, Stage
from safelight.domain.judges import LEAST_FRAMES, beside
from safelight.errors import OutOfReach, StateError, Unreadable
from safelight.services.evidence import evidence
from safelight.services.learn import version_of
from safelight.services.look_again import LookAgain
from safelight.services.second_look import SecondLook
from safelight.services.succeed import Succeed, waits
from tests.fakes.pictures import FakeDecoder
from tests.fakes.taste import fake_basis
from tests.fakes.vision import FakeVision
from tests.services.studio import JUDGE, Studio

LENGTH = 588


class Change:
    """A studio whose library a second bundle looks at."""

    def __init__(self, vision: FakeVision | None = None) -> None:
        self.studio = Studio(length=LENGTH)
        self.store = self.studio.store
        self.first = self.studio.assessments
        self.studio.learn._open_basis = self._basis
        self.vision = vision or FakeVision()
        self.judge = beside(self.vision.bundle, JUDGE)
        self.decoder = FakeDecoder(squares_px=(self.vision.side_px,))
        self.said: list[str] = []
        self.stamps: dict[Path, object] = {}
        self.second = SecondLook(
            encoder=self.vision,
            assessments=self.store.assessments(self.judge),
            took_over=lambda: self.store.successions.get(self.judge),
            say=lambda error: self.said.append(error.told),
        )
        self.again = self.looker()

    def looker(self) -> LookAgain:
        return LookAgain(
            store=self.store,
            first=self.first,
            second=self.second,
            decoder=self.decoder,
            stamp=self._stamp,
        )

    def shoot(self, name: str, looks, *, burst: int = 1) -> list[int]:
        made = self.studio.shoot(name, looks, burst=burst)
        seeds = [look for look in looks for _ in range(burst)]
        for frame_id, seed in zip(made, seeds, strict=True):
            self.decoder.looks[self.store.catalog.frame(frame_id).path.name] = seed
        return made

    def succeed(self, *, in_use: bool = True, leave: bool = False):
        return Succeed(
            store=self.store,
            first=self.first,
            second=self.store.assessments(self.judge) if in_use else None,
            shipped=lambda: fake_basis(LENGTH),
            directions=self.vision.directions,
            clock=self.studio.clock,
            leave=leave,
        ).step()

    def unplug(self, ids) -> None:
        """Let no file of these frames be reached."""
        self.stamps |= {self.store.catalog.frame(each).path: None for each in ids}

    def see_everything(self) -> None:
        while self.again.step(at_most=64):
            pass
        self.succeed()
        self.second.renew()

    def rank(self, **more):
        self.studio.assessments = self.succeed()
        return self.studio.rank(**more)

    def _stamp(self, path: Path):
        if path in self.stamps:
            return self.stamps[path]
        (file,) = [each for each in self.store.catalog.files_in(path.parent) if each.path == path]
        return file.stamp

    def _basis(self, judge: str):
        made = self.store.successions.get(judge)
        return fake_basis(LENGTH) if made is None else made.basis


@pytest.fixture
def change():
    return Change()


def seen(change: Change, frame_id: int):
    return change.store.assessments(change.judge).assessment(change.store.catalog.frame(frame_id).content)


def test_the_newest_shoot_is_looked_at_first_and_a_new_process_goes_on_where_the_last_one_was(change):
    old, new = change.shoot("a", range(30)), change.shoot("b", range(30, 50))
    assert change.again.step(at_most=20) == 20
    assert {seen(change, each).judge for each in new} == {change.judge}
    assert {seen(change, each).judge for each in old} == {JUDGE}
    change.again = change.looker()
    assert change.again.step(at_most=100) == 30
    assert change.again.step(at_most=100) == 0
    assert Counter(change.decoder.asked).most_common(1)[0][1] == 1


def test_what_the_second_bundle_sees_keeps_facts_and_measures_and_leaves_the_first_look_alone(change):
    (frame,) = change.shoot("a", [3])
    content = change.store.catalog.frame(frame).content
    before = change.first.assessment(content)
    change.again.step(at_most=5)
    first, second = change.first.assessment(content), seen(change, frame)
    assert (first.facts, first.measures, first.quality) == (before.facts, before.measures, before.quality)
    assert np.array_equal(first.embedding, before.embedding) and first.judge == JUDGE
    assert (second.facts, second.measures, second.appeal) == (first.facts, first.measures, first.appeal)
    assert second.embedding.shape == (change.vision.length,)


def test_the_first_judge_counts_until_the_last_photograph_was_seen(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.studio.rank()
    change.again.step(at_most=LEAST_FRAMES - 1)
    assert change.succeed().judge == JUDGE
    assert Kind.JUDGE_CHANGED not in change.studio.kinds()
    change.again.step(at_most=10)
    assert change.succeed().judge == change.judge
    assert change.studio.kinds().count(Kind.JUDGE_CHANGED) == 1
    assert change.succeed().judge == change.judge
    assert change.studio.kinds().count(Kind.JUDGE_CHANGED) == 1


def test_a_library_that_is_too_small_stays_with_the_first_judge(change):
    change.shoot("a", range(LEAST_FRAMES - 1))
    change.studio.rank()
    change.see_everything()
    assert change.succeed().judge == JUDGE
    change.shoot("b", [900])
    change.see_everything()
    assert change.succeed().judge == change.judge


def learned(change: Change) -> list[int]:
    """Let the person delete one frame of many moments; return those."""
    frames = [
        frame for name in "abcd" for frame in change.shoot(name, range(ord(name) * 60, ord(name) * 60 + 15), burst=2)
    ]
    change.studio.rank()
    gone = frames[::4]
    change.studio.believe(*((frame, change.studio.delete(frame)) for frame in gone))
    change.studio.learn.step(force=True)
    assert change.store.tastes.last().comparisons >= len(gone)
    return gone


def test_what_was_learned_from_frames_that_are_gone_is_not_lost(change):
    gone = learned(change)
    before = change.store.tastes.last()
    change.shoot("e", range(7000, 7130))
    change.see_everything()
    assert seen(change, gone[0]).judge == JUDGE
    change.rank()
    after = change.store.tastes.last()
    assert after.version > before.version and after.judge == change.judge
    assert after.comparisons == before.comparisons > 0
    computed = change.studio.learn.compute(through=after.through, now_s=after.made_s)
    table = evidence(
        computed.told, assessments=change.store.assessments(change.judge), basis=computed.taste.basis
    ).table
    assert len(table) == before.comparisons
    assert np.abs(table.differences).sum(axis=1).all()


def test_ratings_and_tastes_on_both_sides_of_the_change_are_replayed_from_the_journal(change):
    learned(change)
    change.shoot("e", range(7000, 7130))
    change.rank()
    change.see_everything()
    change.shoot("f", range(8000, 8010))
    change.see_everything()
    change.rank()
    replayed = change.studio.replay()
    assert replayed.differences == []
    assert replayed.ratings > 200 and replayed.tastes == 2


def test_stars_are_placed_among_those_that_the_first_judge_gave(change):
    frames = change.shoot("a", range(LEAST_FRAMES + 20))
    change.studio.rank()
    scores = change.store.ratings.library_scores(JUDGE)
    change.see_everything()
    assert change.store.ratings.library_scores(change.judge) == scores and len(scores) == len(frames)
    assert change.store.ratings.library_scores("another:1:int8/m1") == []


def test_words_count_from_the_moment_the_bundle_takes_over_and_for_new_frames_alike():
    change = Change(FakeVision(words=("appeal",)))
    frames = change.shoot("a", range(LEAST_FRAMES + 10))
    change.again.step(at_most=500)
    first = {each: change.first.assessment(change.store.catalog.frame(each).content) for each in frames}
    assert all(seen(change, each).appeal == first[each].appeal for each in frames)
    change.see_everything()
    made = change.store.successions.get(change.judge)
    for each in frames:
        look = seen(change, each)
        assert look.appeal == pytest.approx(made.tilted("appeal", first[each].appeal, look.embedding))
        assert look.quality == first[each].quality
    assert any(abs(seen(change, each).appeal - first[each].appeal) > 0.1 for each in frames)
    (fresh,) = change.shoot("b", [77_000])
    change.again.step(at_most=5)
    look = seen(change, fresh)
    content = change.store.catalog.frame(fresh).content
    assert look.appeal == made.tilted("appeal", change.first.assessment(content).appeal, look.embedding)


def test_a_model_that_fails_is_told_once_and_the_first_judge_goes_on():
    change = Change(FakeVision(fails=True, together=4))
    change.shoot("a", range(10))
    assert change.again.step(at_most=20) == 0
    assert change.again.step(at_most=20) == 0
    assert len(change.said) == 1 and "not finite" in change.said[0]
    assert change.succeed().judge == JUDGE
    assert change.studio.rank()


def test_squares_are_encoded_as_many_at_once_as_the_encoder_likes():
    change = Change(FakeVision(together=8))
    change.shoot("a", range(20))
    assert change.again.step(at_most=100) == 20
    assert max(change.vision.asked) == 8 and sum(change.vision.asked) == 20


def test_a_file_that_changed_waits_and_one_that_cannot_be_decoded_is_passed_over(change):
    changed, broken, away, good = change.shoot("a", range(4))
    names = {each: change.store.catalog.frame(each).path for each in (changed, broken, away, good)}
    change.stamps[names[changed]] = None
    change.decoder.refuses[names[broken].name] = Unreadable("It is damaged.")
    change.decoder.refuses[names[away].name] = OutOfReach("The disk does not answer.")
    assert change.again.step(at_most=10) == 2
    assert change.again.step(at_most=10) == 0
    assert change.store.successions.count_unseen(change.judge) == 0
    assert change.store.successions.count_out_of_reach(change.judge) == 2
    assert seen(change, good).judge == change.judge
    change.stamps.clear()
    change.decoder.refuses.clear()
    change.again = change.looker()
    assert change.again.step(at_most=10) == 2
    assert change.store.successions.count_out_of_reach(change.judge) == 0
    assert seen(change, changed).judge == seen(change, away).judge == change.judge


def test_going_back_to_the_first_bundle_is_at_once_and_journalled(change):
    learned(change)
    change.shoot("e", range(7000, 7130))
    change.see_everything()
    change.rank()
    assert change.succeed(in_use=False).judge == JUDGE
    assert change.studio.kinds()[-1] == Kind.JUDGE_CHANGED
    change.studio.learn.leaning()
    assert change.store.tastes.last().judge == JUDGE
    assert change.succeed().judge == change.judge  # it still knows everything


def test_frames_that_a_bundle_missed_while_it_was_away_are_seen_before_it_counts_again(change):
    change.shoot("a", range(LEAST_FRAMES + 1))
    change.studio.rank()
    change.see_everything()
    change.shoot("b", [5000])
    assert change.succeed().judge == JUDGE
    change.see_everything()
    assert change.succeed().judge == change.judge


def test_a_damaged_succession_is_a_sentence(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.see_everything()
    with change.store.transaction() as connection:
        connection.execute("UPDATE successions SET content = x'00'")
    with pytest.raises(StateError, match="cannot be read"):
        change.store.successions.get(change.judge)


def test_an_exact_copy_of_a_library_makes_the_same_succession():
    digests = set()
    for _ in range(2):
        change = Change()
        change.shoot("a", range(LEAST_FRAMES))
        change.see_everything()
        rows = change.store._database.rows("SELECT digest FROM successions")
        digests.add(rows[0]["digest"])
    assert len(digests) == 1


def test_forgetting_everything_forgets_what_was_made_of_it(change, tmp_path):
    frames = change.shoot("a", range(LEAST_FRAMES))
    change.see_everything()
    purge = change.store.purge(vectors=tmp_path)
    with change.store.transaction():
        purge.frames(frames)
    assert not change.store.successions.has(change.judge)


def test_unrated_frames_and_exports_are_seen_too_but_not_what_is_gone(change):
    frames = change.shoot("a", range(5))
    with change.store.transaction():
        change.store.catalog.set_stage(frames[0], Stage.DERIVED, "An export.")
        change.store.catalog.set_stage(frames[1], Stage.UNREADABLE, "It is damaged.")
        change.store.catalog.mark_gone([change.store.catalog.frame(frames[2]).path])
    assert change.again.step(at_most=10) == 3


def test_what_an_older_release_saw_still_counts_and_its_scores_stay_in_the_library(change):
    frames = change.shoot("a", range(6))
    change.studio.rank()
    newer = change.store.assessments("fake:ffffffffffff:fp32/m9")
    older = change.store.assessments("fake:000000000000:fp32/m1")
    for frame in frames:
        content = change.store.catalog.frame(frame).content
        with change.store.transaction():
            older.put_assessment(change.first.assessment(content))
        assert newer.assessment(content).judge == older.judge
    assert change.store.assessments("unlike:0:fp32/m1").assessment(content) is None
    made = next(iter(change.store.ratings.ratings(frames[:1])))
    with change.store.transaction():
        change.store.ratings.put_rating(made, judge=older.judge)
    assert change.store.ratings.library_scores(newer.judge) == [made.score]
    assert change.store.ratings.library_scores(beside("other:1:int8", newer.judge)) == [made.score]


def test_a_few_photographs_on_a_disk_that_is_away_keep_no_bundle_from_judging(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.studio.rank()
    away = change.shoot("b", range(7000, 7010))
    change.unplug(away)
    change.see_everything()
    assert change.succeed().judge == change.judge
    assert {seen(change, each).judge for each in away} == {JUDGE}


def test_many_photographs_on_a_disk_that_is_away_are_waited_for_until_the_person_says_otherwise(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.studio.rank()
    away = change.shoot("b", range(7000, 7000 + LEAST_FRAMES // 2))
    change.unplug(away)
    change.see_everything()
    assert change.succeed().judge == JUDGE and waits(change.store.successions, change.judge)
    change.stamps.clear()
    change.again = change.looker()
    assert change.again.step(at_most=LEAST_FRAMES) == LEAST_FRAMES // 2
    assert change.succeed().judge == change.judge
    assert {seen(change, each).judge for each in away} == {change.judge}


def test_the_person_may_let_a_bundle_take_over_without_what_is_away(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.studio.rank()
    change.unplug(change.shoot("b", range(7000, 7000 + LEAST_FRAMES // 2)))
    change.see_everything()
    assert change.succeed(leave=True).judge == change.judge
    assert change.succeed().judge == change.judge  # said once is said


def test_what_was_away_when_a_bundle_took_over_is_found_by_searches_later_and_teaches_as_before(change):
    away = [each + 1 for each in learned(change)[:6]]  # what was kept of bursts, so it is compared
    change.shoot("e", range(7000, 7000 + LEAST_FRAMES))
    change.unplug(away)
    change.see_everything()
    assert change.succeed().judge == change.judge
    change.studio.learn.leaning()
    before = taste_of(change)
    change.stamps.clear()
    change.again = change.looker()
    assert change.again.step(at_most=100) == len(away) and change.again.ended
    contents = {change.store.catalog.frame(each).content for each in away}
    table = change.store.assessments(change.judge)
    assert contents <= {made.content for made in table.to_index(10_000)}
    assert {seen(change, each).judge for each in away} == {JUDGE}
    assert taste_of(change) == before


def taste_of(change: Change) -> str:
    """Return the digest of the taste that follows from the journal now."""
    learn = change.studio.learn
    computed = learn.computed(learn.entries(), now_s=learn.now_s())
    assert computed.judge == change.judge and computed.evidence.comparisons
    return version_of(computed, 1).digest


def test_a_picture_to_which_the_bundle_has_no_answer_is_passed_over_and_the_others_are_seen(change):
    change.vision.mute = 3
    made = change.shoot("a", range(10))
    assert change.again.step(at_most=20) == 10 and change.again.ended and not change.said
    assert Counter(seen(change, each).judge for each in made) == {change.judge: 7, JUDGE: 3}
    assert change.store.successions.count_passed_over(change.judge) == 3
    assert change.store.successions.count_unseen(change.judge) == 0


def test_a_bundle_that_answers_to_no_picture_fails_and_passes_nothing_over(change):
    change.vision.mute = 20
    change.shoot("a", range(20))
    assert change.again.step(at_most=20) == 0 and change.again.ended
    assert len(change.said) == 1 and "not finite" in change.said[0]
    assert change.store.successions.count_passed_over(change.judge) == 0


def test_what_was_gone_when_a_bundle_took_over_teaches_as_before_when_it_is_put_back(change):
    gone = learned(change)[:6]
    contents = {each: change.store.catalog.frame(each).content for each in gone}
    change.shoot("e", range(7000, 7000 + LEAST_FRAMES))
    change.see_everything()
    change.studio.learn.leaning()
    before = taste_of(change)
    for each, content in contents.items():
        change.store.assessments(change.judge).put_assessment(
            replace(change.first.assessment(content), embedding=np.ones(change.vision.length, np.float16))
        )
        assert seen(change, each).judge == JUDGE
    assert taste_of(change) == before


def test_a_file_that_was_changed_is_not_taken_for_one_that_is_away(change):
    frames = change.shoot("a", range(LEAST_FRAMES + 1))
    change.studio.rank()
    path = change.store.catalog.frame(frames[-1]).path
    change.stamps[path] = FileStamp(1, 2, 3, 4)
    change.see_everything()
    assert change.store.successions.count_unseen(change.judge) == 1 and change.again.ended
    assert change.store.successions.count_out_of_reach(change.judge) == 0
    assert change.succeed().judge == JUDGE


def test_of_several_copies_one_that_is_there_is_looked_at(change):
    (frame,) = change.shoot("a", [5])
    (file,) = change.store.catalog.files_of(frame)
    copy = FoundFile(file.path.with_name("zz copy.jpg"), file.role, file.stamp)
    change.store.catalog.put_file(copy, frame_id=frame, content=file.content)
    change.decoder.looks[copy.path.name] = 5
    change.stamps = {file.path: None, copy.path: copy.stamp}
    assert change.again.step(at_most=10) == 1 and change.decoder.asked == [copy.path.name]
    assert seen(change, frame).judge == change.judge


def test_rare_silence_counts_against_all_that_was_ever_seen(change):
    change.shoot("a", range(LEAST_FRAMES))
    change.again.step(at_most=LEAST_FRAMES)
    change.second = SecondLook(
        encoder=change.vision,
        assessments=change.store.assessments(change.judge),
        took_over=lambda: None,
        seen=change.store.successions.count_seen(change.judge),
        say=lambda error: change.said.append(error.told),
    )
    change.again = change.looker()
    change.shoot("b", range(7000, 7009))
    change.vision.mute = 9
    assert change.again.step(at_most=20) == 9 and not change.said


def test_a_new_release_of_the_first_bundle_costs_a_further_one_no_second_look(change):
    frames = change.shoot("a", range(LEAST_FRAMES))
    change.studio.rank()
    change.see_everything()
    before = {each: seen(change, each) for each in frames}
    change.decoder.asked.clear()
    change.first = change.store.assessments(f"{JUDGE}:released/m2")
    change.judge = beside(change.vision.bundle, change.first.judge)
    change.second = SecondLook(
        encoder=change.vision,
        assessments=change.store.assessments(change.judge),
        took_over=lambda: change.store.successions.get(change.judge),
    )
    change.again = change.looker()
    (fresh,) = change.shoot("b", [7000])
    change.unplug(frames[:3])  # a file is not needed either
    with change.store.transaction():
        look = replace(before[frames[-1]], embedding=np.zeros(LENGTH, np.float16), quality=1.5)
        change.first.put_assessment(look)
    assert change.succeed().judge == change.first.judge
    change.see_everything()
    assert change.decoder.asked == [change.store.catalog.frame(fresh).path.name]
    assert change.succeed().judge == change.judge
    for each in frames:
        assert np.array_equal(seen(change, each).embedding, before[each].embedding)
        assert seen(change, each).judge == change.judge
    assert [seen(change, each).quality for each in frames[-2:]] == [before[frames[-2]].quality, 1.5]


def test_what_another_precision_of_the_model_saw_is_not_taken_over(change):
    frames = change.shoot("a", range(5))
    change.again.step(at_most=5)
    change.decoder.asked.clear()
    change.judge = beside("other:0123456789ab:fp16", JUDGE)
    change.second = SecondLook(
        encoder=change.vision, assessments=change.store.assessments(change.judge), took_over=lambda: None
    )
    change.again = change.looker()
    assert change.again.step(at_most=10) == len(frames) == len(change.decoder.asked)
