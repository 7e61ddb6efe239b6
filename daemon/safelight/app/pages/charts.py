"""Draws the three kinds of charts of the taste page as SVG: intervals, bands over time, and foretold against true.

Our own, because no library fits: pygal is under the LGPL, matplotlib weighs a hundred times the page and fixes its
colours, leather and the small SVG packages know neither intervals nor bands, and all of them write colours into the
drawing, where a page that follows the reader's light or dark setting needs classes. Each chart is 360 units wide, the
width of a phone, so its letters stay readable there. What a line shows is written at its end, not in a legend.
Invariants: every text is escaped; a drawing names no colour and refers to nothing outside itself.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 20, 12, 42  # margins of a chart with two axes
_ROW = 36  # height of one row of intervals
_EDGE = 18  # left end of their axis: half of what stands below it
_APART = 15  # between two labels, one above the other


@dataclass(frozen=True, slots=True)
class Interval:
    """One row: a value with its interval; `kind` gives its colour, `note` stands at its right."""

    label: str
    value: float
    low: float
    high: float
    note: str
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values from `low` to `high` onto places from `start` to `end`; values beyond are held at the ends."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def intervals(
    rows: Sequence[Interval],
    *,
    span: tuple[float, float],
    ticks: Sequence[float],
    told: Callable[[float], str],
    reference: tuple[float, str],
    title: str,
    axis: str,
) -> str:
    """Draw rows of intervals over one axis from span[0] to span[1]; `reference` is a value with its name."""
    bottom = 30 + _ROW * len(rows)
    across = Scale(*span, _EDGE, WIDTH - 54)
    where = across(reference[0])
    drawn = [_line("reference", where, 18, where, bottom), _text(where, 12, reference[1], "note middle")]
    for place, row in enumerate(rows):
        down = 30 + _ROW * place
        middle = down + 20
        drawn += [
            _text(_EDGE - 14, down + 8, row.label, f"label {row.kind}"),
            _line(f"whisker {row.kind}", across(row.low), middle, across(row.high), middle),
            f'<circle class="dot {row.kind}" cx="{across(row.value)}" cy="{middle}" r="5"/>',
            _text(WIDTH - 4, middle + 4, row.note, f"value end {row.kind}"),
        ]
    drawn += [_line("axis", _EDGE, bottom, WIDTH - 54, bottom)]
    drawn += [_text(across(tick), bottom + 15, told(tick), "tick middle") for tick in ticks]
    drawn += [_text((_EDGE + WIDTH - 54) / 2, bottom + 32, axis, "axis-name middle")]
    return _drawing(bottom + 38, title, drawn)


@dataclass(frozen=True, slots=True)
class Band:
    """One line over time with its interval: (x, value, low, high), x ascending."""

    label: str
    points: Sequence[tuple[float, float, float, float]]
    kind: str


def bands(
    lines: Sequence[Band],
    *,
    span: tuple[float, float],
    ticks: Sequence[float],
    told: Callable[[float], str],
    reference: tuple[float, str],
    title: str,
    axes: tuple[str, str],
) -> str:
    """Draw lines with bands; `span`, `ticks` and `told` are of the upright axis."""
    right = WIDTH - 80  # room for the names of the lines
    far = max(point[0] for line in lines for point in line.points)
    across = Scale(0, max(far, 1), _LEFT, right)
    up = Scale(*span, 240 - _BOTTOM, _TOP)
    drawn = _grid(up, ticks, told, right)
    drawn += [_text(across(tick), 240 - _BOTTOM + 15, f"{tick:,}", "tick middle") for tick in _counts(far)]
    drawn += _axis_names(axes, right)
    drawn.append(_line("reference", _LEFT, up(reference[0]), right, up(reference[0])))
    drawn += [_shade(line, across, up) for line in lines]
    drawn += [_stroke(line, across, up) for line in lines]
    ends = [(up(line.points[-1][1]), line.label, line.kind) for line in lines]
    ends.append((up(reference[0]), reference[1], "faint"))
    drawn += [_text(right + 6, place + 4, label, f"label {kind}") for place, label, kind in _spaced(ends)]
    return _drawing(240, title, drawn)


def calibration(
    points: Sequence[tuple[float, float, float, float, float]], *, title: str, axes: tuple[str, str]
) -> str:
    """Draw what came true over what was foretold: (foretold, true, low, high, decisions), all shares 0-1."""
    right = WIDTH - _RIGHT
    lowest = min([0.4, *(point[2] for point in points)])
    floor = 0.2 * (lowest // 0.2)
    across, up = Scale(0.5, 1, _LEFT, right), Scale(floor, 1, 240 - _BOTTOM, _TOP)
    ticks = [floor + 0.2 * step for step in range(round((1 - floor) / 0.2) + 1)]
    drawn = _grid(up, ticks, _percent, right)
    drawn += [_text(across(tick / 10), 240 - _BOTTOM + 15, _percent(tick / 10), "tick middle") for tick in range(5, 11)]
    drawn += _axis_names(axes, right)
    drawn.append(_line("reference", across(0.5), up(0.5), across(1), up(1)))
    drawn.append(_text(right, up(floor) - 7, "dashed: exactly as foretold", "note end"))
    for foretold, true, low, high, decisions in points:
        place = across(foretold)
        drawn += [
            _line("whisker personal", place, up(low), place, up(high)),
            f'<circle class="dot personal" cx="{place}" cy="{up(true)}" r="5"/>',
            _text(place + 8, up(true) + 4, f"{decisions:.0f}", "note"),
        ]
    return _drawing(240, title, drawn)


def _grid(up: Scale, ticks: Iterable[float], told: Callable[[float], str], right: float) -> list[str]:
    drawn = []
    for tick in ticks:
        drawn.append(_line("grid", _LEFT, up(tick), right, up(tick)))
        drawn.append(_text(_LEFT - 6, up(tick) + 4, told(tick), "tick end"))
    return drawn


def _axis_names(axes: tuple[str, str], right: float) -> list[str]:
    middle = (240 - _BOTTOM + _TOP) / 2
    turned = f'<text class="axis-name middle" transform="translate(12 {middle}) rotate(-90)">{escape(axes[1])}</text>'
    return [_text((_LEFT + right) / 2, 234, axes[0], "axis-name middle"), turned]


def _shade(line: Band, across: Scale, up: Scale) -> str:
    there = [f"{across(x)},{up(high)}" for x, _, _, high in line.points]
    back = [f"{across(x)},{up(low)}" for x, _, low, _ in reversed(line.points)]
    return f'<polygon class="band {line.kind}" points="{" ".join(there + back)}"/>'


def _stroke(line: Band, across: Scale, up: Scale) -> str:
    points = " ".join(f"{across(x)},{up(value)}" for x, value, _, _ in line.points)
    return f'<polyline class="stroke {line.kind}" points="{points}"/>'


def _spaced(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Move labels that would lie on each other apart, the upper one up and the lower one down."""
    placed = sorted(ends)
    for _ in range(20):
        for place in range(len(placed) - 1):
            upper, lower = placed[place], placed[place + 1]
            short = _APART - (lower[0] - upper[0])
            if short > 0:
                placed[place] = (upper[0] - short / 2, *upper[1:])
                placed[place + 1] = (lower[0] + short / 2, *lower[1:])
    return [(round(place, 1), label, kind) for place, label, kind in placed]


def _counts(far: float) -> list[int]:
    """Return round numbers from 0 to `far`, four to six of them."""
    step = 1
    while far / step > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, int(far) + 1, step))


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _line(kind: str, left: float, top: float, right: float, bottom: float) -> str:
    return f'<line class="{kind}" x1="{left}" y1="{top}" x2="{right}" y2="{bottom}"/>'


def _text(across: float, down: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{across}" y="{down}">{escape(text)}</text>'


def _drawing(height: float, title: str, drawn: Iterable[str]) -> str:
    opened = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
    return "\n".join([opened, *drawn, "</svg>"])
