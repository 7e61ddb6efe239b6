"""What is done with a card that is plugged in: as it was said before, as the settings say, or as the person answers."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from safelight.app.card_desk import CardDesk, CardWork, Copying
from safelight.app.letters import CardsChanged, Copied, CopyEnded, CopyProgress
from safelight.domain.cards import Card, Policy
from safelight.domain.frame import Stage
from safelight.errors import ControlError, NoRoom
from tests.app.conducting import Daemon


class Importer:
    """Remembers which cards it was told to copy and to leave."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.stopped: list[str] = []

    def begin(self, card: Card, attempt: int) -> None:
        self.begun.append(card.id)

    def stop(self, card: str) -> None:
        self.stopped.append(card)


class Teller:
    """Remembers what the person was told."""

    def __init__(self) -> None:
        self.somebody = True
        self.told: list[tuple[str, Any]] = []

    def ask(self, card: Card) -> bool:
        self.told.append(("ask", card.id))
        return self.somebody

    def answered(self, card: Card) -> None:
        self.told.append(("answered", card.id))

    def copying(self, card: Card, done: int, total: int) -> None:
        self.told.append(("copying", (done, total)))

    def copied(self, card: Card, outcome: Copying, places: Collection[Path]) -> None:
        self.told.append(("copied", outcome.frames))

    def pulled(self, card: Card, outcome: Copying) -> None:
        self.told.append(("pulled", outcome.frames))


class World:
    """A desk with one card, over a daemon in memory."""

    def __init__(self, tmp_path: Path) -> None:
        self.daemon = Daemon(tmp_path / "pictures")
        self.root = tmp_path / "CARD"
        (self.root / "DCIM/100").mkdir(parents=True)
        (self.root / "DCIM/100/a.jpg").write_bytes(b"a")
        self.card = Card("card-1", "EOS_DIGITAL", self.root, self.root.stat().st_dev, read_only=False)
        self.importer, self.teller = Importer(), Teller()
        self.new, self.default = Policy.ASK, Policy.IMPORT
        self.marked: list[Card] = []
        work = CardWork(self.daemon.arrival, self.daemon.delivery, self.importer, self.teller, self.mark)
        self.desk = CardDesk(
            work=work,
            memory=self.daemon.store.cards,
            board=self.daemon.board,
            new=lambda: self.new,
            default=lambda: self.default,
            clock=self.daemon.clock.now,
        )
        self.daemon.roots._cards = self.desk.roots
        self.daemon.delivery._card_ranked = self.desk.ranked

    def mark(self, card: Card) -> None:
        self.marked.append(card)
        self.daemon.library.cards.roots.add(card.root)
        self.daemon.worker.on_cards.append(card.root)

    def plug_in(self) -> None:
        self.desk.hear(CardsChanged((self.card,)))
        self.daemon.settle_down()

    def pull(self) -> None:
        self.desk.hear(CardsChanged(gone=(self.root,)))
        self.daemon.settle_down()

    @property
    def shown(self) -> tuple[str, str]:
        (seen,) = self.daemon.board.status.cards
        return seen.policy, seen.state

    def frames(self) -> list[Stage]:
        catalog = self.daemon.store.catalog
        return [frame.stage for frame in catalog.frames(catalog.below(self.root))]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_new_card_is_asked_about_once_and_looked_at_meanwhile(world: World) -> None:
    world.plug_in()
    assert world.teller.told == [("ask", "card-1")]
    assert world.shown == ("ask", "asking")
    assert world.frames() == [Stage.RANKED]
    assert world.importer.begun == []


def test_the_answer_import_copies_and_holds_for_that_card(world: World) -> None:
    world.plug_in()
    world.desk.decide("card-1", "import")
    assert world.importer.begun == ["card-1"]
    assert world.teller.told[-1] == ("answered", "card-1")
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1)))
    world.pull()
    world.plug_in()
    assert world.importer.begun == ["card-1", "card-1"]
    assert [what for what, _ in world.teller.told].count("ask") == 1


def test_the_answer_rate_needs_no_second_look(world: World) -> None:
    world.plug_in()
    looked = len(world.daemon.asked("judge"))
    world.desk.decide("card-1", "rate")
    world.daemon.settle_down()
    assert len(world.daemon.asked("judge")) == looked
    assert world.importer.begun == []


def test_the_answer_ignore_is_remembered(world: World) -> None:
    world.plug_in()
    world.desk.decide("card-1", "ignore")
    world.pull()
    looked = len(world.daemon.asked("judge"))
    world.plug_in()
    assert world.shown == ("ignore", "ignored")
    assert len(world.daemon.asked("judge")) == looked


def test_where_nobody_can_be_asked_the_default_holds(world: World) -> None:
    world.teller.somebody = False
    world.plug_in()
    assert world.importer.begun == ["card-1"]
    assert world.daemon.store.cards.get("card-1").policy is None  # nobody has said so


def test_the_settings_may_answer_for_all_new_cards(world: World) -> None:
    world.new = Policy.RATE
    world.plug_in()
    assert world.teller.told == []
    assert world.shown == ("rate", "done")


