"""Lays many pairs of pictures over each other at once: the same answer as `similarity.aligned`, a tenth of the cost.

A correlation over all shifts is one product of spectra, and the sums that normalise it depend on one picture each,
so both are computed once per frame and shared by all of its pairs.
Invariant: equal to `similarity.aligned` up to float32 rounding, in either order of a pair.
"""

import numpy as np
from numpy.typing import NDArray

from safelight.domain.signature import GRID
from safelight.domain.similarity import QUIET, REACH, shift_masks

_SIZE = GRID + REACH  # a circular correlation of this size is exact for shifts within REACH
_CHUNK = 2048  # pairs at once, 10 MB


class Overlays:
    """The layouts of a folder's frames, ready to be laid over each other."""

    def __init__(self, layouts: NDArray[np.float32]) -> None:
        """Take layouts (frames, GRID, GRID)."""
        masks = shift_masks()
        flat = layouts.reshape(len(layouts), -1)
        self._spectra = np.fft.rfft2(layouts, (_SIZE, _SIZE)).astype(np.complex64)
        self._count = masks.sum(axis=1)
        self._sums = flat @ masks.T
        self._powers = (flat * flat) @ masks.T

    def best(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the highest normalised cross-correlation (pairs,) over all shifts within REACH, -1..1."""
        parts = [self._best(first[at : at + _CHUNK], second[at : at + _CHUNK]) for at in range(0, len(first), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _best(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float32]:
        circular = np.fft.irfft2(self._spectra[first].conj() * self._spectra[second], (_SIZE, _SIZE))
        near = np.arange(-REACH, REACH + 1) % _SIZE
        cross = circular[:, near][:, :, near].reshape(len(first), -1)
        # What a shift covers of the second picture is what the opposite shift covers of the first.
        sum_a, sum_b = self._sums[first], self._sums[second][:, ::-1]
        power_a = self._powers[first] - sum_a * sum_a / self._count
        power_b = self._powers[second][:, ::-1] - sum_b * sum_b / self._count
        floor = QUIET * self._count
        scale = np.sqrt(np.maximum(power_a, floor) * np.maximum(power_b, floor))
        return np.asarray(((cross - sum_a * sum_b / self._count) / scale).max(axis=1), dtype=np.float32)
