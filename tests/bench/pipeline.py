"""How busy the encoder is kept: `python -m tests.bench.pipeline --from DIR [--bundle DIR ...] [--gpu] [--frames N]`.

Frames are the photographs of DIR, those under 24 megapixels enlarged to that once. The floor is decoding alone plus
encoding alone, of the same frames in the same run and in turns, the least of several passes; the pipeline does both at
once, as a rating does: decode workers, and threads that encode over one session (`services.ahead`). CPU ms a frame are
those of all processes together; `busy` is the share of the time in which an encoding thread encodes. `--bundle` is the
folder of a fetched bundle, installed or as it came (`python -m safelight.models.export` makes one with random weights,
which cost what real ones do). With `--gpu` it has to run on a GPU, and frames of 1024 pixels are measured as well, as
previews that lie ready; without one it says why not and ends with status 1.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

from safelight.app.judging import open_encoder
from safelight.app.settings import settings
from safelight.decoding.workers import WorkerPool
from safelight.inference.fetched import read_fetched
from safelight.inference.fetched_encoder import open_vision
from safelight.models.prepare import prepare
from safelight.ports import Examined, Request
from safelight.services.ahead import ahead
from tests.bench.cost import PICTURES, scratch

FULL_PX, PREVIEW_PX = 24_000_000, 1024
PASSES = 3


@dataclass(slots=True)
class Stage:
    """An encoder as the pipeline sees it, which notes how long it was at work."""

    name: str
    runs_on: str
    side_px: int
    together: int
    encode: Callable[[Sequence[Examined]], object]
    spans: list[float] = field(default_factory=list)

    def work(self, some: Sequence[Examined]) -> Sequence[None]:
        """Encode some frames; may be called from several threads."""
        started = time.perf_counter()
        self.encode(some)
        self.spans.append(time.perf_counter() - started)
        return [None] * len(some)


@dataclass(frozen=True, slots=True)
class Took:
    """What one pass took, for each frame."""

    cpu_ms: float
    wall_ms: float
    busy: float = 0.0


def embedded() -> Stage:
    """Return the bundle that needs no download."""
    encoder = open_encoder(settings(os.environ))

    def encode(some: Sequence[Examined]) -> None:
        for frame in some:
            encoder.encode(frame.thumb, frame.closeup)

    return Stage("embedded", "cpu", 224, 1, encode)


def fetched(folder: Path, *, gpu: bool) -> Stage:
    """Return a fetched bundle, on what it has to run on."""
    encoder = open_vision(folder, accelerator="auto" if gpu else "cpu", say=print)
    if gpu and encoder.provider.name != "cuda":
        raise SystemExit("There is no GPU that works here, so nothing was measured on one.")
    side_px = encoder.side_px

    def encode(some: Sequence[Examined]) -> None:
        encoder.embed(np.stack([frame.squares[side_px] for frame in some]))

    return Stage(encoder.bundle.split(":")[0], encoder.provider.name, side_px, encoder.together, encode)


def installed(folder: Path, work: Path) -> Path:
    """Return `folder`, or a copy of it that is installed, when it holds a bundle as it came."""
    if (folder / "receipt.json").exists() and (folder / "made").exists():
        return folder
    copy = work / f"bundle-{folder.name}"
    shutil.copytree(folder, copy)
    manifest = read_fetched((copy / "manifest.toml").read_bytes(), copy / "manifest.toml")
    prepare(copy, manifest, threads=cores())
    paths = [copy / file.path for file in manifest.files if (copy / file.path).exists()]
    files = [
        {
            "path": str(path.relative_to(copy)),
            "size_bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "accepted": True,
        }
        for path in paths
    ]
    (copy / "receipt.json").write_text(json.dumps({"format": 1, "installed_s": 0.0, "files": files}))
    return copy


def photographs(source: Path, folder: Path, *, long_px: int | None) -> list[Path]:
    """Return the photographs of `source`: reduced to `long_px`, or of at least 24 megapixels."""
    folder.mkdir()
    made = []
    for path in sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURES):
        with Image.open(path) as image:
            scale = long_px / max(image.size) if long_px else (FULL_PX / (image.width * image.height)) ** 0.5
            if not long_px and scale <= 1:
                made.append(path)
                continue
            size = (round(image.width * scale), round(image.height * scale))
            made.append(folder / f"{len(made)}-{path.name}")
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(made[-1], quality=92)
    return made


def workers_cpu_s() -> float:
    """Return the CPU seconds of the processes that we started and that run, so far."""
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread of ours that has just ended
            for pid in (task / "children").read_text().split():
                told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(told[11]) + int(told[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object], frames: int, stage: Stage | None = None, threads: int = 1) -> Took:
    """Run `work` once over so many frames."""
    if stage:
        stage.spans.clear()
    wall, own, others = time.perf_counter(), time.process_time(), workers_cpu_s()
    work()
    wall_s = time.perf_counter() - wall
    cpu_s = time.process_time() - own + workers_cpu_s() - others
    busy = sum(stage.spans) / wall_s / threads if stage else 0.0
    return Took(cpu_s / frames * 1000, wall_s / frames * 1000, busy)


@contextmanager
def decoding(jobs: int, side_px: int, warm: Path) -> Iterator[WorkerPool]:
    """Yield decode workers that have started and decoded once."""
    pool = WorkerPool(jobs=jobs, options={"squares_px": (side_px,)})
    try:
        pool.prepare(jobs)
        list(pool.examine(Request(key, (warm,)) for key in range(jobs * 2)))
        yield pool
    finally:
        pool.close()


def decoded(pool: WorkerPool, frames: Sequence[Path]) -> Iterator[Examined]:
    """Yield the frames, decoded; one that cannot be decoded ends the measurement."""
    for answer in pool.examine(Request(key, (path,)) for key, path in enumerate(frames)):
        if not isinstance(answer, Examined):
            raise SystemExit(answer.error.told)
        yield answer


def row(stage: Stage, frames: Sequence[Path], what: str) -> None:
    """Measure one bundle and print its line."""
    threads = cores() if stage.together == 1 else 1
    passes: list[tuple[Took, Took, Took]] = []
    with decoding(cores(), stage.side_px, frames[0]) as pool:
        held = list(decoded(pool, frames))
        batches = [held[at : at + stage.together] for at in range(0, len(held), stage.together)]
        for _ in range(PASSES):
            alone = timed(lambda: list(decoded(pool, frames)), len(frames))
            encoding = timed(lambda: encode_all(stage, batches, threads), len(frames))
            both = timed(
                lambda: list(ahead(decoded(pool, frames), stage.work, threads=threads, together=stage.together)),
                len(frames),
                stage,
                threads,
            )
            passes.append((alone, encoding, both))
    decode, encode, pipeline = (min(each, key=lambda took: took.cpu_ms) for each in zip(*passes, strict=True))
    floor = decode.cpu_ms + encode.cpu_ms
    print(
        f"{stage.name[:27]:<28}{stage.runs_on:<6}{what:<10}{len(frames):>7}{decode.cpu_ms:>9.1f}{encode.cpu_ms:>9.1f}"
        f"{floor:>9.1f}{pipeline.cpu_ms:>10.1f}{pipeline.cpu_ms / floor:>7.2f}"
        f"{1000 / min(took.wall_ms for _, _, took in passes):>10.1f}{max(took.busy for _, _, took in passes):>7.0%}",
        flush=True,
    )


def encode_all(stage: Stage, batches: Sequence[Sequence[Examined]], threads: int) -> None:
    """Encode what is decoded already, in as many threads as the pipeline does."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(stage.work, batches))


