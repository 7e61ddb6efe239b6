"""Decides what little of a frame's picture is kept for recognising it again: where its edges are and where it is sharp.

An embedding says what a picture shows; it forgets where, and a change of exposure or focus moves it further than a
change of subject. The layout grid keeps where: local contrast of log luma, divided by its own local strength, so that
neither exposure nor softness changes it much. The focus tiles keep where the fine detail is, which is what moves
through a focus stack. Both are small integers, so that a signature is the same on every machine that makes it from
the same thumb. Invariant: `SIGNATURE_BYTES` bytes, whatever the picture.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

THUMB_PX = 224
GRID = 21  # cells along a side of the layout grid
TILES = 8  # tiles along a side of the focus map
SIGNATURE_BYTES = GRID * GRID + TILES * TILES
GRID_SCALE = 32.0  # steps of the int8 layout per unit of normalised contrast; +-4 units fit
FOCUS_SCALE = 8.0  # steps per doubling of fine-detail amplitude
_RADIUS = GRID / 8  # cells, of the neighbourhood that contrast is measured against
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601 weights on display values: what a JPEG's Y plane holds
_DARK = 6.0  # display levels added before the logarithm: below this, sensor noise and 8-bit steps rule
_FLAT = 0.02  # natural-log units of contrast that count as nothing to see


@lru_cache(maxsize=1)
def _pooling() -> NDArray[np.float32]:
    """Area weights (GRID, THUMB_PX) that average the thumb's rows into cells."""
    edges = np.linspace(0.0, THUMB_PX, GRID + 1)
    pixel = np.arange(THUMB_PX)
    cover = np.minimum(edges[1:, None], pixel + 1.0) - np.maximum(edges[:-1, None], pixel)
    weights = np.maximum(cover, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


@lru_cache(maxsize=1)
def _smoothing() -> NDArray[np.float32]:
    """Gaussian smoothing along one side as a matrix (GRID, GRID); its rows sum to one, at the border too."""
    cell = np.arange(GRID, dtype=np.float64)
    weights = np.exp(-0.5 * ((cell[:, None] - cell[None, :]) / _RADIUS) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _layout(luma: NDArray[np.float32]) -> NDArray[np.int8]:
    pool, smooth = _pooling(), _smoothing()
    cells = np.log(pool @ luma @ pool.T + np.float32(_DARK))
    contrast = cells - smooth @ cells @ smooth.T
    strength = np.sqrt(smooth @ (contrast * contrast) @ smooth.T)
    normal = contrast / (strength + 0.5 * np.median(strength) + _FLAT)
    return np.asarray(np.clip(np.rint(normal * GRID_SCALE), -127, 127), dtype=np.int8)


def _fine_detail(luma: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Log2 of the mean absolute second difference per tile, in steps of 1/FOCUS_SCALE above one display level / 16."""
    across = np.abs(luma[1:-1, :-2] + luma[1:-1, 2:] - 2 * luma[1:-1, 1:-1])
    along = np.abs(luma[:-2, 1:-1] + luma[2:, 1:-1] - 2 * luma[1:-1, 1:-1])
    detail = np.zeros((THUMB_PX, THUMB_PX), np.float32)
    detail[1:-1, 1:-1] = across + along
    side = THUMB_PX // TILES
    tiles = detail.reshape(TILES, side, TILES, side).mean(axis=(1, 3))
    return np.asarray(np.clip(np.rint(FOCUS_SCALE * np.log2(16.0 * tiles + 1.0)), 0, 255), dtype=np.uint8)


def signature(thumb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the signature (SIGNATURE_BYTES,) of a uint8 (224, 224, 3) sRGB thumb.

    The first GRID * GRID bytes are the layout as int8 row by row, the rest the focus tiles. Raises ValueError for
    another shape. The layout is local contrast normalisation (Jarrett et al., ICCV 2009) of log luma.
    """
    if thumb.shape != (THUMB_PX, THUMB_PX, 3):
        raise ValueError(f"a thumb is ({THUMB_PX}, {THUMB_PX}, 3), not {thumb.shape}")
    luma = thumb.reshape(-1, 3).astype(np.float32) @ np.asarray(_LUMA, np.float32)
    luma = luma.reshape(THUMB_PX, THUMB_PX)
    return np.concatenate([_layout(luma).view(np.uint8).ravel(), _fine_detail(luma).ravel()])


def layout_of(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the layout grid (GRID, GRID) of a signature, in units of normalised contrast."""
    grid = stored[: GRID * GRID].view(np.int8).astype(np.float32)
    return grid.reshape(GRID, GRID) / np.float32(GRID_SCALE)


def focus_of(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the focus tiles (TILES, TILES) of a signature, log2 of fine-detail amplitude."""
    return stored[GRID * GRID :].astype(np.float32).reshape(TILES, TILES) / np.float32(FOCUS_SCALE)
