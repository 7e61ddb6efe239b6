"""Measures: `make bench`, or `make bench ARGS=FOLDER` for the cost of rating your own JPEGs.

Without a folder every benchmark prints its table, on the public photographs of the data folder (`--data DIR`, or
SAFELIGHT_SHARED_DATA); `--only NAME` picks some. `--frames` sets the sizes of the shoots that the cost is measured on:
10000 takes the better part of an hour on two processors, and so do the three of taste together.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

NAMES = (
    *("card_day", "cards", "cost", "daemon", "decoding", "faces", "grouping", "pipeline", "quality", "reconcile"),
    *("search", "sidecars", "taste", "taste_honesty", "taste_model", "watching", "worker"),
)


def data_folder() -> Path:
    """Return the folder of public photographs, whether it is there or not."""
    named = os.environ.get("SAFELIGHT_SHARED_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"


def run(name: str, *arguments: str) -> int:
    """Run one benchmark as a program of its own, so that none warms another up; return its exit status."""
    print(f"\n== {name}", flush=True)
    environment = os.environ | {"ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"tests.bench.{name}", *arguments]
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Run the benchmarks; the exit status is 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="JPEGs to measure the cost of rating on")
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    chosen = parser.parse_args()
    if chosen.folder:
        return run("cost", str(chosen.folder))
    if not chosen.data.is_dir():
        print(f"The public photographs are not in {chosen.data}: give a folder of JPEGs, or --data.", file=sys.stderr)
        return 1
    data = str(chosen.data)
    arguments = {
        "card_day": ["--data", data],
        "cards": [],
        "daemon": ["--data", data],
        "watching": [],
        "worker": [],
        "cost": ["--from", f"{data}/burst/blur_triplets", "--frames", *map(str, chosen.frames)],
        "decoding": [f"{data}/burst/blur_triplets"],
        "faces": ["--data", data],
        "grouping": ["--data", data],
        "pipeline": ["--from", f"{data}/burst/blur_triplets"],
        "quality": ["--data", data],
        "reconcile": [],
        "search": ["--data", data],
        "sidecars": ["--data", data],
        "taste": ["--data", data],
        "taste_honesty": [],
        "taste_model": ["--data", data],
    }
    return max([run(name, *arguments[name]) for name in chosen.only], default=0)


if __name__ == "__main__":
    sys.exit(main())
