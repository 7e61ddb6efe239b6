"""`safelight explain`: one sentence, the contributions that add up to the score, and the past decisions behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app import learning_run, wiring
from safelight.cli.wording import printable
from safelight.control.messages import Answer
from safelight.domain.records import Rating
from safelight.domain.score import Part
from safelight.domain.technical_failure import failure_probability
from safelight.services.account import Account, Accounts, Because
from safelight.services.describe import Describe, Description

if TYPE_CHECKING:
    from safelight.app.wiring import Parts

_PREFERRED = {
    "rating": "you rated {} above {}",
    "export": "you made a finished picture of {}, not of {}",
    "burst_delete": "you kept {} over {}",
    "edit": "you worked on {}, not on {}",
    "select": "you chose {} over {}",
    "drop_burst": "you liked {} and threw {} away",
    "late_delete": "you kept {} over {}",
}


def answer(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    """Explain the rating of `file`; exit status 1 if it has none."""
    file = Path(arguments["file"])
    frame = parts.store.catalog.frame_at(wiring.absolute(file))
    if frame is None:
        return Answer(text=f"{printable(file)} has not been looked at; rate its folder first.", status=1)
    describe = Describe(store=parts.store)
    description = describe.frame(frame)
    keeper = describe.keeper(description.rating) if description.rating else None
    account = _account(description, parts)
    because = [_reason(each, parts) for each in account.because] if account else []
    return Answer(
        record=description.as_json() | _details(description.rating, keeper) | _learned(account, because),
        text=_told(description, keeper, account, because),
        status=0 if description.rating else 1,
    )


def _account(description: Description, parts: Parts) -> Account | None:
    if description.rating is None:
        return None
    return Accounts(store=parts.store, learn=learning_run.learner(parts)).of(description.frame.id)


def _reason(each: Because, parts: Parts) -> dict[str, object]:
    """Return one past decision as JSON tells it."""
    names = {frame.id: str(frame.path) for frame in parts.store.catalog.frames([each.comparison.winner,
             each.comparison.loser])}  # fmt: skip
    winner, loser = (names.get(each_id, "") for each_id in (each.comparison.winner, each.comparison.loser))
    return {
        "how": each.comparison.kind.value,
        "kept": winner,
        "over": loser,
        "at_s": each.comparison.at_s,
        "share": round(each.value, 4),
        "actions": list(each.comparison.actions),
    }


def _learned(account: Account | None, because: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "taste_version": account.version.version if account else None,
        "gate": account.version.gate if account else 0.0,
        "unsure": account.unsure if account else None,
        "because": list(because),
    }


def _details(rating: Rating | None, keeper: Rating | None) -> dict[str, object]:
    def listed(each: Rating | None) -> list[dict[str, object]] | None:
        if each is None:
            return None
        return [{"part": term.part.value, "name": term.name, "value": term.value} for term in each.contributions]

    return {
        "technical_failure_probability": rating and failure_probability(rating.contributions),
        "shoot": rating and rating.shoot,
        "contributions": listed(rating),
        "keeper_contributions": listed(keeper),
    }


def _told(
    description: Description, keeper: Rating | None, account: Account | None, because: Sequence[dict[str, object]]
) -> str:
    stars = "★" * description.stars if description.stars else "unrated"
    lines = [f"{printable(description.frame.path)}", f"{stars}  {printable(description.reason)}"]
    rating = description.rating
    if rating is None:
        return "\n".join(lines)
    beside = keeper if keeper and keeper.frame_id != rating.frame_id else None
    if description.stars != rating.stars:
        lines.append(f"Safelight would have given {rating.stars}.")
    lines += ["", *_table(rating, beside)]
    if account is not None:
        lines += ["", *_reasons(account, because)]
    return "\n".join(lines)


def _table(rating: Rating, beside: Rating | None) -> list[str]:
    theirs = {(term.part, term.name): term.value for term in beside.contributions} if beside else {}
    ours = {(term.part, term.name): term.value for term in rating.contributions}
    lines = [f"{'':<20}{'this frame':>12}" + (f"{'its keeper':>12}" if beside else "")]
    for part, name in dict.fromkeys([*ours, *theirs]):
        label = f"taste: {name}" if part is Part.TASTE else name
        other = f"{theirs.get((part, name), 0.0):>+12.2f}" if beside else ""
        lines.append(f"{label:<20}{ours.get((part, name), 0.0):>+12.2f}{other}")
    total = f"{beside.score:>+12.2f}" if beside else ""
    lines.append(f"{'score':<20}{rating.score:>+12.2f}{total}")
    return lines


def _reasons(account: Account, because: Sequence[dict[str, object]]) -> list[str]:
    sure = "Safelight is unsure of your taste in this picture." if account.unsure else "What your own choices add:"
    lines = [sure]
    for each in because:
        kept, over = (printable(Path(str(each[name])).name) or "a forgotten frame" for name in ("kept", "over"))
        lines.append(f"  {each['share']:>+6.2f}  because {_PREFERRED[str(each['how'])].format(kept, over)}")
    return lines
