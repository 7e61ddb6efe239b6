"""`safelight cards`: which cards are known, and what is done with each when it is plugged in."""

import json
import time
from collections.abc import Mapping, Sequence

import click

from safelight.app import card_policies, configuration, remote
from safelight.app.settings import Settings
from safelight.cli.wording import printable
from safelight.control.messages import CardSeen
from safelight.domain.cards import Policy
from safelight.ports.cards import KnownCard

DONE = {
    Policy.ASK: "you are asked",
    Policy.IMPORT: "copied and rated",
    Policy.RATE: "rated, not copied",
    Policy.IGNORE: "ignored",
}


def show(*, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """List the cards, the one that was here last first; exit status 0."""
    cards = card_policies.known(settings)
    here = {each.card: each for each in _plugged(settings, environ)}
    if as_json:
        click.echo(json.dumps([_record(card, here.get(card.id)) for card in cards]))
        return 0
    new = Policy(configuration.read(environ).cards.new)
    lines = [_line(card, here.get(card.id), new) for card in cards] or ["No card was ever plugged in."]
    click.echo("\n".join([*lines, f"A card that was never seen before: {DONE[new]}."]))
    return 0


def put(named: str, policy: str, *, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """Remember what is to be done with a card; exit status 0."""
    card = _found(named, card_policies.known(settings))
    client = remote.connected(settings, environ)
    if client is not None:
        with client:
            client.ask("card", card=card.id, policy=policy)
    else:
        card_policies.remember(card.id, Policy(policy), settings=settings)
    if as_json:
        click.echo(json.dumps({"card": card.id, "label": card.label, "policy": policy}))
    else:
        told = "treated as if never seen before" if policy == "ask" else DONE[Policy(policy)]
        click.echo(f"{_named(card)}: {told}, whenever it is plugged in.")
    return 0


def _found(named: str, cards: Sequence[KnownCard]) -> KnownCard:
    """Return the card of this id or this label. Raises UsageError when there is none, or several of that label."""
    found = [card for card in cards if card.id == named] or [card for card in cards if card.label == named]
    if not found:
        raise click.UsageError(f"No card called {named} was ever plugged in; 'safelight cards list' names them.")
    if len(found) > 1:
        ids = " or ".join(card.id for card in found)
        raise click.UsageError(f"Several cards are called {named}: say {ids} instead.")
    return found[0]


def _plugged(settings: Settings, environ: Mapping[str, str]) -> Sequence[CardSeen]:
    client = remote.connected(settings, environ)
    if client is None:
        return ()
    with client:
        return client.status().cards


def _record(card: KnownCard, here: CardSeen | None) -> dict[str, object]:
    return {
        "card": card.id,
        "label": card.label,
        "policy": card.policy and card.policy.value,
        "first_s": card.first_s,
        "last_s": card.last_s,
        "root": here and here.root,
        "state": here and here.state,
    }


def _line(card: KnownCard, here: CardSeen | None, new: Policy) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(card.last_s))
    place = f"plugged in at {printable(here.root)}" if here else f"last here {when}"
    said = DONE[card.policy] if card.policy else f"{DONE[new]}, as any new card"
    return f"{_named(card)}  {place}: {said}"


def _named(card: KnownCard) -> str:
    return printable(f"{card.label or 'Card without a name'} ({card.id})")
