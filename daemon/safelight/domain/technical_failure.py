"""Decides whether a frame has a technical reason to be rated with one star.

Conservative, because a wrong rejection costs more than a missed one: fog, night, a moon, a sunset, panning and plain
backgrounds are photographs. Invariant: a lone frame is never condemned for blur alone; only a frame that is much softer
than another of its own burst is, as that one shows what could have been had.
"""

from dataclasses import dataclass

from safelight.domain.technical import Measures

_BURNT_SHARE = 0.85  # of the frame in clipped areas
_BURNT_CONTRAST = 0.35  # 5-95 % of luma: a dark subject on a white ground has more than this
_BLACK_EXPOSURE = 0.06  # mean luma in gamma; 0.06 is 7 EV under 18 % grey
_BLACK_FOCUS = -3.0  # log2: a moon or fireworks has sharp tiles in the black
_BEHIND_OCTAVES = 4.0  # behind the sharpest of the burst
_SOFT_FOCUS = -1.5  # and soft by itself: the softest seventh of 1,200 photographs


@dataclass(frozen=True, slots=True)
class Failure:
    """A technical reason to rate a frame with one star; `reason` is a lower-case phrase."""

    name: str  # "burnt", "black" or "blurred"
    reason: str


def technical_failure(measures: Measures, *, octaves_behind: float = 0.0) -> Failure | None:
    """Return why a frame failed, or None.

    `octaves_behind` is `keeper.octaves_behind` of the frame in its burst, 0 for a lone frame; frames of a set that is
    kept whole are not to be asked about. The thresholds were set where no frame of the better half of 85 opinion-scored
    Unsplash photographs and none of 344 OASIS photographs is condemned (`tests/bench/quality.py` prints both).
    """
    if measures.highlights >= _BURNT_SHARE and measures.contrast <= _BURNT_CONTRAST:
        return Failure("burnt", "almost all of it is burnt out")
    if measures.exposure <= _BLACK_EXPOSURE and measures.focus <= _BLACK_FOCUS:
        return Failure("black", "almost all of it is black")
    if octaves_behind >= _BEHIND_OCTAVES and measures.focus <= _SOFT_FOCUS:
        return Failure("blurred", "blurred beside the others of its burst")
    return None
