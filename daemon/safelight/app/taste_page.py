"""Writes the page of `safelight taste report`: one HTML file that opens without a network, a script or a second file.

The page says what the report and the portrait say, and no more: every number in it is theirs. File names and pictures
come in as data and are escaped; a policy in the page forbids whatever would be loaded from outside.
Invariant: a file that is not a page of ours is never written over, so `--out` cannot cost anybody a photograph.
"""

import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from time import localtime, strftime

from safelight.app.pages import charts
from safelight.app.pages.templates import filled
from safelight.domain.evaluation import NEEDED, Measured, Report
from safelight.domain.evaluation_intervals import LEVEL, Agreement
from safelight.domain.evaluation_words import percent, unknowns, verdict
from safelight.domain.portrait import Portrait
from safelight.domain.portrait_examples import Example
from safelight.domain.portrait_words import KINDS, LINES, PARTS
from safelight.errors import CannotStart

FILE_NAME = "taste.html"  # in the state folder, where nothing else was asked for
_MARK = b"<!doctype html>\n<!-- Safelight taste report -->"

_AGREEMENT_TICKS = (0.2, 0.4, 0.6, 0.8, 1.0)


def write(
    report: Report,
    portrait: Portrait,
    path: Path,
    *,
    now_s: float,
    thumbnails: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the page and return its absolute path.

    `thumbnails` are small JPEGs by the names of the portrait's examples; without them names alone are shown. Raises
    CannotStart when the file is there and not a page of ours, or cannot be written.
    """
    path = path.absolute()
    page = rendered(report, portrait, now_s=now_s, thumbnails=thumbnails or {}).encode("utf-8")
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _refuse_what_is_not_ours(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("xb") as stream:
                stream.write(page)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStart(
            f"The page {path} cannot be written: {error.strerror}.", hint="Name another file with --out.", path=path
        ) from error
    return path


def rendered(report: Report, portrait: Portrait, *, now_s: float, thumbnails: Mapping[str, bytes]) -> str:
    """Return the page; `now_s` is when it is made, seconds since the epoch."""
    return filled(
        "taste.html",
        {
            "report": report,
            "portrait": portrait,
            "verdict": verdict(report.within),
            "leaning": f"Ratings lean on your taste {portrait.leaning_words} ({percent(portrait.leaning)}).",
            "learned": _learned(portrait),
            "level": percent(LEVEL),
            "charts": _charts(report, portrait),
            "stretch": round(sum(each.decisions for each in report.curve) / max(len(report.curve), 1)),
            "calibration_words": _calibration_words(report),
            "shown_words": _shown_words(report.shown),
            "believes": bool(portrait.measures),
            "parts": _parts(portrait),
            "likes": _listed(portrait.likes),
            "rising": [_frame(each, thumbnails) for each in portrait.rising],
            "sinking": [_frame(each, thumbnails) for each in portrait.sinking],
            "evidence": [
                {"words": KINDS[each.kind], "comparisons": f"{each.comparisons:,}", "lapse": percent(each.lapse)}
                for each in portrait.evidence
            ],
            "unknowns": unknowns(report, portrait),
            "made": _day(now_s),
        },
    )


def _refuse_what_is_not_ours(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    ours = False
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as stream:
            ours = stream.read(len(_MARK)) == _MARK
    if not ours:
        raise CannotStart(
            f"{path} is there already and is not a page of Safelight's.", hint="Name another with --out.", path=path
        )


def _charts(report: Report, portrait: Portrait) -> dict[str, str]:
    return {
        "agreement": _agreement(report.within, "Which frame of a burst you keep: share foretold, by way to foretell"),
        "across": _agreement(report.across, "Which burst or scene you prefer: share foretold, by way to foretell"),
        "curve": _curve(report),
        "calibration": _calibration(report),
        "measures": _measures(portrait),
    }


def _agreement(measured: Measured, title: str) -> str:
    if not measured.lines:
        return ""
    rows = [
        charts.Interval(
            LINES[name],
            line.share,
            line.low,
            line.high,
            percent(line.share),
            name if name in ("personal", "generic") else "plain",
        )
        for name, line in measured.lines.items()
    ]
    lowest = min(line.low for line in measured.lines.values())
    ticks = [tick for tick in _AGREEMENT_TICKS if tick >= 0.4 or lowest < 0.4]
    return charts.intervals(
        rows, span=(ticks[0], 1.0), ticks=ticks, told=percent, reference=(0.5, "chance"), title=title, axis="foretold"
    )


def _curve(report: Report) -> str:
    if not report.curve:
        return ""

    def line(name: str, kind: str, values: list[tuple[int, Agreement]]) -> charts.Band:
        return charts.Band(name, [(float(x), each.share, each.low, each.high) for x, each in values], kind)

    lowest = min(min(each.personal.low, each.generic.low) for each in report.curve)
    ticks = [tick for tick in _AGREEMENT_TICKS if tick >= 0.4 or lowest < 0.4]
    return charts.bands(
        [
            line("generic", "generic", [(each.learned_from, each.generic) for each in report.curve]),
            line("your taste", "personal", [(each.learned_from, each.personal) for each in report.curve]),
        ],
        span=(ticks[0], 1.0),
        ticks=ticks,
        told=percent,
        reference=(0.5, "chance"),
        title="Share of decisions foretold, by how many comparisons had been learned from",
        axes=("comparisons learned from", "foretold"),
    )


def _calibration(report: Report) -> str:
    if report.calibration is None:
        return ""
    points = [
        (each.expected, each.observed.share, each.observed.low, each.observed.high, each.decisions)
        for each in report.calibration.bins
    ]
    return charts.calibration(
        points, title="How often what was foretold came true", axes=("foretold with a certainty of", "came true")
    )


def _calibration_words(report: Report) -> str:
    if report.calibration is None:
        return ""
    found = report.calibration
    return (
        f"Your last {found.decisions:,} decisions made without stars in view, of either kind; the numbers beside the"
        f" dots say how many each stands for. Off by {100 * found.error:.1f} points on average, of which"
        f" {100 * found.by_chance:.1f} would be chance."
    )


def _measures(portrait: Portrait) -> str:
    if not portrait.claims:
        return ""
    rows = [
        charts.Interval(
            f"{each.words[:1].upper()}{each.words[1:]}",
            each.ratio,
            each.low,
            each.high,
            f"× {_signed(each.ratio)}",
            "personal",
        )
        for each in portrait.claims
    ]
    low = min(0.0, *(float(round(each.low - 0.5)) for each in portrait.claims))
    high = max(2.0, *(float(round(each.high + 0.5)) for each in portrait.claims))
    low, high = max(low, -3.0), min(high, 6.0)
    ticks = [float(tick) for tick in range(round(low), round(high) + 1)]
    return charts.intervals(
        rows,
        span=(low, high),
        ticks=ticks,
        told=lambda value: _signed(value, ".0f"),
        reference=(1.0, "as for others"),
        title="Weight of each measure beside the average person's",
        axis="times the average person's weight",
    )


def _learned(portrait: Portrait) -> str:
    if portrait.since_s is None or portrait.until_s is None:
        return "Nothing has been learned from what you do yet."
    return (
        f"Learned from {portrait.actions:,} actions that make {portrait.comparisons:,} comparisons, {portrait.blind:,}"
        f" of them made without stars in view, from {_day(portrait.since_s)} to {_day(portrait.until_s)}."
    )


def _shown_words(shown: Measured) -> str:
    if not shown.lines:
        return (
            "Decisions made with our stars in view are not part of this: there are"
            f" {shown.found or 'none'} inside bursts, and below {NEEDED} nothing is said of them."
        )
    agreed = shown.lines["personal"]
    return (
        f"Not counted above: with our stars in view you decided as they say in {percent(agreed.share)}"
        f" ({percent(agreed.low)} to {percent(agreed.high)}) of your last {shown.used} such decisions inside bursts."
        " That number flatters us, because stars that are seen pull."
    )


def _parts(portrait: Portrait) -> str:
    told = sorted(portrait.parts.items(), key=lambda part: -part[1])
    named = [f"{PARTS[name]} ({percent(part)})" for name, part in told]
    return f"What sets one frame apart from another in your taste: {_listed(named)}."


def _frame(example: Example, thumbnails: Mapping[str, bytes]) -> dict[str, str]:
    picture = thumbnails.get(example.name)
    return {
        "name": _printable(example.name),
        "lift": _signed(example.lift, "+.2f"),
        "picture": f"data:image/jpeg;base64,{b64encode(picture).decode('ascii')}" if picture else "",
    }


def _signed(value: float, form: str = ".1f") -> str:
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def _printable(name: str) -> str:
    """Escape what is no character, or steers the text around it."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _day(at_s: float) -> str:
    return strftime("%Y-%m-%d", localtime(at_s)).replace("-", "\N{NON-BREAKING HYPHEN}")
