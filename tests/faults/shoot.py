"""Makes a small shoot of generated photographs for tests that run the real program."""

import io
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


def exif(second: int, *, rating: int | None = None) -> Image.Exif:
    """Return EXIF of a frame taken at a second of one day, with an in-camera rating if one is given."""
    data = Image.Exif()
    data[271], data[272] = "Maker", "One"
    if rating is not None:
        data[18246] = rating
    shot = data.get_ifd(0x8769)
    shot[36867] = f"2026:05:01 {9 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    shot[37521] = "250"
    return data


def encoded(image: Image.Image, kind: str = "JPEG", **how: object) -> bytes:
    """Return a picture's bytes in a file format."""
    image.save(buffer := io.BytesIO(), kind, **how)
    return buffer.getvalue()


def jpeg(seed: int, *, second: int | None = None, rating: int | None = None, side: int = 640) -> bytes:
    """Return a JPEG of its own; `second` (seed x 600 by default) is when it was taken."""
    facts = exif(seed * 600 if second is None else second, rating=rating)
    return encoded(picture(seed, side=side), quality=90, exif=facts)


def put(path: Path, data: bytes) -> Path:
    """Write a file as if long ago, so that no run has to wait whether it is still being copied."""
    path.write_bytes(data)
    os.utime(path, (OLD_S, OLD_S))
    return path


def make_shoot(folder: Path, *, scenes: int = 4, frames_each: int = 3, side: int = 640) -> list[Path]:
    """Write bursts of the same scene, sharp and softened, with old file times; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for scene in range(scenes):
        sharp = picture(scene, side=side)
        for frame in range(frames_each):
            path = folder / f"IMG_{scene:02d}{frame:02d}.jpg"
            sharp.filter(ImageFilter.GaussianBlur(frame * 1.5)).save(path, quality=90, exif=exif(scene * 60 + frame))
            os.utime(path, (OLD_S, OLD_S))
            made.append(path)
    return made
