"""Looks at one file that is not in the catalog, with the bundle whose embeddings are searched, and remembers nothing.

Decoded in a worker like every file, because a file from anywhere may crash a decoder.
Invariant: the embedding comes from exactly the bundle that is named, or there is none.
"""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.settings import EMBEDDED, Settings
from safelight.decoding.workers import WorkerPool
from safelight.domain.judges import bundle_of
from safelight.errors import BundleError, Unreadable
from safelight.ports import Examined, Refused, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def embedding_of(file: Path, *, judge: str, settings: Settings) -> "NDArray[np.float32]":
    """Return the embedding (length,) of a file by the bundle of `judge`.

    Raises Unreadable when it is no picture that can be trusted, BundleError when that bundle cannot be had.
    """
    name = bundle_of(judge)
    if name == EMBEDDED:
        return _by_embedded(file, judge, settings)
    return _by_fetched(file, name, judge, settings)


def _by_embedded(file: Path, judge: str, settings: Settings) -> "NDArray[np.float32]":
    examined = _examined(file)
    from safelight.models.embedded import open_embedded

    encoder = open_embedded(cache=settings.models)
    _check(encoder.bundle, judge)
    return encoder.encode(examined.thumb).embedding


def _by_fetched(file: Path, name: str, judge: str, settings: Settings) -> "NDArray[np.float32]":
    from safelight.inference.fetched_encoder import open_vision
    from safelight.inference.installed import read_installed

    folder = settings.bundles / name
    vision = read_installed(folder).manifest.vision
    examined = _examined(file, squares_px=(vision.side_px,) if vision else ())
    encoder = open_vision(folder, accelerator=settings.accelerator)
    _check(encoder.bundle, judge)
    embedding: NDArray[np.float32] = encoder.embed(examined.squares[encoder.side_px][None])[0]
    if isnan(embedding[0]):
        raise Unreadable(f"It cannot be compared: {name} has no answer to it.", path=file)
    return embedding


def _examined(file: Path, **rules: Any) -> Examined:
    """Decode a file in a worker. Raises Unreadable."""
    pool = WorkerPool(jobs=1, options=rules)
    try:
        (answer,) = pool.examine([Request(0, (file,))])
    finally:
        pool.close()
    if isinstance(answer, Refused):
        answer.error.path = file
        raise answer.error
    return answer


def _check(bundle: str, judge: str) -> None:
    """Raise BundleError unless the bundle is the one whose embeddings a judge has."""
    if not judge.startswith((f"{bundle}/", f"{bundle}+")):
        raise BundleError(
            "The library was looked at by another version of the bundle than the one that is installed.",
            hint="Rate a folder, or let the daemon run for a while: the library is looked at again.",
        )
