"""Measures how far the answers of an exported tower are from those of torch, and decides when that is too far.

Two cosines are told, as one alone misleads: the embeddings of a tower share a part of their direction whatever is
shown. What tells pictures apart is what is left when the mean is taken off, and the cosine of that part falls first.
Invariant: answers that are not finite never pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import Precision

# A tower that agrees less was not exported, but broken: fp32 differs by the order of sums only, fp16 by 11 bits.
LEAST_COSINE: Mapping[Precision, float] = {"fp32": 0.99999, "fp16": 0.999, "int8": 0.8}
WARN_COSINE = 0.99  # under it, vectors of two precisions must not be taken for each other


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over all answers: the largest absolute difference, the least cosine, and the least cosine without the mean."""

    largest_difference: float
    least_cosine: float
    least_centred: float

    def __str__(self) -> str:
        return (
            f"largest difference {self.largest_difference:.2e}, least cosine {self.least_cosine:.6f}"
            f" ({self.least_centred:.4f} without the mean)"
        )


def compare(answers: NDArray[np.float32], known: NDArray[np.float32]) -> Agreement:
    """Compare answers (n, length) with the known ones of torch; raises BundleError when they cannot be compared."""
    if answers.shape != known.shape:
        raise _refused(f"its answers have the shape {answers.shape}, {known.shape} was expected")
    if not (np.isfinite(answers).all() and np.isfinite(known).all()):
        raise _refused("some of its answers are not numbers")
    ours, theirs = answers.astype(np.float64), known.astype(np.float64)
    return Agreement(
        float(np.abs(ours - theirs).max()),
        _least_cosine(ours, theirs),
        _least_cosine(ours - ours.mean(axis=0), theirs - theirs.mean(axis=0)),
    )


def refuse_strangers(agreement: Agreement, precision: Precision) -> None:
    """Raise BundleError when a tower in `precision` agrees less with torch than that precision explains."""
    least = LEAST_COSINE[precision]
    if not agreement.least_cosine >= least:  # written so that NaN fails
        raise _refused(
            f"in {precision} its cosine to torch is {agreement.least_cosine:.4f}, at least {least} is needed"
        )


def _least_cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = (one * other).sum(axis=1)
    # Two vectors without length agree; one without length agrees with nothing.
    same = np.all(one == other, axis=1)
    cosines = np.where(lengths > 0, products / np.where(lengths > 0, lengths, 1), np.where(same, 1.0, 0.0))
    return float(cosines.min())


def _refused(reason: str) -> BundleError:
    return BundleError(
        f"The exported model is not the one it was made from: {reason}.",
        hint="Nothing was kept. Try another precision, or the versions of the libraries that README names.",
    )
