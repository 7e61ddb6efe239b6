"""What the daemon's worker costs: from a settled file to its sidecar, cold and warm, and frames per second in slices.

Makes photographs of 24 megapixels in a temporary folder. `--library` adds that many known files beside them, because
some steps look through all names. Times are wall seconds, the least of the repeats: what others do on the machine only
adds to them.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from safelight.app import rating_run, wiring
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.app.worker_link import WorkerLink
from safelight.domain.frame import Stage
from safelight.services.intake import Intake
from tests.bench.reconcile import make
from tests.faults.shoot import jpeg, put

LIMIT_S = 2.0  # from settling to the sidecar
SIDE_PX = 6000
SLICES = (32, 128)


class Library:
    """A growing folder of photographs and its worker."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.folder, self.parts = folder, parts
        self.link = WorkerLink(parts=parts)
        self._pictures = [jpeg(seed, side=SIDE_PX) for seed in range(4)]
        self._made = 0

    def add(self, frames: int) -> list[int]:
        """Add photographs, each with bytes of its own, and take them in; return their frames."""
        shoot = self.folder / f"shoot-{self._made}"
        shoot.mkdir()
        for number in range(self._made, self._made + frames):
            put(shoot / f"IMG_{number:05d}.jpg", self._pictures[number % 4] + b"%d" % number)
        self._made += frames
        parts = self.parts
        intake = Intake(scanner=parts.scanner, identifier=parts.identifier, store=parts.store, clock=parts.clock)
        return list(intake.take_in([shoot]).frames)

    def one(self, *, cold: bool = False, warm_up_s: float = 0.0) -> float:
        """Return the seconds from one settled file to its sidecar."""
        ids = self.add(1)
        if cold or warm_up_s:
            self.link.close()
        if warm_up_s:
            self.link.warm_up()
            time.sleep(warm_up_s)
        begun = time.perf_counter()
        self.link.judge(ids)
        delivered = self.link.deliver(ids, run=None, to=[self.folder], withhold=0.0)
        took_s = time.perf_counter() - begun
        assert delivered.written == 1
        return took_s

    def many(self, frames: int, together: int) -> float:
        """Return the seconds to rate so many frames in slices of `together`."""
        ids = self.add(frames)
        begun = time.perf_counter()
        for start in range(0, frames, together):
            self.link.judge(ids[start : start + together])
        assert self.link.deliver(ids, run=None, to=[self.folder], withhold=0.0).written == frames
        return time.perf_counter() - begun

    def rated(self, frames: int) -> float:
        """Return the seconds that `rate` takes for so many frames, in this process."""
        self.link.close()
        self.add(frames)
        shoot = self.folder / f"shoot-{self._made - frames}"
        begun = time.perf_counter()
        rating_run.rate([shoot], parts=self.parts, progress=_Silent())
        took_s = time.perf_counter() - begun
        self.one()  # so that the worker is warm again
        return took_s


class _Silent:
    def begin(self, what: str, total: int) -> None: ...

    def advance(self, frames: int) -> None: ...


def memory_mb(pid: int | None) -> float:
    """Return what a process holds in memory that no other has, in MB."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if row.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def latency(library: Library, repeats: int) -> bool:
    """Print the times of single files; return whether they stay within the limit."""
    cold = min(library.one(cold=True) for _ in range(repeats))
    ahead = min(library.one(warm_up_s=2.0) for _ in range(repeats))
    warm = min(library.one() for _ in range(2 * repeats))
    print(
        f"settled file to sidecar, s: cold {cold:.2f}, warmed up ahead {ahead:.2f}, warm {warm:.2f} (limit {LIMIT_S})"
    )
    print(f"worker's own memory, MB: {memory_mb(library.link.pid):.0f}", end="")
    library.link.index(at_least=1)
    print(f", with vectors {memory_mb(library.link.pid):.0f}")
    return max(cold, ahead, warm) <= LIMIT_S


def pace(library: Library, frames: int, repeats: int) -> None:
    """Print frames a second of the warm worker in slices, beside `rate` in one process with its start."""
    took_s: dict[str, list[float]] = {}
    for _ in range(repeats):  # in turns, so that what else the machine does meets all alike
        for together in SLICES:
            took_s.setdefault(f"slices of {together}", []).append(library.many(frames, together))
        took_s.setdefault("rate", []).append(library.rated(frames))
    for name, times in took_s.items():
        print(f"{name}: {frames / min(times):.1f} frames/s", flush=True)


def main() -> int:
    """Run it; the exit status is 1 when a single file takes longer than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--library", type=int, default=0, metavar="FILES")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as name:
        base = Path(name)
        if chosen.library:
            make(base / "known", base / "state", chosen.library)
        (base / "shoots").mkdir()
        with wiring.writing(Settings(state=base / "state", models=base / "models", jobs=2)) as parts:
            library = Library(base / "shoots", parts)
            library.one()  # builds the model
            ok = latency(library, chosen.repeats)
            if chosen.frames:
                pace(library, chosen.frames, chosen.repeats)
            library.link.close()
            assert not parts.store.catalog.at_stage(Stage.ARRIVED)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor time of all workers, s: {used.ru_utime + used.ru_stime:.1f}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
