"""What the daemon costs: time to READY, memory and processor time when idle, and from a finished copy to its sidecar.

Starts `safelight run` as the service manager does, with a socket that waits for READY, over a library of tiny files
that the catalog knows; then lets it rest, measures, and copies single photographs into a watched folder.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.reconcile import know_all, make
from tests.end_to_end.daemons import Home, Running, running, until

READY_S, IDLE_MB, IDLE_CPU_MS, RATED_S = 0.6, 60.0, 30.0, 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(daemon: Running) -> float:
    """Return the processor seconds of the daemon itself."""
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(daemon: Running) -> tuple[float, float]:
    """Return resident and proportional memory of the daemon itself, MB of 2^20 bytes."""
    lines = Path(f"/proc/{daemon.process.pid}/smaps_rollup").read_text().splitlines()[1:]
    told = dict(line.split(":") for line in lines)
    return int(told["Rss"].split()[0]) / 1024, int(told["Pss"].split()[0]) / 1024


def rest(daemon: Running, *, quiet_s: float = 3.0, most_s: float = 120.0) -> None:
    """Wait until it uses no processor for some seconds."""
    end_s, before = time.monotonic() + most_s, -1.0
    while time.monotonic() < end_s and cpu_s(daemon) != before:
        before = cpu_s(daemon)
        time.sleep(quiet_s)


def directories(root: Path, state: Path, count: int) -> None:
    """Make a library of so many directories with one known picture each."""
    for number in range(count):
        folder = root / f"{number // 100:03d}" / f"{number:05d}"
        folder.mkdir(parents=True)
        picture = folder / "IMG_0001.jpg"
        picture.write_bytes(b"%d" % number)
        os.utime(picture, (1_700_000_000, 1_700_000_000))
    know_all(root, state)


def start(home: Home, count: int) -> float:
    """Return the best of three times to READY over so many known directories."""
    directories(home.pictures, home.state, count)
    times = []
    for _ in range(3):
        daemon = Running(home)
        times.append(daemon.ready())
        rest(daemon, quiet_s=1.0)
        daemon.stop()
        daemon.close()
    return min(times)


def idle(home: Home, files: int, seconds: float) -> tuple[float, float, float, float]:
    """Return resident and proportional MB, processor ms in so many idle seconds, and seconds to its end."""
    make(home.pictures, home.state, files)
    with running(home) as daemon:
        rest(daemon, most_s=300.0)
        before = cpu_s(daemon)
        time.sleep(seconds)
        used_ms = (cpu_s(daemon) - before) * 1000
        return *memory_mb(daemon), used_ms, daemon.stop()


def rated(home: Home, photographs: list[Path]) -> list[float]:
    """Return for each photograph how long it takes from the end of its copy to its sidecar, the first one cold."""
    times = []
    with running(home) as daemon:
        rest(daemon)
        for number, photograph in enumerate(photographs):
            target = home.pictures / f"{number:03d}" / photograph.name
            target.parent.mkdir()
            time.sleep(1.0)
            shutil.copyfile(photograph, target)
            begun, sidecar = time.monotonic(), target.with_name(target.name + ".xmp")
            until(sidecar.exists)
            times.append(time.monotonic() - begun)
    return times


def main() -> int:
    """Print the table; exit status 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--directories", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    photographs = sorted((chosen.data / "burst/blur_triplets").rglob("*.jpg"))[:8]
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as name:
        places = [Home(Path(name) / part) for part in ("start", "idle", "rated")]
        ready_s = start(places[0], chosen.directories)
        print(f"READY with {chosen.directories:,} known directories  {ready_s:6.2f} s    limit {READY_S} s", flush=True)
        rss, pss, used_ms, stop_s = idle(places[1], chosen.files, chosen.seconds)
        print(f"idle memory, {chosen.files:,} files    {rss:6.1f} MB (PSS {pss:.1f})    limit {IDLE_MB:.0f} MB")
        print(f"CPU in {chosen.seconds:.0f} idle seconds    {used_ms:6.0f} ms    limit {IDLE_CPU_MS:.0f} ms")
        print(f"SIGTERM to end    {stop_s:6.2f} s    limit 10 s", flush=True)
        times = rated(places[2], photographs)
        warm = sorted(times[1:])
        print(f"end of copy to sidecar: cold {times[0]:.2f} s, warm median {warm[len(warm) // 2]:.2f} s,"
              f" worst {warm[-1]:.2f} s    limit {RATED_S} s")  # fmt: skip
        for place in places:
            place.tidy()
    within = ready_s <= READY_S and rss <= IDLE_MB and used_ms <= IDLE_CPU_MS and max(times) <= RATED_S
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
