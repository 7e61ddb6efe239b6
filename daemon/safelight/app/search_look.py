"""Looks at one file that is not in the catalog, with the bundle whose embeddings are searched, and remembers nothing.

Decoded in a worker like every file, because a file from anywhere may crash a decoder.
Invariant: the embedding comes from exactly the bundle that is named, or there is none.
"""

from collections.abc import Collection
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.bundle_in_use import ids_of, installed
from safelight.app.search_choice import CATCH_UP
from safelight.app.settings import EMBEDDED, Settings
from safelight.decoding.workers import WorkerPool
from safelight.domain.judges import bundle_of, embedder_of
from safelight.errors import BundleError, Unreadable
from safelight.ports import Examined, Refused, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def embedding_of(file: Path, *, judge: str, settings: Settings) -> "NDArray[np.float32]":
    """Return the embedding (length,) of a file by the bundle of `judge`.

    Raises Unreadable when it is no picture that can be trusted, BundleError when that bundle cannot be had.
    """
    if bundle_of(judge) == EMBEDDED:
        return _by_embedded(file, judge, settings)
    return _by_fetched(file, judge, settings)


def _by_embedded(file: Path, judge: str, settings: Settings) -> "NDArray[np.float32]":
    from safelight.inference.encoder import open_encoder
    from safelight.models.embedded import embedded_bundle

    bundle = embedded_bundle(cache=settings.models)
    _check((bundle.id,), judge, settings)
    examined = _examined(file)  # before the model is loaded, as workers are forked
    return open_encoder(bundle).encode(examined.thumb).embedding


def _by_fetched(file: Path, judge: str, settings: Settings) -> "NDArray[np.float32]":
    from safelight.inference.fetched_encoder import open_vision

    bundle = installed(settings, bundle_of(judge))
    _check(ids_of(bundle), judge, settings)
    vision, on_gpu = bundle.manifest.vision, bundle.vision("gpu")
    examined = _examined(file, squares_px=(vision.side_px,) if vision else ())
    # What the processor saw is compared with what the processor sees, also where there is a GPU by now.
    by_gpu = on_gpu is not None and bundle.id_of(on_gpu) == embedder_of(judge)
    encoder = open_vision(bundle.folder, accelerator=settings.accelerator if by_gpu else "cpu")
    _check((encoder.bundle,), judge, settings)
    embedding: NDArray[np.float32] = encoder.embed(examined.squares[encoder.side_px][None])[0]
    if isnan(embedding[0]):
        raise Unreadable(f"It cannot be compared: {bundle.name} has no answer to it.", path=file)
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


def _check(bundles: Collection[str], judge: str, settings: Settings) -> None:
    """Raise BundleError unless one of these bundles is the one whose embeddings a judge has."""
    if embedder_of(judge) in bundles:
        return
    name = bundle_of(judge)
    hint = "A photograph that is rated already needs no other look, and can be asked for."
    if name == settings.bundle and name != EMBEDDED:
        hint = CATCH_UP
    raise BundleError(f"The library was looked at by another version of '{name}' than the one that is here.", hint=hint)
