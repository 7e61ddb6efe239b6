"""`safelight taste`: what is believed of a person; and what `safelight taste report` tells beside its page."""

import json
import time
from pathlib import Path

import click

from safelight.cli.wording import counted, printable
from safelight.domain.evaluation import Measured, Report
from safelight.domain.evaluation_intervals import LEVEL
from safelight.domain.evaluation_words import percent, unknowns, verdict
from safelight.domain.portrait import Measure, Portrait
from safelight.domain.portrait_examples import Example
from safelight.domain.portrait_words import KINDS, LINES, PARTS


def show(portrait: Portrait, *, as_json: bool) -> int:
    """Print what a taste believes, as text or as one JSON object; exit status 0."""
    click.echo(json.dumps(portrait.as_json()) if as_json else _plain(_told(portrait)))
    return 0


def show_report(report: Report, portrait: Portrait, page: Path, *, as_json: bool) -> int:
    """Print how well a taste foretells and where its page is; exit status 0."""
    if as_json:
        click.echo(json.dumps(report.as_json() | {"portrait": portrait.as_json(), "page": str(page)}))
        return 0
    lines = [verdict(report.within), *_table("Which frame of a burst you keep", report.within)]
    lines += _table("Which burst or scene you prefer", report.across)
    if report.shown.lines:
        lines += _table("With our stars in view (they pull, so this flatters)", report.shown)
    if report.drift:
        lines += ["", report.drift.words]
    lines += ["", "Not known:", *(f"  {sentence}" for sentence in unknowns(report, portrait))]
    lines += ["", f"With plots: {printable(page)}"]
    click.echo(_plain(lines))
    return 0


def _table(heading: str, measured: Measured) -> list[str]:
    if not measured.lines:
        return []
    lines = ["", f"{heading} (last {counted(measured.used, 'decision')}, {percent(LEVEL)} intervals):"]
    for name, line in measured.lines.items():
        lines.append(f"  {LINES[name]:<20} {percent(line.share):>6}   {percent(line.low)} to {percent(line.high)}")
    return [*lines, f"  {'chance':<20} {percent(0.5):>6}"]


def _told(portrait: Portrait) -> list[str]:
    lines = [f"Ratings lean on your taste {portrait.leaning_words} ({percent(portrait.leaning)})."]
    if portrait.since_s is None or portrait.until_s is None:
        return [*lines, "Nothing has been learned from what you do yet."]
    lines += [
        f"Learned from {counted(portrait.actions, 'action')}, {_span(portrait.since_s, portrait.until_s)}:"
        f" {counted(portrait.comparisons, 'comparison')}, {portrait.blind:,} of them decided without stars in view.",
        *(
            f"  {each.comparisons:>7,}  {KINDS[each.kind]}; {percent(each.lapse)} of them say nothing"
            for each in portrait.evidence
        ),
        "",
    ]
    if not portrait.measures:
        return [*lines, "Until it foretells you better than the generic score does, that is the score you get."]
    parts = sorted(portrait.parts.items(), key=lambda part: -part[1])
    lines += ["What sets one frame apart from another in your taste:"]
    lines += [f"  {percent(part):>6}  {PARTS[name]}" for name, part in parts]
    return [*lines, *_claims(portrait.claims), *_likes(portrait), *_examples(portrait)]


def _claims(claims: tuple[Measure, ...]) -> list[str]:
    if not claims:
        return ["", "No measure matters more or less to you than to the average person, as far as can be told."]
    told = ["", "What matters more or less to you than to the average person (1: as much):"]
    return told + [f"  {each.ratio:>5.1f}  {each.words} ({each.low:.1f} to {each.high:.1f})" for each in claims]


def _likes(portrait: Portrait) -> list[str]:
    return ["", f"You like more than others do: {', '.join(portrait.likes)}."] if portrait.likes else []


def _examples(portrait: Portrait) -> list[str]:
    def listed(heading: str, frames: tuple[Example, ...]) -> list[str]:
        if not frames:
            return []
        return ["", heading, *(f"  {each.lift:>+6.2f}  {printable(each.name)}" for each in frames)]

    return [
        *listed("Pictures like these rise:", portrait.rising),
        *listed("Pictures like these sink:", portrait.sinking),
    ]


def _plain(lines: list[str]) -> str:
    """Join lines for a terminal, where not every font has a space that does not break."""
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _day(at_s: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at_s))


def _span(since_s: float, until_s: float) -> str:
    first, last = _day(since_s), _day(until_s)
    return f"on {first}" if first == last else f"from {first} to {last}"