def test_frames_are_judged_while_copying_goes_on_and_ranked_afterwards(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    copy = world.daemon.library.put("2026/a.jpg", b"a")
    world.desk.hear(Copied("card-1", (copy,)))
    world.daemon.settle_down()
    assert world.daemon.stage("2026/a.jpg") is Stage.ASSESSED
    world.desk.hear(CopyProgress("card-1", 1, 1))
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1)))
    world.daemon.settle_down()
    assert world.daemon.stage("2026/a.jpg") is Stage.PUBLISHED
    assert world.shown == ("import", "done")
    assert world.teller.told == [("copying", (1, 1)), ("copied", 1)]


def test_another_card_that_is_copied_into_the_same_folder_keeps_it_held(world: World) -> None:
    other = Card("card-2", "NIKON", world.root.parent / "OTHER", 7, read_only=False)
    world.new = Policy.IMPORT
    world.desk.hear(CardsChanged((world.card, other)))
    copy = world.daemon.library.put("2026/a.jpg", b"a")
    world.desk.hear(Copied("card-1", (copy,)))
    world.desk.hear(Copied("card-2", (copy,)))
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1)))
    world.daemon.settle_down()
    assert world.daemon.stage("2026/a.jpg") is Stage.ASSESSED
    world.desk.hear(CopyEnded("card-2", Copying(1, 0, 0, 1), 2))
    world.daemon.settle_down()
    assert world.daemon.stage("2026/a.jpg") is Stage.PUBLISHED


def test_a_card_pulled_while_copying_is_said(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    world.pull()
    assert world.daemon.board.status.cards == ()
    assert world.importer.stopped == ["card-1"]
    world.desk.hear(CopyEnded("card-1", Copying(3, 0, 0, 2, complete=False)))
    assert world.teller.told[-1] == ("pulled", 2)


def test_a_card_pulled_while_copying_and_put_back_gets_its_stars(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    copy = world.daemon.library.put("2026/a.jpg", b"a")
    world.desk.hear(Copied("card-1", (copy,)))
    world.pull()
    world.plug_in()
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1, complete=False)))
    world.desk.hear(CopyEnded("card-1", Copying(0, 1, 0, 0), 2))  # there was nothing left to copy into that folder
    world.daemon.settle_down()
    assert world.daemon.stage("2026/a.jpg") is Stage.PUBLISHED


def test_another_answer_while_copying_stops_it_and_holds_nothing_back(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    copy = world.daemon.library.put("2026/a.jpg", b"a")
    world.desk.hear(Copied("card-1", (copy,)))
    world.desk.decide("card-1", "ignore")
    assert world.importer.stopped == ["card-1"]
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1, complete=False)))
    world.daemon.settle_down()
    assert world.shown == ("ignore", "ignored")
    assert world.daemon.stage("2026/a.jpg") is Stage.PUBLISHED


def test_what_had_no_room_is_tried_again_and_told_once(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    full = Copying(0, 0, 0, 0, told="No room.", complete=False, problem=NoRoom("No room."))
    world.desk.hear(CopyEnded("card-1", full))
    assert world.shown == ("import", "failed")
    world.desk.again()
    world.desk.hear(CopyEnded("card-1", full, 2))
    assert world.importer.begun == ["card-1", "card-1"]
    assert [what for what, _ in world.teller.told] == ["copied"]
    world.desk.decide("card-1", "import")  # at once, once there is room
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 1), 3))
    assert world.shown == ("import", "done")
    assert [what for what, _ in world.teller.told] == ["copied", "answered", "copied"]


def test_a_card_of_which_nothing_waits_is_done(world: World) -> None:
    world.new = Policy.RATE
    world.plug_in()
    world.pull()
    world.plug_in()
    assert world.shown == ("rate", "reading")
    world.desk.rest()
    assert world.shown == ("rate", "done")


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Copying(6, 0, 0, 6), "6 files copied."),
        (Copying(1, 3, 0, 1), "1 file copied; 3 files had been imported before."),
        (Copying(0, 3, 0, 0), "Nothing new: 3 files had been imported before."),
        (Copying(0, 0, 0, 0), "There is nothing on it to copy."),
        (Copying(0, 0, 0, 0, told="The disk is full.", complete=False), "The disk is full."),
        (Copying(4, 0, 2, 4, told="2 files fail.", complete=False), "4 files copied. 2 files fail."),
    ],
)
def test_what_came_of_copying_is_told_in_whole_sentences(outcome: Copying, told: str) -> None:
    assert outcome.summary == told


def test_a_card_put_back_before_the_copying_has_ended_is_copied_again(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    world.pull()
    world.plug_in()
    world.desk.hear(CopyEnded("card-1", Copying(0, 0, 0, 0, complete=False)))  # of the first time
    assert world.importer.begun == ["card-1", "card-1"]
    assert world.shown == ("import", "copying")
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 0), 2))
    assert world.shown == ("import", "done")


def test_a_card_is_not_ejected_while_it_is_copied(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    with pytest.raises(ControlError, match="still being copied"):
        world.desk.let_go(world.root)
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 0)))
    assert world.desk.let_go(world.root) == world.card


def test_a_card_that_was_never_here_cannot_be_decided_about(world: World) -> None:
    with pytest.raises(ControlError, match="was ever here"):
        world.desk.decide("no such card", "import")


def test_what_is_not_safe_to_remove_is_said_to_be(world: World) -> None:
    world.new = Policy.IMPORT
    world.plug_in()
    assert not world.daemon.board.status.cards[0].safe_to_remove
    world.desk.hear(CopyEnded("card-1", Copying(1, 0, 0, 0)))
    assert world.daemon.board.status.cards[0].safe_to_remove
