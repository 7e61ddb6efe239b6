"""What it costs to reconcile a library of 100,000 files of which none has changed.

Makes tiny files in a temporary folder, in folders of 1,000, with catalog rows as `rate` would have left them, and runs
`safelight reconcile` in a process of its own: the first look reads every frame's traces, the second finds everything
as it was.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safelight.domain.frame import FoundFile, Role, Stage
from safelight.storage.store import SqliteStore, open_store
from safelight.watching.scan import DiskScanner

LIMIT_S, LIMIT_MB = 10.0, 300.0
_PER_FOLDER = 1000


def make(root: Path, state: Path, files: int) -> None:
    """Write `files` tiny pictures and the catalog rows that know them."""
    for start in range(0, files, _PER_FOLDER):
        folder = root / f"{start:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(start, min(files, start + _PER_FOLDER)):
            (folder / f"IMG_{number:06d}.jpg").write_bytes(b"%d" % number)
            os.utime(folder / f"IMG_{number:06d}.jpg", (1_700_000_000, 1_700_000_000))
    know_all(root, state)


def know_all(root: Path, state: Path) -> None:
    """Make a state folder whose catalog knows all pictures below a folder."""
    state.mkdir()
    store = open_store(state)
    with store.transaction():
        store.receipts.start_run([root], at_s=0.0)
        for listing in DiskScanner().scan(root):
            for file in listing.files:
                know(store, file)
    store.close()


def know(store: SqliteStore, file: FoundFile) -> None:
    """Let the catalog know a picture as `rate` would have left it."""
    if file.role is Role.IMAGE:
        frame_id = store.catalog.add_frame(file.path, arrived_s=0.0)
        store.catalog.put_file(file, frame_id=frame_id, content=frame_id.to_bytes(16, "big"))
        store.catalog.set_stage(frame_id, Stage.PUBLISHED)
        store.journal.append("rating_published", at_s=0.0, frame_id=frame_id, stars=3)


def reconciled(state: Path) -> tuple[float, float, float, str]:
    """Return wall seconds, processor seconds, peak MB and the output of one run."""
    begun = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = (
        "import resource, sys; from safelight.cli.main import cli;"
        "cli.main(['reconcile', '--state', sys.argv[1]], standalone_mode=False);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(state)], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told, _, peak = done.stdout.strip().rpartition("\n")
    return time.monotonic() - begun, used, int(peak) / 1024, told


def main() -> int:
    """Print the table; exit status 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="safelight-bench-") as place:
        state = Path(place) / "state"
        make(Path(place) / "pictures", state, files)
        print(f"{files:,} files  {'wall s':>8}{'CPU s':>8}{'peak MB':>9}  limit {LIMIT_S:.0f} s, {LIMIT_MB:.0f} MB")
        rows = []
        for name in ("first look", "unchanged", "unchanged"):
            wall_s, cpu_s, peak_mb, told = reconciled(state)
            rows.append((wall_s, peak_mb))
            print(f"{name:<14}{wall_s:>8.1f}{cpu_s:>8.1f}{peak_mb:>9.0f}  {told}")
    best_s, peak_mb = min(wall for wall, _ in rows[1:]), max(peak for _, peak in rows)
    return 0 if best_s <= LIMIT_S and peak_mb <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
