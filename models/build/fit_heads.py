"""Fits the heads of the embedded bundle to rated photographs.

`python -m safelight.models.build.fit_heads --data DIR --out FILE` makes two ridge regressions, each folded into one
weight per output and a bias. Quality learns mean opinion scores of technical quality and reads the inner stages only
(texture, noise, light): the last features, which say what is shown, made it worse. Appeal learns the mean of what
people gave a picture and reads everything. Part of the difference between collections (or categories) is taken out
first: it is as much what is shown as how well, and a head that learns all of it praises subjects. Mirrored copies are
learned too, as neither head may care for left and right.
Invariant: the same data and software give the same file; where the data is absent nothing is written.
"""

import argparse
import csv
import hashlib
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable
from safelight.inference.bundle import read_shipped, source_folder
from safelight.inference.encoder import BundleEncoder
from safelight.inference.heads import NAMES, Heads, write_heads
from safelight.inference.manifest import read_manifest
from safelight.inference.session import open_session
from safelight.models.build.efficientnet_lite0 import build
from safelight.models.build.ridge import Fit, Floats, Table, alike, fit, folds, held_out, spearman, strongest
from safelight.models.shipped import EMBEDDED

Outputs = Callable[[Path, bool], NDArray[np.float32] | None]  # (file, mirrored) -> embedding and taps, None: unreadable

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
QUALITY_KIND_SHARE = 0.5  # of the mean of a collection; by held-out rank correlation within collections and across
APPEAL_KIND_SHARE = 0.3  # of the mean of a category, likewise
NEAR_DUPLICATE = 0.75  # cosine of the embeddings from which pictures may show one scene
PLAIN_DIFFERENCE = 0.1  # of 0-1: a difference in opinion that counts when two frames of a scene are compared


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted head over all outputs, and what was measured, as lines for people."""

    fit: Fit
    report: tuple[str, ...]


def fit_quality(folder: Path, outputs: Outputs, *, length: int) -> Head:
    """Fit technical quality on `train_mos.csv` in `folder`; the `length` numbers of the embedding are left out."""
    names, scores = _opinions(folder / "train_mos.csv")
    full, kept = _encode([folder / "images" / name for name in names], outputs)
    kinds = np.array([name.split(" ")[0] for name in names])[kept]
    embeddings = full[:, 0, :length]
    table = Table(full[:, :, length:], np.array(scores)[kept], alike(embeddings, NEAR_DUPLICATE), kinds)
    chosen, answers = _choose(table, QUALITY_KIND_SHARE)
    collections = np.unique(kinds, return_inverse=True)[1].astype(np.int64)
    apart = held_out(table, [STRENGTHS[chosen]], kind_share=QUALITY_KIND_SHARE, parts=collections)[0]
    report = [
        f"quality: {len(kept)} pictures, strength {STRENGTHS[chosen]}, held-out Spearman {_agreement(table, answers)}",
        f"quality: one collection learned, the other judged: {_agreement(table, apart)}",
        *_on_other_pictures(folder, outputs, table, embeddings, STRENGTHS[chosen]),
    ]
    (made,) = fit(table, [STRENGTHS[chosen]], kind_share=QUALITY_KIND_SHARE)
    scaled = _as_z_score(made, answers)
    return Head(Fit(np.concatenate([np.zeros(length), scaled.weights]), scaled.bias), tuple(report))


def fit_appeal(folder: Path, outputs: Outputs) -> Head:
    """Fit appeal on the mean rating of each picture in `ratings_dev.csv`; themes stay on one side of a split."""
    ratings: dict[str, dict[str, float]] = defaultdict(dict)
    category: dict[str, str] = {}
    with (folder / "ratings_dev.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            ratings[row["user"]][row["image"]] = float(row["rating"])
            category[row["image"]] = row["category"]
    names = sorted(category)
    full, kept = _encode([folder / "images" / name for name in names], outputs)
    names = [names[place] for place in kept]
    given = [[mine[name] for mine in ratings.values() if name in mine] for name in names]
    themes = np.unique([re.sub(r"\s*\d+\.\w+$", "", name) for name in names], return_inverse=True)[1]
    kinds = np.array([category[name] for name in names])
    table = Table(full, np.array([np.mean(some) for some in given]), themes.astype(np.int64), kinds)
    chosen, answers = _choose(table, APPEAL_KIND_SHARE)
    report = (
        f"appeal: {len(names)} pictures, strength {STRENGTHS[chosen]}, held-out themes, Spearman to the mean rating "
        f"{_agreement(table, answers)}",
        f"appeal: held-out themes, Spearman to one person, mean of {len(ratings)}: "
        f"{_over_people(names, answers, ratings.values()):.3f}; the mean rating itself, they included: "
        f"{_over_people(names, table.target, ratings.values()):.3f}",
    )
    (made,) = fit(table, [STRENGTHS[chosen]], kind_share=APPEAL_KIND_SHARE)
    return Head(_as_z_score(made, answers), report)


def combine(quality: Head, appeal: Head) -> Heads:
    """Return both heads in the order of `inference.heads.NAMES`."""
    return Heads(
        weights=np.stack([quality.fit.weights, appeal.fit.weights]), bias=np.array([quality.fit.bias, appeal.fit.bias])
    )


def _choose(table: Table, kind_share: float) -> tuple[int, Floats]:
    """Return the place of the chosen strength and its held-out predictions."""
    answers = held_out(table, STRENGTHS, kind_share=kind_share, parts=folds(table.groups))
    chosen = strongest([spearman(row, table.target) for row in answers])
    return chosen, answers[chosen]


def _as_z_score(made: Fit, answers: Floats) -> Fit:
    """Scale so that held-out predictions have mean 0 and deviation 1: those on learned pictures spread too wide."""
    spread = float(answers.std())
    return Fit(made.weights / spread, (made.bias - float(answers.mean())) / spread)


def _agreement(table: Table, answers: Floats) -> str:
    within = {
        str(kind): spearman(answers[table.kinds == kind], table.target[table.kinds == kind])
        for kind in np.unique(table.kinds)
    }
    return f"{spearman(answers, table.target):.3f} (" + ", ".join(f"{k} {v:.3f}" for k, v in within.items()) + ")"


def _on_other_pictures(
    folder: Path, outputs: Outputs, table: Table, embeddings: Floats, strength: float
) -> Iterable[str]:
    """Judge the two collections nobody learned from, near-duplicates of theirs taken out of the training first."""
    for name in ("unsplash_mos.csv", "scene_series_mos.csv"):
        names, scores = _opinions(folder / name)
        full, kept = _encode([folder / "images" / file for file in names], outputs)
        length, target = embeddings.shape[1], np.array(scores)[kept]
        new = (embeddings @ full[:, 0, :length].T).max(axis=1) < NEAR_DUPLICATE
        (made,) = fit(table.only(new), [strength], kind_share=QUALITY_KIND_SHARE)
        answers = made.predict(full[:, 0, length:])
        left_out = int((~new).sum())
        yield f"quality: {name}, {left_out} near-duplicates not learned: Spearman {spearman(answers, target):.3f}"
        scenes = _scenes(folder / name)
        if scenes:
            yield _best_of_scene(np.array(scenes)[kept], answers, target)


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


def _over_people(names: Sequence[str], answers: Floats, people: Iterable[dict[str, float]]) -> float:
    place = {name: number for number, name in enumerate(names)}
    each = []
    for person in people:
        seen = [name for name in person if name in place]
        each.append(spearman(answers[[place[name] for name in seen]], np.array([person[name] for name in seen])))
    return float(np.nanmean(each))


def _opinions(file: Path) -> tuple[list[str], list[float]]:
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [row["f"] for row in rows], [float(row["mos"]) for row in rows]


def _scenes(file: Path) -> list[str]:
    with file.open(newline="", encoding="utf-8") as stream:
        return [row["group"] for row in csv.DictReader(stream) if row.get("group")]


def _encode(files: Sequence[Path], outputs: Outputs) -> tuple[Floats, NDArray[np.int64]]:
    """Return the outputs (pictures, 2, numbers) as they are and mirrored, and the places of the readable files."""
    rows, kept = [], []
    for place, file in enumerate(files):
        plain, mirrored = outputs(file, False), outputs(file, True)
        if plain is not None and mirrored is not None:
            rows.append([plain, mirrored])
            kept.append(place)
    return np.array(rows, np.float64), np.array(kept, np.int64)


def outputs_as_rated() -> tuple[Outputs, int]:
    """Return the function that decodes and encodes a file as `safelight rate` does, and the embedding's length."""
    manifest, rules = read_manifest(EMBEDDED), DecodeRules()
    told = manifest.outputs
    nothing = Heads(np.zeros((len(NAMES), told.length + sum(told.tap_lengths))), np.zeros(len(NAMES)))
    session = open_session(build(read_shipped(source_folder(manifest.origin), manifest.source)))
    encoder = BundleEncoder(session=session, manifest=manifest, bundle="without heads", heads=nothing)

    def outputs(file: Path, mirrored: bool) -> NDArray[np.float32] | None:
        try:
            thumb = read_picture(file, rules).thumb
        except Unreadable:
            return None
        return encoder.outputs(thumb[:, ::-1] if mirrored else thumb)

    return outputs, told.length


def asked(description: str) -> tuple[Path, Path, Path]:
    """Read the command line; return both folders of data and the file to write. Ends the program without the data."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with quality_biq/ and taste_oasis/")
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    biq, oasis = told.data / "quality_biq", told.data / "taste_oasis"
    missing = [str(file) for file in (biq / "train_mos.csv", oasis / "ratings_dev.csv") if not file.is_file()]
    if missing:
        parser.exit(0, f"Nothing was fitted: {', '.join(missing)} is not there.\n")
    return biq, oasis, told.out


def main() -> None:
    """Fit, report, write, and print the lines that belong into the manifest."""
    biq, oasis, out = asked("Fit the quality and appeal heads of the embedded bundle.")
    outputs, length = outputs_as_rated()
    quality, appeal = fit_quality(biq, outputs, length=length), fit_appeal(oasis, outputs)
    content = write_heads(combine(quality, appeal))
    out.write_bytes(content)
    lines = [*quality.report, *appeal.report]
    sys.stdout.write("\n".join([*lines, f"size_bytes = {len(content)}", f'sha256 = "{_sha256(content)}"', ""]))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
