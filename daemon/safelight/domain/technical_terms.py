"""Turns measures into named contributions that add up to the technical score, and says each in plain words.

Every transform is monotone and saturates, so that no single number can decide alone: a frame cannot be so sharp that
its burnt sky stops counting. Shapes were chosen by hand; the weights are rounded from a non-negative ridge regression
of mean opinion scores of 1,200 photographs (`models/build/fit_technical.py` prints the fit). Noise, motion and contrast
come out near zero there once the learned head is in; they keep a small weight as their harm is certain in made faults.
Invariant: the score is exactly the sum of the terms' values, about 0 on average with a variance of about 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2, tanh

from safelight.domain.technical import Measures

NAMES = ("focus", "motion", "exposure", "highlights", "shadows", "noise", "contrast", "finish")

# Weights of the terms in score units, with the learned head and without one (fit_technical.py, rounded). Beside
# the head the fit gives focus 0.46, highlights 0.18, finish 0.79 and no more; shipped is a mixture with the
# other fit, as a reason that can be named is worth more than the last 0.006 of rank correlation (0.849 for 0.855).
_WITH_HEAD = {
    "focus": 0.58, "motion": 0.10, "exposure": 0.16, "highlights": 0.32,
    "shadows": 0.10, "noise": 0.10, "contrast": 0.10, "finish": 0.68,
}  # fmt: skip
_WITHOUT_HEAD = {
    "focus": 1.65, "motion": 0.25, "exposure": 0.25, "highlights": 0.65,
    "shadows": 0.40, "noise": 0.12, "contrast": 0.25, "finish": 0.0,
}  # fmt: skip
# Mean of each shaped measure over the same 1,200 photographs: contributions are counted from the ordinary frame.
_ORDINARY = {
    "focus": 0.0, "motion": -0.04, "exposure": -0.14, "highlights": -0.07,
    "shadows": -0.06, "noise": -0.02, "contrast": 0.84, "finish": 0.0,
}  # fmt: skip
_QUALITY_LIMIT = 3.0  # z: beyond it a learned head extrapolates
_NOTICED = 0.08  # score units: a smaller difference between two frames is not worth a word


@dataclass(frozen=True, slots=True)
class Term:
    """One named contribution, in score units; `dark` tells an exposure that is too dark from one that is too bright."""

    name: str
    value: float
    dark: bool = False


def technical_terms(measures: Measures, quality: float | None = None) -> tuple[Term, ...]:
    """Return the contributions that add up to the technical score, in the order of NAMES.

    `quality` is the z-score of the bundle's learned head, `ports.Encoded.quality`; None where there is none.
    """
    weights = _WITHOUT_HEAD if quality is None else _WITH_HEAD
    shaped = shapes(measures, quality or 0.0)
    dark = measures.exposure < 0.5
    return tuple(Term(name, weights[name] * (shaped[name] - _ORDINARY[name]), dark=dark) for name in NAMES)


def technical_score(terms: tuple[Term, ...]) -> float:
    """Return the sum of the contributions."""
    return sum(term.value for term in terms)


def shapes(measures: Measures, quality: float = 0.0) -> Mapping[str, float]:
    """Return each measure bent to a bounded, monotone scale: 0 is faultless, -1 as bad as it gets (focus -1 to 1)."""
    soft = 1 - _between(measures.focus / 2)  # anisotropy in a sharp frame is its content, not motion
    light = measures.exposure
    return {
        "focus": tanh((measures.focus - 0.5) / 2),  # 0.5 and 2: median and half the 5-95 % range of 1,200 photographs
        "motion": -soft * _between((measures.motion - 0.8) / 1.5),  # 0.8: 80th percentile of the same
        "exposure": -_between(max(0.3 - light, light - 0.65) / 0.3),  # about -1.4 and +1.1 EV from 18 % grey
        "highlights": -_between(measures.highlights / 0.5),
        "shadows": -_between(measures.shadows / 0.5),
        "noise": -_between(log2((measures.noise + 0.5) / 2) / 3),  # from 1.5 levels, fully at 15
        "contrast": _between(measures.contrast / 0.6),
        "finish": max(-_QUALITY_LIMIT, min(_QUALITY_LIMIT, quality)),
    }


def _between(value: float) -> float:
    return max(0.0, min(1.0, value))


def phrase(term: Term, beside: Term | None = None) -> str:
    """Say in plain words what a term contributes, alone or beside the same term of another frame.

    Returns a lower-case phrase without a full stop, "" where there is nothing worth saying. Raises ValueError when the
    two terms are not of one name.
    """
    if beside is None:
        return _phrase_alone(term)
    if beside.name != term.name:
        raise ValueError(f"cannot compare {term.name} with {beside.name}")
    difference = term.value - beside.value
    if abs(difference) < _NOTICED:
        return ""
    if term.name == "exposure" and difference < 0:
        return "darker than is good for it" if term.dark else "brighter than is good for it"
    return _BESIDE[term.name][difference > 0]


def _phrase_alone(term: Term) -> str:
    if abs(term.value) < _NOTICED:
        return ""
    if term.name == "exposure" and term.value < 0:
        return "rather dark" if term.dark else "rather bright"
    return _ALONE[term.name][term.value > 0]


# (when it counts against the frame, when it counts for it)
_ALONE = {
    "focus": ("soft where it matters", "sharp where it matters"),
    "motion": ("motion blur", "no motion blur"),
    "exposure": ("", "well exposed"),
    "highlights": ("blown highlights", "highlights held"),
    "shadows": ("blocked shadows", "shadows held"),
    "noise": ("noisy", "clean"),
    "contrast": ("flat tones", "full range of tones"),
    "finish": ("technically weak overall", "technically clean overall"),
}
_BESIDE = {
    "focus": ("softer where it matters", "sharper where it matters"),
    "motion": ("more motion blur", "less motion blur"),
    "exposure": ("", "better exposed"),
    "highlights": ("more blown highlights", "highlights better held"),
    "shadows": ("more blocked shadows", "shadows better held"),
    "noise": ("noisier", "cleaner"),
    "contrast": ("flatter tones", "fuller range of tones"),
    "finish": ("technically weaker overall", "technically better overall"),
}
