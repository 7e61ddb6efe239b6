"""Assessing and ranking with scripted pictures: every frame judged once, parted, refused, grouped and starred."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from safelight.domain.frame import CaptureFacts, SetKind, Stage
from safelight.domain.rating import Reference
from safelight.domain.records import Rating
from safelight.errors import OutOfReach, Unreadable
from safelight.ports import Examined, Refused, Request
from safelight.services.assess import Assess
from safelight.services.intake import Intake
from safelight.services.rank import Rank
from safelight.services.sights import Sights
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes.clock import FakeClock
from tests.fakes.pictures import PLAIN, FakeDecoder, FakeEncoder, FakeReader, at

REFERENCE = Reference(tuple(each / 5 for each in range(-10, 11)))


class Room:
    """A folder, a catalog in memory, and scripted judges."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.store = SqliteStore(open_database(":memory:"))
        self.clock = FakeClock()
        self.decoder = FakeDecoder()
        self.reader = FakeReader()
        self.assessments = self.store.assessments("fake/m1")

    def put(self, name: str, second: float | None = None, *, look: int | None = None, **measures: float) -> Path:
        path = self.folder / name
        path.write_bytes(name.encode())
        os.utime(path, (1_700_000_000, 1_700_000_000))
        if second is not None:
            self.decoder.facts[name] = at(second)
        if look is not None:
            self.decoder.looks[name] = look
        self.decoder.measures[name] = replace(PLAIN, **measures)
        return path

    def assess(self) -> list[int]:
        scanner, identifier = DiskScanner(), ContentIdentifier()
        intake = Intake(scanner=scanner, identifier=identifier, store=self.store, clock=self.clock)
        arrivals = intake.take_in([self.folder])
        return [*arrivals.frames, *self.look(arrivals.frames)]

    def look(self, ids: Iterable[int]) -> tuple[int, ...]:
        waiting = list(self.store.catalog.frames(list(ids), Stage.ARRIVED, Stage.UNREADABLE))
        assess = Assess(
            store=self.store,
            assessments=self.assessments,
            decoder=self.decoder,
            sights=Sights(encoder=FakeEncoder()),
            reader=self.reader,
            clock=self.clock,
        )
        return assess.step(waiting)

    def rate(self) -> dict[str, Rating]:
        frames = list(self.store.catalog.frames(self.assess()))
        rank = Rank(store=self.store, assessments=self.assessments, reference=REFERENCE, clock=self.clock)
        rank.step(frames)
        known = {frame.id: frame.path.name for frame in frames}
        return {known[rating.frame_id]: rating for rating in self.store.ratings.ratings(known)}

    def stages(self) -> dict[str, Stage]:
        return {frame.path.name: frame.stage for frame in self.store.catalog.frames(range(1, 50))}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "room")


def test_a_copy_is_not_looked_at_again(room: Room) -> None:
    room.put("a.jpg")
    room.assess()
    (room.folder / "b.jpg").write_bytes(b"a.jpg")
    os.utime(room.folder / "b.jpg", (1_700_000_000, 1_700_000_000))
    room.assess()
    assert room.decoder.asked == ["a.jpg"]
    assert set(room.stages().values()) == {Stage.ASSESSED}


def test_what_cannot_be_judged_is_unreadable_with_its_reason_and_the_rest_goes_on(room: Room) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        room.put(name)
    room.decoder.refuses["b.jpg"] = Unreadable("The file ends early.", hint="Copy it again.")
    ratings = room.rate()
    assert set(ratings) == {"a.jpg", "c.jpg"}
    (frame,) = [each for each in room.store.catalog.frames(range(1, 9)) if each.stage is Stage.UNREADABLE]
    assert (frame.path.name, frame.reason, frame.passing) == ("b.jpg", "The file ends early. Copy it again.", False)


def test_what_was_thrown_away_as_it_arrived_is_looked_at_when_it_comes_back(room: Room) -> None:
    path = room.put("a.jpg")
    room.decoder.refuses["a.jpg"] = OutOfReach("No permission.")
    (frame,) = room.assess()
    room.store.catalog.set_stage(frame, Stage.ARRIVED)
    room.store.catalog.mark_gone([path])
    room.decoder.asked.clear()
    room.look([frame])
    assert room.stages() == {"a.jpg": Stage.ARRIVED} and room.decoder.asked == []
    room.decoder.refuses.clear()
    assert set(room.rate()) == {"a.jpg"}


def test_what_was_out_of_reach_is_tried_again_and_then_rated(room: Room) -> None:
    room.put("a.jpg")
    room.decoder.refuses["a.jpg"] = OutOfReach("No permission.")
    assert room.rate() == {}
    assert next(room.store.catalog.frames([1])).passing
    room.decoder.refuses.clear()
    assert set(room.rate()) == {"a.jpg"}


def test_files_of_one_stem_taken_at_different_times_are_two_frames(room: Room) -> None:
    room.put("a.jpg", 0.0)
    room.put("a.nef", 5000.0)
    ratings = room.rate()
    assert sorted(ratings) == ["a.jpg", "a.nef"]
    assert [len(room.store.catalog.files_of(frame_id)) for frame_id in (1, 2)] == [1, 1]


def test_a_raw_and_its_jpeg_are_one_frame(room: Room) -> None:
    room.put("a.jpg", 0.0)
    room.put("a.nef", 0.0)
    assert sorted(room.rate()) == ["a.nef"]


