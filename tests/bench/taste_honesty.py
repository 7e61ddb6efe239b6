"""Checks that `safelight taste report` tells the truth: `python -m tests.bench.taste_honesty [--repeats N]`.

Generated people with a taste that is known (`tests.fakes.generated_people`), so what the report says can be held
against what is so. Noise: people who choose by chance; 50 % must lie in the interval. Anchored: people who are pulled
towards the stars they see, three shoots in ten culled by our stars (the guard takes no evidence from these), one burst
in thirteen blind; what the blind decisions say is held against the agreement with decisions that the same person would
make on unseen shoots without stars. Calibration: what came true against what was foretold, over all people.
Exit status 1 when a figure is missed.
"""

import argparse
import sys
from functools import partial

import numpy as np

from safelight.domain.evaluation import Report, evaluate
from safelight.domain.evaluation_rows import rows_of
from safelight.domain.features import Basis
from safelight.domain.preference import Comparison
from safelight.domain.taste import Taste, fit
from safelight.models.taste import open_basis
from tests.fakes.generated_people import Frames, Life, make_frames, make_person

COVERED, WITHIN, ERROR = 0.95, 0.03, 0.05  # asked
BLIND, CULLED_BY_STARS, ANCHORED = 0.075, 0.3, 0.6
STAR_CUTS = np.array([-1.28, -0.52, 0.52, 1.28])  # deviations: quantiles .1, .3, .7 and .9 of a normal distribution


def noise(basis: Basis, repeats: int) -> tuple[float, float, float]:
    """Return the share of repeats whose interval holds 50 %, the mean agreement, and how often a lead was claimed."""
    held, shares, claimed = 0, [], 0
    for seed in range(repeats):
        rng = np.random.default_rng(1000 + seed)
        frames = make_frames(basis, rng, shoots=30, bursts=14)
        report = measured(Life(frames, None, rng), basis)
        reached = report.within.lines["personal"]
        held += reached.low <= 0.5 <= reached.high
        claimed += report.within.distinguishable
        shares.append(reached.share)
    return held / repeats, float(np.mean(shares)), claimed / repeats


def measured(life: Life, basis: Basis) -> Report:
    """Let a life happen with no star in view, and evaluate it."""
    comparisons = [each for shoot in range(int(life.frames.shoot.max()) + 1) for each in life.cull(shoot)]
    return evaluate(comparisons, life.frames.seen(), fit=partial(fit, basis=basis), rng=np.random.default_rng(0))


def anchored(basis: Basis, people: int) -> tuple[list[Report], list[float]]:
    """Return what is reported of people who see our stars, and their true agreement."""
    reports, true = [], []
    for seed in range(people):
        rng = np.random.default_rng(5000 + seed)
        frames = make_frames(basis, rng, shoots=320, bursts=18)
        life = Life(frames, make_person(basis, rng, anchored=ANCHORED), rng)
        comparisons, taste = _lived(life, basis, rng)
        seen = frames.seen()
        learn = partial(fit, basis=basis)
        reports.append(evaluate(comparisons, seen, fit=learn, rng=np.random.default_rng(0)))
        true.append(_true(life, taste, basis, rng))
    return reports, true


def _lived(life: Life, basis: Basis, rng: np.random.Generator) -> tuple[list[Comparison], Taste]:
    """Rate, show and cull shoot by shoot, learning as often as the past has grown by a third."""
    comparisons: list[Comparison] = []
    seen, learned = life.frames.seen(), 0
    weights = basis.generic
    for shoot in range(int(life.frames.shoot.max()) + 1):
        if len(comparisons) >= 1.33 * learned + 10:
            learned = len(comparisons)
            weights = fit(rows_of(comparisons, seen).table, basis).displayed
        if rng.random() < CULLED_BY_STARS:
            continue  # the deleted set equals our low stars: no opinion is taken
        show(life, shoot, weights, basis, rng)
        comparisons += life.cull(shoot)
    return comparisons, fit(rows_of(comparisons, seen).table, basis)


