"""Reads photographs that people rated, and what the embedded bundle says of them: what every fit starts from.

Photographs are decoded and encoded as `safelight rate` does it, whole and closer, as they are and mirrored, because a
head that learned from another decode would be judged on a scale that is not its own. The heads lie in one file, so a
fit of one of them puts its row there and leaves the other as it is.
Invariant: without the data nothing is written, and the same data and software give the same bytes.
"""

import argparse
import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable
from safelight.inference.bundle import read_shipped, source_folder
from safelight.inference.encoder import BundleEncoder
from safelight.inference.heads import NAMES, Heads, read_heads, write_heads
from safelight.inference.manifest import read_manifest
from safelight.inference.session import open_session
from safelight.models.build.efficientnet_lite0 import build
from safelight.models.build.ridge import Fit, Floats, Table, folds, held_out, spearman, strongest
from safelight.models.shipped import EMBEDDED

# (file, mirrored) -> what is said of the whole and of its middle (2, numbers): embedding and taps. None: unreadable.
Outputs = Callable[[Path, bool], NDArray[np.float32] | None]

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
NEAR_DUPLICATE = 0.75  # cosine of the embeddings from which pictures may show one scene


def read_ratings(folder: Path) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Return what each person gave each picture, and each picture's category, from `ratings_dev.csv` in `folder`."""
    given: dict[str, dict[str, float]] = {}
    category: dict[str, str] = {}
    with (folder / "ratings_dev.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            given.setdefault(row["user"], {})[row["image"]] = float(row["rating"])
            category[row["image"]] = row["category"]
    return given, category


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted head over all outputs, and what was measured, as lines for people."""

    fit: Fit
    report: tuple[str, ...]


def read_opinions(file: Path) -> tuple[list[str], Floats]:
    """Return the names and mean opinions (0-1) in a CSV of `f,mos`."""
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [row["f"] for row in rows], np.array([float(row["mos"]) for row in rows])


def encode(files: Sequence[Path], outputs: Outputs) -> tuple[Floats, NDArray[np.int64]]:
    """Return the outputs (pictures, 2, 2, numbers) and the places of the readable files.

    The second axis is as it is and mirrored, the third the whole and its middle.
    """
    rows, kept = [], []
    for place, file in enumerate(files):
        plain, mirrored = outputs(file, False), outputs(file, True)
        if plain is not None and mirrored is not None:
            rows.append([plain, mirrored])
            kept.append(place)
    return np.array(rows, np.float64), np.array(kept, np.int64)


def choose(table: Table, kind_share: float) -> tuple[float, Floats]:
    """Return the strength of the ridge and the predictions (pictures,) that it makes of folds left out."""
    answers = held_out(table, STRENGTHS, kind_share=kind_share, parts=folds(table.groups))
    chosen = strongest([spearman(row, table.target) for row in answers])
    return STRENGTHS[chosen], answers[chosen]


def as_z_score(made: Fit, answers: Floats) -> Fit:
    """Scale so that held-out predictions have mean 0 and deviation 1: those on learned pictures spread too wide."""
    spread = float(answers.std())
    return Fit(made.weights / spread, (made.bias - float(answers.mean())) / spread)


def agreement(table: Table, answers: Floats) -> str:
    """Say how predictions agree with what people said, over all and within each kind."""
    within = {
        str(kind): spearman(answers[table.kinds == kind], table.target[table.kinds == kind])
        for kind in np.unique(table.kinds)
    }
    return f"{spearman(answers, table.target):.3f} (" + ", ".join(f"{k} {v:.3f}" for k, v in within.items()) + ")"


def interval(table: Table, answers: Floats, *, draws: int = 400) -> tuple[float, float]:
    """Return where 95 % of the rank correlations lie when whole groups are drawn anew."""
    members = [np.flatnonzero(table.groups == group) for group in np.unique(table.groups)]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([members[place] for place in rng.integers(0, len(members), len(members))])
        found.append(spearman(answers[drawn], table.target[drawn]))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)


def outputs_as_rated() -> tuple[Outputs, int]:
    """Return the function that decodes and encodes a file as `safelight rate` does, and the embedding's length."""
    manifest, rules = read_manifest(EMBEDDED), DecodeRules()
    told = manifest.outputs
    nothing = Heads(np.zeros((len(NAMES), told.length + sum(told.tap_lengths))), np.zeros(len(NAMES)))
    session = open_session(build(read_shipped(source_folder(manifest.origin), manifest.source)))
    encoder = BundleEncoder(session=session, manifest=manifest, bundle="without heads", heads=nothing)

    def outputs(file: Path, mirrored: bool) -> NDArray[np.float32] | None:
        try:
            picture = read_picture(file, rules)
        except Unreadable:
            return None
        return encoder.outputs([view[:, ::-1] if mirrored else view for view in (picture.thumb, picture.closeup)])

    return outputs, told.length


def with_head(content: bytes | None, name: str, made: Fit) -> bytes:
    """Return the content of a file of heads in which `name` is `made` and the others are those of `content`.

    Heads that are not known yet say 0 of everything.
    """
    numbers = len(made.weights)
    old = read_heads(content, numbers=numbers) if content else Heads(np.zeros((2, numbers)), np.zeros(2))
    weights, bias, row = old.weights.copy(), old.bias.copy(), NAMES.index(name)
    weights[row], bias[row] = made.weights, made.bias
    return write_heads(Heads(weights, bias))


def put_head(file: Path, name: str, head: Head) -> list[str]:
    """Put a head into the file; return what was measured and the lines that belong into the manifest."""
    content = with_head(file.read_bytes() if file.exists() else None, name, head.fit)
    file.write_bytes(content)
    return [*head.report, f"size_bytes = {len(content)}", f'sha256 = "{hashlib.sha256(content).hexdigest()}"']


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
