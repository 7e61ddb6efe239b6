"""Declares the commands that search: their arguments, and nothing of what they do."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from safelight.cli.options import JSON, PATH, STATE
from safelight.cli.search_arguments import CameraTime, StarRange

if TYPE_CHECKING:
    from safelight.app.search_run import Terms
    from safelight.app.settings import Settings

_MOST = 1000

_DEMANDS = (
    click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, metavar="N",
                 help="At most so many photographs."),
    click.option("--since", "since_s", type=CameraTime(end=False), metavar="DATE",
                 help="Only what was taken since then, by the camera's clock: 2026, 2026-05, 2026-05-01."),
    click.option("--until", "until_s", type=CameraTime(end=True), metavar="DATE",
                 help="Only what was taken until then; a day, month or year that is named is a part of it."),
    click.option("--camera", metavar="TEXT", help="Only by a camera whose maker and model have these words."),
    click.option("--lens", metavar="TEXT", help="Only with a lens whose name has these words."),
    click.option("--stars", type=StarRange(), metavar="RANGE",
                 help="Only with so many stars, your own before Safelight's: 5, 4.., 3-5, ..2 (0: without stars)."),
    click.option("--below", type=PATH, metavar="FOLDER", help="Only in this folder and those in it."),
    click.option("--all", "every", is_flag=True, help="Show each frame of a burst, and exports."),
    STATE,
    JSON,
)  # fmt: skip


def _with_demands(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command take what a search may ask for beside likeness; it is handed terms, settings and as_json."""

    @functools.wraps(command)
    def called(*, state: Path | None, as_json: bool, **given: Any) -> int:
        from safelight.app.configuration import settings

        about = {name: given.pop(name) for name in ("file", "words") if name in given}
        return command(**about, terms=_terms(**given), settings=settings(os.environ, state=state), as_json=as_json)

    for option in reversed(_DEMANDS):
        called = option(called)
    return called


def _terms(*, limit: int, every: bool, below: Path | None, **demands: Any) -> Terms:
    from safelight.app.search_run import Terms
    from safelight.domain.wanted import Wanted

    for name in ("camera", "lens"):
        if demands[name] is not None and not demands[name].split():
            raise click.BadParameter("give at least one word.", param_hint=f"'--{name}'")
    return Terms(limit, Wanted(below=below.resolve() if below else None, **demands), every)


@click.command()
@click.argument("file", type=PATH)
@_with_demands
def similar(*, file: Path, terms: Terms, settings: Settings, as_json: bool) -> int:
    """Find photographs that look like FILE, which may lie anywhere; the number beside each is a cosine, at most 1."""
    from safelight.cli import searching

    return searching.similar(file, terms=terms, settings=settings, as_json=as_json)


@click.command()
@click.argument("words", metavar="WORDS...", nargs=-1, required=True)
@_with_demands
def search(*, words: tuple[str, ...], terms: Terms, settings: Settings, as_json: bool) -> int:
    """Find photographs as WORDS describe them, with a bundle that knows words.

    The numbers are cosines between words and pictures: small, and to be compared within one search only.
    """
    from safelight.cli import searching

    if not " ".join(words).split():
        raise click.BadParameter("give at least one word.", param_hint="'WORDS...'")
    return searching.by_words(" ".join(words), terms=terms, settings=settings, as_json=as_json)


SEARCH_COMMANDS = (similar, search)
