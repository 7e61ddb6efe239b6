"""What services need of decoding and inference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from safelight.domain.frame import CaptureFacts
from safelight.errors import Unreadable

if TYPE_CHECKING:  # a run with nothing to judge never needs numpy: it is a third of the start-up cost
    import numpy as np
    from numpy.typing import NDArray

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

    def encode(self, thumb: NDArray[np.uint8]) -> Encoded:
        """Encode one uint8 (224, 224, 3) thumb. Raises BundleError when the output is not finite."""
        ...
