"""Fits the reference distribution of scores, which stands in for a library while that is small.

`python -m safelight.models.build.fit_reference --data DIR --out FILE` scores photographs of two public collections as
lone frames: one of free pictures that somebody chose to publish (OASIS), one of everyday pictures with real faults
(BIQ2021). Both count half, whatever their sizes, because a photographer's shoot lies somewhere between the two.
Invariant: the same data, bundle and measures give the same file; where the data is absent nothing is written.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight import paths
from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.score import lone_score
from safelight.domain.technical import MEASURES_VERSION, measure
from safelight.domain.technical_terms import technical_terms
from safelight.errors import Unreadable
from safelight.inference.bundle import load_bundle
from safelight.inference.encoder import BundleEncoder, open_encoder
from safelight.models.build.efficientnet_lite0 import build
from safelight.models.shipped import EMBEDDED, FOLDER

QUANTILES = 41
COLLECTIONS = ("taste_oasis/images", "quality_biq/images")


def scores(files: Iterable[Path], encoder: BundleEncoder) -> NDArray[np.float64]:
    """Return the lone scores of the files that can be read."""
    found = []
    for path in files:
        try:
            picture = read_picture(path, DecodeRules())
        except Unreadable:
            continue
        encoded = encoder.encode(picture.thumb, picture.closeup)
        terms = technical_terms(measure(picture.rgb), encoded.quality)
        found.append(lone_score([(term.name, term.value) for term in terms], encoded.appeal).value)
    return np.array(found)


def quantiles(collections: list[NDArray[np.float64]]) -> list[float]:
    """Return `QUANTILES` evenly spaced quantiles of the collections together, each of the same weight."""
    values = np.concatenate(collections)
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in collections])
    order = np.argsort(values, kind="stable")
    place = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return [round(float(score), 4) for score in np.interp(np.linspace(0, 1, QUANTILES), place, values[order])]


def main() -> int:
    """Fit and write the file; 1 where the data is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    folders = [chosen.data / name for name in COLLECTIONS]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        sys.stderr.write(f"nothing written: {missing[0]} is not there\n")
        return 1
    cache = paths.models_folder(os.environ)
    encoder = open_encoder(load_bundle(EMBEDDED, folder=FOLDER, cache=cache, builders={"efficientnet_lite0": build}))
    found = quantiles([scores(sorted(folder.glob("*.jpg")), encoder) for folder in folders])
    lines = [
        "# Scores at evenly spaced quantiles of a reference library; written by build/fit_reference.py.",
        "# OASIS and BIQ2021, each counting half.",
        f'judge = "{encoder.bundle}/m{MEASURES_VERSION}"',
        f"scores = {found}",
    ]
    chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
