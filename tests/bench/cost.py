"""What a rating costs: `python -m tests.bench.cost [FOLDER] [--frames 100 1000 10000]`.

The floor is what no program can do without: decode at reduced scale with at least 1024 pixels on the long edge, read
the EXIF, run the encoder once, all in one process on the same files in the same run. Safelight is measured from
outside, with all its processes, start-up and sidecars: user and system time of the whole tree, and the sum of the
proportional set sizes of all its processes, sampled.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

from safelight.app.judging import open_encoder
from safelight.app.settings import settings
from tests.bench.shoots import make_shoot

LONG_EDGE_PX = 1024
PICTURES = {".jpg", ".jpeg"}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one command took."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def floor_ms(files: Sequence[Path]) -> float:
    """Return the CPU milliseconds per frame of the floor."""
    encoder = open_encoder(settings(os.environ))
    for path in files[:3]:
        _floor_one(path, encoder)
    started = time.process_time()
    for path in files:
        _floor_one(path, encoder)
    return (time.process_time() - started) / len(files) * 1000


def _floor_one(path: Path, encoder: object) -> None:
    with Image.open(path) as image:
        image.getexif().get_ifd(0x8769)
        width, height = image.size
        shrink = LONG_EDGE_PX / max(width, height)
        image.draft("RGB", (int(width * shrink), int(height * shrink)))
        thumb = image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0)
    encoder.encode(np.asarray(thumb))  # type: ignore[attr-defined]


def measured(arguments: Sequence[str]) -> Cost:
    """Run a safelight command and return what its process tree took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    child = subprocess.Popen([sys.executable, "-m", "safelight", *arguments], stdout=subprocess.DEVNULL)
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, tree_mb(child.pid))
        time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode not in (0, 1):
        raise SystemExit(f"safelight ended with {child.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - started, peak)


def tree_mb(root: int) -> float:
    """Return the proportional set sizes of a process and everything below it, in MB."""
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, StopIteration):
            continue  # it ended while we looked
    return total / 1024


def folder_mb(folder: Path) -> float:
    """Return the size of all files below a folder in MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="safelight-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def row(name: str, shoot: Path, *, floor: float, frames: int, work: Path) -> None:
    """Rate a shoot twice into an empty state and print one line of the table."""
    state = work / f"state-{name}"
    first = measured(["rate", str(shoot), "--state", str(state)])
    second = measured(["rate", str(shoot), "--state", str(state)])
    ours = first.cpu_s / frames * 1000
    vectors = folder_mb(state / "vectors") if (state / "vectors").exists() else 0.0
    data = frames * (2 * 1280 + 16) / 1e6
    print(
        f"{name:<12}{frames:>8}{floor:>10.1f}{ours:>10.1f}{ours / floor:>8.2f}{frames / first.wall_s:>10.1f}"
        f"{second.cpu_s / frames * 1000:>12.2f}{max(first.peak_mb, second.peak_mb):>10.0f}{vectors / data:>10.2f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="JPEGs to measure on instead of made shoots")
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 1000], help="sizes of made shoots")
    parser.add_argument("--from", dest="source", type=Path, help="photographs that made shoots are made of")
    chosen = parser.parse_args()
    print(
        f"{'shoot':<12}{'frames':>8}{'floor ms':>10}{'ours ms':>10}{'ratio':>8}{'frames/s':>10}"
        f"{'2nd run ms':>12}{'peak MB':>10}{'vec/data':>10}"
    )
    with scratch() as work:
        if chosen.folder:
            files = sorted(path for path in chosen.folder.rglob("*") if path.suffix.lower() in PICTURES)
            shutil.copytree(chosen.folder, work / "given")
            row("given", work / "given", floor=floor_ms(files), frames=len(files), work=work)
            return
        photographs = sorted(path for path in chosen.source.rglob("*") if path.suffix.lower() in PICTURES)
        for frames in chosen.frames:
            shoot = work / f"made-{frames}"
            make_shoot(shoot, photographs, frames)
            files = sorted(shoot.rglob("*.JPG"))
            row(str(frames), shoot, floor=floor_ms(files[:: max(1, len(files) // 200)]), frames=frames, work=work)
            shutil.rmtree(shoot)


if __name__ == "__main__":
    main()
