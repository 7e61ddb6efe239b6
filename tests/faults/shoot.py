"""Makes a small shoot of generated photographs for tests that run the real program."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

OLD_S = 1_700_000_000


def picture(seed: int, *, side: int = 640) -> Image.Image:
    """Return a generated picture with soft shapes and fine texture: enough for a decoder and a judge to work on."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 225, (6, 9, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((side, side * 2 // 3), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 12, (side * 2 // 3, side, 1))
    return Image.fromarray(np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8))


def exif(second: int) -> Image.Exif:
    """Return EXIF of a frame taken at a second of one morning."""
    data = Image.Exif()
    data[271], data[272] = "Maker", "One"
    shot = data.get_ifd(0x8769)
    shot[36867] = f"2026:05:01 09:{second // 60:02d}:{second % 60:02d}"
    shot[37521] = "250"
    return data


def make_shoot(folder: Path, *, scenes: int = 4, frames_each: int = 3) -> list[Path]:
    """Write bursts of the same scene, sharp and softened, with old file times; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for scene in range(scenes):
        sharp = picture(scene)
        for frame in range(frames_each):
            path = folder / f"IMG_{scene:02d}{frame:02d}.jpg"
            sharp.filter(ImageFilter.GaussianBlur(frame * 1.5)).save(path, quality=90, exif=exif(scene * 60 + frame))
            os.utime(path, (OLD_S, OLD_S))
            made.append(path)
    return made
