"""Fits what every taste starts from: directions of the embedding, how ordinary photographs vary, and the prior.

`python -m safelight.models.build.fit_taste --data DIR --out FILE`. The directions are principal components of the
embeddings of two public collections that count half each (OASIS, BIQ2021), not whitened. The prior's mean lies a part
of the way from the generic score to what people weighed who rated OASIS, and its covariance is widest along that way:
those people saw hardly any technical faults, a photographer sees many, and ten decisions tell which of the two a person
is. What single people like was learned too, as a covariance over what is shown; on people and themes left out it was
worse than equal spread in all directions, so equal spread is shipped.
Invariant: the same data and software give the same file; where the data is absent nothing is written.
"""

import csv
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import pi, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.components import components
from safelight.domain.features import CAPTURE, GENERIC, NAMES, OF_CAPTURE, OF_GENERIC, OF_SUBJECT, Basis
from safelight.domain.score import lone_score
from safelight.domain.technical import measure
from safelight.domain.technical_terms import technical_terms
from safelight.errors import Unreadable
from safelight.inference.heads import SOFT_LIMIT, Heads, read_heads
from safelight.models.build.fit_appeal import KIND_SHARE, theme
from safelight.models.build.rated import STRENGTHS, Outputs, asked, outputs_as_rated, read_ratings
from safelight.models.build.ridge import Floats, Table, folds, held_out, spearman, strongest
from safelight.models.shipped import FOLDER
from safelight.models.taste import read_basis, write_basis

# The prior, in log-odds per unit of a feature. Chosen on people and themes left out (tests/bench/taste_model.py), on a
# broad plateau each, and so that a photographer who agrees with the generic score loses next to nothing.
SLOPE = 0.6  # of the generic score
WAY = 0.3  # from the generic weights to those of the people, and
WAY_SPREAD = 0.6  # how unsure that is
SCALE_SPREAD = 0.35  # of all generic weights together, as a part of SLOPE
TERM_SPREAD = 0.3  # of each generic contribution by itself
BURST_SPREAD = 2.0  # wide: else the many decisions inside bursts are taken for a love of sharpness between photographs
SET_SPREAD = 0.1
SUBJECT_SPREAD = 0.6  # of each component of the embedding
CAPTURE_SPREAD = 0.2  # of each capture fact: not measured, as the photographs have lost theirs

