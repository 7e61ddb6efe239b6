"""Fits the weights of the technical terms to rated photographs, and prints them beside the shipped ones.

`python -m safelight.models.build.fit_technical --data DIR` regresses the mean opinion scores of `train_mos.csv` on the
terms' shapes by a ridge with weights that cannot be negative: more focus may never lower a score, whatever a sample
says. What is shipped are these weights, rounded, as constants of `domain/technical_terms.py`: eight numbers that a
person can read are worth more than the third digit. With `--quality FILE`, a CSV of `f,quality` with held-out scores of
a learned head, the weights beside that head are fitted too; in-sample scores would flatter it.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.technical import measure
from safelight.domain.technical_terms import NAMES, shapes
from safelight.errors import Unreadable

Floats = NDArray[np.float64]
FOLDS = 5
RIDGE = 5.0
ROUNDS = 500


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, and print the weights, the means of the shapes and the held-out rank correlation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with train_mos.csv and images/")
    parser.add_argument("--quality", type=Path, help="CSV of f,quality: held-out z-scores of a learned head")
    chosen = parser.parse_args(arguments)
    rows = _rows(chosen.data / "train_mos.csv")
    heads = {row["f"]: float(row["quality"]) for row in _rows(chosen.quality)} if chosen.quality else {}
    found = [_shapes(chosen.data / "images" / row["f"], heads.get(row["f"], 0.0)) for row in rows]
    table = np.array([one for one in found if one])
    opinions = np.array([float(row["mos"]) for row, one in zip(rows, found, strict=True) if one])
    lines = [f"{len(table)} photographs of {len(rows)}, {len(heads)} with a head's score"]
    for title, columns in (("measures alone", NAMES[:-1]), ("with the head", NAMES))[: 2 if heads else 1]:
        lines += report(title, columns, table[:, : len(columns)], (opinions - opinions.mean()) / opinions.std())
    sys.stdout.write("\n".join(lines) + "\n")


def report(title: str, columns: Sequence[str], table: Floats, target: Floats) -> list[str]:
    """Return one fit, as lines for people."""
    middle = table.mean(axis=0)
    held_out = np.empty(len(target))
    fold = np.random.default_rng(0).permutation(len(target)) % FOLDS
    for one in range(FOLDS):
        known = fold != one
        held_out[~known] = (table[~known] - middle) @ fitted(table[known] - middle, target[known])
    weights = fitted(table - middle, target)
    spread = float(((table - middle) @ weights).std())
    rank = np.corrcoef(held_out.argsort().argsort(), target.argsort().argsort())[0, 1]
    lines = ["", f"{title}: held-out rank correlation {rank:.3f}; weights for a standard deviation of 1"]
    for name, weight, mean in zip(columns, weights / spread, middle, strict=True):
        lines.append(f"  {name:12s} weight {weight:5.2f}   mean of the shape {mean:+.2f}")
    return lines


def fitted(table: Floats, target: Floats) -> Floats:
    """Return the weights of a ridge regression that are not negative, by coordinate descent."""
    gram, pull = table.T @ table + RIDGE * np.eye(table.shape[1]), table.T @ target
    weights = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        for one in range(len(weights)):
            weights[one] = max(0.0, weights[one] + (pull[one] - gram[one] @ weights) / gram[one, one])
    return weights


def _shapes(path: Path, quality: float) -> list[float]:
    try:
        found = shapes(measure(read_picture(path, DecodeRules()).rgb), quality)
    except Unreadable:
        return []  # an all-white frame has an opinion, but Safelight never judges one
    return [found[name] for name in NAMES]


def _rows(path: Path) -> list[Mapping[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    main()
