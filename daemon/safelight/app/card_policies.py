"""Lists the cards that were ever plugged in, and remembers what a person wants done with one."""

from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.domain.cards import Policy
from safelight.ports.cards import KnownCard
from safelight.storage import database
from safelight.storage.cards import open_cards


def known(settings: Settings) -> tuple[KnownCard, ...]:
    """Return all cards, the one that was here last first. Raises StateError."""
    database.make_folder(settings.state)
    with open_cards(settings.state) as (cards, _):
        return cards.all()


def remember(card: str, policy: Policy, *, settings: Settings) -> None:
    """Remember what is to be done with a card; ASK: as with one that was never seen before.

    Raises StateError, also when another command is at work.
    """
    with wiring.writing(settings), open_cards(settings.state) as (cards, _):
        cards.set_policy(card, None if policy is Policy.ASK else policy)
