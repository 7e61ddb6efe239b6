"""Fits the appeal head of the embedded bundle to what people gave pictures, whoever they were.

`python -m safelight.models.build.fit_appeal --data DIR --out FILE` makes a ridge regression on all outputs for the
whole picture, folded into one weight per output and a bias, and puts it into the file of heads. A part of the
difference between categories is taken out first: with all of it left in, the head says "landscape", with none of it,
less of what people like is told. Mirrored copies are learned too.
Invariant: everything that is reported was measured on themes that the reported fit had not seen.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.models.build.rated import (
    Head,
    Outputs,
    agreement,
    as_z_score,
    asked,
    choose,
    encode,
    interval,
    outputs_as_rated,
    put_head,
    read_ratings,
)
from safelight.models.build.ridge import Floats, Table, fit, spearman

KIND_SHARE = 0.3  # of the mean of a category; by held-out rank correlation


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Photographs and what single people gave them: ratings (people, pictures), NaN where there is none."""

    names: tuple[str, ...]
    ratings: Floats
    table: Table  # outputs of the whole, the mean rating, groups are themes, kinds are categories


def read_appeal(folder: Path, outputs: Outputs) -> People:
    """Read `ratings_dev.csv` and its readable photographs in `folder`."""
    given, category = read_ratings(folder)
    names = sorted(category)
    full, kept = encode([folder / "images" / name for name in names], outputs)
    names = [names[place] for place in kept]
    ratings = np.array([[mine.get(name, np.nan) for name in names] for mine in given.values()])
    themes = np.unique([theme(name) for name in names], return_inverse=True)[1].astype(np.int64)
    kinds = np.array([category[name] for name in names])
    return People(tuple(names), ratings, Table(full[:, :, 0], np.nanmean(ratings, axis=0), themes, kinds))


def theme(name: str) -> str:
    """Return the theme of a picture by its file name: "Dog 3.jpg" and "Dog12.jpg" are of one."""
    return re.sub(r"\s*\d+\.\w+$", "", name)


def fit_appeal(folder: Path, outputs: Outputs) -> Head:
    """Fit appeal on the mean rating of each picture in `ratings_dev.csv`; themes stay on one side of a split."""
    people = read_appeal(folder, outputs)
    table = people.table
    strength, answers = choose(table, KIND_SHARE)
    low, high = interval(table, answers)
    report = (
        f"appeal: {len(people.names)} pictures, strength {strength}, held-out themes, Spearman to the mean rating "
        f"{agreement(table, answers)}, 95 % interval {low:.3f} to {high:.3f}",
        f"appeal: held-out themes, Spearman to one person, mean of {len(people.ratings)} people "
        f"(standard error): {_said(to_people(answers, people))}",
        f"appeal: the mean rating of all the others, to one person: {_said(others_to_people(people))}",
    )
    (made,) = fit(table, [strength], kind_share=KIND_SHARE)
    return Head(as_z_score(made, answers), report)


def to_people(answers: Floats, people: People) -> Mapping[str, Floats]:
    """Return the rank correlations (people,) of predictions with each person's own ratings, over all and by category.

    NaN for who gave all the same, or nothing, there.
    """
    return _by_category([answers] * len(people.ratings), people)


def others_to_people(people: People) -> Mapping[str, Floats]:
    """Return the same for the mean rating of all other people: what the best generic score could reach."""
    rated = ~np.isnan(people.ratings)
    total, number = np.nansum(people.ratings, axis=0), rated.sum(axis=0)
    means = []
    for mine, did in zip(people.ratings, rated, strict=True):
        others = np.maximum(number - did, 1)
        means.append(np.where(did, (total - np.where(did, mine, 0.0)) / others, 0.0))
    return _by_category(means, people)


def _by_category(answers: list[Floats], people: People) -> Mapping[str, Floats]:
    kinds = people.table.kinds
    parts: dict[str, NDArray[np.bool_]] = {"all": np.ones(len(kinds), np.bool_)}
    parts |= {str(kind): kinds == kind for kind in np.unique(kinds)}
    return {
        name: np.array([_to_one(said, mine, part) for said, mine in zip(answers, people.ratings, strict=True)])
        for name, part in parts.items()
    }


def _to_one(said: Floats, mine: Floats, part: NDArray[np.bool_]) -> float:
    seen = part & ~np.isnan(mine)
    return spearman(said[seen], mine[seen]) if int(seen.sum()) > 2 else float("nan")


def _said(found: Mapping[str, Floats]) -> str:
    return ", ".join(f"{name} {_mean(each)}" for name, each in found.items())


def _mean(each: Floats) -> str:
    told = each[np.isfinite(each)]
    return f"{told.mean():.3f} ({told.std() / max(len(told), 1) ** 0.5:.3f})" if len(told) else "nothing"


def main() -> None:
    """Fit, report, write, and print the lines that belong into the manifest."""
    _, oasis, out = asked("Fit the appeal head of the embedded bundle.")
    outputs, _ = outputs_as_rated()
    sys.stdout.write("\n".join([*put_head(out, "appeal", fit_appeal(oasis, outputs)), ""]))


if __name__ == "__main__":
    main()
