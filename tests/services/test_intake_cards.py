"""Frames that are looked at on a card, and what becomes of them when somebody copies them from there."""

import shutil
from pathlib import Path

import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.ports import VolumeIdentity
from safelight.services.intake import Arrivals, Intake
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes.clock import FakeClock


class World:
    """A card and a library on the disk, with a catalog in memory."""

    def __init__(self, folder: Path) -> None:
        self.card, self.library = folder / "card", folder / "library"
        self.store = SqliteStore(open_database(":memory:"))
        self.clock = FakeClock()
        for place in (self.card / "DCIM/100", self.library):
            place.mkdir(parents=True)
        with self.store.transaction():
            self.store.sightings.put_volume(self.card, VolumeIdentity(self.card, 7, 7, "vfat"), card=True)

    def shoot(self, *names: str, content: str = "") -> None:
        for name in names:
            (self.card / "DCIM/100" / name).write_text(content or name)

    def copy(self, *names: str, to: str = ".") -> None:
        (self.library / to).mkdir(exist_ok=True)
        for name in names:
            shutil.copy(self.card / "DCIM/100" / name, self.library / to / name)

    def take(self, folder: Path) -> Arrivals:
        intake = Intake(scanner=DiskScanner(), identifier=ContentIdentifier(), store=self.store, clock=self.clock)
        return intake.take_in([folder], believes=lambda _: True)

    def read_card(self) -> list[int]:
        """Take in the card and give each frame the stars that a ranking would."""
        frames = list(self.take(self.card).frames)
        with self.store.transaction():
            for frame in self.store.catalog.frames(frames, Stage.ARRIVED):
                content = self.store.catalog.files_of(frame.id)[0].content
                self.store.catalog.set_content(frame.id, content, embedded=None)
                self.store.catalog.set_stage(frame.id, Stage.RANKED)
        return frames

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.store.journal.entries() if entry.kind != Kind.FRAME_ARRIVED]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_copy_from_a_card_is_the_same_frame_with_its_rating(world: World) -> None:
    world.shoot("a.jpg", "b.jpg")
    on_card = world.read_card()
    world.copy("a.jpg", "b.jpg", to="2026")
    assert list(world.take(world.library).frames) == on_card
    frames = list(world.store.catalog.frames(on_card))
    assert {frame.path.parent for frame in frames} == {world.library / "2026"}
    assert {frame.stage for frame in frames} == {Stage.RANKED}
    assert world.kinds() == [Kind.FRAME_IMPORTED] * 2


def test_a_copy_under_another_name_is_the_same_frame(world: World) -> None:
    world.shoot("a.jpg")
    on_card = world.read_card()
    shutil.copy(world.card / "DCIM/100/a.jpg", world.library / "2026-11-21_0001.jpg")
    assert list(world.take(world.library).frames) == on_card


def test_a_pair_goes_along_whole_though_one_half_is_copied_first(world: World) -> None:
    world.shoot("a.nef", "a.jpg")
    on_card = world.read_card()
    world.copy("a.nef")
    assert list(world.take(world.library).frames) == on_card
    world.copy("a.jpg")
    assert list(world.take(world.library).frames) == on_card
    files = {file.path.name for file in world.store.catalog.files_of(on_card[0])}
    assert files == {"a.nef", "a.jpg"}
    assert world.store.catalog.below(world.library) == tuple(on_card)


def test_a_card_that_was_copied_brings_nothing_new(world: World) -> None:
    world.shoot("a.jpg", "b.jpg")
    world.copy("a.jpg")
    (known,) = world.take(world.library).frames
    arrivals = world.take(world.card)
    assert known not in arrivals.frames
    assert [frame.path.name for frame in world.store.catalog.frames(arrivals.frames)] == ["b.jpg"]
    assert arrivals.copied == 1


def test_an_unplugged_card_does_not_make_the_copy_a_move(world: World) -> None:
    world.shoot("a.jpg")
    on_card = world.read_card()
    world.copy("a.jpg")
    shutil.rmtree(world.card)
    assert list(world.take(world.library).frames) == on_card
    assert world.kinds() == [Kind.FRAME_IMPORTED]


def test_another_card_with_the_same_names_does_not_take_the_ratings_of_the_first(world: World) -> None:
    world.shoot("a.jpg", content="first")
    (first,) = world.read_card()
    shutil.copy(world.card / "DCIM/100/a.jpg", world.library / "kept.jpg")
    (world.card / "DCIM/100/a.jpg").unlink()
    world.store.catalog.mark_gone([world.card / "DCIM/100/a.jpg"])  # as `Presence.take_over` does with another disk
    world.shoot("a.jpg", content="second card")
    (second,) = world.read_card()
    assert second != first
    assert list(world.take(world.library).frames) == [first]
    assert world.store.catalog.frame(first).stage is Stage.RANKED


def test_a_copy_within_the_library_stays_a_frame_of_its_own(world: World) -> None:
    (world.library / "a.jpg").write_text("a")
    (first,) = world.take(world.library).frames
    shutil.copy(world.library / "a.jpg", world.library / "b.jpg")
    (second,) = world.take(world.library).frames
    assert second != first
    assert world.store.catalog.frame(first).path.name == "a.jpg"


def test_what_is_not_believed_is_left_for_later_and_named(world: World) -> None:
    (world.library / "a.jpg").write_text("a")
    intake = Intake(scanner=DiskScanner(), identifier=ContentIdentifier(), store=world.store, clock=world.clock)
    arrivals = intake.look_into([world.library], believes=lambda _: False)
    assert not arrivals.frames
    assert arrivals.unsettled == [world.library / "a.jpg"]
    assert list(intake.look_into([world.library], believes=lambda _: True).frames) == [1]
    assert world.clock.slept_s == 0


def test_only_the_named_folder_is_looked_into(world: World) -> None:
    (world.library / "a.jpg").write_text("a")
    (world.library / "below").mkdir()
    (world.library / "below/b.jpg").write_text("b")
    intake = Intake(scanner=DiskScanner(), identifier=ContentIdentifier(), store=world.store, clock=world.clock)
    assert len(intake.look_into([world.library], believes=lambda _: True).frames) == 1
    assert len(intake.look_into([world.library / "below"], believes=lambda _: True).frames) == 1
