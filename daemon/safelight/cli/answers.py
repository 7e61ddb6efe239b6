"""Answers the commands that the daemon can be asked as well: one function each makes the record and the text.

The daemon's worker calls `answer` with its own adapters, and a command without a daemon calls it with those of its own
process. Everything that is particular to the process that was started by the person (relative paths, what a terminal
can show) is settled before and after.
Invariant: an answer depends on nothing but the adapters and the arguments, so that it is the same both ways.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from safelight.app import remote, wiring
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.control.arguments import checked
from safelight.control.messages import Answer


def answer(name: str, parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    """Answer one command of ANSWERS, whose arguments are those of `control.arguments`.

    What changes state wants adapters that were opened for writing. Raises SafelightError when it cannot be done.
    """
    return ANSWERS[name](parts, arguments)


def asked(
    name: str, arguments: Mapping[str, Any], *, settings: Settings, environ: Mapping[str, str], here: bool = False
) -> Answer:
    """Let the daemon answer where one works with this state folder; answer here where none does, or with `here`.

    Raises SafelightError in the same words either way.
    """
    wanted = checked(name, arguments)
    client = None if here else remote.connected(settings, environ)
    if client is not None:
        with client:
            return client.ask(name, **wanted)
    with remote.writing(settings, environ) if name in WRITING else wiring.reading(settings) as parts:
        return answer(name, parts, wanted)


def show(given: Answer, *, as_json: bool) -> int:
    """Print an answer and return its exit status; one that has no record says why on standard error."""
    if given.record is None:
        click.echo(given.text, err=given.status != 0)
    elif as_json:
        click.echo(json.dumps(given.record))
    else:
        click.echo(given.text)
    return given.status


def _explain(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    from safelight.cli import explaining

    return explaining.answer(parts, arguments)


def _undo(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    from safelight.cli import undoing

    return undoing.answer(parts, arguments)


def _rerate(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    from safelight.cli import rerating

    return rerating.answer(parts, arguments)


def _log(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    from safelight.cli import journaling

    return journaling.answer(parts, arguments)


ANSWERS: Mapping[str, Callable[[Parts, Mapping[str, Any]], Answer]] = {
    "explain": _explain,
    "undo": _undo,
    "rerate": _rerate,
    "log": _log,
}
WRITING = frozenset({"undo", "rerate"})  # the rest only reads
