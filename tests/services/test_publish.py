"""Publishing and taking back: what is written, what is left alone, what a kill leaves."""

from pathlib import Path

import pytest

from safelight.domain.frame import FileStamp, FoundFile, Role, Stage
from safelight.domain.records import KnownFrame, Rating
from safelight.domain.score import Contribution, Part
from safelight.errors import SidecarBusy, SidecarUnwritable
from safelight.ports import SidecarWrite, Trace, TraceKind
from safelight.services.publish import ON_CARD, Publish
from safelight.services.withdraw import Withdraw
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.fakes.sidecars import FakeSidecars

FOLDER = Path("/pictures/shoot")


class NoCards:
    def card_root(self, path: Path) -> Path | None:
        return None


class OnCard:
    def card_root(self, path: Path) -> Path | None:
        return path


class Killed(BaseException):
    """Stands for SIGKILL: nobody catches it."""


class Desk:
    """A catalog with ranked frames, sidecars in memory, and Publish between them."""

    def __init__(self, frames: int = 3) -> None:
        self.store = SqliteStore(open_database(":memory:"))
        self.sidecars = FakeSidecars()
        self.clock = FakeClock()
        self.volumes: NoCards | OnCard = NoCards()
        for number in range(frames):
            self._add(number)

    def _add(self, number: int) -> None:
        path = FOLDER / f"{number}.jpg"
        with self.store.transaction():
            frame_id = self.store.catalog.add_frame(path, arrived_s=0.0)
            self.store.catalog.put_file(
                FoundFile(path, Role.IMAGE, FileStamp(1, 1, 1, 1)), frame_id=frame_id, content=b"%d" % number
            )
            self.store.catalog.set_stage(frame_id, Stage.RANKED)
            contributions = (Contribution(Part.TECHNICAL, "focus", 0.5),)
            self.store.ratings.put_rating(
                Rating(frame_id, 0.5, 3, contributions, "shoot", None, True, None, "Sharp."), judge="j"
            )

    @property
    def frames(self) -> list[KnownFrame]:
        return list(self.store.catalog.frames(range(1, 100)))

    def run(self, *, dry_run: bool = False) -> None:
        publish = Publish(store=self.store, sidecars=self.sidecars, volumes=self.volumes, clock=self.clock)
        publish.recover()
        with self.store.transaction():
            run_id = self.store.receipts.start_run([FOLDER], at_s=self.clock.now())
        publish.step(self.frames, seen=self.sidecars.stamps(), run_id=run_id, dry_run=dry_run)

    def undo(self) -> Withdraw:
        return Withdraw(store=self.store, sidecars=self.sidecars, clock=self.clock)

    def stages(self) -> list[Stage]:
        return [frame.stage for frame in self.frames]

    def published(self) -> int:
        return len(list(self.store.journal.entries("rating_published")))


def test_every_ranked_frame_is_written_once() -> None:
    desk = Desk()
    desk.run()
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED] * 3
    assert desk.sidecars.writes == 3
    assert desk.published() == 3


def test_a_dry_run_writes_nothing() -> None:
    desk = Desk()
    desk.run(dry_run=True)
    assert desk.sidecars.files == {}
    assert desk.stages() == [Stage.RANKED] * 3


def test_a_persons_rating_stands_and_is_told() -> None:
    desk = Desk()
    desk.sidecars.files[FOLDER / "1.jpg.xmp"] = b"person 5"
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED, Stage.KEPT, Stage.PUBLISHED]
    assert desk.sidecars.files[FOLDER / "1.jpg.xmp"] == b"person 5"
    assert desk.frames[1].given == 5


def test_a_rating_changed_after_ours_was_written_is_kept_from_then_on() -> None:
    desk = Desk()
    desk.run()
    desk.sidecars.files[FOLDER / "0.jpg.xmp"] = b"person 2"
    desk.run()
    desk.run()
    assert desk.stages()[0] is Stage.KEPT
    assert desk.sidecars.files[FOLDER / "0.jpg.xmp"] == b"person 2"


def test_a_rating_embedded_in_the_file_stands() -> None:
    desk = Desk()
    with desk.store.transaction():
        desk.store.catalog.set_content(2, b"1", embedded=4)
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED, Stage.KEPT, Stage.PUBLISHED]
    assert FOLDER / "1.jpg.xmp" not in desk.sidecars.files


def test_a_full_disk_keeps_the_rating_and_the_next_run_writes_it() -> None:
    desk = Desk()
    desk.sidecars.fails["1.jpg.xmp"] = SidecarUnwritable("The disk is full.", hint="Free some space.")
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED, Stage.RANKED, Stage.PUBLISHED]
    assert desk.frames[1].reason == "The disk is full. Free some space."
    desk.sidecars.fails.clear()
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED] * 3
    assert desk.frames[1].reason == ""


def test_a_sidecar_that_is_being_written_is_tried_once_more() -> None:
    desk = Desk()
    sidecars = desk.sidecars
    sidecars.fails["1.jpg.xmp"] = SidecarBusy("Half-written.")

    class Saving(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            sidecars.fails.clear()

    desk.clock = Saving()
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED] * 3


