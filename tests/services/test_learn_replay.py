"""Replaying the journal from empty gives the same taste and the same ratings, whatever happened."""

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from tests.services.studio import Studio

# Each is a whole life of a library: thirty in an ordinary run, thousands with HYPOTHESIS_PROFILE=search.
EXAMPLES = 30 if os.environ.get("HYPOTHESIS_PROFILE", "same") == "same" else settings.default.max_examples

ACTS = st.sampled_from(
    ["rate", "rate", "delete", "return", "shoot", "late frame", "learn", "veto", "back", "rerate", "edit", "wait"]
)
STEPS = st.lists(st.tuples(ACTS, st.integers(0, 10_000)), min_size=3, max_size=14)


class History:
    """Lets generated things happen to a studio."""

    def __init__(self) -> None:
        self.studio = Studio()
        self.lost: dict[int, int] = {}
        self.shoots = 0
        self.shoot(1)

    @property
    def frames(self) -> list[int]:
        return [frame.id for frame in self.studio.store.catalog.frames(range(1, 500)) if frame.id not in self.lost]

    def shoot(self, number: int) -> None:
        self.shoots += 1
        self.studio.shoot(f"shoot{self.shoots}", [number + each for each in range(3)], burst=2 + number % 2)
        self.studio.rank()

    def happen(self, act: str, number: int) -> None:
        studio, frames = self.studio, self.frames
        chosen = frames[number % len(frames)] if frames else 0
        if act == "rate" and frames:
            studio.rate(chosen, 1 + number % 5)
        elif act == "delete" and frames:
            self.lost[chosen] = studio.delete(chosen)
        elif act == "edit" and frames:
            studio.edit(chosen)
        elif act == "return" and self.lost:
            frame_id, seq = self.lost.popitem()
            with studio.store.transaction():
                studio.tell(Kind.FRAME_RETURNED, frame_id, path=f"/pictures/{frame_id}.jpg", of=seq, confidence=1.0)
        elif act == "shoot":
            self.shoot(number % 50)
        elif act == "late frame":
            studio.take("shoot1", number % 3 + 1, number % 3, 3 + number % 4)
            studio.rank()
        elif act == "learn":
            studio.learn.step(force=number % 3 > 0)
        elif act == "veto" and (actions := studio.correct.actions()):
            studio.correct.veto(actions[number % len(actions)].id)
        elif act == "back":
            studio.correct.roll_back(number % 3)
        elif act == "rerate":
            studio.rank(publish=False, stages=(Stage.PUBLISHED, Stage.RANKED))
        else:
            studio.pass_days(number % 9)
            with studio.store.transaction():
                for frame_id, seq in self.lost.items():
                    studio.tell(Kind.LOSS_CONFIRMED, frame_id, of=seq)


@settings(max_examples=EXAMPLES)
@given(STEPS)
def test_a_replay_from_empty_gives_the_same_taste_and_ratings(steps: list[tuple[str, int]]) -> None:
    history = History()
    for act, number in steps:
        history.happen(act, number)
    history.studio.learn.step(force=True)
    kept = history.studio.store.tastes.versions()
    replayed = history.studio.replay(put=True)
    assert replayed.differences == []
    assert replayed.delivered == 0
    assert replayed.ratings > 0
    assert replayed.tastes == len(kept)
    assert history.studio.store.tastes.versions() == kept


def test_a_burst_with_a_frame_that_was_edited_and_not_rated_since_replays_as_it_was_judged() -> None:
    history = History()
    for act, number in (("rate", 4), ("edit", 4), ("late frame", 1)):
        history.happen(act, number)
    bursts = {made.frame_id: made.burst for made in history.studio.store.ratings.ratings(range(1, 20))}
    assert bursts[max(bursts)] == bursts[5]
    assert history.studio.replay().differences == []


@pytest.fixture(scope="module")
def lived() -> Studio:
    history = History()
    steps = [("rate", each * 7) for each in range(6)] + [("wait", 3), ("learn", 1), ("shoot", 20), ("rerate", 0)]
    for act, number in steps:
        history.happen(act, number)
    assert history.studio.store.tastes.last()
    return history.studio


def tampered(studio: Studio, statement: str) -> list[str]:
    """Return what a replay finds when one thing that is kept has been changed; it is put back afterwards."""
    connection: Any = studio.store._database.connection
    connection.execute("BEGIN")
    assert connection.execute(statement).rowcount > 0
    found = studio.replay().differences
    connection.execute("ROLLBACK")
    assert studio.replay().differences == []
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ratings SET stars = 6 - stars WHERE frame_id = 1 AND stars != 3",
        "UPDATE ratings SET score = score + 0.0001 WHERE frame_id = 2",
        "UPDATE tastes SET digest = 'another' WHERE version = 1",
        "UPDATE tastes SET numbers = NULL, version = 9 WHERE version = 1",
        "UPDATE journal SET payload = replace(payload, '\"stars\": 2', '\"stars\": 4') WHERE kind = 'frame_rated'",
        "UPDATE journal SET payload = replace(payload, '\"rating\": 1', '\"rating\": 4') WHERE kind = 'person_rated'",
    ],
)
def test_a_replay_finds_what_was_changed(lived: Studio, statement: str) -> None:
    assert tampered(lived, statement)
