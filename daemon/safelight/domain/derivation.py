"""Decides whether one picture was made from another: an export, or the same file edited in place.

Looks prove nothing alone, because the frames of a burst are alike: a name has to have spoken first
(`domain.lineage`).
Invariant: a file with the very pixels of another is a copy, never an export.
"""

import numpy as np

from safelight.domain.framing import apart
from safelight.domain.records import Assessment
from safelight.domain.signature import layout_of

ALIKE_COSINE = 0.85  # of embeddings: crops, tones and small sizes of one picture stay above it
ALIKE_LAYOUT = 0.85  # correlation of layout grids: a conversion to black and white moves the embedding, not the edges
SAME_COSINE = 0.999  # float16 rounding of one embedding moves its cosine by less than 1e-3
OTHER_COSINE = 0.5  # below it a file that was written again shows something else: a name was used again


def cosine(one: Assessment, other: Assessment) -> float:
    """Return the cosine of two embeddings, -1 to 1."""
    a, b = one.embedding.astype(np.float32), other.embedding.astype(np.float32)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def same_pixels(one: Assessment, other: Assessment) -> bool:
    """Tell whether two looks saw the same picture, to the last bit as far as a look can tell."""
    sizes = (one.width_px, one.height_px) == (other.width_px, other.height_px)
    return sizes and np.array_equal(one.signature, other.signature) and cosine(one, other) > SAME_COSINE


def another_exposure(one: Assessment, other: Assessment) -> bool:
    """Tell whether two looks are at two photographs, by their capture times or because nothing is alike."""
    return apart(one.facts.taken_s, other.facts.taken_s) or cosine(one, other) < OTHER_COSINE


def looks_like(one: Assessment, other: Assessment) -> bool:
    """Tell whether two looks are at one exposure, however it was developed."""
    if apart(one.facts.taken_s, other.facts.taken_s):
        return False
    return cosine(one, other) >= ALIKE_COSINE or _correlation(one, other) >= ALIKE_LAYOUT


def _correlation(one: Assessment, other: Assessment) -> float:
    a, b = layout_of(one.signature).ravel(), layout_of(other.signature).ravel()
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))
