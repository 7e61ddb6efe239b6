"""Opens the bundle that needs no download: its manifest, its builder and the encoder brought together.

The builder is imported only when there is nothing in the cache: the library that writes ONNX is loaded once in the life
of an installation.
"""

from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.bundle import Bundle, load_bundle
from safelight.inference.encoder import BundleEncoder, open_encoder
from safelight.models.shipped import EMBEDDED, FOLDER


def embedded_bundle(*, cache: Path) -> Bundle:
    """Return the embedded bundle, built into the folder `cache` at its first use (about a second)."""
    return load_bundle(EMBEDDED, folder=FOLDER, cache=cache, builders={"efficientnet_lite0": _build})


def open_embedded(*, cache: Path, threads: int = 1) -> BundleEncoder:
    """Return an encoder with the embedded bundle; raises BundleError with what to install when something is missing."""
    return open_encoder(embedded_bundle(cache=cache), threads=threads)


def _build(content: bytes) -> bytes:
    try:
        from safelight.models.build.efficientnet_lite0 import build  # loads onnx, which is needed once
    except ImportError as error:
        raise BundleError(
            f"The library that builds the embedded model, onnx, cannot be loaded: {error}.",
            hint="Install it where Safelight is installed: pip install onnx",
        ) from error
    return build(content)
