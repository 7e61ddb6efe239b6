"""Finds the directions of embeddings along which photographs differ most: what a taste over subjects is made of."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import COMPONENTS

Floats = NDArray[np.float64]

_ALIKE = 1e-9  # variance of unit embeddings: below it is nothing but rounding


def components(covariance: Floats) -> Floats:
    """Return the principal directions (COMPONENTS, n) of embeddings with this covariance (n, n), the widest first.

    Not whitened; scaled so that the squares of all components of a photograph average 1 in sum. Rows beyond n are
    zero. Raises ValueError when the embeddings are all alike.
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    total = float(values.clip(min=0.0).sum())
    if not total > _ALIKE:  # written so that NaN fails
        raise ValueError("the embeddings are all alike")
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])  # an eigenvector's sign is chance
    turned = np.zeros((COMPONENTS, len(covariance)))
    turned[: vectors.shape[1]] = vectors.T / sqrt(total)
    return turned
