"""Turns pairs of opposite words into a direction of a bundle's embedding: towards what the first of each pair says.

A model of pictures and words can be asked for quality and appeal without any training, by how much nearer a picture is
to "a good photo" than to "a bad photo" (CLIP-IQA: Wang, Chan and Loy, "Exploring CLIP for Assessing the Look and Feel
of Images", AAAI 2023). Several pairs, because any single wording has whims of its own. No word here is about people or
anything else that can be in a picture: what is in it must not earn or cost anything.
Invariant: the same words and the same tower give the same direction; a direction has length 1.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.ports import TextEncoder

Pair = tuple[str, str]  # what is better, what is worse

PAIRS: Mapping[str, Sequence[Pair]] = {
    "quality": (
        ("a good photo.", "a bad photo."),
        ("a sharp photo.", "a blurry photo."),
        ("a photo in focus.", "a photo out of focus."),
        ("a steady, crisp photo.", "a photo with motion blur."),
        ("a clean photo without noise.", "a noisy, grainy photo."),
        ("a well exposed photo.", "a badly exposed photo."),
        ("a photo with good contrast.", "a washed out photo."),
        ("a high quality photo.", "a low quality photo."),
    ),
    "appeal": (
        ("a beautiful photo.", "an ugly photo."),
        ("an interesting photo.", "a boring photo."),
        ("a well composed photo.", "a badly composed photo."),
        ("a photo with beautiful light.", "a photo with dull light."),
        ("a photo with harmonious colors.", "a photo with unpleasant colors."),
        ("a stunning photo.", "an unremarkable photo."),
        ("an award winning photo.", "a careless snapshot."),
        ("a tidy picture.", "a cluttered picture."),
    ),
}


def directions(encoder: TextEncoder, pairs: Mapping[str, Sequence[Pair]] = PAIRS) -> dict[str, NDArray[np.float32]]:
    """Return one direction (length,) for each name in `pairs`.

    The mean of what is better minus the mean of what is worse, of vectors of length 1. Raises BundleError when the
    tower fails or does not tell the two apart.
    """
    return {name: _direction(encoder, name, words) for name, words in pairs.items()}


def _direction(encoder: TextEncoder, name: str, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    better = encoder.embed([pair[0] for pair in pairs]).astype(np.float64).mean(axis=0)
    worse = encoder.embed([pair[1] for pair in pairs]).astype(np.float64).mean(axis=0)
    towards = better - worse
    norm = np.sqrt(np.square(towards).sum())
    if not norm > 1e-6:  # the rounding of float32; written so that NaN fails
        raise BundleError(
            f"The text tower of the bundle {encoder.bundle} says the same of opposite words about {name}.",
            hint="Install the bundle without its text tower, or another one.",
        )
    return np.asarray(towards / norm, np.float32)
