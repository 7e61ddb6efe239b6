"""A second bundle's encoder: sees the coarse picture by directions of its own, and can be made to fail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError


@lru_cache(maxsize=4)
def _turn(numbers: int, length: int) -> NDArray[np.float64]:
    return np.random.default_rng(7).normal(size=(numbers, length))


@dataclass
class FakeVision:
    """Embeds squares of 28 px as a fixed turn of their coarse picture, so alike pictures get alike embeddings."""

    bundle: str = "other:0123456789ab:int8"
    length: int = 96
    side_px: int = 28
    together: int = 1
    words: tuple[str, ...] = ()
    fails: bool = False
    mute: int = 0  # so many of the next pictures get no answer
    asked: list[int] = field(default_factory=list)  # how many at once, each time

    @property
    def directions(self) -> Mapping[str, NDArray[np.float32]]:
        rng = np.random.default_rng(8)
        return {name: rng.normal(size=self.length).astype(np.float32) for name in self.words}

    def embed(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.fails:
            raise BundleError("The model 'other' answers numbers that are not finite.", hint="Fetch it again.")
        assert squares.shape[1:] == (self.side_px, self.side_px, 3)
        self.asked.append(len(squares))
        flat = squares[:, ::2, ::2].reshape(len(squares), -1).astype(np.float64) - 127.5
        made = flat @ _turn(flat.shape[1], self.length)
        made[: self.mute] = np.nan
        self.mute = max(0, self.mute - len(squares))
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
