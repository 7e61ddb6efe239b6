"""Compares the CPU time of decoding with its floor: `python -m tests.bench.decoding [FOLDER]`, or two made-up files.

The floor is what no program can do without: open, scaled decode to 1024 pixels, EXIF, and the encoder's square. It is
measured in the same run on the same files, in turns, and the least of several runs counts.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable

_REPEATS = 9
_ENDINGS = frozenset((".jpg", ".jpeg"))


def floor(path: Path) -> None:
    """Do the least that judging a JPEG takes."""
    with Image.open(path) as image:
        width, height = image.size
        scale = 1024 / max(width, height)
        image.draft("RGB", (max(1, int(width * scale)), max(1, int(height * scale))))
        image.load()
        image.getexif().get_ifd(0x8769)
        image.resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0)


def least_ms(works: tuple[Callable[[], object], ...]) -> list[float]:
    """Return the least CPU milliseconds of each, measured in turns."""
    least = [float("inf")] * len(works)
    for _ in range(_REPEATS):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            least[number] = min(least[number], (time.process_time() - start) * 1e3)
    return least


def made_up(folder: Path) -> list[Path]:
    """Write a 24 MP and a 0.3 MP JPEG of shapes with sensor-like noise."""
    random = np.random.default_rng(1)
    shapes = Image.fromarray(random.integers(20, 235, (40, 60, 3), dtype=np.uint8))
    paths = []
    for width, height in ((6000, 4000), (640, 480)):
        pixels = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noise = random.normal(0, 5, (height, width, 1)).astype(np.int16)
        exif = Image.Exif()
        exif[0x0110] = "Bench"
        exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: 0.01, 0x829D: 4.0, 0x8827: 200})
        paths.append(folder / f"{width}x{height}.jpg")
        Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(paths[-1], quality=90, exif=exif)
    return paths


def report(paths: list[Path]) -> None:
    """Print one line per file, and the sums."""
    rules, sums = DecodeRules(), [0.0, 0.0]
    print(f"{'file':40} {'floor ms':>9} {'ours ms':>9} {'over ms':>8} {'ratio':>6}")
    for path in paths:
        try:
            read_picture(path, rules)
        except Unreadable as refused:
            print(f"{path.name[:40]:40} {refused.summary}")
            continue
        least, ours = least_ms((lambda path=path: floor(path), lambda path=path: read_picture(path, rules)))  # type: ignore[misc]
        sums = [sums[0] + least, sums[1] + ours]
        print(f"{path.name[:40]:40} {least:9.2f} {ours:9.2f} {ours - least:8.2f} {ours / least:6.3f}")
    if sums[0]:
        print(f"{'all':40} {sums[0]:9.2f} {sums[1]:9.2f} {sums[1] - sums[0]:8.2f} {sums[1] / sums[0]:6.3f}")


def main(arguments: list[str]) -> None:
    """Run on the JPEGs of the folder that is given, or on made-up ones."""
    if arguments:
        report(sorted(path for path in Path(arguments[0]).rglob("*") if path.suffix.lower() in _ENDINGS))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(made_up(Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
