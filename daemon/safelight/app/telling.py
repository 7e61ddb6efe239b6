"""Turns what happened into notices: one for each shoot, which grows in place, and one for each card.

What came of a card is told once its frames have their stars, so that one notice says both: how many were rated and
that the card can be taken out.
Invariant: called from the conductor's thread, shows in the main one; nothing here waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.app.card_desk import Copying
from safelight.control.messages import ShootDone
from safelight.domain import notices
from safelight.domain.cards import Card
from safelight.domain.notices import Notice, Rated

_NOTHING = "Nothing new is on it: {} files had been imported before. Safe to remove."


@dataclass(frozen=True, slots=True)
class Screen:
    """Where notices are shown."""

    show: Callable[[Notice], None]
    close: Callable[[str], None]
    can_ask: Callable[[], bool]


class Telling:
    """What the person is told of shoots and cards."""

    def __init__(self, *, screen: Screen, root_of: Callable[[Path], Path | None]) -> None:
        """`root_of` returns the watched folder that a folder lies in."""
        self._screen = screen
        self._root_of = root_of
        self._expected: dict[Path, tuple[Card, Copying]] = {}  # by the watched folder that the copies went to
        self._cards: dict[int, Card] = {}  # by the run that their frames were rated in
        self.import_folder = Path()

    def card_of(self, run: int) -> Card | None:
        """Return the card that the frames of a run came from, None when they came from none."""
        return self._cards.get(run)

    def shoot(self, root: Path, shoot: ShootDone) -> None:
        """Tell that a shoot was rated, or has grown."""
        rated = _rated(shoot)
        if (expected := self._expected.pop(root, None)) is not None:
            card, outcome = expected
            self._cards[shoot.run] = card
            key, safe = f"shoot:{shoot.run}", outcome.complete
            self._screen.show(
                notices.card_done(key=key, label=card.label, rated=rated, safe=safe, failed=outcome.failed)
            )
            self._screen.close(f"card:{card.id}")
            return
        self._screen.show(notices.shoot_done(key=f"shoot:{shoot.run}", name=shoot.name, rated=rated))

    def undone(self, shoot: ShootDone) -> None:
        """Tell that the ratings of a shoot were taken back."""
        self._screen.show(notices.shoot_undone(key=f"shoot:{shoot.run}", name=shoot.name, frames=shoot.frames))

    def ask(self, card: Card) -> bool:
        """Ask what is to be done with a card; False where nobody can be asked."""
        if not self._screen.can_ask():
            return False
        self._screen.show(notices.card_question(key=f"card:{card.id}", label=card.label))
        return True

    def answered(self, card: Card) -> None:
        """Take the question away."""
        self._screen.close(f"card:{card.id}")

    def copying(self, card: Card, done: int, total: int) -> None:
        """Tell how far copying has come."""
        self._screen.show(notices.card_copying(key=f"card:{card.id}", label=card.label, done=done, total=total))

    def copied(self, card: Card, outcome: Copying) -> None:
        """Tell what came of copying, with what was rated when that is known."""
        root = self._root_of(self.import_folder)
        if outcome.problem is not None:
            error = outcome.problem
            self._screen.show(notices.trouble(key=f"card:{card.id}", summary=error.summary, hint=error.hint))
        elif outcome.frames and root is not None:
            self._expected[root] = (card, outcome)
        else:
            body = outcome.told or _NOTHING.format(outcome.before)
            self._screen.show(Notice(f"card:{card.id}", notices.Topic.CARD, f"Card {notices.shown(card.label)}", body))


def _rated(shoot: ShootDone) -> Rated:
    return Rated(
        frames=shoot.frames,
        seconds=shoot.seconds,
        five=shoot.five,
        low=shoot.low,
        bursts=shoot.bursts,
        withheld=shoot.withheld,
    )
