"""`safelight similar` and `safelight search`: what was found, how near it is, and what was asked for beside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from safelight.app import search_run, wiring
from safelight.app.search_run import Answered, Terms
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.cli.wording import counted, printable
from safelight.domain.judges import bundle_of
from safelight.domain.wanted import MOST_STARS, Stars, Wanted
from safelight.services.search import Match

NOTHING = 1  # exit status when nothing was found

_COLUMN = 24  # characters of a camera's name


def similar(file: Path, *, terms: Terms, settings: Settings, as_json: bool) -> int:
    """Print photographs like a file; exit status 1 if there are none."""
    asked = {"file": str(wiring.absolute(file))}
    told = f"Like {printable(file)}:"
    return _run(lambda parts: search_run.similar(file, terms=terms, parts=parts), asked, told, terms, settings, as_json)


def by_words(words: str, *, terms: Terms, settings: Settings, as_json: bool) -> int:
    """Print photographs as words describe them; exit status 1 if there are none."""
    told = f"As \N{LEFT DOUBLE QUOTATION MARK}{printable(words)}\N{RIGHT DOUBLE QUOTATION MARK}:"
    asked = {"words": words}
    return _run(
        lambda parts: search_run.by_words(words, terms=terms, parts=parts), asked, told, terms, settings, as_json
    )


def _run(
    ask: Callable[[Parts], Answered],
    asked: dict[str, str],
    told: str,
    terms: Terms,
    settings: Settings,
    as_json: bool,
) -> int:
    with wiring.reading(settings) as parts:
        answered = ask(parts)
    found = answered.found
    if found.trouble:
        click.echo(f"safelight: {printable(found.trouble)} All photographs were compared instead.", err=True)
    if as_json:
        click.echo(json.dumps(asked | _record(answered, terms)))
    elif found.matches:
        lines = [told, *map(_line, found.matches), *_notes(answered)]
        click.echo("\n".join(lines))
    else:
        click.echo("\n".join([_nothing(answered, terms.wanted), *_notes(answered)]), err=True)
    return 0 if found.matches else NOTHING


def _line(match: Match) -> str:
    shown = match.shown
    stars = "★" * (shown.stars or 0)
    camera = printable(shown.facts.camera or "")[:_COLUMN]
    more = f"  (+{match.more} of its burst)" if match.more else ""
    gone = "" if _is_there(shown.path) else "  (not to be had just now)"
    taken = _moment(shown.facts.taken_s) or ""
    return (
        f"{match.similarity:6.3f}  {stars:<{MOST_STARS}}  {taken[:16]:<16}  {camera:<{_COLUMN}}"
        f"  {printable(_near_path(shown.path))}{more}{gone}"
    )


def _record(answered: Answered, terms: Terms) -> dict[str, object]:
    found, wanted = answered.found, terms.wanted
    return {
        "judge": answered.judge,
        "searched": found.searched,
        "not_searched": answered.left,
        "own_burst": found.own_burst,
        "wanted": {
            "since": _moment(wanted.since_s),
            "until": _moment(wanted.until_s),
            "camera": wanted.camera,
            "lens": wanted.lens,
            "stars": wanted.stars and [wanted.stars.least, wanted.stars.most],
            "below": wanted.below and str(wanted.below),
        },
        "results": list(map(_match, found.matches)),
    }


def _match(match: Match) -> dict[str, object]:
    shown = match.shown
    return {
        "path": str(shown.path),
        "similarity": round(match.similarity, 4),
        "stars": shown.stars,
        "taken": _moment(shown.facts.taken_s),
        "make": shown.facts.make,
        "camera": shown.facts.camera,
        "lens": shown.facts.lens,
        "stage": shown.stage.value,
        "burst": shown.burst,
        "keeper": shown.keeper if shown.burst else None,
        "more": match.more,
        "there": _is_there(shown.path),
    }


def _notes(answered: Answered) -> list[str]:
    """Return what has to be said beside the photographs themselves."""
    lines = []
    if answered.found.own_burst:
        lines.append(f"{counted(answered.found.own_burst, 'more frame')} of its own burst: --all shows them.")
    if answered.left:
        told = counted(answered.left, "photograph")
        lines.append(f"{told} could not be found: {bundle_of(answered.judge)} has not looked at them yet.")
    return lines


def _nothing(answered: Answered, wanted: Wanted) -> str:
    searched = counted(answered.found.searched, "photograph")
    demands = _demands(wanted)
    if not demands:
        return f"Nothing was found among {searched}."
    return f"Nothing was found among {searched} with these demands: {', '.join(demands)}."


def _demands(wanted: Wanted) -> list[str]:
    """Return what was asked for beside likeness, in words."""
    told = [
        wanted.since_s is not None and f"taken since {_said(wanted.since_s)}",
        wanted.until_s is not None and f"taken before {_said(wanted.until_s)}",
        wanted.camera is not None and f"a camera named {printable(wanted.camera)}",
        wanted.lens is not None and f"a lens named {printable(wanted.lens)}",
        wanted.stars is not None and _stars(wanted.stars),
        wanted.below is not None and f"below {printable(wanted.below)}",
    ]
    return [each for each in told if each]


def _stars(stars: Stars) -> str:
    if stars.most == 0:
        return "without stars"
    if stars.least == stars.most:
        return counted(stars.least, "star")
    return f"{stars.least} to {stars.most} stars"


def _moment(seconds: float | None) -> str | None:
    """Return a moment of a camera's clock, which knows no zone."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a camera may have said anything
        return None


def _said(seconds: float | None) -> str:
    return (_moment(seconds) or "").removesuffix(" 00:00:00")


def _near_path(path: Path) -> Path:
    """Return a path as it is named from here, if it lies below this folder."""
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return path
    return path.relative_to(here) if path.is_relative_to(here) else path


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)  # also where its folder must not be entered, it is not to be had
