"""Decides what happens to a card that was plugged in: what was said of it before is done again, else it is asked.

While the question stands the card is looked at already, which harms nothing: the ratings wait in the catalog, and go
along when its files are copied, by us or by any other program.
Invariant: nothing here or below it opens anything on a card for writing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.delivery import Delivery
from safelight.app.letters import CardsChanged, Copied, CopyEnded, CopyProgress
from safelight.app.worker_messages import Delivered
from safelight.control.messages import Answer, CardSeen, Trouble
from safelight.domain.cards import Card, Policy
from safelight.domain.notices import Press
from safelight.errors import ControlError, SafelightError
from safelight.ports.cards import Cards

State = Literal["waiting", "asking", "reading", "copying", "done", "ignored", "failed"]

READ = "Rated; the ratings go along when the files are copied into a watched folder."
PULLED = (
    "The card was taken out while it was being copied; what was copied is complete, the rest follows when it is back."
)
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

    def copied(self, card: Card, outcome: Copying) -> None:
        """Tell what came of copying; what was rated is told with it when that is known."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    card: Card
    policy: Policy
    state: State
    told: str = ""
    done: int = 0
    total: int = 0
    attempt: int = 0  # at copying it, counted since the daemon was started
    places: frozenset[Path] = frozenset()  # folders that its frames were copied into

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


@dataclass(frozen=True, slots=True)
class CardWork:
    """What the desk has done by others."""

    arrival: Arrival
    delivery: Delivery
    importer: Importer
    teller: CardTeller
    mark: Callable[[Card], None]  # remembers in the catalog that a folder is a card


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
        self._attempts = 0

    def roots(self) -> tuple[Path, ...]:
        """Return where the cards are that are looked at."""
        return tuple(each.card.root for each in self._seen.values() if each.state not in ("ignored", "failed"))

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
                if key in self._seen and self._seen[key].attempt == attempt:  # else it has been put in again since
                    self._ended(self._seen[key], outcome)
        self._show()

    def decide(self, key: str, policy: str) -> Answer:
        """Remember what the person wants done with a card, and do it if it is here. Raises ControlError."""
        chosen = Policy(policy)
        known = self._memory.get(key)
        if known is None or not self._memory.set_policy(key, None if chosen is Policy.ASK else chosen):
            raise ControlError(f"No card {key!r} was ever here.", hint="'safelight cards list' names those that were.")
        seen = self._seen.get(key)
        if seen is not None and chosen is not seen.policy:
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

    def nobody_there(self, key: str) -> None:
        """Do with a card what is done where nobody can be asked."""
        seen = self._seen.get(key)
        if seen is not None and seen.state == "asking":
            self._do(seen.card, self._default(), already=seen.state)
            self._show()

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
        if policy is Policy.IMPORT:
            self._work.delivery.drop(card.root)  # what is copied is looked at where it will stay
            self._attempts += 1
            self._work.importer.begin(card, self._attempts)
        elif policy is Policy.IGNORE:
            self._work.delivery.drop(card.root)
        elif already not in ("asking", "reading", "done"):
            self._work.mark(card)
            self._work.arrival.take_tree(card.root)
        shown: State = "done" if state == "reading" and already == "done" else state
        self._seen[card.id] = _Seen(card, policy, shown, attempt=self._attempts)

    def _leave(self, root: Path) -> None:
        for key, seen in list(self._seen.items()):
            if seen.card.root != root:
                continue
            self._work.importer.stop(key)
            self._work.delivery.drop(root)
            self._work.teller.answered(seen.card)
            if seen.state == "copying":
                self._seen[key] = replace(seen, state="failed", told=PULLED)  # until CopyEnded comes
            else:
                del self._seen[key]

    def _progress(self, key: str, done: int, total: int) -> None:
        if (seen := self._seen.get(key)) is not None:
            self._seen[key] = replace(seen, done=done, total=total)
            self._work.teller.copying(seen.card, done, total)

    def _copied(self, key: str, paths: tuple[Path, ...]) -> None:
        seen = self._seen.get(key)
        places = frozenset(path.parent for path in paths)
        if seen is not None:
            self._seen[key] = replace(seen, places=seen.places | places)
        for place in places:
            self._work.delivery.hold(place, on=True)
        self._work.arrival.believe(paths)

    def _ended(self, seen: _Seen, outcome: Copying) -> None:
        key = seen.card.id
        held = {
            place
            for other, each in self._seen.items()
            if other != key and each.state == "copying"
            for place in each.places
        }
        for place in seen.places - held:
            self._work.delivery.hold(place, on=False)
        self._work.teller.copied(seen.card, outcome)
        if seen.told == PULLED:
            del self._seen[key]
            return
        told = outcome.told or f"{outcome.files:,} files copied, {outcome.before:,} had been before."
        self._seen[key] = replace(seen, state="done" if outcome.complete else "failed", told=told)

    def _show(self) -> None:
        self._board.say(cards=tuple(each.shown() for each in self._seen.values()))
