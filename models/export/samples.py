"""Makes what the exported towers are tried on: squares that look like pictures, and texts of random words.

Noise alone is no test: it excites a vision tower less than edges and plains do. So every square is the reference
picture turned, mirrored, shifted and relit, mixed with smooth colour. Texts are of all lengths and end as texts end.
Invariant: the same numbers on every computer.
"""

import numpy as np
from numpy.typing import NDArray

from safelight.inference.golden import reference_picture

_COARSE = 4  # fields of smooth colour along a side


def sample_squares(side_px: int, count: int) -> NDArray[np.uint8]:
    """Return `count` different pictures, uint8 (count, side, side, 3)."""
    drawn = np.random.default_rng(0)
    picture = reference_picture(side_px).astype(np.float64)
    squares = [picture]
    while len(squares) < count:
        turned = np.rot90(picture, int(drawn.integers(4)))[:, :: int(drawn.choice([-1, 1]))]
        shifted = np.roll(turned, drawn.integers(side_px, size=2), axis=(0, 1))[:, :, drawn.permutation(3)]
        fields = drawn.integers(0, 256, (_COARSE, _COARSE, 3)).astype(np.float64)
        colour = fields.repeat(-(-side_px // _COARSE), axis=0).repeat(-(-side_px // _COARSE), axis=1)
        share = drawn.uniform(0.1, 0.9)
        squares.append(share * shifted * drawn.uniform(0.3, 1.2) + (1 - share) * colour[:side_px, :side_px])
    return np.clip(np.stack(squares), 0, 255).astype(np.uint8)


def planes(squares: NDArray[np.uint8], *, mean: float = 127.5, deviation: float = 127.5) -> NDArray[np.float32]:
    """Return squares (n, side, side, 3) as a SigLIP tower takes them: float32 (n, 3, side, side), about -1 to 1."""
    turned = np.ascontiguousarray(squares.transpose(0, 3, 1, 2))
    return ((turned.astype(np.float32) - np.float32(mean)) / np.float32(deviation)).astype(np.float32)


def sample_texts(count: int, *, tokens: int, vocabulary: int, pad_id: int, eos_id: int) -> NDArray[np.int64]:
    """Return `count` rows of token numbers (count, tokens): some words, the end sign, padding."""
    drawn = np.random.default_rng(0)
    rows = np.full((count, tokens), pad_id, np.int64)
    for row, length in zip(rows, np.linspace(1, tokens - 1, count).astype(int), strict=True):
        row[:length] = drawn.integers(0, vocabulary, length)
        row[length] = eos_id
    return rows
