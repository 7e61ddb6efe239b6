"""`safelight journal` and `safelight log`: everything that happened, in order, as it was written down."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import click

from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.cli.log_words import line
from safelight.cli.wording import printable
from safelight.control.messages import Answer
from safelight.domain.entries import Entry
from safelight.ports import Journal


def run(*, settings: Settings, since_s: float | None, as_json: bool) -> int:
    """Print the entries written since a moment, oldest first, one a line; exit status 0."""
    with wiring.reading(settings) as parts:
        entries = (entry for entry in parts.store.journal.entries() if since_s is None or entry.at_s >= since_s)
        for entry in entries:
            sys.stdout.write(f"{json.dumps(_record(entry)) if as_json else _told(entry)}\n")
    return 0


def answer(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    """Tell the `last` entries, the newest last."""
    entries = list(_newest(parts.store.journal, arguments["last"]))
    about = {entry.frame_id for entry in entries if entry.frame_id is not None}
    names = {frame.id: frame.path.name for frame in parts.store.catalog.frames(about)}
    lines = (line(entry, names.get(entry.frame_id or 0, "")) for entry in entries)
    told = "\n".join(each for each in lines if each is not None)
    return Answer(record=list(map(_record, entries)), text=told or "Nothing has happened yet.")


def show(given: Answer, *, as_json: bool) -> int:
    """Print the answer: with `as_json` an object a line, as `journal` does."""
    lines = map(json.dumps, given.record) if as_json else [given.text]
    for each in lines:
        sys.stdout.write(f"{each}\n")
    return given.status


def _newest(journal: Journal, number: int) -> Iterable[Entry]:
    """Return the newest entries, oldest first; what was forgotten has left gaps, so that numbers do not count them."""
    newest, reach = journal.newest(), number
    while True:
        found = deque(journal.entries(after=max(0, newest - reach)), maxlen=number)
        if len(found) == number or reach >= newest:
            return found
        reach *= 2


def _record(entry: Entry) -> dict[str, Any]:
    known = {"seq": entry.seq, "at_s": entry.at_s, "kind": entry.kind, "frame": entry.frame_id}
    return known | {"payload": dict(entry.payload)}


def _told(entry: Entry) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at_s))
    frame = f"frame {entry.frame_id}" if entry.frame_id is not None else ""
    told = ", ".join(f"{name} {click.unstyle(str(value))}" for name, value in entry.payload.items())
    return printable(f"{entry.seq:>7}  {when}  {entry.kind:<18} {frame:<12} {told}".rstrip())
