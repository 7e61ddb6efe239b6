"""`safelight journal`: everything that happened, in order, as it was written down."""

import json
import sys
import time
from collections.abc import Iterable

import click

from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.cli.wording import printable
from safelight.domain.entries import Entry


def run(*, settings: Settings, since_s: float | None, as_json: bool) -> int:
    """Print the entries written since a moment, oldest first, one a line; exit status 0."""
    with wiring.reading(settings) as parts:
        entries = (entry for entry in parts.store.journal.entries() if since_s is None or entry.at_s >= since_s)
        for line in map(_record, entries) if as_json else _told(entries):
            sys.stdout.write(f"{line}\n")
    return 0


def _record(entry: Entry) -> str:
    known = {"seq": entry.seq, "at_s": entry.at_s, "kind": entry.kind, "frame": entry.frame_id}
    return json.dumps(known | {"payload": dict(entry.payload)})


def _told(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at_s))
        frame = f"frame {entry.frame_id}" if entry.frame_id is not None else ""
        told = ", ".join(f"{name} {click.unstyle(str(value))}" for name, value in entry.payload.items())
        yield printable(f"{entry.seq:>7}  {when}  {entry.kind:<18} {frame:<12} {told}".rstrip())
