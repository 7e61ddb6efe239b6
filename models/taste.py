"""Opens the shipped start of every taste: directions of the embedding, the prior over weights, ordinary photographs.

Numbers only, no pickle; the file's sum is checked before anything in it is believed, because a taste that starts from a
damaged prior would rank wrongly without a sign.
Invariant: a Basis that is returned fits the features of this version, and its covariances can be inverted.
"""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import COMPONENTS, NAMES, Basis
from safelight.errors import BundleError
from safelight.models.shipped import FOLDER

EMBEDDED = FOLDER / "heads" / "taste_embedded.npz"
SHA256 = "8abdbfba13483250616eb1be2600e7f535e4ee79faee269184786b9d7892628f"  # of it; build/fit_taste.py prints it

# name in the file -> type there; half precision where 1e-3 of a direction does not matter
_STORED = {
    "centre": "<f4", "directions": "<f2", "slope": "<f8", "mean": "<f8", "covariance": "<f4",
    "ordinary_mean": "<f4", "ordinary": "<f4",
}  # fmt: skip


def open_basis(file: Path = EMBEDDED, *, sha256: str = SHA256) -> Basis:
    """Return the basis in `file`; raises BundleError when it is missing or not what belongs to this version."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _refused(f"cannot be read ({error.strerror})", file) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _refused("is not the file that belongs to this version", file)
    return read_basis(content, file)


def read_basis(content: bytes, file: Path = EMBEDDED) -> Basis:
    """Return the basis in a file's content; raises BundleError when it does not fit this version's features."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            found = {name: np.asarray(stored[name], np.float64) for name in _STORED}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _refused(f"cannot be read: {error}", file) from error
    slope = found.pop("slope")
    if reason := _misfit(found, slope):
        raise _refused(reason, file)
    return Basis(
        centre=found["centre"],
        directions=found["directions"],
        slope=float(slope),
        mean=found["mean"],
        covariance=found["covariance"],
        ordinary_mean=found["ordinary_mean"],
        ordinary=found["ordinary"],
        digest=hashlib.sha256(content).hexdigest(),
    )


def write_basis(basis: Basis) -> bytes:
    """Return the content of a file that `read_basis` takes; the same basis gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind in _STORED.items():
            part = io.BytesIO()
            np.save(part, np.asarray(getattr(basis, name)).astype(kind), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _misfit(found: dict[str, NDArray[np.float64]], slope: NDArray[np.float64]) -> str:
    """Return what is wrong with the numbers, empty when nothing is."""
    k, numbers = len(NAMES), found["centre"].size
    shapes = {
        "centre": (numbers,), "directions": (COMPONENTS, numbers), "mean": (k,), "covariance": (k, k),
        "ordinary_mean": (k,), "ordinary": (k, k),
    }  # fmt: skip
    if slope.shape != () or any(found[name].shape != shape for name, shape in shapes.items()):
        return "does not fit this version's features"
    if not all(np.isfinite(each).all() for each in (*found.values(), slope)):
        return "holds numbers that are not finite"
    if slope <= 0 or np.linalg.eigvalsh(found["covariance"])[0] <= 0:
        return "holds a prior that cannot be"
    return ""


def _refused(reason: str, file: Path) -> BundleError:
    return BundleError(
        f"The start of the taste {reason}.", hint="Install Safelight again; it is part of it.", path=file
    )