def test_raw_files_are_asked_of_exiftool_and_plain_jpegs_are_not(room: Room) -> None:
    room.put("a.nef")
    room.put("b.jpg")
    room.reader.facts["a.nef"] = at(3.0, lens="50 mm")
    room.assess()
    assert room.reader.asked == ["a.nef"]
    looks = [room.assessments.assessment(frame.content or b"") for frame in room.store.catalog.frames([1, 2])]
    assert looks[0] is not None
    assert (looks[0].facts.lens, looks[0].facts.taken_s) == ("50 mm", at(3.0).taken_s)


def test_maker_notes_are_read_only_in_rapid_runs(room: Room) -> None:
    for number, second in enumerate([0.0, 0.5, 1.0, 600.0]):
        name = f"{number}.jpg"
        room.put(name, second, look=number)
        room.decoder.facts[name] = replace(at(second), has_maker_notes=True)
        room.reader.facts[name] = CaptureFacts(drive="Continuous")
    room.assess()
    assert sorted(room.reader.asked) == ["0.jpg", "1.jpg", "2.jpg"]


def test_the_sharpest_frame_of_a_burst_is_its_keeper_and_has_more_stars(room: Room) -> None:
    for number, focus in enumerate([-2.0, 1.5, -4.0]):
        room.put(f"{number}.jpg", number * 0.5, look=7, focus=focus, detail=focus)
    room.put("other.jpg", 500.0, look=99)
    ratings = room.rate()
    assert [ratings[f"{number}.jpg"].keeper for number in range(3)] == [False, True, False]
    assert ratings["1.jpg"].score > max(ratings["0.jpg"].score, ratings["2.jpg"].score)
    assert ratings["1.jpg"].stars >= max(ratings["0.jpg"].stars, ratings["2.jpg"].stars)
    assert len({ratings[f"{number}.jpg"].burst for number in range(3)}) == 1
    assert (ratings["other.jpg"].burst, ratings["other.jpg"].keeper) == (None, True)
    assert "Not the keeper of 3 alike" in ratings["0.jpg"].reason
    assert (ratings["2.jpg"].stars, "Blurred" in ratings["2.jpg"].reason) == (1, True)


def test_a_bracket_is_kept_whole_with_the_same_stars(room: Room) -> None:
    for number, (shutter, light) in enumerate([(0.001, 0.2), (0.004, 0.45), (0.016, 0.8)]):
        name = f"{number}.jpg"
        room.put(name, number * 0.3, look=7, exposure=light)
        room.decoder.facts[name] = at(number * 0.3, bracketing=True, shutter_s=shutter, aperture_f=8.0, iso=100.0)
    ratings = room.rate()
    assert {rating.set_kind for rating in ratings.values()} == {SetKind.BRACKET}
    assert all(rating.keeper for rating in ratings.values())
    assert len({rating.stars for rating in ratings.values()}) == 1


def test_contributions_add_up_to_every_score(room: Room) -> None:
    for number in range(6):
        room.put(f"{number}.jpg", number * 0.5 if number < 3 else number * 900.0, look=number // 3, focus=number - 3.0)
    for rating in room.rate().values():
        assert abs(sum(term.value for term in rating.contributions) - rating.score) < 1e-9


def test_stars_that_were_given_stay_when_new_frames_come(room: Room) -> None:
    for number in range(4):
        room.put(f"{number}.jpg", number * 900.0, look=number, focus=number - 2.0)
    before = {name: (rating.stars, rating.score) for name, rating in room.rate().items()}
    for number in range(4, 30):
        room.put(f"{number}.jpg", number * 900.0, look=number, focus=3.0)
    after = room.rate()
    assert {name: (after[name].stars, after[name].score) for name in before} == before


def test_a_late_frame_may_become_the_keeper_of_an_early_burst(room: Room) -> None:
    room.put("0.jpg", 0.0, look=7, focus=-3.0, detail=-3.0)
    room.put("1.jpg", 0.5, look=7, focus=-4.0, detail=-4.0)
    first = room.rate()
    assert first["0.jpg"].keeper
    room.put("2.jpg", 1.0, look=7, focus=2.0, detail=2.0)
    ratings = room.rate()
    assert [ratings[f"{number}.jpg"].keeper for number in range(3)] == [False, False, True]
    assert ratings["0.jpg"].stars == first["0.jpg"].stars


class Shuffled(FakeDecoder):
    """Answers in an order of its own, as workers do."""

    order: tuple[int, ...] = ()

    def examine(self, requests: object) -> Iterator[Examined | Refused]:
        answers = list(super().examine(list[Request](requests)))  # type: ignore[call-overload]
        yield from (answers[position] for position in self.order)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_the_workers_answers_changes_nothing(tmp_path: Path, order: tuple[int, ...]) -> None:
    found = []
    for number, chosen in enumerate([tuple(range(4)), order]):
        room = Room(tmp_path / str(number))
        decoder = Shuffled()
        decoder.order = chosen
        room.decoder = decoder
        for frame in range(4):
            room.put(f"{frame}.jpg", frame * 0.4, look=frame // 2, focus=float(frame))
        found.append({name: (rating.score, rating.stars, rating.keeper) for name, rating in room.rate().items()})
    assert found[0] == found[1]
