"""Decides what happens to a card that was plugged in: what was said of it before is done again, else it is asked.

While the question stands the card is looked at already, which harms nothing: the ratings wait in the catalog, and go
along when its files are copied, by us or by any other program.
Invariant: nothing here or below it opens anything on a card for writing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.delivery import Delivery
from safelight.app.letters import CardsChanged, Copied, CopyEnded, CopyProgress
from safelight.app.worker_messages import Delivered
from safelight.control.messages import Answer, CardSeen, Trouble
from safelight.domain.cards import Card, Policy
from safelight.domain.notices import Press, counted
from safelight.errors import ControlError, NoRoom, SafelightError, TargetUnusable
from safelight.ports.cards import Cards

State = Literal["waiting", "asking", "reading", "copying", "done", "ignored", "failed"]

READ = "Rated; the ratings go along when the files are copied into a watched folder."
NOTHING_WAITS = "Nothing on it waits to be rated."
COPYING = "The card {} is still being copied."


@dataclass(frozen=True, slots=True)
class Copying:
    """What came of copying a card, as far as the desk cares."""

    files: int  # copied now
    before: int  # that had been imported before
    failed: int
    frames: int  # with a picture, copied now
    told: str = ""  # what went wrong, one sentence
    complete: bool = True  # nothing is left to copy
    problem: SafelightError | None = None

    @property
    def summary(self) -> str:
        """Return what came of it in whole sentences, what went wrong last."""
        before = f"{counted(self.before, 'file')} had been imported before" if self.before else ""
        if self.files:
            done = f"{counted(self.files, 'file')} copied{'; ' if before else ''}{before}."
        elif self.told:
            done = ""
        else:
            done = f"Nothing new: {before}." if before else "There is nothing on it to copy."
        return " ".join(filter(None, (done, self.told)))


class Importer(Protocol):
    """Copies cards, each in a thread of its own; what it has to say comes as letters."""

    def begin(self, card: Card, attempt: int) -> None:
        """Start to copy a card; CopyEnded tells with which attempt it ended."""
        ...

    def stop(self, card: str) -> None:
        """Stop copying a card soon; CopyEnded follows."""
        ...


class CardTeller(Protocol):
    """Tells the person of cards."""

    def ask(self, card: Card) -> bool:
        """Ask what is to be done with a card; False where nobody can be asked."""
        ...

    def answered(self, card: Card) -> None:
        """Take the question away."""
        ...

    def copying(self, card: Card, done: int, total: int) -> None:
        """Tell how far copying has come."""
        ...

    def copied(self, card: Card, outcome: Copying, places: Collection[Path]) -> None:
        """Tell what came of copying into some folders; what was rated is told with it when that is known."""
        ...

    def pulled(self, card: Card, outcome: Copying) -> None:
        """Tell that a card was taken out while it was being copied."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    card: Card
    policy: Policy
    state: State
    told: str = ""
    done: int = 0
    total: int = 0
    problem: SafelightError | None = None  # what ended the last copying
    out: bool = False  # taken out; what was begun with it has not ended yet

    def shown(self) -> CardSeen:
        return CardSeen(
            card=self.card.id,
            label=self.card.label,
            root=str(self.card.root),
            policy=self.policy.value,
            state=self.state,
            told=self.told,
            done=self.done,
            total=self.total,
            safe_to_remove=self.state not in ("copying", "reading"),
        )


@dataclass(slots=True)
class _Copy:
    """The last attempt at copying a card."""

    attempt: int  # counted since the daemon was started
    places: set[Path] = field(default_factory=set)  # into which frames were copied, also by attempts before it


@dataclass(frozen=True, slots=True)
class CardWork:
    """What the desk has done by others."""

    arrival: Arrival
    delivery: Delivery
    importer: Importer
    teller: CardTeller
    mark: Callable[[Card], None]  # remembers in the catalog that a folder is a card
    importing: Callable[[], None] = lambda: None  # has the folder watched that cards are copied into