def scaling(frames: Sequence[Path]) -> None:
    """Print how many frames a second are decoded with one worker, two, and so on up to the cores."""
    print(f"\n{'workers':<10}{'frames/s':>10}{'to one':>10}{'CPU ms':>10}")
    first = 0.0
    counts = sorted({count for count in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64) if count < cores()} | {cores()})
    for jobs in counts:
        with decoding(jobs, 224, frames[0]) as pool:
            passes = [timed(lambda pool=pool: list(decoded(pool, frames)), len(frames)) for _ in range(PASSES)]  # type: ignore[misc]
        speed = 1000 / min(took.wall_ms for took in passes)
        first = first or speed
        cpu_ms = min(took.cpu_ms for took in passes)
        print(f"{jobs:<10}{speed:>10.1f}{speed / first:>10.2f}{cpu_ms:>10.1f}", flush=True)


def cores() -> int:
    """Return how many processors we may use."""
    return len(os.sched_getaffinity(0))


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pipeline", description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, required=True, help="photographs")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--bundle", type=Path, nargs="*", default=(), help="fetched bundles")
    parser.add_argument("--gpu", action="store_true", help="the fetched bundle has to run on a GPU")
    chosen = parser.parse_args()
    with scratch() as work:
        sizes = {"24 MP": None, "previews": PREVIEW_PX} if chosen.gpu else {"24 MP": None}
        shoots = {
            name: photographs(chosen.source, work / name.replace(" ", "-"), long_px=px) for name, px in sizes.items()
        }
        shoots = {name: [some[at % len(some)] for at in range(chosen.frames)] for name, some in shoots.items()}
        stages = [embedded()] if not chosen.gpu else []
        stages += [fetched(installed(each, work), gpu=chosen.gpu) for each in chosen.bundle]
        print(
            f"{'bundle':<28}{'on':<6}{'frames of':<10}{'frames':>7}{'decode':>9}{'encode':>9}{'floor':>9}"
            f"{'pipeline':>10}{'ratio':>7}{'frames/s':>10}{'busy':>7}   (CPU ms a frame)"
        )
        for name, frames in shoots.items():
            for stage in stages:
                row(stage, frames, name)
        if not chosen.bundle:
            print("No fetched bundle was measured: give the folder of one with --bundle.")
        for frames in shoots.values():
            scaling(frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
