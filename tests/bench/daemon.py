"""What the daemon costs: time to READY, memory and processor time when idle, and from a finished copy to its sidecar.

Starts `safelight run` as the service manager does, with a socket that waits for READY, over a library of tiny files
that the catalog knows; then lets it rest, measures, and copies single photographs into a watched folder.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.reconcile import make

READY_S, IDLE_MB, IDLE_CPU_MS, RATED_S = 0.6, 60.0, 30.0, 2.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Running:
    """One daemon in folders of its own; `ready_s` is how long it took to say READY."""

    def __init__(self, place: Path, folders: list[Path], *, settings: str = "") -> None:
        self.home, self.runtime = place / "home", place / "run"
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        config = self.home / ".config/safelight"
        config.mkdir(parents=True, exist_ok=True)
        named = ", ".join(f'"{folder}"' for folder in folders)
        rest = '[work]\nwhen_busy = "work"\n[cards]\nnew = "ignore"\ndefault = "ignore"\n'
        (config / "settings.toml").write_text(f"[watch]\nfolders = [{named}]\n{rest}{settings}")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = place / "notify"
        address.unlink(missing_ok=True)
        self._notify.bind(str(address))
        self._notify.settimeout(60)
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.home)}
        environment |= {"XDG_RUNTIME_DIR": str(self.runtime), "NOTIFY_SOCKET": str(address)}
        environment |= {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "OPENBLAS_NUM_THREADS": "1"}
        begun = time.monotonic()
        command = [sys.executable, "-m", "safelight", "run", "--state", str(place / "state")]
        self.process = subprocess.Popen(command, env=environment)
        while b"READY=1" not in self._notify.recv(4096):
            pass
        self.ready_s = time.monotonic() - begun

    def cpu_s(self) -> float:
        """Processor seconds of the daemon itself."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> tuple[float, float]:
        """Resident and proportional memory of the daemon itself, MB of 2^20 bytes."""
        told = dict(
            line.split(":") for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:]
        )
        return int(told["Rss"].split()[0]) / 1024, int(told["Pss"].split()[0]) / 1024

    def rest(self, *, quiet_s: float = 3.0, most_s: float = 120.0) -> None:
        """Wait until it uses no processor for some seconds."""
        end_s, before = time.monotonic() + most_s, -1.0
        while time.monotonic() < end_s and self.cpu_s() != before:
            before = self.cpu_s()
            time.sleep(quiet_s)

    def stop(self) -> float:
        """Tell it to stop and return how long that took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self._notify.close()
        return time.monotonic() - begun


@contextmanager
def running(place: Path, folders: list[Path]) -> Iterator[Running]:
    """Run a daemon and stop it."""
    daemon = Running(place, folders)
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.stop()


def directories(root: Path, state: Path, count: int) -> None:
    """Make a library of so many directories with one known picture each."""
    from safelight.storage.store import open_store
    from safelight.watching.scan import DiskScanner
    from tests.bench.reconcile import _know

    for number in range(count):
        folder = root / f"{number // 100:03d}" / f"{number:05d}"
        folder.mkdir(parents=True)
        picture = folder / "IMG_0001.jpg"
        picture.write_bytes(b"%d" % number)
        os.utime(picture, (1_700_000_000, 1_700_000_000))
    state.mkdir()
    store = open_store(state)
    with store.transaction():
        store.receipts.start_run([root], at_s=0.0)
        for listing in DiskScanner().scan(root):
            for file in listing.files:
                _know(store, file)
    store.close()


def start(place: Path, count: int) -> float:
    """Return the best of three times to READY over so many known directories."""
    directories(place / "pictures", place / "state", count)
    times = []
    for _ in range(3):
        with running(place, [place / "pictures"]) as daemon:
            times.append(daemon.ready_s)
            daemon.rest(quiet_s=1.0)
    return min(times)


def idle(place: Path, files: int, seconds: float) -> tuple[float, float, float, float]:
    """Return resident and proportional MB, and processor ms in so many idle seconds, with so many known files."""
    make(place / "pictures", place / "state", files)
    with running(place, [place / "pictures"]) as daemon:
        daemon.rest(most_s=300.0)
        before = daemon.cpu_s()
        time.sleep(seconds)
        used_ms = (daemon.cpu_s() - before) * 1000
        return *daemon.memory_mb(), used_ms, daemon.stop()


def rated(place: Path, photographs: list[Path]) -> list[float]:
    """Return for each photograph how long it takes from the end of its copy to its sidecar, the first one cold."""
    folder = place / "pictures"
    folder.mkdir()
    times = []
    with running(place, [folder]) as daemon:
        daemon.rest()
        for number, photograph in enumerate(photographs):
            target = folder / f"{number:03d}" / photograph.name
            target.parent.mkdir()
            time.sleep(1.0)
            shutil.copyfile(photograph, target)
            begun, sidecar = time.monotonic(), target.with_name(target.name + ".xmp")
            while not sidecar.exists() and time.monotonic() - begun < 60:
                time.sleep(0.01)
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
        places = [Path(name) / part for part in ("start", "idle", "rated")]
        for place in places:
            place.mkdir()
        ready_s = start(places[0], chosen.directories)
        print(f"READY with {chosen.directories:,} known directories    {ready_s:6.2f} s    limit {READY_S} s", flush=True)
        rss, pss, used_ms, stop_s = idle(places[1], chosen.files, chosen.seconds)
        print(f"idle memory, {chosen.files:,} files    {rss:6.1f} MB (PSS {pss:.1f})    limit {IDLE_MB:.0f} MB")
        print(f"CPU in {chosen.seconds:.0f} idle seconds    {used_ms:6.0f} ms    limit {IDLE_CPU_MS:.0f} ms")
        print(f"SIGTERM to end    {stop_s:6.2f} s    limit 10 s", flush=True)
        times = rated(places[2], photographs)
        warm = sorted(times[1:])
        print(f"end of copy to sidecar: cold {times[0]:.2f} s, warm median {warm[len(warm) // 2]:.2f} s,"
              f" worst {warm[-1]:.2f} s    limit {RATED_S} s")  # fmt: skip
    within = ready_s <= READY_S and rss <= IDLE_MB and used_ms <= IDLE_CPU_MS and max(times) <= RATED_S
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