_LEAST_SPREAD = 0.3  # of one person's ratings 1-7: somebody who gives all the same says nothing
_GRID = ((0.1, 0.2, 0.4), (0.0, 0.1, 0.2, 0.4), (0.1, 0.15, 0.2, 0.3))  # deviations of terms, subject; variance of rest
_TERM_MEAN = 0.2  # rating deviations per unit of score, before the ratings are seen


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Photographs of one collection: embeddings (n, numbers) of unit length and generic contributions (n, GENERIC)."""

    embeddings: Floats
    generic: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """Photographs that people rated: ratings (people, n) with NaN where there is none, and the theme of each."""

    photographs: Photographs
    ratings: Floats
    themes: NDArray[np.int64]


def directions(collections: Sequence[Photographs]) -> tuple[Floats, Floats]:
    """Return centre (numbers,) and directions (COMPONENTS, numbers): the squares of components average 1 in sum."""
    rows = np.concatenate([each.embeddings for each in collections])
    share = _shares(collections)
    centre = share @ rows
    away = rows - centre
    return centre, components(away.T @ (away * share[:, None]))


def as_features(photographs: Photographs, centre: Floats, turned: Floats) -> Floats:
    """Return features (n, k) without capture facts."""
    made = np.zeros((len(photographs.generic), len(NAMES)))
    made[:, OF_GENERIC] = photographs.generic
    made[:, OF_SUBJECT] = (photographs.embeddings - centre) @ turned.T
    return made


def people_weights(features: Floats, ratings: Floats) -> Floats:
    """Return what people weigh on average, log-odds per unit of each generic contribution (len(GENERIC),).

    Ridge regression of each photograph's mean rating, in deviations of a person's ratings; strengths by the highest
    marginal likelihood. A photograph's own rest is shared by all who rated it, so photographs are counted, not ratings.
    """
    standard = _standardised(ratings)
    rated = (~np.isnan(standard)).any(axis=0)
    mean = np.nanmean(standard[:, rated], axis=0)
    x = features[rated] - features[rated].mean(axis=0)
    start = np.zeros(len(NAMES))
    start[OF_GENERIC] = _TERM_MEAN
    rest = mean - mean.mean() - x @ start
    found = max((_evidence(x, rest, *tried) for tried in product(*_GRID)), key=lambda one: one[0])
    weights = start + found[1]
    noise = np.nanvar(standard - features @ weights)
    # A difference of two ratings has the noise of both; the logistic has a deviation of pi / sqrt(3).
    return np.asarray(weights[OF_GENERIC] * (pi / sqrt(3)) / sqrt(2 * float(noise)), np.float64)


def make_basis(collections: Sequence[Photographs], rated: Rated | None) -> Basis:
    """Return the basis; without `rated` the prior is flat: the generic score, every way from it alike."""
    centre, turned = directions(collections)
    everything = np.concatenate([as_features(each, centre, turned) for each in collections])
    share = _shares(collections)
    mean = share @ everything
    away = everything - mean
    ordinary = away.T @ (away * share[:, None])
    ordinary[OF_CAPTURE, OF_CAPTURE] = np.eye(len(CAPTURE))
    plain = np.zeros(len(NAMES))
    plain[OF_GENERIC] = SLOPE
    spreads = _spreads()
    covariance = np.diag(spreads**2) + SCALE_SPREAD**2 * np.outer(plain, plain)
    basis = Basis(centre, turned, SLOPE, plain, covariance, mean, ordinary, "")
    return basis if rated is None else leaning(basis, rated)


def leaning(basis: Basis, rated: Rated) -> Basis:
    """Return the basis with the prior moved and widened towards what the people of `rated` weigh."""
    way = np.zeros(len(NAMES))
    seen = as_features(rated.photographs, basis.centre, basis.directions)
    way[OF_GENERIC] = people_weights(seen, rated.ratings) - SLOPE
    way[[GENERIC.index("burst"), GENERIC.index("set")]] = 0.0  # single photographs say nothing of these
    return replace(basis, mean=basis.mean + WAY * way, covariance=basis.covariance + WAY_SPREAD**2 * np.outer(way, way))


def held_out_appeal(outputs: Floats, ratings: Floats, themes: NDArray[np.int64], kinds: NDArray[np.str_]) -> Floats:
    """Return the appeal z-score (n,) of photographs `outputs` (n, 2, numbers) by a head that never saw their theme.

    The shipped head learned these very photographs; a prior learned with its answers would believe it too much.
    """
    table = Table(outputs, np.nanmean(ratings, axis=0), themes, kinds)
    answers = held_out(table, STRENGTHS, kind_share=KIND_SHARE, parts=folds(themes))
    chosen = answers[strongest([spearman(row, table.target) for row in answers])]
    return np.asarray(SOFT_LIMIT * np.tanh((chosen - chosen.mean()) / chosen.std() / SOFT_LIMIT), np.float64)


def read_rated(folder: Path, outputs: Outputs, heads: Heads, *, length: int) -> Rated:
    """Read OASIS in `folder`: `ratings_dev.csv` and images."""
    given, category = read_ratings(folder)
    names = sorted(category)
    ratings = np.array([[given[person].get(name, np.nan) for name in names] for person in sorted(given)])
    themes = np.unique([theme(name) for name in names], return_inverse=True)[1].astype(np.int64)
    files = [folder / "images" / name for name in names]
    both = np.array([[_must(outputs(file, turned), file) for turned in (False, True)] for file in files], np.float64)
    appeal = held_out_appeal(both[:, :, 0], ratings, themes, np.array([category[name] for name in names]))
    generic = [_contributions(file, row[0], heads, float(z)) for file, row, z in zip(files, both, appeal, strict=True)]
    return Rated(Photographs(_unit(both[:, 0, 0, :length]), np.array(generic)), ratings, themes)


def read_ordinary(folder: Path, outputs: Outputs, heads: Heads, *, length: int) -> Photographs:
    """Read BIQ2021 in `folder`: every picture with an opinion, but for the series of one scene."""
    embeddings, generic = [], []
    for table in ("train_mos.csv", "unsplash_mos.csv"):
        with (folder / table).open(newline="", encoding="utf-8") as stream:
            names = [row["f"] for row in csv.DictReader(stream)]
        for file in (folder / "images" / name for name in names):
            answer = outputs(file, False)
            if answer is not None:
                wide = np.asarray(answer, np.float64)
                embeddings.append(wide[0, :length])
                generic.append(_contributions(file, wide, heads, None))
    return Photographs(_unit(np.array(embeddings)), np.array(generic))


def _contributions(file: Path, outputs: Floats, heads: Heads, appeal: float | None) -> Floats:
    quality, told = heads.score(outputs.astype(np.float32))
    terms = technical_terms(measure(read_picture(file, DecodeRules()).rgb), quality)
    score = lone_score([(term.name, term.value) for term in terms], told if appeal is None else appeal)
    values: Mapping[str, float] = {entry.name: entry.value for entry in score.contributions}
    return np.array([values.get(name, 0.0) for name in GENERIC])


def _spreads() -> Floats:
    spreads = np.full(len(NAMES), TERM_SPREAD)
    spreads[GENERIC.index("burst")], spreads[GENERIC.index("set")] = BURST_SPREAD, SET_SPREAD
    spreads[OF_SUBJECT], spreads[OF_CAPTURE] = SUBJECT_SPREAD, CAPTURE_SPREAD
    return spreads


def _evidence(x: Floats, rest: Floats, term: float, subject: float, noise: float) -> tuple[float, Floats]:
    """Return the log marginal likelihood of `rest` (n,) under these deviations, and the weights' posterior mean."""
    variance = np.zeros(len(NAMES))
    variance[OF_GENERIC], variance[OF_SUBJECT] = term**2, subject**2
    spread = (x * variance) @ x.T + noise * np.eye(len(rest))
    solved = np.linalg.solve(spread, rest)
    return -float(rest @ solved + np.linalg.slogdet(spread)[1]) / 2, variance * (x.T @ solved)