class CardDesk:
    """The cards that are plugged in. Used by the conductor's thread alone."""

    def __init__(
        self,
        *,
        work: CardWork,
        memory: Cards,
        board: Board,
        new: Callable[[], Policy],
        default: Callable[[], Policy],
        clock: Callable[[], float],
    ) -> None:
        """`new` is what the settings say of cards never seen, `default` what is done where nobody can be asked."""
        self._work = work
        self._memory = memory
        self._board = board
        self._new = new
        self._default = default
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._copies: dict[str, _Copy] = {}  # that have not ended
        self._attempts = 0

    def roots(self) -> tuple[Path, ...]:
        """Return where the cards are whose frames are looked at on the card itself."""
        looked_at = (Policy.ASK, Policy.RATE)
        return tuple(each.card.root for each in self._seen.values() if each.policy in looked_at and not each.out)

    def hear(self, letter: CardsChanged | CopyProgress | Copied | CopyEnded) -> None:
        """Take note of what happened to cards."""
        match letter:
            case CardsChanged(appeared, gone):
                for root in gone:
                    self._leave(root)
                for card in appeared:
                    self._come(card)
            case CopyProgress(key, done, total):
                self._progress(key, done, total)
            case Copied(key, paths):
                self._copied(key, paths)
            case CopyEnded(key, outcome, attempt):
                assert isinstance(outcome, Copying)
                if key in self._copies and self._copies[key].attempt == attempt:  # else it was begun anew since
                    self._ended(key, outcome)
        self._show()

    def decide(self, key: str, policy: str) -> Answer:
        """Remember what the person wants done with a card, and do it if it is here. Raises ControlError."""
        chosen = Policy(policy)
        known = self._memory.get(key)
        if known is None or not self._memory.set_policy(key, None if chosen is Policy.ASK else chosen):
            raise ControlError(f"No card {key!r} was ever here.", hint="'safelight cards list' names those that were.")
        seen = self._seen.get(key)
        if seen is not None and not seen.out and (chosen is not seen.policy or seen.state == "failed"):
            self._work.teller.answered(seen.card)
            self._do(seen.card, chosen, already=seen.state)
            self._show()
        told = {
            "ask": "will be asked about",
            "import": "is copied and rated",
            "rate": "is only rated",
            "ignore": "is ignored",
        }
        return Answer(
            record={"card": key, "policy": chosen.value}, text=f"The card {known.label} {told[chosen.value]}."
        )

    def press(self, key: str, button: str) -> None:
        """Do what a button of a card's notification says. Raises SafelightError."""
        if button in (Press.IMPORT, Press.RATE, Press.IGNORE):
            self.decide(key, button)

    def again(self) -> None:
        """Try once more to copy cards for which there was no room, or whose folder could not be used."""
        for seen in list(self._seen.values()):
            if seen.state == "failed" and isinstance(seen.problem, (NoRoom, TargetUnusable)):
                self._do(seen.card, seen.policy)
                self._show()

    def rest(self) -> None:
        """Take note that nothing is being done: a card of which nothing waits to be rated is done."""
        for key, seen in self._seen.items():
            root = seen.card.root
            if seen.state == "reading" and not (self._work.arrival.waits(root) or self._work.delivery.waits(root)):
                self._seen[key] = replace(seen, state="done", told=NOTHING_WAITS)
                self._show()

    def nobody_there(self, key: str) -> None:
        """Do with a card what is done where nobody can be asked."""
        seen = self._seen.get(key)
        if seen is not None and seen.state == "asking":
            self._do(seen.card, self._default(), already=seen.state)
            self._show()

    def at(self, key: str) -> Path:
        """Return where a card is. Raises ControlError when it is not here."""
        if key not in self._seen:
            raise ControlError("The card is not here any more.", hint="'safelight status' names the cards that are.")
        return self._seen[key].card.root

    def let_go(self, root: Path) -> Card:
        """Stop looking at a card, so that it can be unmounted. Raises ControlError while it is being copied."""
        seen = next((each for each in self._seen.values() if each.card.root == root), None)
        if seen is None:
            raise ControlError(f"There is no card at {root}.", hint="'safelight status' names the cards that are here.")
        if seen.state == "copying":
            raise ControlError(COPYING.format(seen.card.label), hint="Wait until it is done.")
        self._work.delivery.drop(root)
        return seen.card

    def complain(self, error: SafelightError) -> None:
        """Show what went wrong with something that a button asked for."""
        self._board.trouble("button", Trouble(level="note", told=error.summary, hint=error.hint))

    def ranked(self, root: Path, delivered: Delivered) -> None:
        """Take note that the frames on a card have their stars."""
        for key, seen in self._seen.items():
            if seen.card.root == root and seen.state in ("reading", "asking"):
                state: State = "done" if seen.state == "reading" else "asking"
                self._seen[key] = replace(seen, state=state, told=READ, done=delivered.frames, total=delivered.frames)
        self._show()

    def close(self) -> None:
        """Stop all copying."""
        for key in self._seen:
            self._work.importer.stop(key)

    def _come(self, card: Card) -> None:
        known = self._memory.see(card, at_s=self._clock())
        policy = known.policy or self._new()
        if policy is Policy.ASK and not self._work.teller.ask(card):
            policy = self._default()
        self._do(card, policy)

    def _do(self, card: Card, policy: Policy, *, already: State = "waiting") -> None:
        """Begin what is to be done with a card."""
        states: dict[Policy, State] = {
            Policy.ASK: "asking", Policy.IMPORT: "copying", Policy.RATE: "reading", Policy.IGNORE: "ignored",
        }  # fmt: skip
        state = states[policy]
        before = self._seen.get(card.id)
        if policy is Policy.IMPORT:
            self._work.delivery.drop(card.root)  # what is copied is looked at where it will stay
            self._begin(card)
        elif already == "copying":
            self._work.importer.stop(card.id)
        if policy is Policy.IGNORE:
            self._work.delivery.drop(card.root)
        elif policy is not Policy.IMPORT and already not in ("asking", "reading", "done"):
            self._work.mark(card)
            self._work.arrival.take_tree(card.root, complete=True)
        shown: State = "done" if state == "reading" and already == "done" else state
        self._seen[card.id] = _Seen(card, policy, shown, problem=before.problem if before else None)

    def _begin(self, card: Card) -> None:
        """Copy a card; places that an attempt before has copied into are let go of when this one ends."""
        self._attempts += 1
        self._work.importing()
        before = self._copies.get(card.id)
        self._copies[card.id] = _Copy(self._attempts, before.places if before else set())
        self._work.importer.begin(card, self._attempts)

    def _leave(self, root: Path) -> None:
        for key, seen in list(self._seen.items()):
            if seen.card.root != root:
                continue
            self._work.importer.stop(key)
            self._work.delivery.drop(root)
            self._work.teller.answered(seen.card)
            if seen.state == "copying":
                self._seen[key] = replace(seen, out=True)  # until CopyEnded comes
            else:
                del self._seen[key]

    def _progress(self, key: str, done: int, total: int) -> None:
        seen = self._seen.get(key)
        if seen is not None and seen.state == "copying" and not seen.out:
            self._seen[key] = replace(seen, done=done, total=total)
            self._work.teller.copying(seen.card, done, total)

    def _copied(self, key: str, paths: tuple[Path, ...]) -> None:
        places = {path.parent for path in paths}
        if key in self._copies:
            self._copies[key].places |= places
            for place in places:
                self._work.delivery.hold(place, on=True)
        self._work.arrival.believe(paths)

    def _ended(self, key: str, outcome: Copying) -> None:
        places = self._copies.pop(key).places
        for place in places.difference(*(each.places for each in self._copies.values())):
            self._work.delivery.hold(place, on=False)
        seen = self._seen.get(key)
        if seen is None or seen.state != "copying":
            return  # the person has decided otherwise
        if seen.out:
            del self._seen[key]
            self._work.teller.pulled(seen.card, outcome)
            return
        known = seen.problem is not None and outcome.problem is not None and not outcome.files
        if not (known and str(seen.problem) == str(outcome.problem)):  # what was tried again in vain is not told again
            self._work.teller.copied(seen.card, outcome, places)
        state: State = "done" if outcome.complete else "failed"
        self._seen[key] = replace(seen, state=state, told=outcome.summary, problem=outcome.problem)

    def _show(self) -> None:
        self._board.say(cards=tuple(each.shown() for each in self._seen.values() if not each.out))
