"""A card's whole day: imported and rated by the daemon, beside `rate` over the same frames and copying by itself.

    python -m tests.bench.card_day --data DIR [--frames 500] [--work FOLDER]

The frames are photographs from below DIR, the largest first, enlarged to 24 megapixels where they are smaller, and
repeated with other bytes behind their end, so that no two are the same file. The card is a file with a file system in
it, which needs root. It is copied twice into empty homes: by a daemon that is paused and only copies, and by one that
rates. Card and copies share the disk of the work folder, and neither is in memory when the time begins.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from tests.bench.cards import forget
from tests.end_to_end.card_places import CARDS, Slots, own_mounts, pictures, rated, status, until_card
from tests.end_to_end.daemons import Home, running, until

MOST_LOST = 0.15
LONG_S = 3600.0
NAME = "BENCH"
SIZE = (6000, 4000)
DIFFERENT = 12  # photographs that the frames are made of


def make_card(card: Path, data: Path, frames: int) -> int:
    """Write so many photographs onto a card; return how many bytes."""
    found = sorted((path for path in data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")), key=_size)
    if not found:
        raise SystemExit(f"There is no photograph below {data}.")
    large = {path: enlarged(path) for path in found[-DIFFERENT:]}
    folder = card / "DCIM/100BENCH"
    folder.mkdir(parents=True)
    total = 0
    for number, path in enumerate(islice(cycle(large), frames)):
        made = folder / f"IMG_{number:04d}.JPG"
        made.write_bytes(large[path] + number.to_bytes(4, "little"))
        os.utime(made, (1_700_000_000 + number, 1_700_000_000 + number))
        total += made.stat().st_size
    return total


def enlarged(path: Path) -> bytes:
    """Return a photograph in the size that cameras write, with its EXIF."""
    with Image.open(path) as picture:
        if picture.width * picture.height >= 20_000_000:
            return path.read_bytes()
        large = picture.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)
        large.save(buffer := io.BytesIO(), "JPEG", quality=92, exif=picture.getexif())
        return buffer.getvalue()


def _size(path: Path) -> tuple[int, bytes]:
    return path.stat().st_size, bytes(path)


def homes(work: Path) -> Iterator[Home]:
    """Yield one home after another."""
    for number in range(10):
        home = Home(work / f"home{number}")
        home.settings(CARDS)
        yield home
        home.tidy()
        shutil.rmtree(home.place, ignore_errors=True)


def by_rate(home: Home, card: Path) -> float:
    """Return how long `rate` takes over a copy of the frames that is there already, in seconds."""
    folder = home.place / "copied"
    shutil.copytree(card / "DCIM", folder, copy_function=shutil.copy2)
    os.sync()
    forget(folder)
    begun = time.monotonic()
    subprocess.run(home.command("rate", folder), env=home.environment, check=True, capture_output=True)
    return time.monotonic() - begun


def by_daemon(home: Home, slots: Slots, frames: int, *, paused: bool) -> tuple[float, float]:
    """Return how long copying took, and how long it was to the last sidecar (0 while paused), in seconds."""
    os.sync()
    forget(slots.place.parent)
    album = home.home / "Pictures"
    with running(home):
        if paused:
            home.run("pause")
        until(lambda: status(home).state in ("idle", "paused"))
        begun = time.monotonic()
        slots.put_in(NAME)
        until_card(home, NAME, "done", most_s=LONG_S)
        copied_s = time.monotonic() - begun
        if not paused:
            until(lambda: rated(album, frames), most_s=LONG_S)
        rated_s = time.monotonic() - begun
        if len(pictures(album)) != frames:
            raise SystemExit(f"Only {len(pictures(album))} of {frames} frames were copied.")
        slots.take_out(NAME)
    return copied_s, 0.0 if paused else rated_s


def told(what: str, worth: str, seconds: float) -> None:
    """Print one line of the table."""
    print(f"{what:<38}{worth:>16}{seconds:>10.1f} s", flush=True)


def main() -> int:
    """Print the table; exit status 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--megabytes", type=int, default=16_000, help="the size of the card")
    parser.add_argument("--work", type=Path, help="a folder on the disk to measure")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-bench-", dir=chosen.work) as name, own_mounts():
        slots, frames = Slots(Path(name)), chosen.frames
        slots.prepared(NAME, megabytes=chosen.megabytes)
        size = make_card(slots.put_in(NAME), chosen.data, frames)
        print(f"{frames} frames, {size / 1e6:.0f} MB, load {os.getloadavg()[0]:.1f}", flush=True)
        places = homes(Path(name))
        rate_s = by_rate(next(places), slots.at(NAME))
        told("rate, the frames copied already", f"{frames / rate_s:.2f} frames/s", rate_s)
        slots.take_out(NAME)
        alone_s, _ = by_daemon(next(places), slots, frames, paused=True)
        told("copying alone", f"{size / alone_s / 1e6:.0f} MB/s", alone_s)
        copied_s, rated_s = by_daemon(next(places), slots, frames, paused=False)
        told("copying while it rates", f"{size / copied_s / 1e6:.0f} MB/s", copied_s)
        told("import and rating, to the last star", f"{frames / rated_s:.2f} frames/s", rated_s)
        lost = 1 - alone_s / copied_s
        print(f"copying loses {lost:.0%} to rating    limit {MOST_LOST:.0%}")
    return 0 if lost <= MOST_LOST else 1


if __name__ == "__main__":
    sys.exit(main())
