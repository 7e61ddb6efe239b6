"""Pictures made for the tests of the technical judgement: a scene with edges, texture and a soft ground, by seed."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def scene(height: int = 320, width: int = 480, seed: int = 1, texture: float = 22) -> Picture:
    """Return a sharp, well exposed picture: shaded discs and bars with fine texture before a smooth ground."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    light = 110 + 40 * np.sin(columns / width * 3 + seed) + 20 * rows / height
    picture = np.repeat(light[..., None], 3, axis=2)
    for _ in range(14):
        row, column = draw.uniform(0.15, 0.85) * height, draw.uniform(0.15, 0.85) * width
        size, tone = draw.uniform(0.04, 0.14) * height, draw.uniform(20, 225, 3)
        inside = (rows - row) ** 2 + (columns - column) ** 2 < size**2
        picture[inside] = tone + texture * draw.standard_normal((int(inside.sum()), 1))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def moon(height: int = 400, width: int = 600, radius: int = 30) -> Picture:
    """Return a cratered disc in a black sky with a little noise."""
    draw = np.random.default_rng(5)
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot(rows - height / 2, columns - width / 2)
    disc = np.where(away < radius, 190 + 30 * draw.standard_normal((height, width)), 2.0)
    sky = disc + np.abs(draw.normal(0, 1.0, disc.shape))
    return np.repeat(np.clip(np.round(sky), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def fog(height: int = 400, width: int = 600) -> Picture:
    """Return pale, soft shapes with hardly any contrast."""
    draw = np.random.default_rng(6)
    rows, columns = np.mgrid[0:height, 0:width]
    trees = sum(6 * np.exp(-(((columns - place) / 30.0) ** 2)) for place in (90, 250, 430))
    grey = 196 - trees * rows / height + draw.normal(0, 0.8, (height, width))
    return np.repeat(np.clip(np.round(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def sunset(height: int = 400, width: int = 600) -> Picture:
    """Return a clipped sun with a red-clipped glow over a dark, sharp skyline."""
    draw = np.random.default_rng(7)
    rows, columns = np.mgrid[0:height, 0:width]
    away = np.hypot(rows - 220, columns - 300)
    glow = 255 * np.exp(-away / 260)
    picture = np.stack([np.clip(glow * 1.5, 0, 255), glow * 0.7, glow * 0.35], axis=2)
    picture[away < 14] = 255
    ground = rows > 260 + 25 * np.sign(np.sin(columns / 17.0))
    picture[ground] = np.clip(14 + 8 * draw.standard_normal((int(ground.sum()), 1)), 0, 255)
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
