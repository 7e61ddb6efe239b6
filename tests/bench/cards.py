"""What copying a card costs: `python -m tests.bench.cards [--megabytes 600] [--work DIR]`.

One made card is copied by `cp`, by `cp` and then compared with the card after both were thrown out of memory, which is
what a verified copy is by hand, and by an import, with and without a second copy. Before each the card is thrown out
of memory and everything written before is on the disk; the time ends when all is on the disk. CPU is that of the
copying program and its children, without the kernel's own threads. Then the same card is put in again.
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.app.clock import SystemClock
from safelight.cards.header import HeaderReader
from safelight.storage.cards import open_cards
from safelight.storage.store import open_store
from tests.fakes import cards

RAW_BYTES, JPEG_BYTES = 25_000_000, 6_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of copying took."""

    wall_s: float
    cpu_s: float


def make_card(root: Path, megabytes: int) -> int:
    """Write frames of RAW and JPEG of usual sizes, and as many small JPEGs; return how many bytes."""
    frames = max(1, megabytes * 1_000_000 // (RAW_BYTES + JPEG_BYTES) - 1)
    block = os.urandom(1 << 20)
    for number in range(frames):
        for suffix, size in ((".CR2", RAW_BYTES), (".JPG", JPEG_BYTES)):
            head = cards.jpeg(number, size=0) if suffix == ".JPG" else cards.raw(number, size=0)
            _write(root / "DCIM/100CANON" / f"IMG_{number:04d}{suffix}", head, block, size)
    for number in range(100):
        _write(root / "DCIM/101CANON" / f"SML_{number:04d}.JPG", cards.jpeg(number, size=0), block, 300_000)
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _write(path: Path, head: bytes, block: bytes, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head + path.name.encode())
        while file.tell() < size:
            file.write(block[: size - file.tell()])
            block = block[4097:] + block[:4097]


def measured(card: Path, run: Callable[[], object]) -> Cost:
    """Run one way of copying from a card that is not in memory."""
    os.sync()
    forget(card)
    before = _cpu_s()
    started = time.monotonic()
    run()
    os.sync()
    return Cost(time.monotonic() - started, _cpu_s() - before)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def forget(root: Path) -> None:
    """Throw all files below a folder out of memory."""
    for path in root.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def by_cp(card: Path, target: Path) -> None:
    """Copy with cp."""
    subprocess.run(["cp", "-a", str(card), str(target)], check=True)


def by_cp_and_diff(card: Path, target: Path) -> None:
    """Copy with cp, and compare."""
    by_cp(card, target)
    os.sync()
    forget(card)
    forget(target)
    subprocess.run(["diff", "-r", str(card), str(target)], check=True)


def by_import(card: Path, work: Path, *, twice: bool) -> None:
    """Import."""
    for name in ("Pictures", "Backup", "state"):
        (work / name).mkdir(parents=True, exist_ok=True)
    open_store(work / "state").close()
    with open_cards(work / "state") as (_, imports):
        one = cards.Importing(
            work / "Pictures", work / "Backup" if twice else None, imports=imports, clock=SystemClock()
        )
        done = one.step(card)
    if not done.whole:
        raise SystemExit(f"the import failed: {done}")


def row(name: str, cost: Cost, size: int) -> None:
    """Print one line of the table."""
    print(
        f"{name:<34}{size / cost.wall_s / 1e6:>10.0f}{cost.wall_s:>10.2f}{cost.cpu_s / size * 1e9:>14.2f}", flush=True
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--work", type=Path, help="a folder on the disk to measure")
    chosen = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="safelight-bench-", dir=chosen.work))
    try:
        card = work / "card"
        size = make_card(card, chosen.megabytes)
        files = sum(path.is_file() for path in card.rglob("*"))
        print(f"{files} files, {size / 1e6:.0f} MB")
        print(f"{'way':<34}{'MB/s':>10}{'seconds':>10}{'CPU s per GB':>14}")
        ways: dict[str, Callable[[], object]] = {
            "cp": lambda: by_cp(card, work / "cp"),
            "cp, then diff": lambda: by_cp_and_diff(card, work / "cp-diff"),
            "import": lambda: by_import(card, work / "once", twice=False),
            "import with a second copy": lambda: by_import(card, work / "twice", twice=True),
            "the same card again": lambda: by_import(card, work / "once", twice=False),
        }
        for name, run in ways.items():
            row(name, measured(card, run), size)
            for done in ("cp", "cp-diff", "twice"):
                shutil.rmtree(work / done, ignore_errors=True)
        reading = time.process_time()
        HeaderReader().read(sorted(card.rglob("*.JPG")))
        each = (time.process_time() - reading) / len(list(card.rglob("*.JPG"))) * 1000
        print(f"date and camera of a JPEG: {each:.2f} CPU ms")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