def _standardised(ratings: Floats) -> Floats:
    """Return ratings in deviations from each person's own mean; people who rate all the same are left out."""
    spread = np.nanstd(ratings, axis=1)
    some = ratings[spread > _LEAST_SPREAD]
    return np.asarray((some - np.nanmean(some, axis=1)[:, None]) / np.nanstd(some, axis=1)[:, None], np.float64)


def _shares(collections: Sequence[Photographs]) -> Floats:
    parts = [np.full(len(each.generic), 1 / len(each.generic) / len(collections)) for each in collections]
    return np.concatenate(parts)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)


def _must(answer: NDArray[np.float32] | None, file: Path) -> NDArray[np.float32]:
    if answer is None:
        raise Unreadable("This photograph cannot be read.", path=file)
    return answer


def main() -> None:
    """Fit, write, and print the lines that belong into models/taste.py and models/README.md."""
    biq, oasis, out = asked("Fit the start of every taste for the embedded bundle.")
    outputs, length = outputs_as_rated()
    heads = read_heads((FOLDER / "heads" / "embedded.npz").read_bytes(), numbers=_first(biq, outputs).shape[-1])
    rated = read_rated(oasis, outputs, heads, length=length)
    ordinary = read_ordinary(biq, outputs, heads, length=length)
    content = write_basis(make_basis([rated.photographs, ordinary], rated))
    out.write_bytes(content)
    mean = read_basis(content, out).mean[OF_GENERIC]
    lines = [f"{name:11} {weight:6.3f}" for name, weight in zip(GENERIC, mean, strict=True)]
    number = int((~np.isnan(rated.ratings)).sum())
    lines += [f"{len(rated.ratings)} people, {number} ratings, {len(ordinary.generic)} other photographs"]
    sys.stdout.write("\n".join([*lines, f"{len(content)} bytes", f'SHA256 = "{_sha256(content)}"', ""]))


def _first(folder: Path, outputs: Outputs) -> NDArray[np.float32]:
    """Return the outputs of one picture: how many numbers the heads have to fit."""
    file = next(iter(sorted((folder / "images").iterdir())))
    return _must(outputs(file, False), file)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