def show(life: Life, shoot: int, weights: np.ndarray, basis: Basis, rng: np.random.Generator) -> None:
    """Put stars in view, but for the blind bursts."""
    here = np.flatnonzero(life.frames.shoot == shoot)
    cuts = np.sqrt(weights @ basis.ordinary @ weights) * STAR_CUTS
    stars = np.searchsorted(cuts, life.frames.features[here] @ weights) + 1.0
    bursts = np.unique(life.frames.burst[here])
    blind = bursts[rng.random(len(bursts)) < BLIND]
    life.shown[here] = np.where(np.isin(life.frames.burst[here], blind), np.nan, stars - 3)


def _true(life: Life, taste: Taste, basis: Basis, rng: np.random.Generator) -> float:
    """Return the agreement with what the person decides on unseen shoots without stars, inside bursts."""
    unseen: Frames = make_frames(basis, rng, shoots=150, bursts=18)
    later = Life(unseen, life.person, rng)
    rows = rows_of([each for shoot in range(150) for each in later.cull(shoot)], unseen.seen())
    right = rows.table.differences @ taste.displayed > 0
    return float(np.average(right[rows.within], weights=rows.weight[rows.within]))


def calibrated(basis: Basis, people: int) -> tuple[float, list[tuple[float, float, float]]]:
    """Return the expected calibration error over all people's blind decisions, and the bins of all together."""
    sums = np.zeros((5, 3))
    for seed in range(people):
        rng = np.random.default_rng(9000 + seed)
        own = (0.6, 1.2, 2.0)[seed % 3]  # people differ in how much of a taste they have
        life = Life(make_frames(basis, rng, shoots=60, bursts=18), make_person(basis, rng, own=own), rng)
        found = measured(life, basis).calibration
        assert found is not None
        for each in found.bins:
            place = min(4, int((each.expected - 0.5) * 10))
            sums[place] += each.decisions * np.array([1, each.expected, each.observed.share])
    filled = sums[sums[:, 0] > 0]
    bins = [(float(n), float(told / n), float(came / n)) for n, told, came in filled]
    error = float(np.abs(filled[:, 1] - filled[:, 2]).sum() / filled[:, 0].sum())
    return error, bins


def main() -> int:
    """Print what is asked and what is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200, help="people who choose by chance")
    parser.add_argument("--people", type=int, default=24, help="people with a taste, for each of the other two figures")
    chosen = parser.parse_args()
    basis = open_basis()
    held, mean, claimed = noise(basis, chosen.repeats)
    reports, true = anchored(basis, chosen.people)
    told = np.array([report.within.lines["personal"].share for report in reports])
    shown = np.array([report.shown.lines["personal"].share for report in reports])
    away = float(np.mean(told - np.array(true)))
    noisy = float(np.std(told - np.array(true)) / np.sqrt(len(true)))
    error, bins = calibrated(basis, chosen.people)
    met = (held >= COVERED, abs(away) <= WITHIN, error <= ERROR)
    print("figure\tasked\treached")
    print(f"noise: 50 % inside the interval, of {chosen.repeats} repeats\t>= {COVERED:.0%}\t{held:.1%}")
    print(f"noise: mean agreement\t50 %\t{mean:.1%}")
    print(f"noise: called better or worse than generic\t\t{claimed:.1%}")
    print(f"anchored: reported minus true, mean of {chosen.people}\t<= 3 points\t{100 * away:+.1f} ± {100 * noisy:.1f}")
    shares = f"{np.mean(true):.1%} / {told.mean():.1%} / {shown.mean():.1%}"
    print(f"anchored: true / reported / on shown decisions\t\t{shares}")
    lines = [report.within.lines["personal"] for report in reports]
    inside = [line.low <= value <= line.high for line, value in zip(lines, true, strict=True)]
    print(f"anchored: true value inside the interval\t\t{np.mean(inside):.0%}")
    print(f"calibration: expected error, {chosen.people} people together\t<= {ERROR}\t{error:.3f}")
    for count, expected, observed in bins:
        print(f"  foretold {expected:.1%}\t\tcame true {observed:.1%} of {count:.0f}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