def test_nothing_is_written_on_a_card() -> None:
    desk = Desk()
    desk.volumes = OnCard()
    desk.run()
    assert desk.sidecars.files == {}
    assert {frame.reason for frame in desk.frames} == {ON_CARD}


@pytest.mark.parametrize("after_writes", range(4))
def test_a_kill_between_plan_and_note_writes_and_counts_each_frame_once(after_writes: int) -> None:
    desk = Desk()

    class Dying(FakeSidecars):
        def write(self, write: SidecarWrite, image: Path) -> FileStamp:
            if self.writes == after_writes:
                raise Killed
            return super().write(write, image)

        def flush(self) -> None:
            raise Killed

    desk.sidecars = Dying()
    with pytest.raises(Killed):
        desk.run()
    desk.sidecars = FakeSidecars(files=desk.sidecars.files, writes=desk.sidecars.writes)
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED] * 3
    assert desk.sidecars.writes == 3
    assert desk.published() == 3


def test_undo_restores_the_last_run_byte_for_byte() -> None:
    desk = Desk()
    desk.sidecars.files[FOLDER / "0.jpg.xmp"] = b"ours 1 of an older version"
    desk.run()
    withdrawn = desk.undo().step()
    assert withdrawn is not None
    assert len(withdrawn.restored) == 3
    assert desk.sidecars.files == {FOLDER / "0.jpg.xmp": b"ours 1 of an older version"}
    assert desk.undo().step() is None


def test_undo_after_a_kill_takes_back_what_was_written() -> None:
    desk = Desk()

    class Dying(FakeSidecars):
        def flush(self) -> None:
            raise Killed

    desk.sidecars = Dying()
    with pytest.raises(Killed):
        desk.run()
    desk.sidecars = FakeSidecars(files=desk.sidecars.files)
    desk.run()
    desk.undo().step()
    desk.undo().step()
    assert desk.sidecars.files == {}


def test_undo_leaves_what_another_program_has_changed() -> None:
    desk = Desk()
    desk.run()
    desk.sidecars.files[FOLDER / "2.jpg.xmp"] = b"edited"
    withdrawn = desk.undo().step()
    assert withdrawn is not None
    assert withdrawn.left == (FOLDER / "2.jpg.xmp",)
    assert desk.sidecars.files == {FOLDER / "2.jpg.xmp": b"edited"}


def test_after_undo_the_next_run_writes_again() -> None:
    desk = Desk()
    desk.run()
    desk.undo().step()
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED] * 3
    assert len(desk.sidecars.files) == 3


def test_a_frame_that_is_published_again_elsewhere_is_told_once() -> None:
    desk = Desk()
    desk.run()
    with desk.store.transaction():
        desk.store.catalog.set_stage(1, Stage.RANKED)  # as after a move
    desk.run()
    assert desk.published() == 3


def test_a_persons_rating_is_told_once_and_again_when_it_changes() -> None:
    desk = Desk()
    desk.sidecars.files[FOLDER / "1.jpg.xmp"] = b"person 5"
    desk.run()
    with desk.store.transaction():
        desk.store.catalog.set_stage(2, Stage.RANKED)  # as after a second look at a changed file
    desk.run()
    desk.sidecars.files[FOLDER / "1.jpg.xmp"] = b"person 2"
    desk.run()
    assert [entry.payload["rating"] for entry in desk.store.journal.entries("person_rated")] == [5, 2]


def test_a_rating_taken_back_and_written_again_is_told_again() -> None:
    desk = Desk()
    desk.run()
    desk.undo().step()
    desk.run()
    assert desk.published() == 6


def test_a_rating_that_was_read_with_care_before_is_not_told_again() -> None:
    desk = Desk()
    desk.sidecars.files[FOLDER / "1.jpg.xmp"] = b"person 5"
    with desk.store.transaction():
        desk.store.sightings.put_traces(2, b"look", ())
    desk.run()
    assert desk.stages()[1] is Stage.KEPT
    assert list(desk.store.journal.entries("person_rated")) == []


def test_a_rating_in_another_programs_settings_stands() -> None:
    desk = Desk()
    settings = FOLDER / "1.jpg.pp3"
    with desk.store.transaction():
        rank = Trace("rawtherapee", TraceKind.RATING, "4", 0.95, settings, 0.0)
        desk.store.sightings.put_traces(2, b"look", (rank,))
    desk.run()
    desk.run()
    assert desk.stages() == [Stage.PUBLISHED, Stage.KEPT, Stage.PUBLISHED]
    assert desk.frames[1].given == 4
    assert FOLDER / "1.jpg.xmp" not in desk.sidecars.files


def test_a_later_choice_outweighs_the_rating_in_the_file() -> None:
    desk = Desk()
    with desk.store.transaction():
        desk.store.catalog.set_content(2, b"1", embedded=4)
    desk.run()
    with desk.store.transaction():
        desk.store.catalog.set_stage(2, Stage.KEPT, "Your own rating stands: 2 stars.", given=2)
    desk.run()
    assert desk.frames[1].given == 2
    (rated,) = desk.store.journal.entries("person_rated")
    assert (rated.payload["rating"], rated.payload["program"], rated.payload["imported"]) == (4, "file", True)
