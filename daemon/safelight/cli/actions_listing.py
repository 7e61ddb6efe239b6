"""`safelight actions`: what was made of everything that happened, with its evidence, and whether it counts."""

import json
import time
from collections.abc import Sequence

import click

from safelight.app import learning_run, wiring
from safelight.app.settings import Settings
from safelight.cli.wording import counted, percent, printable
from safelight.domain.actions import Action, State
from safelight.ports import Catalog

LAST = 50  # shown where it is not said how many

_SAID = {
    State.BELIEVED: "counts",
    State.PENDING: "waits",
    State.NO_OPINION: "says nothing",
    State.RETRACTED: "taken back",
    State.VETOED: "vetoed",
}


def run(*, settings: Settings, last: int, as_json: bool) -> int:
    """List the newest actions, the newest last; exit status 0."""
    with wiring.reading(settings) as parts:
        found = learning_run.correct(parts).actions(as_of=settings.as_of_s)
        chosen = found[-last:] if last else found
        if as_json:
            lines = [json.dumps(record_of(action, parts.store.catalog)) for action in chosen]
        else:
            lines = [line_of(action, parts.store.catalog) for action in chosen]
    if not found and not as_json:
        lines = ["Nothing has been done yet that could be learned from."]
    elif len(chosen) < len(found) and not as_json:
        lines.insert(0, f"The last {len(chosen):,} of {counted(len(found), 'action')}; --last 0 lists all.")
    if lines:
        click.echo("\n".join(lines))
    return 0


def record_of(action: Action, catalog: Catalog) -> dict[str, object]:
    """Return an action as JSON tells it."""
    return {
        "id": action.id,
        "at_s": action.at_s,
        "kind": action.kind.value,
        "value": action.value,
        "paths": paths_of(action.frame_ids, catalog),
        "frames": list(action.frame_ids),
        "shoot": action.shoot,
        "confidence": action.confidence,
        "reason": action.reason,
        "state": action.state.value,
        "why": action.why_state,
        "late": action.late,
    }


def line_of(action: Action, catalog: Catalog) -> str:
    """Return an action in two lines for people."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(action.at_s))
    named = paths_of(action.frame_ids, catalog)
    first = printable(named[0]) if named else "a frame that is not known any more"
    more = f" and {counted(len(named) - 1, 'other')}" if len(named) > 1 else ""
    return (
        f"{action.id:>6}  {when}  {first}{more}: {printable(action.reason)}\n"
        f"        {_SAID[action.state]} (sure by {percent(action.confidence)}): {printable(action.why_state)}"
    )


def paths_of(frame_ids: Sequence[int], catalog: Catalog) -> list[str]:
    """Return the last known main file of each frame."""
    return [str(frame.path) for frame in catalog.frames(frame_ids)]
