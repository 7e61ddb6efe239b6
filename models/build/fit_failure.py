"""Fits the probability that people call a frame a technical failure, given its technical score.

`python -m safelight.models.build.fit_failure --data DIR` makes a logistic regression of "mean opinion under 0.3" on the
technical score of photographs whose quality was told by a head that had not seen them; scores of learned pictures are
too sure, and so would the probability be. Two numbers come out, which are constants of `domain/technical_failure.py`.
The score alone is enough: with all its terms apart the Brier score on held-out pictures gets better by 0.003.
Invariant: every probability in the report was made without the picture's own fold.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.technical import measure
from safelight.domain.technical_failure import FAILED_OPINION
from safelight.domain.technical_terms import technical_score, technical_terms
from safelight.inference.heads import SOFT_LIMIT
from safelight.models.build.fit_quality import KIND_SHARE, read_quality
from safelight.models.build.rated import choose, outputs_as_rated
from safelight.models.build.reliability import Reliability, lines, reliability
from safelight.models.build.ridge import Floats, folds

_ROUNDS = 50
_PENALTY = 0.01  # keeps the slope finite where score and opinion part without an error
_OTHER_FOLDS = 7  # seed: the folds of the probability are not those of the head


def logistic(scores: Floats, failed: NDArray[np.bool_]) -> tuple[float, float]:
    """Return (bias, slope) of the logistic regression of `failed` (n,) on `scores` (n,), by Newton's method."""
    rows = np.stack([np.ones(len(scores)), scores], axis=1)
    weights = np.zeros(2)
    for _ in range(_ROUNDS):
        told = told_by(scores, weights[0], weights[1])
        bend = rows.T @ (rows * (told * (1 - told))[:, None]) + _PENALTY * np.eye(2)
        weights = weights + np.linalg.solve(bend, rows.T @ (failed - told) - _PENALTY * weights)
    return float(weights[0]), float(weights[1])


def told_by(scores: Floats, bias: float, slope: float) -> Floats:
    """Return the probabilities (n,) of `scores` (n,)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(bias + slope * scores, -30.0, 30.0))), np.float64)


def cross_fitted(scores: Floats, failed: NDArray[np.bool_], groups: NDArray[np.int64]) -> Floats:
    """Return the probability (n,) of each picture by a fit without its fold; groups stay on one side."""
    told, parts = np.zeros(len(scores)), folds(groups, _OTHER_FOLDS)
    for part in np.unique(parts):
        out = parts == part
        told[out] = told_by(scores[out], *logistic(scores[~out], failed[~out]))
    return told


def technical_scores(files: Sequence[Path], quality: Floats) -> Floats:
    """Return the technical scores (n,) of photographs whose heads say `quality` (n,), z-scores."""
    found = []
    for file, z in zip(files, quality, strict=True):
        measures = measure(read_picture(file, DecodeRules()).rgb)
        found.append(technical_score(technical_terms(measures, float(SOFT_LIMIT * np.tanh(z / SOFT_LIMIT)))))
    return np.array(found)


def report(scores: Floats, failed: NDArray[np.bool_], groups: NDArray[np.int64]) -> tuple[Reliability, list[str]]:
    """Return how well held-out probabilities did, and the lines to print with the constants."""
    bias, slope = logistic(scores, failed)
    held = reliability(cross_fitted(scores, failed, groups), failed)
    title = f"{len(scores)} pictures, {int(failed.sum())} with a mean opinion under {FAILED_OPINION}"
    return held, [title, *lines(held), f"_BIAS, _SLOPE = {bias:.2f}, {slope:.2f}"]


def main() -> None:
    """Fit, and print the reliability table and the constants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with quality_biq/")
    folder = parser.parse_args().data / "quality_biq"
    if not (folder / "train_mos.csv").is_file():
        parser.exit(0, f"Nothing was fitted: {folder / 'train_mos.csv'} is not there.\n")
    outputs, length = outputs_as_rated()
    known = read_quality(folder, outputs, length=length)
    _, answers = choose(known.table, KIND_SHARE)
    files = [folder / "images" / name for name in known.names]
    scores = technical_scores(files, (answers - answers.mean()) / answers.std())
    _, told = report(scores, known.table.target < FAILED_OPINION, known.table.groups)
    sys.stdout.write("\n".join([*told, ""]))


if __name__ == "__main__":
    main()
