"""Computes how near embeddings are to one: their cosine.

Everything is compared, with nothing left to chance: what is too much to compare is the matter of an index.
Invariant: between -1 and 1; a row without a direction (zeros, or not finite) is as far as can be.
"""

import numpy as np
from numpy.typing import NDArray


def cosines(embeddings: NDArray[np.float16], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosines (n,) between rows (n, length) and a query (length,) that is not zero."""
    rows = embeddings.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows)) * np.float32(np.linalg.norm(query))
    with np.errstate(divide="ignore", invalid="ignore"):
        near = (rows @ query) / lengths
    near[~np.isfinite(near)] = -1.0
    clipped: NDArray[np.float32] = np.clip(near, -1.0, 1.0)
    return clipped
