"""Checks that a session computes what it should: the embedding of one generated picture, known beforehand.

A library update, an exotic processor or a damaged build can make a model answer plausible nonsense, and every rating
would follow it. One run at the start, compared by its direction, notices that. The picture is made of whole numbers
only, so that it has the same bytes everywhere, and has colour, edges, texture and smooth parts, so that swapped
channels, a shifted grid or a wrong scale show.
Invariant: the picture never changes; the golden file belongs to it.
"""

import io

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError

_NOISE_FACTOR, _NOISE_SHIFT, _NOISE_BITS = 1_103_515_245, 12_345, 16  # a linear congruence, as in ISO C's rand()


def reference_picture(side_px: int) -> NDArray[np.uint8]:
    """Return the reference picture, uint8 (side, side, 3): a sky, a disc, a board, and grain; whole numbers only."""
    rows, columns = np.indices((side_px, side_px), dtype=np.int64)
    picture = np.stack([columns * 160 // side_px, rows * 200 // side_px, 250 - rows * 120 // side_px], axis=2)
    reach, down, across = side_px // 4, rows - side_px // 3, columns - side_px * 2 // 3
    picture[down * down + across * across < reach * reach] = (230, 120, 40)
    board = (rows * 16 // side_px + columns * 16 // side_px) % 2 == 1
    picture[board & (rows > side_px * 5 // 8)] = (30, 60, 20)
    grain = ((rows * side_px + columns) * _NOISE_FACTOR + _NOISE_SHIFT >> _NOISE_BITS) % 32
    grainy: NDArray[np.int64] = picture + grain[:, :, None] - 16
    return np.clip(grainy, 0, 255).astype(np.uint8)


def read_golden(content: bytes, *, length: int) -> NDArray[np.float32]:
    """Return the known embedding (length,) in a `.npy` file's content; raises BundleError when it does not fit."""
    try:
        golden = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _refused("its reference cannot be read") from error
    if not isinstance(golden, np.ndarray) or golden.shape != (length,):
        raise _refused("its reference does not fit the model")
    return golden.astype(np.float32)


def check_golden(embedding: NDArray[np.float32], golden: NDArray[np.float32], *, min_cosine: float) -> None:
    """Raise BundleError unless `embedding` points where the known one does; neither needs to be normalised."""
    one, other = embedding.astype(np.float64), golden.astype(np.float64)
    cosine = float(one @ other / np.sqrt((one @ one) * (other @ other)))
    if not cosine >= min_cosine:  # written so that NaN fails
        raise _refused(f"a known picture comes out wrong (agreement {cosine:.3f}, at least {min_cosine} needed)")


def _refused(reason: str) -> BundleError:
    return BundleError(
        f"The model cannot be trusted on this computer: {reason}.",
        hint="Install another version of onnxruntime, and report it with what 'safelight doctor' says.",
    )
