"""Makes portraits whose truth is known: lids closed by a share, faces of a size and a turn in a scene, several faces.

Lids are closed by moving the skin: each eye's upper lid comes down over the eye, and if wanted the lower one up, as in
laughing; the skin up to the brow is stretched along. The eye that is left is squeezed, not painted over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Eye:
    """The lids of one eye as points (n, 2) in pixels, from corner to corner; both begin and end in the corners."""

    upper: Points
    lower: Points


@dataclass(frozen=True)
class Head:
    """A portrait with one face: where its box is (as detectors draw it) and its eyes."""

    picture: Picture
    middle: tuple[float, float]
    width: float
    eyes: tuple[Eye, ...]

    def closed(self, share: float, *, from_below: float = 0.0, eyes: Sequence[int] = (0, 1)) -> "Head":
        """Return the head with `share` of each opening closed from above, and `from_below` from below."""
        picture = self.picture
        for number in eyes:
            picture = _lids(picture, self.eyes[number], share, from_below)
        return Head(picture, self.middle, self.width, self.eyes)

    def at(self, width: float, *, angle: float = 0.0) -> tuple[Image.Image, Image.Image]:
        """Return the head with a face of `width` pixels, turned by `angle` degrees, and the mask to paste it with."""
        reach = 1.5 * self.width
        x, y = self.middle
        square = (round(x - reach), round(y - reach), round(x + reach), round(y + reach))
        side = max(round(3 * width), 8)
        cut = Image.fromarray(self.picture).crop(square).rotate(angle, Image.Resampling.BICUBIC)
        small = cut.resize((side, side), Image.Resampling.LANCZOS)
        across, down = np.meshgrid((np.arange(side) + 0.5) / side - 0.5, (np.arange(side) + 0.5) / side - 0.5)
        edge = np.hypot(across / 0.30, down / 0.36)
        return small, Image.fromarray((np.clip((1.15 - edge) / 0.15, 0, 1) * 255).astype(np.uint8))


# The astronaut of scikit-image at twice its size: 1024 pixels. Points were read off the enlarged picture.
ASTRONAUT_PX = 1024
ASTRONAUT_MIDDLE, ASTRONAUT_WIDTH = (450.0, 250.0), 197.0
ASTRONAUT_EYES: tuple[Eye, ...] = (
    Eye(
        np.array(
            [
                (391.1, 201.6),
                (392.7, 200.2),
                (394.9, 198.6),
                (398.9, 196.7),
                (405.6, 196.0),
                (412.7, 197.1),
                (419.8, 200.5),
                (425.1, 205.0),
                (427.6, 207.6),
            ]
        ),
        np.array(
            [
                (391.1, 201.6),
                (394.1, 204.3),
                (397.3, 206.2),
                (401.9, 207.9),
                (408.9, 208.8),
                (415.7, 208.6),
                (422.0, 208.0),
                (426.1, 208.0),
                (427.6, 207.6),
            ]
        ),
    ),
    Eye(
        np.array(
            [
                (511.5, 207.9),
                (510.1, 206.4),
                (508.0, 204.6),
                (503.8, 202.2),
                (497.1, 200.6),
                (489.6, 200.7),
                (482.2, 203.5),
                (476.6, 207.4),
                (473.8, 210.0),
            ]
        ),
        np.array(
            [
                (511.5, 207.9),
                (508.4, 210.3),
                (504.9, 211.9),
                (499.9, 213.0),
                (492.9, 213.2),
                (485.7, 212.2),
                (479.5, 211.1),
                (475.6, 210.5),
                (473.8, 210.0),
            ]
        ),
    ),
)


def astronaut(picture: Image.Image) -> Head:
    """Return the head of scikit-image's astronaut."""
    large = picture.convert("RGB").resize((ASTRONAUT_PX, ASTRONAUT_PX), Image.Resampling.LANCZOS)
    return Head(np.asarray(large), ASTRONAUT_MIDDLE, ASTRONAUT_WIDTH, ASTRONAUT_EYES)


