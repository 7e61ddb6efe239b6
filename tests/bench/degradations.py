"""Spoils photographs in known ways, so that a measure can be asked which of two it thinks better.

Light is blurred and brightened in linear light, as a lens, a moving camera or a longer exposure does it.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


def spoiled(photo: Picture, seed: int = 7) -> dict[str, Picture]:
    """Return the photograph, spoiled in each way, by name; `photo` is uint8 (height, width, 3)."""
    light = (photo / 255.0) ** 2.2
    made = {f"defocus, sigma {sigma} px": to_picture(defocused(light, sigma)) for sigma in (0.7, 1.0, 1.5, 3.0)}
    for length in (4, 8, 16):
        for degrees in (0, 30, 45, 90):
            made[f"motion, {length} px at {degrees} deg"] = to_picture(moved(light, length, degrees))
    made |= {f"exposure {stops:+d} EV": to_picture(light * 2.0**stops) for stops in (-2, -1, 1, 2)}
    draw = np.random.default_rng(seed)
    for sigma in (4, 8, 16):
        made[f"noise, {sigma} levels"] = _bytes(photo + draw.normal(0, sigma, photo.shape))
    return made | {f"JPEG, quality {quality}": _compressed(photo, quality) for quality in (75, 40, 15)}


def to_picture(light: Floats) -> Picture:
    """Return linear light, 1.0 is white, as 8-bit sRGB-like gamma."""
    return _bytes(np.clip(light, 0, 1) ** (1 / 2.2) * 255)


def defocused(light: Floats, sigma: float) -> Floats:
    """Blur with a Gaussian of `sigma` pixels."""
    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    for axis in (0, 1):
        light = _mixed(light, [(step * (axis == 0), step * (axis == 1)) for step in range(-reach, reach + 1)], kernel)
    return light


def moved(light: Floats, length: int, degrees: float) -> Floats:
    """Blur along a line of `length` pixels, `degrees` from the horizontal, with bilinear steps of half a pixel."""
    shares: dict[tuple[int, int], float] = {}
    for place in np.linspace(-length / 2, length / 2, 2 * length + 1):
        down, across = place * np.sin(np.deg2rad(degrees)), place * np.cos(np.deg2rad(degrees))
        row, column = int(np.floor(down)), int(np.floor(across))
        for one, weight_down in ((row, 1 - (down - row)), (row + 1, down - row)):
            for other, weight_across in ((column, 1 - (across - column)), (column + 1, across - column)):
                shares[one, other] = shares.get((one, other), 0.0) + weight_down * weight_across
    return _mixed(light, list(shares), np.array(list(shares.values())))


def _mixed(light: Floats, steps: list[tuple[int, int]], weights: Floats) -> Floats:
    reach = max(max(abs(down), abs(across)) for down, across in steps)
    wide = np.pad(light, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    height, width = light.shape[:2]
    mixed = np.zeros_like(light)
    for (down, across), weight in zip(steps, weights / weights.sum(), strict=True):
        mixed += weight * wide[reach + down : reach + down + height, reach + across : reach + across + width]
    return mixed


def _compressed(photo: Picture, quality: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _bytes(values: Floats) -> Picture:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
