"""`safelight rate`: runs, then tells what came of it."""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from safelight.app import rating_run, remote
from safelight.app.rating_run import Outcome
from safelight.app.settings import Settings
from safelight.cli.progress import progress
from safelight.cli.wording import counted, percent, printable
from safelight.domain.frame import Stage
from safelight.services.describe import Describe, Description

_SHOWN = 20  # files named one by one before the rest is only counted

FIRST = (
    "Older pictures that you rated, picked or edited yourself can teach it your taste: 'safelight learn --from FOLDER'"
    " learns from them and writes nothing."
)


def run(folders: Sequence[Path], *, settings: Settings, dry_run: bool, as_json: bool) -> int:
    """Rate folders and return the exit status: 0, or 1 if some frames could not be rated."""
    shown = progress()
    with remote.writing(settings, os.environ) as parts:
        try:
            outcome = rating_run.rate(folders, parts=parts, progress=shown, dry_run=dry_run)
        finally:
            shown.end()
        # By name and not by when each was taken in, so that every run over a folder tells it in the same order.
        described = Describe(store=parts.store).frames(outcome.frames)
        descriptions = sorted(described, key=lambda each: bytes(each.frame.path))
    if as_json:
        _print_lines(descriptions, outcome)
    else:
        click.echo(_summary(descriptions, outcome, dry_run=dry_run))
    return 1 if outcome.not_looked or any(_failed(each, dry_run=dry_run) for each in descriptions) else 0


def _failed(description: Description, *, dry_run: bool) -> bool:
    stage = description.frame.stage
    return stage is Stage.UNREADABLE or (stage is Stage.RANKED and not dry_run)


def _print_lines(descriptions: Sequence[Description], outcome: Outcome) -> None:
    lines = [json.dumps(description.as_json()) for description in descriptions]
    for passed in outcome.not_looked:
        empty = dict.fromkeys(_KEYS) | {"path": str(passed.path), "companions": [], "stage": "unreadable"}
        lines.append(json.dumps(empty | {"reason": passed.reason}))
    sys.stdout.write("".join(f"{line}\n" for line in lines))  # at once: Ctrl-C leaves the whole answer or none of it


_KEYS = (
    *("path", "companions", "stage", "stars", "score", "technical", "appeal", "taste", "faces", "burst", "keeper"),
    *("set", "reason", "sidecar"),
)


def _summary(descriptions: Sequence[Description], outcome: Outcome, *, dry_run: bool) -> str:
    rated = [each for each in descriptions if each.frame.stage in (Stage.PUBLISHED, Stage.RANKED)]
    kept = sum(each.frame.stage is Stage.KEPT for each in descriptions)
    if not descriptions and not outcome.not_looked:
        return "No photographs found."
    lines = [_headline(len(rated), outcome, dry_run=dry_run), *_stars(rated), *_bursts(descriptions)]
    if kept:
        lines.append(f"{counted(kept, 'frame')} kept as you rated {'it' if kept == 1 else 'them'}.")
    if derived := sum(each.frame.stage is Stage.DERIVED for each in descriptions):
        lines.append(f"{counted(derived, 'export')} of rated frames left unrated.")
    unreadable = [(each.frame.path, each.reason) for each in descriptions if each.frame.stage is Stage.UNREADABLE]
    unreadable += [(each.path, each.reason) for each in outcome.not_looked]
    lines += _named("that could not be rated", unreadable)
    if not dry_run:
        unwritten = [(each.frame.path, each.frame.reason) for each in rated if each.frame.stage is Stage.RANKED]
        lines += _named("rated, but without a sidecar; the next run tries again", unwritten)
    if outcome.assessed and round(100 * outcome.leaning):
        lines.append(f"The scores lean on your taste by {percent(outcome.leaning)}; 'safelight taste' tells of it.")
    if outcome.trouble:
        lines.append(printable(outcome.trouble))
    if outcome.first:
        lines.append(FIRST)
    return "\n".join(lines)


def _headline(rated: int, outcome: Outcome, *, dry_run: bool) -> str:
    wrote = " (dry run: nothing written)" if dry_run else ""
    if not outcome.assessed:
        return f"{counted(rated, 'frame')} rated before, nothing new{wrote}."
    if outcome.assessed < len(outcome.frames):
        fresh = counted(outcome.assessed, "new or changed frame")
        return f"{fresh} looked at in {outcome.seconds:.1f} s, {counted(rated, 'frame')} rated in all{wrote}."
    return f"{counted(rated, 'frame')} rated in {outcome.seconds:.1f} s{wrote}."


def _stars(rated: Sequence[Description]) -> list[str]:
    if not rated:
        return []
    counts = Counter(each.stars for each in rated)
    most = max(counts.values())
    return [
        f"  {'★' * stars:<5}  {counts[stars]:>6}  {'▇' * round(30 * counts[stars] / most)}".rstrip()
        for stars in (5, 4, 3, 2, 1)
    ]


def _bursts(descriptions: Sequence[Description]) -> list[str]:
    bursts = {each.rating.burst: each.rating.set_kind for each in descriptions if each.rating and each.rating.burst}
    if not bursts:
        return []
    kinds = Counter(kind for kind in bursts.values() if kind)
    plain = len(bursts) - sum(kinds.values())
    told = [counted(plain, "burst")] if plain else []
    names = {"bracket": "exposure bracket", "focus": "focus stack", "panorama": "panorama"}
    told += [counted(number, names[kind.value]) for kind, number in sorted(kinds.items())]
    return [", ".join(told) + "."]


def _named(what: str, files: Sequence[tuple[Path, str]]) -> list[str]:
    if not files:
        return []
    lines = [f"{counted(len(files), 'file')} {what}:"]
    lines += [f"  {printable(path)}: {printable(reason)}" for path, reason in files[:_SHOWN]]
    if len(files) > _SHOWN:
        lines.append(f"  ... and {len(files) - _SHOWN} more; --json names them all.")
    return lines
