"""Makes folders of any number of frames out of a few real photographs, for benchmarks.

Every frame is a photograph with its pixels untouched and an EXIF block of its own in front, so that decoding costs
what it costs for that photograph while no two files are the same. Times run on by a minute, with bursts of three a
second apart.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

START = datetime.datetime(2026, 5, 1, 9, 0, 0)


def exif_block(number: int) -> bytes:
    """Return the APP1 segment of frame `number`: camera, capture time with sub-seconds, exposure."""
    moment = START + datetime.timedelta(minutes=number // 3, seconds=number % 3)
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "Bench One"
    shot = exif.get_ifd(0x8769)
    shot[36867] = moment.strftime("%Y:%m:%d %H:%M:%S")
    shot[37521] = f"{number % 1000:03d}"
    shot[33434], shot[33437], shot[34855] = 0.004, 4.0, 200
    body = exif.tobytes()
    return b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body


def without_exif(jpeg: bytes) -> bytes:
    """Return a JPEG without its APP1 segments (ISO/IEC 10918-1, annex B: markers up to the first scan)."""
    kept, at = bytearray(jpeg[:2]), 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big") + 2
        if jpeg[at + 1] != 0xE1:
            kept += jpeg[at : at + length]
        at += length
    return bytes(kept) + jpeg[at:]


def make_shoot(folder: Path, photographs: Sequence[Path], frames: int) -> int:
    """Write `frames` JPEGs into folders of a thousand below `folder`; return their bytes in all."""
    bodies = [without_exif(path.read_bytes()) for path in photographs]
    written = 0
    for number in range(frames):
        below = folder / f"{number // 1000:03d}"
        below.mkdir(parents=True, exist_ok=True)
        body = bodies[(number // 3) % len(bodies)]
        data = body[:2] + exif_block(number) + body[2:]
        (below / f"IMG_{number:05d}.JPG").write_bytes(data)
        written += len(data)
    return written
