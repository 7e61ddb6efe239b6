"""Made-up scenes for grouping: a picture that can be framed, exposed and focused, and an embedding to go with it."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts
from safelight.domain.shots import Shot
from safelight.domain.signature import THUMB_PX, signature

WIDE = 3 * THUMB_PX
LENGTH = 64  # numbers in a made-up embedding


@lru_cache(maxsize=64)
def scene(seed: int) -> NDArray[np.float64]:
    """Return a scene (THUMB_PX, WIDE) of display luma 0..1 with coarse and fine structure."""
    chance = np.random.default_rng(seed)
    luma = np.zeros((THUMB_PX, WIDE))
    for cell, weight in ((56, 0.5), (28, 0.35), (14, 0.25), (4, 0.15), (2, 0.15)):
        rough = chance.normal(size=(THUMB_PX // cell + 2, WIDE // cell + 2))
        fine = np.kron(rough, np.ones((cell, cell)))
        luma += weight * fine[:THUMB_PX, :WIDE]
    low, high = np.quantile(luma, [0.02, 0.98])
    return np.clip(0.1 + 0.7 * (luma - low) / (high - low), 0.02, 0.98)


def view(luma: NDArray[np.float64], left: int = 0, *, stops: float = 0.0, seed: int = 0) -> NDArray[np.uint8]:
    """Return the thumb seen from `left` on, `stops` brighter, with a little noise."""
    seen = np.clip(luma[:, left : left + THUMB_PX] ** 2.2 * 2**stops, 0, 1) ** (1 / 2.2)
    noisy = 255 * seen + np.random.default_rng(seed).normal(0, 1.0, seen.shape)
    return np.repeat(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def softened(thumb: NDArray[np.uint8], weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the thumb mixed with a softened self, by `weights` (THUMB_PX, THUMB_PX): 1 is out of focus."""
    plain = thumb[..., 0].astype(np.float64)
    soft = sum(np.roll(plain, (down, right), (0, 1)) for down in range(-3, 4) for right in range(-3, 4)) / 49
    mixed = plain * (1 - weights) + soft * weights
    return np.repeat(np.rint(mixed).astype(np.uint8)[..., None], 3, axis=2)


def embedding(seed: int, *, cosine: float = 1.0, other: int = 0) -> NDArray[np.float32]:
    """Return a unit vector that belongs to `seed`, `cosine` away from it in a direction that `other` names."""
    axis = np.random.default_rng([seed, 7]).normal(size=LENGTH)
    axis /= np.linalg.norm(axis)
    side = np.random.default_rng([seed, other, 11]).normal(size=LENGTH)
    side -= (side @ axis) * axis
    side /= np.linalg.norm(side)
    return (cosine * axis + np.sqrt(1 - cosine**2) * side).astype(np.float32)


def shot(key: int, thumb: NDArray[np.uint8], vector: NDArray[np.float32], facts: CaptureFacts | None = None) -> Shot:
    """Return a shot in /photos, named by its key."""
    return Shot(
        key=key,
        folder=b"/photos",
        name=b"IMG_%04d.JPG" % key,
        facts=facts or CaptureFacts(),
        embedding=vector,
        signature=signature(thumb),
        luma=float(thumb.mean()) / 255,
        aspect=1.5,
    )


def plain_burst(seed: int, keys: range, *, start_s: float, step_s: float = 0.25, camera: str = "One") -> list[Shot]:
    """Return an ordinary hand-held burst: the same view, a few pixels off each time."""
    luma, chance = scene(seed), np.random.default_rng(seed)
    shots = []
    for n, key in enumerate(keys):
        facts = CaptureFacts(taken_s=start_s + n * step_s, subsecond=step_s < 1, camera=camera)
        thumb = view(luma, 20 + int(chance.integers(-8, 9)), seed=key)
        shots.append(shot(key, thumb, embedding(seed, cosine=0.97, other=key), facts))
    return shots


def dated(one: Shot, taken_s: float | None, **facts: object) -> Shot:
    """Return the shot with another time and further facts."""
    return replace(one, facts=replace(one.facts, taken_s=taken_s, **facts))  # type: ignore[arg-type]
