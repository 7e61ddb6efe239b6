"""Decides what a kind of picture is, and judges each kind by a head that never saw one of it.

Three divisions, as none is the truth: the collection a photograph comes from, its subject (clusters of the embedding by
k-means), and its light (thirds of mean brightness). A head that only knows its own kinds would fall back there, and a
simple measure would be better.
Invariant: a picture is judged by a fit that saw neither its kind nor a near-duplicate of it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from safelight.models.build.ridge import Floats, Table, fit

BY_COLLECTION, BY_CLUSTER, BY_LIGHT = "collection", "subject", "light"
CLUSTERS = 8
_ROUNDS = 60
_LEAST = 10  # pictures: from fewer nothing is learned


def kinds_of(embeddings: Floats, table: Table, light: Floats | None = None) -> Mapping[str, NDArray[np.str_]]:
    """Return the kind of every picture by each division; `light` (pictures,) is mean luma, left out without it."""
    found = {BY_COLLECTION: table.kinds, BY_CLUSTER: clusters(embeddings).astype(np.str_)}
    if light is not None:
        third = np.digitize(light, np.quantile(light, [1 / 3, 2 / 3]))
        found[BY_LIGHT] = np.array(["dark", "middle", "bright"])[third]
    return found


def left_out(table: Table, kinds: NDArray[np.str_], strength: float, kind_share: float) -> Floats:
    """Return predictions (pictures,), each by a fit without the picture's kind and without that kind's duplicates.

    NaN where nothing is left to learn from.
    """
    answers = np.full(len(table.target), np.nan)
    for kind in np.unique(kinds):
        out = kinds == kind
        learned = ~out & ~np.isin(table.groups, table.groups[out])
        if int(learned.sum()) < _LEAST:
            continue
        (made,) = fit(table.only(learned), [strength], kind_share=kind_share)
        answers[out] = made.predict(table.outputs[out, 0])
    return answers


def clusters(rows: Floats, number: int = CLUSTERS, seed: int = 0) -> NDArray[np.int64]:
    """Return a cluster per row by k-means (Lloyd, 1982), started as Arthur and Vassilvitskii (2007) do."""
    rng = np.random.default_rng(seed)
    centres = rows[rng.choice(len(rows), 1)]
    while len(centres) < min(number, len(rows)):
        far = _squares(rows, centres).min(axis=1)
        total = float(far.sum())
        if total <= 0:  # fewer different rows than clusters
            break
        centres = np.concatenate([centres, rows[rng.choice(len(rows), 1, p=far / total)]])
    for _ in range(_ROUNDS):
        nearest = _squares(rows, centres).argmin(axis=1)
        centres = np.array(
            [rows[nearest == one].mean(axis=0) if (nearest == one).any() else old for one, old in enumerate(centres)]
        )
    return np.asarray(_squares(rows, centres).argmin(axis=1), np.int64)


def _squares(rows: Floats, centres: Floats) -> Floats:
    return np.asarray(((rows[:, None] - centres[None]) ** 2).sum(axis=2), np.float64)
