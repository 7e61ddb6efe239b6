"""Says what a taste believes of a person, in words and numbers, and nothing that it cannot tell from chance.

A weight alone says little: a person who decides firmly has larger weights for everything. So a measure is compared as
its part in the judgement, beside its part for the average person, with an interval from draws of the posterior; only a
measure whose interval leaves out "as for everybody" is claimed. Kinds of pictures have no names here: what rises and
sinks is shown by frames of the person's own, taken far apart from each other so that each stands for a kind.
Invariants: where the score does not lean on the person, nothing is claimed; the same taste gives the same portrait.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import GENERIC, OF_CAPTURE, OF_GENERIC, OF_SUBJECT
from safelight.domain.portrait_examples import Example, Pictured, examples
from safelight.domain.portrait_words import CAPTURED, MEASURED, hour_words, leaning_words
from safelight.domain.preference import Comparison
from safelight.domain.taste import Taste

Floats = NDArray[np.float64]

# About a dozen claims are looked at, so each is held to 0.05 / 12 (Bonferroni): a taste of nothing claims nothing in 19
# portraits of 20.
LEVEL = 0.996
SURE = 2.88  # deviations of a normal distribution at that level
_SURE_HOUR = 11.0  # chi-squared of two degrees of freedom at that level
DRAWS = 4000
LEANS = 0.05  # of the gate: below, what it believes does not show in any star
_PART_NEEDED = 0.02  # of the average person's judgement: a smaller part has no ratio worth the name


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a measure matters to this person: `ratio` 1 is as for the average person, below 0 it counts against."""

    name: str
    words: str
    ratio: float
    low: float
    high: float

    @property
    def claimed(self) -> bool:
        """Return whether it matters more or less than for the average person by more than chance."""
        return not self.low <= 1 <= self.high

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        numbers = {"ratio": self.ratio, "low": self.low, "high": self.high}
        return {"name": self.name, "words": self.words, "claimed": self.claimed} | {
            name: round(value, 3) for name, value in numbers.items()
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one kind of act contributed, and how often such an act says nothing."""

    kind: str
    comparisons: int
    lapse: float


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is known of a person."""

    leaning: float  # 0: the generic score, 1: the personal one
    leaning_words: str
    since_s: float | None  # when the first decision was made that it was learned from
    until_s: float | None  # the last one
    actions: int
    comparisons: int
    blind: int  # of these, made with no star in view
    evidence: tuple[Evidence, ...]
    parts: Mapping[str, float]  # of the personal judgement, by what it looks at; they add up to 1
    measures: tuple[Measure, ...]
    likes: tuple[str, ...]  # of how frames were taken; only what is more than chance
    rising: tuple[Example, ...]
    sinking: tuple[Example, ...]
    anchor: float  # what stars in view add to the odds, in log-odds per 1.1 stars (Comparison.shown)
    digest: str

    @property
    def claims(self) -> tuple[Measure, ...]:
        """Return the measures that matter more or less than for the average person, the most unusual first."""
        return tuple(each for each in self.measures if each.claimed)

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        return {
            "leaning": round(self.leaning, 4),
            "leaning_words": self.leaning_words,
            "since_s": self.since_s,
            "until_s": self.until_s,
            "actions": self.actions,
            "comparisons": self.comparisons,
            "blind_comparisons": self.blind,
            "evidence": [
                {"kind": each.kind, "comparisons": each.comparisons, "lapse": round(each.lapse, 4)}
                for each in self.evidence
            ],
            "parts": {name: round(part, 4) for name, part in self.parts.items()},
            "measures": [each.as_json() for each in self.measures],
            "likes": list(self.likes),
            "rising": [each.as_json() for each in self.rising],
            "sinking": [each.as_json() for each in self.sinking],
            "star_shown_pull": round(self.anchor, 4),
            "digest": self.digest,
        }


def portray(
    taste: Taste, comparisons: Sequence[Comparison], frames: Iterable[Pictured], *, rng: np.random.Generator
) -> Portrait:
    """Return the portrait. `comparisons` are those the taste was fitted to, `frames` those that may be examples.

    `rng` draws from the posterior; a fixed seed gives a fixed portrait.
    """
    leans = taste.gate >= LEANS and taste.comparisons > 0
    rising, sinking = examples(taste, frames) if leans else ((), ())
    times = [each.at_s for each in comparisons]
    return Portrait(
        leaning=taste.gate,
        leaning_words=leaning_words(taste.gate if leans else 0.0),
        since_s=min(times, default=None),
        until_s=max(times, default=None),
        actions=len({action for each in comparisons for action in each.actions}),
        comparisons=len(comparisons),
        blind=sum(each.blind for each in comparisons),
        evidence=_evidence(taste, comparisons),
        parts=_parts(taste),
        measures=_measures(taste, rng) if leans else (),
        likes=_likes(taste) if leans else (),
        rising=rising,
        sinking=sinking,
        anchor=taste.anchor,
        digest=taste.digest(),
    )


def _evidence(taste: Taste, comparisons: Sequence[Comparison]) -> tuple[Evidence, ...]:
    counts: dict[str, int] = {}
    for each in comparisons:
        counts[each.kind.value] = counts.get(each.kind.value, 0) + 1
    ordered = sorted(counts.items(), key=lambda found: (-found[1], found[0]))
    return tuple(Evidence(kind, count, taste.lapses[kind]) for kind, count in ordered)


def _parts(taste: Taste) -> dict[str, float]:
    """Return how much of the personal judgement's variance on ordinary photographs each block makes by itself."""
    appeal = OF_GENERIC.start + GENERIC.index("appeal")
    blocks = {
        "technical": [place for place in range(OF_GENERIC.start, OF_GENERIC.stop) if place != appeal],
        "appeal": [appeal],
        "subject": list(range(OF_SUBJECT.start, OF_SUBJECT.stop)),
        "capture": list(range(OF_CAPTURE.start, OF_CAPTURE.stop)),
    }
    own, ordinary = taste.weights, taste.basis.ordinary
    made = {name: float(own[rows] @ ordinary[np.ix_(rows, rows)] @ own[rows]) for name, rows in blocks.items()}
    total = sum(made.values())
    return {name: value / total if total else 0.0 for name, value in made.items()}


def _measures(taste: Taste, rng: np.random.Generator) -> tuple[Measure, ...]:
    """Compare each generic measure's part in the generic block with its part for the average person."""
    block = np.arange(OF_GENERIC.start, OF_GENERIC.stop)
    ordinary = taste.basis.ordinary[np.ix_(block, block)]
    average = taste.basis.mean[block]
    wide = _spread(average[None], ordinary)[0]
    drawn = rng.multivariate_normal(taste.weights[block], taste.covariance[np.ix_(block, block)], DRAWS, method="eigh")
    drawn = drawn / _spread(drawn, ordinary)[:, None] * wide
    own = taste.weights[block] / _spread(taste.weights[block][None], ordinary)[0] * wide
    typical = float(np.abs(average).mean())
    found = []
    for place, name in enumerate(GENERIC):
        if name in MEASURED and abs(average[place]) > _PART_NEEDED * typical:
            low, high = np.quantile(drawn[:, place] / average[place], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
            found.append(Measure(name, MEASURED[name], float(own[place] / average[place]), float(low), float(high)))
    return tuple(sorted(found, key=lambda each: (-abs(each.ratio - 1), each.name)))


def _spread(weights: Floats, ordinary: Floats) -> Floats:
    """Return the deviation (n,) over ordinary photographs of scores with each row of weights (n, k)."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", weights, ordinary, weights), 1e-12)), np.float64)


def _likes(taste: Taste) -> tuple[str, ...]:
    """Name ways of taking a frame that this person likes more than the average person, surest first."""
    weights, spread = taste.weights[OF_CAPTURE], taste.covariance[OF_CAPTURE, OF_CAPTURE]
    away = weights - taste.basis.mean[OF_CAPTURE]
    sure = away / np.sqrt(np.diag(spread))
    order = np.argsort(-np.abs(sure[: len(CAPTURED)]))
    told = [CAPTURED[place][bool(sure[place] > 0)] for place in order if abs(sure[place]) >= SURE]
    hour, around = away[len(CAPTURED) :], spread[len(CAPTURED) :, len(CAPTURED) :]
    if float(hour @ np.linalg.solve(around, hour)) >= _SURE_HOUR:
        told.append(hour_words(float(hour[0]), float(hour[1])))
    return tuple(told)
