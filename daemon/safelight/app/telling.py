"""Turns what happened into notices: one for each shoot, which grows in place, and one for each card.

That a card is copied, and can be taken out, is told at once; when its frames have their stars, one notice takes its
place and says both. Where several cards were copied at once, each keeps its own, and one tells of the whole shoot.
Invariant: called from the conductor's thread, shows in the main one; nothing here waits.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from safelight.app.card_desk import Copying
from safelight.control.messages import ShootDone
from safelight.domain import notices
from safelight.domain.cards import Card
from safelight.domain.notices import Notice, Rated


@dataclass(frozen=True, slots=True)
class _Expected:
    """A card whose frames have not got their stars yet."""

    card: Card
    outcome: Copying
    places: Collection[Path]

    def has(self, folder: Path) -> bool:
        return any(place.is_relative_to(folder) for place in self.places)


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
        self._expected: list[_Expected] = []
        self._cards: dict[int, tuple[Card, Copying]] = {}  # by the run that their frames were rated in

    def card_of(self, run: int) -> Card | None:
        """Return the card that the frames of a run came from, None when they came from none, or from several."""
        return self._cards[run][0] if run in self._cards else None

    def shoot(self, root: Path, shoot: ShootDone) -> None:
        """Tell that a shoot was rated, or has grown; one that came from a single card speaks of the card."""
        key, rated = f"shoot:{shoot.run}", _rated(shoot)
        came = [each for each in self._expected if each.has(Path(shoot.folder))]
        self._expected = [each for each in self._expected if each not in came]
        if len(came) == 1:
            self._cards[shoot.run] = (came[0].card, came[0].outcome)
            self._screen.close(f"card:{came[0].card.id}")
        elif came:
            self._cards.pop(shoot.run, None)  # each of the cards has a notice of its own
        if shoot.run in self._cards:
            card, outcome = self._cards[shoot.run]
            safe, failed = outcome.complete, outcome.failed
            self._screen.show(notices.card_done(key=key, label=card.label, rated=rated, safe=safe, failed=failed))
        else:
            self._screen.show(notices.shoot_done(key=key, name=shoot.name, rated=rated))

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

    def copied(self, card: Card, outcome: Copying, places: Collection[Path]) -> None:
        """Tell what came of copying into some folders; how the frames were rated is told when that is known."""
        self._expected = [each for each in self._expected if each.card.id != card.id]
        key = f"card:{card.id}"
        if outcome.problem is not None:
            self._screen.show(notices.card_stopped(key=key, label=card.label, told=outcome.summary))
            return
        rating = bool(outcome.frames) and any(self._root_of(place) is not None for place in places)
        if rating:
            self._expected.append(_Expected(card, outcome, tuple(places)))
        self._screen.show(
            notices.card_copied(
                key=key,
                label=card.label,
                told=outcome.summary,
                new=bool(outcome.files),
                safe=outcome.complete,
                rating=rating,
            )
        )

    def pulled(self, card: Card, outcome: Copying) -> None:
        """Tell that a card was taken out while it was being copied."""
        self._screen.show(notices.card_pulled(key=f"card:{card.id}", label=card.label, files=outcome.files))


def _rated(shoot: ShootDone) -> Rated:
    return Rated(
        frames=shoot.frames,
        seconds=shoot.seconds,
        five=shoot.five,
        low=shoot.low,
        bursts=shoot.bursts,
        withheld=shoot.withheld,
    )
