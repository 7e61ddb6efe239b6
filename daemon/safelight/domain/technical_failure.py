"""Decides whether a frame has a technical reason to be rated with one star, and how likely people call it a failure.

Conservative, because a wrong rejection costs more than a missed one: fog, night, a moon, a sunset, panning and plain
backgrounds are photographs. The probability is never a reason by itself: it can only hold a reason back. Invariants: a
lone frame is never condemned for blur alone; only a frame that is much softer than another of its own burst is, as that
one shows what could have been had. The probability lies within 0-1, and a better score never raises it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, fsum, isnan
from typing import TYPE_CHECKING

from safelight.domain.score import TECHNICAL_WEIGHT, Contribution, Part

if TYPE_CHECKING:  # explaining a rating needs no numpy
    from safelight.domain.technical import Measures

_BURNT_SHARE = 0.85  # of the frame in clipped areas
_BURNT_CONTRAST = 0.35  # 5-95 % of luma: a dark subject on a white ground has more than this
_BLACK_EXPOSURE = 0.06  # mean luma in gamma; 0.06 is 7 EV under 18 % grey
_BLACK_FOCUS = -3.0  # log2: a moon or fireworks has sharp tiles in the black
_BEHIND_OCTAVES = 4.0  # behind the sharpest of the burst
_SOFT_FOCUS = -1.5  # and soft by itself: the softest seventh of 1,200 photographs

# A failure is a frame that people give less than this on average, 0 worst and 1 best. The opinions of 1,200 photographs
# have two humps, about 0.22 and 0.77: this is the upper side of the lower one, which holds 15 % of them.
FAILED_OPINION = 0.3
# Log-odds of that at a technical score of 0 and per unit of it (models/build/fit_failure.py prints the fit).
_BIAS, _SLOPE = -6.06, -5.03
_CERTAIN = 30.0  # log-odds: beyond it nothing is said any more
_OF_OTHERS = ("burst", "set")  # contributions that tell of a frame's place among others, not of itself
_UNLIKELY = 0.01  # less than one in a hundred, where 15 % of ordinary photographs fail: a measure is mistaken


@dataclass(frozen=True, slots=True)
class Failure:
    """A technical reason to rate a frame with one star; `reason` is a lower-case phrase."""

    name: str  # "burnt", "black" or "blurred"
    reason: str


def technical_failure(measures: Measures, *, octaves_behind: float = 0.0, probability: float = 1.0) -> Failure | None:
    """Return why a frame failed, or None.

    `octaves_behind` is `keeper.octaves_behind` of the frame in its burst, 0 for a lone frame; frames of a set that is
    kept whole are not to be asked about. `probability` is `technical_failure_probability` of its score: where that is
    under 0.01 there is no failure, whatever a measure says; without it only the measures are asked. The thresholds were
    set where no frame of the better half of 85 opinion-scored Unsplash photographs and none of 344 OASIS photographs is
    condemned (`tests/bench/quality.py` prints both).
    """
    if probability < _UNLIKELY:
        return None
    if measures.highlights >= _BURNT_SHARE and measures.contrast <= _BURNT_CONTRAST:
        return Failure("burnt", "almost all of it is burnt out")
    if measures.exposure <= _BLACK_EXPOSURE and measures.focus <= _BLACK_FOCUS:
        return Failure("black", "almost all of it is black")
    if octaves_behind >= _BEHIND_OCTAVES and measures.focus <= _SOFT_FOCUS:
        return Failure("blurred", "blurred beside the others of its burst")
    return None


def technical_failure_probability(score: float) -> float:
    """Return the probability, 0-1, that people's mean opinion of a frame lies under `FAILED_OPINION`.

    `score` is `technical_terms.technical_score` of the frame by itself, with a learned head; one that is not a number
    counts as a good one. A logistic function of the score, right for a library with as many failures as the photographs
    it was fitted on (15 %): where there are three times as many, the odds are three times as high. `models/README.md`
    tells how it did on other photographs.
    """
    odds = _BIAS + _SLOPE * score
    return 0.0 if isnan(odds) else 1 / (1 + exp(-max(-_CERTAIN, min(_CERTAIN, odds))))


def failure_probability(contributions: Iterable[Contribution]) -> float:
    """Return the same from the contributions of a rating, as they are kept: 0-1, with four decimals."""
    own = (each.value for each in contributions if each.part is Part.TECHNICAL and each.name not in _OF_OTHERS)
    return round(technical_failure_probability(fsum(own) / TECHNICAL_WEIGHT), 4)
