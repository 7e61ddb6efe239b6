"""Learning from the journal: when there is something to learn, what a veto and a roll-back do, and that it is pure."""

import subprocess
import sys

import pytest

from safelight.domain.actions import State
from safelight.domain.entries import Kind
from safelight.domain.rating import own_stars
from tests.services.studio import Studio


@pytest.fixture
def studio() -> Studio:
    return Studio()


def rated(studio: Studio, shoots: int = 1) -> list[int]:
    """Shoot, rank, and let the person rate half of the frames up and half down; return the frames."""
    frames: list[int] = []
    for number in range(shoots):
        some = studio.shoot(f"shoot{number}", range(number * 10, number * 10 + 8))
        studio.rank()
        studio.pass_days(1)
        for place, frame_id in enumerate(some):
            studio.rate(frame_id, 5 if place % 2 else 2)
        studio.pass_days(2)
        frames += some
    return frames


def test_nothing_done_is_nothing_learned(studio: Studio) -> None:
    studio.shoot("a", range(6))
    studio.rank()
    assert studio.learn.step(force=True).version is None
    assert Kind.TASTE_LEARNED not in studio.kinds()


def test_ratings_are_learned_once(studio: Studio) -> None:
    rated(studio)
    first = studio.learn.step(force=True)
    again = studio.learn.step(force=True)
    assert first.made and not again.made
    assert first.version == again.version
    assert first.version is not None and first.version.comparisons > 0
    assert studio.kinds().count(Kind.TASTE_LEARNED) == 1


def test_few_changes_wait_unless_they_are_asked_for(studio: Studio) -> None:
    rated(studio)
    studio.learn.step(force=True)
    more = studio.shoot("more", [71, 72])
    studio.rank()
    studio.pass_days(1)
    studio.rate(more[0], 5)
    waiting = studio.learn.step()
    assert not waiting.made
    assert 0 < waiting.changed < 10
    assert studio.learn.step(force=True).made


def test_time_alone_lets_evidence_speak(studio: Studio) -> None:
    frames = studio.shoot("a", range(3), burst=3)
    studio.rank()
    studio.pass_days(1)
    lost = [(frame_id, studio.delete(frame_id)) for frame_id in frames[1::3]]
    assert studio.learn.step(force=True).version is None
    studio.pass_days(1.01)
    with studio.store.transaction():
        for frame_id, seq in lost:
            studio.tell(Kind.LOSS_CONFIRMED, frame_id, of=seq)
    studio.learn.step(force=True)
    newest = studio.store.journal.newest()
    studio.pass_days(30)
    learned = studio.learn.step(force=True)
    assert learned.version is not None and learned.version.comparisons > 0
    assert studio.store.journal.newest() <= newest + 1


def test_a_clock_that_is_set_back_unlearns_nothing(studio: Studio) -> None:
    frames = studio.shoot("a", range(3), burst=3)
    studio.rank()
    today_s = studio.clock.now()
    lost = [(frame_id, studio.delete(frame_id)) for frame_id in frames[1::3]]
    studio.pass_days(30)
    with studio.store.transaction():
        for frame_id, seq in lost:
            studio.tell(Kind.LOSS_CONFIRMED, frame_id, of=seq)
    before = studio.learn.step(force=True).version
    assert before is not None and before.comparisons > 0
    studio.clock.sleep(today_s - studio.clock.now())
    studio.rate(frames[0], 5)
    after = studio.learn.step(force=True).version
    assert after is not None and after.comparisons > before.comparisons
    assert {action.state for action in studio.correct.actions()} == {State.BELIEVED}


def test_a_second_look_costs_no_reading_of_the_journal(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    rated(studio)
    studio.pass_days(30)
    studio.learn.step(force=True)

    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the journal was read although nothing had changed")

    monkeypatch.setattr(studio.store.journal, "entries", unread)
    assert not studio.learn.step(force=True).made


def test_a_vetoed_action_never_comes_back(studio: Studio) -> None:
    frames = rated(studio)
    before = studio.learn.step(force=True).version
    chosen = next(each for each in studio.correct.actions() if each.state is State.BELIEVED)
    assert studio.correct.veto(chosen.id) is not None
    after = studio.learn.step(force=True)
    assert after.made and after.version is not None and before is not None
    assert after.version.comparisons < before.comparisons
    frame_id, rating = chosen.frame_ids[0], chosen.value
    assert isinstance(rating, int)
    studio.rate(frame_id, rating)  # the next scan finds the same again
    assert not studio.learn.step(force=True).made
    standing = [each for each in studio.correct.actions() if each.frame_ids == (frame_id,)]
    assert all(each.state is not State.BELIEVED for each in standing)
    assert frames


def test_a_veto_of_nothing_is_told_and_not_written(studio: Studio) -> None:
    assert studio.correct.veto(77) is None
    assert studio.kinds() == []


def test_a_vetoed_rating_leaves_the_histogram(studio: Studio) -> None:
    frames = rated(studio)
    entries = list(studio.store.journal.entries())
    before = own_stars(entries)
    assert sum(before.values()) == len(frames)
    for action in studio.correct.actions():
        studio.correct.veto(action.id)
    assert own_stars(studio.store.journal.entries()) == {}


def test_a_roll_back_is_the_taste_of_then(studio: Studio) -> None:
    rated(studio)
    first = studio.learn.step(force=True).version
    rated_again = studio.shoot("later", range(40, 48))
    studio.rank()
    for place, frame_id in enumerate(rated_again):
        studio.rate(frame_id, 2 if place % 2 else 5)
    studio.pass_days(3)
    second = studio.learn.step(force=True).version
    assert first is not None and second is not None and first.evidence != second.evidence
    assert studio.correct.roll_back(first.version)
    third = studio.learn.step(force=True).version
    assert third is not None
    assert (third.evidence, third.digest) == (first.evidence, first.digest)
    assert not studio.correct.roll_back(99)


def test_a_roll_back_undoes_a_change_of_mind(studio: Studio) -> None:
    frames = rated(studio)
    first = studio.learn.step(force=True).version
    for frame_id in frames:
        studio.rate(frame_id, 3)
    studio.learn.step(force=True)
    assert first is not None
    studio.correct.roll_back(first.version)
    third = studio.learn.step(force=True).version
    assert third is not None and third.digest == first.digest


def test_going_back_to_nothing_learns_nothing(studio: Studio) -> None:
    rated(studio)
    studio.learn.step(force=True)
    assert studio.correct.roll_back(0)
    assert studio.learn.leaning() is not None
    studio.learn.step(force=True)
    assert studio.learn.leaning() is None


def test_as_of_a_time_what_came_later_has_not_happened(studio: Studio) -> None:
    frames = rated(studio)
    then_s = studio.clock.now()
    first = studio.learn.step(force=True).version
    studio.pass_days(1)
    for frame_id in frames:
        studio.rate(frame_id, 3)
    again = studio.learn.step(force=True, as_of=then_s)
    assert not again.made
    assert again.version == first
    assert studio.learn.step(force=True).made


def test_looking_for_something_to_learn_needs_no_numpy() -> None:
    program = (
        "import sys; from safelight.storage.store import SqliteStore\n"
        "from safelight.storage.database import open_database\n"
        "from safelight.services.learn import Learn\n"
        "store = SqliteStore(open_database(':memory:'))\n"
        "Learn(store=store, now=lambda: 0.0, basis=lambda _: None).step(force=True)\n"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
