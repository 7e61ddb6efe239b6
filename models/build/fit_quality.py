"""Fits the quality head of the embedded bundle to mean opinions of technical quality.

`python -m safelight.models.build.fit_quality --data DIR --out FILE` makes a ridge regression, folded into one weight
per output and a bias, and puts it into the file of heads. It reads the inner stages only (texture, noise, light), as
the mean of the whole picture and of its middle: the last features, which say what is shown, made it worse. Half of the
difference between collections is taken out first: it is as much what is shown as how well, and a head that learns all
of it praises subjects. Mirrored copies are learned too, as no head may care for left and right.
Invariant: everything that is reported was measured on pictures that the reported fit had not seen.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.models.build.quality_kinds import BY_CLUSTER, kinds_of, left_out
from safelight.models.build.rated import (
    NEAR_DUPLICATE,
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
    read_opinions,
)
from safelight.models.build.ridge import Fit, Floats, Table, alike, fit, spearman

KIND_SHARE = 0.5  # of the mean of a collection; by held-out rank correlation within collections and across
PLAIN_DIFFERENCE = 0.1  # of 0-1: a difference in opinion that counts when two frames of a scene are compared


@dataclass(frozen=True, slots=True, eq=False)
class Opinions:
    """Photographs with opinions: names (n), unit embeddings of the whole (n, length), and what the head reads."""

    names: tuple[str, ...]
    embeddings: Floats
    table: Table


def read_quality(folder: Path, outputs: Outputs, *, length: int, name: str = "train_mos.csv") -> Opinions:
    """Read the readable photographs of the CSV `name` in `folder`; near-duplicates share a group."""
    names, scores = read_opinions(folder / name)
    full, kept = encode([folder / "images" / each for each in names], outputs)
    embeddings = full[:, 0, 0, :length]
    kinds = np.array([each.split(" ")[0] for each in names])[kept]
    read = full[..., length:].mean(axis=2)
    table = Table(read, scores[kept], alike(embeddings, NEAR_DUPLICATE), kinds)
    return Opinions(tuple(names[place] for place in kept), embeddings, table)


def fit_quality(folder: Path, outputs: Outputs, *, length: int) -> Head:
    """Fit technical quality on `train_mos.csv` in `folder`; the `length` numbers of the embedding are left out."""
    known = read_quality(folder, outputs, length=length)
    table = known.table
    strength, answers = choose(table, KIND_SHARE)
    low, high = interval(table, answers)
    report = [
        f"quality: {len(table.target)} pictures, strength {strength}, held-out Spearman {agreement(table, answers)}, "
        f"95 % interval {low:.3f} to {high:.3f}",
        *_on_other_kinds(known, strength),
        *_on_other_pictures(folder, outputs, known, strength, length),
    ]
    (made,) = fit(table, [strength], kind_share=KIND_SHARE)
    scaled = as_z_score(made, answers)
    return Head(Fit(np.concatenate([np.zeros(length), scaled.weights]), scaled.bias), tuple(report))


def _on_other_kinds(known: Opinions, strength: float) -> Iterable[str]:
    """Judge each collection, and each kind of subject, by a head that never saw one of it."""
    table, subject = known.table, kinds_of(known.embeddings, known.table)[BY_CLUSTER]
    apart = left_out(table, table.kinds, strength, KIND_SHARE)
    yield f"quality: one collection learned, the other judged: {agreement(table, apart)}"
    answers = left_out(table, subject, strength, KIND_SHARE)
    each = [spearman(answers[subject == kind], table.target[subject == kind]) for kind in np.unique(subject)]
    yield f"quality: {len(each)} kinds of subject, each left out: {min(each):.3f} to {max(each):.3f} within it"


def without_alike(known: Opinions, others: Opinions) -> Table:
    """Return what of `known` is no near-duplicate of a picture of `others`."""
    return known.table.only((known.embeddings @ others.embeddings.T).max(axis=1) < NEAR_DUPLICATE)


def _on_other_pictures(folder: Path, outputs: Outputs, known: Opinions, strength: float, length: int) -> Iterable[str]:
    """Judge the two collections nobody learned from, near-duplicates of theirs taken out of the training first."""
    for name in ("unsplash_mos.csv", "scene_series_mos.csv"):
        others = read_quality(folder, outputs, length=length, name=name)
        learned, target = without_alike(known, others), others.table.target
        (made,) = fit(learned, [strength], kind_share=KIND_SHARE)
        answers = made.predict(others.table.outputs[:, 0])
        fewer = len(known.table.target) - len(learned.target)
        yield f"quality: {name}, {fewer} near-duplicates not learned: Spearman {spearman(answers, target):.3f}"
        scenes = scenes_of(folder / name, others.names)
        if scenes is not None:
            yield _best_of_scene(scenes, answers, target)


def scenes_of(file: Path, names: Sequence[str]) -> NDArray[np.str_] | None:
    """Return the scene of each picture, None where the CSV names none."""
    with file.open(newline="", encoding="utf-8") as stream:
        groups = {row["f"]: row.get("group") or "" for row in csv.DictReader(stream)}
    found = np.array([groups[name] for name in names])
    return found if (found != "").all() else None


def _best_of_scene(scenes: NDArray[np.str_], answers: Floats, target: Floats) -> str:
    right = compared = picked = 0
    for scene in np.unique(scenes):
        mine, theirs = answers[scenes == scene], target[scenes == scene]
        better = theirs[:, None] - theirs[None] > PLAIN_DIFFERENCE
        compared += int(better.sum())
        right += int((better & (mine[:, None] > mine[None])).sum())
        picked += bool(theirs[int(mine.argmax())] >= theirs.max() - PLAIN_DIFFERENCE / 2)
    number = len(np.unique(scenes))
    share = right / max(compared, 1)
    return f"quality: {share:.3f} of {compared} pairs in a scene right, best frame of {picked} of {number} scenes"


def main() -> None:
    """Fit, report, write, and print the lines that belong into the manifest."""
    biq, _, out = asked("Fit the quality head of the embedded bundle.")
    outputs, length = outputs_as_rated()
    sys.stdout.write("\n".join([*put_head(out, "quality", fit_quality(biq, outputs, length=length)), ""]))


if __name__ == "__main__":
    main()
