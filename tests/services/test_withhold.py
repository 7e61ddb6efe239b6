"""The blind slice: some bursts stay unrated until the person is done with the shoot."""

from pathlib import Path

import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK
from safelight.services.publish import Publish
from tests.fakes.sidecars import FakeSidecars
from tests.services.studio import Studio


class NoCards:
    def card_root(self, path: Path) -> Path | None:
        return None


class Desk:
    """A studio whose ratings are written into sidecars in memory."""

    def __init__(self) -> None:
        self.studio = Studio()
        self.sidecars = FakeSidecars()

    def publish(self, withhold: float = 0.0) -> None:
        publish = Publish(
            store=self.studio.store,
            sidecars=self.sidecars,
            volumes=NoCards(),
            clock=self.studio.clock,
            withhold=withhold,
        )
        frames = list(self.studio.store.catalog.frames(range(1, 500)))
        with self.studio.store.transaction():
            run_id = self.studio.store.receipts.start_run([Path("/pictures")], at_s=self.studio.clock.now())
        publish.step(frames, seen=self.sidecars.stamps(), run_id=run_id)

    def held(self) -> list[int]:
        found = self.studio.store.catalog.frames(range(1, 500), Stage.RANKED)
        return [frame.id for frame in found if frame.reason == HELD_BACK]

    def published(self) -> list[int]:
        return [entry.frame_id or 0 for entry in self.studio.store.journal.entries(Kind.RATING_PUBLISHED)]


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.studio.shoot("a", range(20), burst=2)
    desk.studio.rank(publish=False)
    return desk


def test_whole_bursts_are_held_back_and_nothing_is_told_of_them(desk: Desk) -> None:
    desk.publish(withhold=0.3)
    held = desk.held()
    assert 0 < len(held) < 40
    assert set(held).isdisjoint(desk.published())
    assert len(desk.sidecars.files) == 40 - len(held)
    bursts = {made.burst for made in desk.studio.store.ratings.ratings(held)}
    mates = {made.frame_id for burst in bursts if burst for made in desk.studio.store.ratings.in_burst(burst)}
    assert mates == set(held)


def test_they_are_released_when_the_shoot_has_been_quiet_for_a_day(desk: Desk) -> None:
    desk.publish(withhold=0.3)
    held = desk.held()
    desk.studio.pass_days(0.9)
    shown = desk.published()[0]
    with desk.studio.store.transaction():
        desk.studio.tell(Kind.PERSON_RATED, shown, rating=5)
    desk.studio.pass_days(0.9)
    desk.publish(withhold=0.3)
    assert desk.held() == held, "the person was busy with the shoot not a day ago"
    desk.studio.pass_days(0.2)
    desk.publish(withhold=0.3)
    assert desk.held() == []
    assert set(held) <= set(desk.published())


def test_rate_holds_nothing_back(desk: Desk) -> None:
    desk.publish(withhold=1.0)
    assert len(desk.held()) == 40
    desk.publish()
    assert desk.held() == []
    assert len(desk.published()) == 40


def test_a_persons_rating_of_a_held_frame_is_seen(desk: Desk) -> None:
    desk.publish(withhold=1.0)
    frame = desk.studio.store.catalog.frame(desk.held()[0])
    desk.sidecars.files[frame.path.with_name(f"{frame.path.name}.xmp")] = b"person 4"
    desk.publish(withhold=1.0)
    assert desk.studio.store.catalog.frame(frame.id).stage is Stage.KEPT


def test_what_was_shown_is_not_taken_back(desk: Desk) -> None:
    desk.publish()
    for path in list(desk.sidecars.files):
        desk.sidecars.files[path] += b" touched"
    desk.publish(withhold=1.0)
    assert desk.held() == []
