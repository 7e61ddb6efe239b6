"""What services need of decoding and inference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from safelight.domain.frame import CaptureFacts
from safelight.errors import Unreadable

if TYPE_CHECKING:  # a run with nothing to judge never needs numpy: it is a third of the start-up cost
    import numpy as np
    from numpy.typing import NDArray

    from safelight.domain.faces import Face
    from safelight.domain.technical import Measures


@dataclass(frozen=True, slots=True)
class Request:
    """Which files to examine for one frame: `sources` are tried in order until one gives plausible pixels."""

    key: int  # the caller's handle, comes back with the answer
    sources: tuple[Path, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What one decode gave. `thumb` is uint8 (224, 224, 3) sRGB, oriented, squashed to the square without a crop."""

    key: int
    source: Path
    facts: CaptureFacts
    other_taken_s: Mapping[Path, float]  # capture times of the frame's other files, where they tell one
    measures: Measures
    thumb: NDArray[np.uint8]
    width_px: int  # of the full picture, after orientation
    height_px: int
    closeup: NDArray[np.uint8] | None = None  # the middle of it, as large as the thumb and at a larger scale
    squares: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)  # edge in pixels -> a thumb of that size
    preview: NDArray[np.uint8] | None = None  # (H, W, 3) upright sRGB, if it was asked for


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that cannot be judged, and why."""

    key: int
    error: Unreadable


class Decoder(Protocol):
    """Decodes frames in worker processes; a file that crashes or hangs a worker costs that frame only."""

    def examine(self, requests: Iterable[Request]) -> Iterator[Examined | Refused]:
        """Answer every request exactly once, in any order; pulls from `requests` lazily, a few ahead per worker."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class FactsReader(Protocol):
    """Reads capture facts by a separate program (exiftool), many files at once."""

    def read(self, paths: Iterable[Path]) -> Mapping[Path, CaptureFacts]:
        """Return the facts of each file that could be read; a file that cannot is left out."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What a bundle says of one frame."""

    embedding: NDArray[np.float32]  # (length,), L2-normalised
    quality: float  # technical quality by the bundle's learned head, z-score over the head's training frames
    appeal: float  # general appeal by the bundle's learned head, z-score over the head's training frames


class Encoder(Protocol):
    """Turns thumbs into embeddings with one bundle."""

    @property
    def bundle(self) -> str:
        """Name, sha256 prefix and precision of the bundle: vectors of different bundles are never compared."""
        ...

    @property
    def length(self) -> int:
        """Numbers in an embedding."""
        ...

    def encode(self, thumb: NDArray[np.uint8], closeup: NDArray[np.uint8] | None = None) -> Encoded:
        """Encode one uint8 (224, 224, 3) thumb, with the closeup of the same picture and shape where there is one.

        Raises BundleError when the output is not finite.
        """
        ...


class VisionEncoder(Protocol):
    """Turns squares into embeddings with one fetched bundle; several at once where that is faster."""

    @property
    def bundle(self) -> str:
        """Name, sha256 prefix and precision of the bundle: vectors of different bundles are never compared."""
        ...

    @property
    def length(self) -> int:
        """Numbers in an embedding."""
        ...

    @property
    def side_px(self) -> int:
        """Edge of the square it takes."""
        ...

    @property
    def together(self) -> int:
        """How many squares it likes at once; 1 where the output would depend on the neighbours."""
        ...

    @property
    def directions(self) -> Mapping[str, NDArray[np.float32]]:
        """Directions (length,) in the embedding that words gave: "quality" and "appeal"; empty without a text tower."""
        ...

    def embed(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (n, side_px, side_px, 3) sRGB squares: float32 (n, length), each L2-normalised.

        A row is NaN where the model answers nothing finite to that picture. Raises BundleError when the model fails.
        """
        ...


class TextEncoder(Protocol):
    """Turns words into vectors that can be compared with a bundle's embeddings."""

    @property
    def bundle(self) -> str:
        """The same text as that of the bundle's VisionEncoder."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: float32 (n, length), each L2-normalised. Raises BundleError when the model fails."""
        ...


class FaceReader(Protocol):
    """Finds faces and says how open their eyes are and how sharp they are."""

    @property
    def bundle(self) -> str:
        """Name and sha256 prefix of the bundle that made the reading."""
        ...

    def read(self, preview: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Return the faces in an upright sRGB preview, uint8 (H, W, 3), the largest first."""
        ...
