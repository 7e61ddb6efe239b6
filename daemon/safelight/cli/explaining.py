"""`safelight explain`: one sentence, and the contributions that add up to the score beside the keeper's."""

import json
from pathlib import Path

import click

from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.cli.wording import printable
from safelight.domain.records import Rating
from safelight.services.describe import Describe, Description


def run(file: Path, *, settings: Settings, as_json: bool) -> int:
    """Explain one file's rating; exit status 1 if it has none."""
    with wiring.reading(settings) as parts:
        frame = parts.store.catalog.frame_at(wiring.absolute(file))
        if frame is None:
            click.echo(f"{printable(file)} has not been looked at; rate its folder first.", err=True)
            return 1
        describe = Describe(store=parts.store)
        description = describe.frame(frame)
        keeper = describe.keeper(description.rating) if description.rating else None
    if as_json:
        click.echo(json.dumps(description.as_json() | _details(description.rating, keeper)))
    else:
        click.echo(_told(description, keeper))
    return 0 if description.rating else 1


def _details(rating: Rating | None, keeper: Rating | None) -> dict[str, object]:
    def listed(each: Rating | None) -> list[dict[str, object]] | None:
        if each is None:
            return None
        return [{"part": term.part.value, "name": term.name, "value": term.value} for term in each.contributions]

    return {"contributions": listed(rating), "keeper_contributions": listed(keeper)}


def _told(description: Description, keeper: Rating | None) -> str:
    stars = "★" * description.stars if description.stars else "unrated"
    lines = [f"{printable(description.frame.path)}", f"{stars}  {printable(description.reason)}"]
    rating = description.rating
    if rating is None:
        return "\n".join(lines)
    beside = keeper if keeper and keeper.frame_id != rating.frame_id else None
    if description.stars != rating.stars:
        lines.append(f"Safelight would have given {rating.stars}.")
    lines += ["", *_table(rating, beside)]
    return "\n".join(lines)


def _table(rating: Rating, beside: Rating | None) -> list[str]:
    theirs = {term.name: term.value for term in beside.contributions} if beside else {}
    lines = [f"{'':<14}{'this frame':>12}" + (f"{'its keeper':>12}" if beside else "")]
    for term in rating.contributions:
        other = f"{theirs.get(term.name, 0.0):>+12.2f}" if beside else ""
        lines.append(f"{term.name:<14}{term.value:>+12.2f}{other}")
    total = f"{beside.score:>+12.2f}" if beside else ""
    lines.append(f"{'score':<14}{rating.score:>+12.2f}{total}")
    return lines