def scene(backdrop: Image.Image, heads: Iterable[tuple[Head, float, float, float]], *, angle: float = 0.0) -> Picture:
    """Return a backdrop with heads: (head, x, y, width), places and the face's width in shares of the backdrop."""
    made = backdrop.convert("RGB")
    for head, x, y, share in heads:
        face, mask = head.at(share * made.width, angle=angle)
        made.paste(face, (round(x * made.width - face.width / 2), round(y * made.height - face.height / 2)), mask)
    return np.asarray(made)


def backdrop(width: int = 1024, height: int = 683, *, seed: int = 0) -> Image.Image:
    """Return a made scene without faces: soft blots of colour on a slope of light, with grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (9, 12, 3)).astype(np.uint8)
    soft = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 4, (height, width, 1))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8))


def blurred(picture: Picture, deviation: float) -> Picture:
    """Return a picture out of focus by a Gaussian of `deviation` pixels."""
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(deviation)))


def noisy(picture: Picture, deviation: float, *, seed: int = 0) -> Picture:
    """Return a picture with noise of `deviation` levels."""
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.asarray((picture + noise).clip(0, 255), np.uint8)


def darkened(picture: Picture, share: float) -> Picture:
    """Return a picture with `share` of its levels."""
    return np.asarray(picture * share, np.uint8)


def _lids(picture: Picture, eye: Eye, share: float, from_below: float) -> Picture:
    """Move the lids of one eye; see the head of the module."""
    start, end = eye.upper[0], eye.upper[-1]
    if start[0] > end[0]:
        start, end = end, start
    width = float(np.hypot(*(end - start)))
    along = (end - start) / width
    out = np.array([-along[1], along[0]])
    low, high = np.floor(start - width).astype(int), np.ceil(end + width).astype(int)
    down, across = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float64)
    u = ((across - start[0]) * along[0] + (down - start[1]) * along[1]) / width
    v = ((across - start[0]) * out[0] + (down - start[1]) * out[1]) / width

    def curve(points: Points) -> Points:
        places = (points - start) @ along / width
        order = np.argsort(places)
        return np.interp(u, places[order], ((points - start) @ out / width)[order])

    upper, lower = curve(eye.upper), curve(eye.lower)
    opening = np.maximum(lower - upper, 1e-3)
    reach = np.clip(np.minimum(u, 1 - u) * 6, 0, 1)  # how far the skin moves along: less at the corners
    brow, cheek = upper - 0.45 * reach - 0.02, lower + 0.35 * reach + 0.02
    new_upper = upper + opening * share
    new_lower = np.maximum(lower - opening * from_below, new_upper)
    knots = np.stack([brow, new_upper, new_lower, cheek])
    sources = np.stack([brow, upper, lower, cheek])
    source_v = _stretched(v, knots, sources)
    inside = (u > -0.02) & (u < 1.02)
    shift = np.where(inside, source_v - v, 0.0) * width
    moved = picture.copy()
    part = _taken(picture, across + shift * out[0], down + shift * out[1])
    moved[low[1] : high[1], low[0] : high[0]] = part
    return moved


def _stretched(v: Points, knots: Points, sources: Points) -> Points:
    """Map places between moved knots to the places they come from, linearly; outside of all knots nothing moves."""
    mapped = v.copy()
    for first in range(len(knots) - 1):
        span = np.maximum(knots[first + 1] - knots[first], 1e-6)
        between = (v > knots[first]) & (v <= knots[first + 1])
        share = (v - knots[first]) / span
        mapped = np.where(between, sources[first] + share * (sources[first + 1] - sources[first]), mapped)
    return mapped


def _taken(picture: Picture, x: Points, y: Points) -> Picture:
    """Take a picture at places between its pixels, bilinear."""
    x, y = np.clip(x, 0, picture.shape[1] - 1.001), np.clip(y, 0, picture.shape[0] - 1.001)
    left, top = x.astype(int), y.astype(int)
    right, bottom = (x - left)[..., None], (y - top)[..., None]
    above = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    below = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return np.asarray((above + (below - above) * bottom).round(), np.uint8)
