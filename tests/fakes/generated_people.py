"""Generates people with a known taste, their shoots, and what they do to bursts: nothing here is a real person.

A frame's features vary between shoots, between bursts and, least, inside a burst. A person has a linear utility and
chooses with Gumbel noise, so that the odds of two frames are known exactly; what a star in view adds to the utility
(`anchored`) is known too. Their weights are drawn without a look at the shipped prior.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from safelight.domain.evaluation import Seen
from safelight.domain.features import GENERIC, NAMES, OF_CAPTURE, OF_GENERIC, OF_SUBJECT, Basis
from safelight.domain.preference import WEIGHT, Comparison, Kind

SIZES = (1, 1, 1, 2, 2, 3, 4, 5, 7)  # frames of a burst, each as probable
DELETES = 0.85  # of the frames that are not kept
STEPS = 1.1  # stars of one unit of `Comparison.shown`


@dataclass
class Frames:
    """Shoots of frames: features and where each belongs."""

    features: np.ndarray
    shoot: np.ndarray
    burst: np.ndarray
    order: np.ndarray
    sharpness: np.ndarray

    def seen(self) -> dict[int, Seen]:
        """Return them as the evaluation takes them; bursts of one frame are none."""
        lone = np.bincount(self.burst)[self.burst] == 1
        return {
            frame: Seen(
                features=self.features[frame],
                burst=None if lone[frame] else f"b{self.burst[frame]}",
                order=int(self.order[frame]),
                sharpness=float(self.sharpness[frame]),
            )
            for frame in range(len(self.shoot))
        }


def make_frames(basis: Basis, rng: np.random.Generator, *, shoots: int, bursts: int) -> Frames:
    """Make `shoots` shoots of `bursts` bursts."""
    sizes = rng.choice(SIZES, shoots * bursts)
    burst = np.repeat(np.arange(len(sizes)), sizes)
    shoot = burst // bursts
    root = np.linalg.cholesky(basis.ordinary + 1e-9 * np.eye(len(NAMES)))
    parts = ((shoots, shoot, 0.5), (len(sizes), burst, 0.35), (len(burst), np.arange(len(burst)), 0.3))
    features = sum(share**0.5 * (rng.standard_normal((count, len(NAMES))) @ root.T)[of] for count, of, share in parts)
    behind = np.abs(rng.normal(0, 0.5, len(burst))) * (np.bincount(burst)[burst] > 1)
    features[:, GENERIC.index("burst")] = -behind
    sharpness = -behind + rng.normal(0, 0.4, len(burst))
    return Frames(features, shoot, burst, np.arange(len(burst)), sharpness)


@dataclass
class Person:
    """A utility over features: weights (k,) in log-odds, and how strongly a star in view pulls."""

    weights: np.ndarray
    anchored: float = 0.0


def make_person(basis: Basis, rng: np.random.Generator, *, own: float = 1.2, anchored: float = 0.0) -> Person:
    """Draw a person: some generic measures matter more, some less, and what is shown matters by `own` log-odds."""
    weights = np.zeros(len(NAMES))
    weights[OF_GENERIC] = 0.8 * rng.lognormal(0, 0.5, len(GENERIC))
    for block, wide in ((OF_SUBJECT, own), (OF_CAPTURE, 0.3)):
        drawn = rng.standard_normal(block.stop - block.start)
        weights[block] = wide * drawn / np.sqrt(drawn @ basis.ordinary[block, block] @ drawn)
    return Person(weights, anchored)


@dataclass
class Life:
    """What one person does to shoot after shoot; `shown` (frames,) are stars minus 3, nan where none was in view."""

    frames: Frames
    person: Person | None  # None: chooses by chance
    rng: np.random.Generator
    shown: np.ndarray = field(init=False)

    def __post_init__(self):
        self.shown = np.full(len(self.frames.shoot), np.nan)

    def cull(self, shoot: int) -> Iterator[Comparison]:
        """Keep the best of each burst, delete most others, and mark the best bursts of the shoot."""
        here = np.flatnonzero(self.frames.shoot == shoot)
        liking = self.rng.gumbel(0, 1, len(here))
        if self.person is not None:
            pull = np.nan_to_num(self.shown[here]) / STEPS
            liking += self.frames.features[here] @ self.person.weights + self.person.anchored * pull
        kept, gone = [], []
        for burst in np.unique(self.frames.burst[here]):
            inside = here[self.frames.burst[here] == burst]
            best = inside[np.argmax(liking[self.frames.burst[here] == burst])]
            out = [each for each in inside if each != best and self.rng.random() < DELETES]
            kept.append(best)
            gone += out
            yield from (self._comparison(best, each, Kind.BURST_DELETE, f"b{burst}", len(out)) for each in out)
        if gone:
            marked = sorted(kept, key=lambda frame: -liking[np.searchsorted(here, frame)])[: max(1, len(kept) // 7)]
            for best in marked:
                others = [each for each in gone if self.frames.burst[each] != self.frames.burst[best]]
                over = self.rng.permutation(others)[:2]
                yield from (self._comparison(best, each, Kind.RATING, f"r{best}", 2) for each in over)

    def _comparison(self, winner, loser, kind: Kind, unit: str, size: int) -> Comparison:
        shown = (self.shown[winner] - self.shown[loser]) / STEPS
        return Comparison(
            winner=int(winner), loser=int(loser), kind=kind, weight=WEIGHT[kind] * min(1.0, 2 / size), unit=unit,
            shoot=f"s{self.frames.shoot[winner]}", at_s=86400.0 * (1 + self.frames.shoot[winner]),
            shown=0.0 if np.isnan(shown) else float(shown),
            blind=bool(np.isnan(self.shown[winner]) and np.isnan(self.shown[loser])), actions=(int(loser),),
        )  # fmt: skip
