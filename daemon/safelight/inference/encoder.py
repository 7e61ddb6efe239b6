"""Turns a picture's thumb and closeup into an embedding, a technical quality and an appeal, with one bundle.

One picture a run: eight at once cost the same CPU time each (measured), take more memory, and could let a picture's
result depend on its neighbours. A session has to reproduce a known embedding before it may judge anything.
Invariant: every Encoded is finite and its embedding has length 1; anything else is a BundleError, never a rating.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.bundle import Bundle
from safelight.inference.golden import check_golden, read_golden, reference_picture
from safelight.inference.heads import Heads, read_heads
from safelight.inference.manifest import Manifest
from safelight.inference.session import open_session
from safelight.ports import Encoded


class Runs(Protocol):
    """What the encoder needs of a session."""

    @property
    def outputs(self) -> dict[str, int | None]:
        """Names and lengths of the outputs."""
        ...

    def run(self, outputs: list[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the named outputs."""
        ...


class BundleEncoder:
    """The `Encoder` port over a session."""

    def __init__(self, *, session: Runs, manifest: Manifest, bundle: str, heads: Heads) -> None:
        self._session = session
        self._manifest = manifest
        self._bundle = bundle
        self._heads = heads
        self._names = [manifest.outputs.embedding, *manifest.outputs.taps]
        side = manifest.picture.side_px
        self._shape = (side, side, 3)
        _check_outputs(session, manifest)

    @property
    def bundle(self) -> str:
        """Name, sum and precision of the bundle, "embedded:<12 hex>:fp32"."""
        return self._bundle

    @property
    def length(self) -> int:
        """Numbers in an embedding."""
        return self._manifest.outputs.length

    def encode(self, thumb: NDArray[np.uint8], closeup: NDArray[np.uint8] | None = None) -> Encoded:
        """Encode one uint8 (224, 224, 3) thumb, with the closeup of the same picture and shape where there is one.

        Without it the quality is told from the thumb alone, less surely; embedding and appeal are the same. Raises
        BundleError for another shape or a wrong output.
        """
        outputs = self.outputs([thumb] if closeup is None else [thumb, closeup])
        quality, appeal = self._heads.score(outputs)
        return Encoded(embedding=outputs[0, : self.length].copy(), quality=quality, appeal=appeal)

    def outputs(self, views: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return what the heads read, float32 (views, numbers): each embedding, normalised, then the taps as they are.

        Each view, uint8 (224, 224, 3), is a run of its own. Raises BundleError as `encode` does.
        """
        return np.stack([self._said_of(view) for view in views])

    def _said_of(self, view: NDArray[np.uint8]) -> NDArray[np.float32]:
        if view.shape != self._shape or view.dtype != np.uint8:
            raise BundleError(f"The model was given a picture of {view.dtype} {view.shape} instead of {self._shape}.")
        picture = np.ascontiguousarray(view)[None]
        answers = self._session.run(self._names, {self._manifest.picture.tensor: picture})
        outputs = np.concatenate([answer.ravel() for answer in answers]).astype(np.float32, copy=False)
        embedding = outputs[: self.length]
        norm = np.sqrt(np.square(embedding, dtype=np.float64).sum())
        if not (norm > 0 and np.isfinite(outputs).all()):  # written so that NaN fails
            raise BundleError(
                "The model answers numbers that are not finite.",
                hint="Install another version of onnxruntime; 'safelight doctor' names the one there is.",
            )
        embedding /= norm
        return outputs


def open_encoder(bundle: Bundle, *, threads: int = 1) -> BundleEncoder:
    """Load the model of `bundle` and prove it on the reference picture; raises BundleError when anything is amiss."""
    manifest = bundle.manifest
    numbers = manifest.outputs.length + sum(manifest.outputs.tap_lengths)
    encoder = BundleEncoder(
        session=open_session(bundle.model, threads=threads),
        manifest=manifest,
        bundle=bundle.id,
        heads=read_heads(bundle.heads, numbers=numbers),
    )
    known = read_golden(bundle.golden, length=manifest.outputs.length)
    answer = encoder.encode(reference_picture(manifest.picture.side_px)).embedding
    check_golden(answer, known, min_cosine=manifest.golden.min_cosine)
    return encoder


def _check_outputs(session: Runs, manifest: Manifest) -> None:
    told = manifest.outputs
    wanted = dict(zip((told.embedding, *told.taps), (told.length, *told.tap_lengths), strict=True))
    if {name: session.outputs.get(name) for name in wanted} != wanted:
        raise BundleError(
            f"The model '{manifest.name}' does not have the outputs that its description names.",
            hint="Remove the folder of built models, which 'safelight doctor' names; they are built again.",
        )
