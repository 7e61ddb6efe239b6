"""Turns what a model says of a picture into two numbers, technical quality and general appeal.

Each is one weight per number of the model's output and a bias, fitted beforehand (`models/build/fit_quality.py` and
`fit_appeal.py`), so that it costs microseconds and every part of it can be named. Quality reads the mean of what the
model says of the whole picture and of its middle, appeal what it says of the whole: a closer look tells how well a
picture is made and not what it shows. The sums run in float64 by numpy's own loops: a product by BLAS could differ in
the last bit with the number of its threads, and the same picture must give the same number.
Invariant: both numbers are finite and lie within -3..3.
"""

import io
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError

NAMES = ("quality", "appeal")  # the rows of the weights, in order
SOFT_LIMIT = 3.0  # z-scores end softly here: farther out is extrapolation and must not outweigh all else


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """Linear heads over the embedding followed by the taps, each the same for every view of a picture."""

    weights: NDArray[np.float64]  # (2, numbers)
    bias: NDArray[np.float64]  # (2,)

    def score(self, outputs: NDArray[np.float32]) -> tuple[float, float]:
        """Return (quality, appeal) of `outputs` (views, numbers): z-scores over unseen frames of what was fitted.

        The first view is the whole picture, the second its middle. With the whole alone the quality is less sure, on
        the same scale. The end is soft, 3 tanh(z / 3): z itself near 0, never beyond 3.
        """
        read = np.stack([outputs.mean(axis=0, dtype=np.float64), outputs[0]])
        z = (self.weights * read).sum(axis=1) + self.bias
        quality, appeal = SOFT_LIMIT * np.tanh(z / SOFT_LIMIT)
        return float(quality), float(appeal)


def read_heads(content: bytes, *, numbers: int) -> Heads:
    """Return the heads in a `.npz` file's content; raises BundleError when they do not fit `numbers` outputs."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            weights = np.asarray(file["weights"], np.float64)
            bias = np.asarray(file["bias"], np.float64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _refused(f"cannot be read: {error}") from error
    if weights.shape != (len(NAMES), numbers) or bias.shape != (len(NAMES),):
        raise _refused(f"do not fit the model: {weights.shape} for {numbers} numbers")
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise _refused("hold numbers that are not finite")
    return Heads(weights=weights, bias=bias)


def write_heads(heads: Heads) -> bytes:
    """Return the content of a `.npz` file that `read_heads` takes, float32; the same heads give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in (("weights", heads.weights), ("bias", heads.bias)):
            part = io.BytesIO()
            np.save(part, values.astype(np.float32), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _refused(reason: str) -> BundleError:
    return BundleError(
        f"The quality and appeal heads of the model bundle {reason}.",
        hint="Install Safelight again; they are part of it.",
    )
