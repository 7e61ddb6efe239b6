"""A start of the taste for made-up embeddings: nothing known of people, and directions drawn by chance."""

from functools import lru_cache

import numpy as np

from safelight.domain.features import COMPONENTS, NAMES, OF_GENERIC, Basis


@lru_cache(maxsize=4)
def fake_basis(length: int = 588) -> Basis:
    """Return a basis for embeddings of so many numbers."""
    chance = np.random.default_rng(3)
    directions = np.linalg.qr(chance.normal(size=(length, COMPONENTS)))[0].T * np.sqrt(length / COMPONENTS)
    mean = np.zeros(len(NAMES))
    mean[OF_GENERIC] = 0.8
    return Basis(
        centre=np.zeros(length),
        directions=np.ascontiguousarray(directions),
        slope=0.8,
        mean=mean,
        covariance=np.eye(len(NAMES)) * 0.3,
        ordinary_mean=np.zeros(len(NAMES)),
        ordinary=np.eye(len(NAMES)) * 0.5,
        digest="fake",
    )
