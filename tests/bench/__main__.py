"""Measures: `make bench`, or `make bench ARGS=FOLDER` for the cost of rating your own JPEGs.

Without a folder every benchmark prints its table, on the public photographs of the data folder (`--data DIR`, or
SAFELIGHT_SHARED_DATA); `--only NAME` picks some. `--frames` sets the sizes of the shoots that the cost is measured on:
10000 takes the better part of an hour on two processors, and so do the three of taste together. The pipeline is
measured with the embedded bundle and those that are installed, or `--bundle DIR`; where there is a GPU, on that too.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from safelight.app.bundle_shelf import Shelf
from safelight.app.settings import settings
from safelight.errors import BundleError
from safelight.inference.gpu import gpu_may_be_there

NAMES = (
    *("card_day", "cards", "cost", "daemon", "decoding", "faces", "grouping", "pipeline", "quality", "reconcile"),
    *("search", "sidecars", "taste", "taste_honesty", "taste_model", "watching", "worker"),
)


def data_folder() -> Path:
    """Return the folder of public photographs, whether it is there or not."""
    named = os.environ.get("SAFELIGHT_SHARED_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"


def bundles_here() -> list[Path]:
    """Return the folders of the bundles that are installed and judge pictures."""
    shelf = Shelf(settings(os.environ).bundles)
    found = []
    for name in shelf.names():
        try:
            there = shelf.installed(name)
        except BundleError as error:
            print(error.told, file=sys.stderr)
            continue
        if there is not None and there.manifest.vision is not None:
            found.append(shelf.folder(name))
    return found


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
    parser.add_argument("--bundle", type=Path, nargs="*", help="folders of fetched bundles, as they came or installed")
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    chosen = parser.parse_args()
    if chosen.folder:
        return run("cost", str(chosen.folder))
    if not chosen.data.is_dir():
        print(f"The public photographs are not in {chosen.data}: give a folder of JPEGs, or --data.", file=sys.stderr)
        return 1
    data = str(chosen.data)
    bundles = list(map(str, bundles_here() if chosen.bundle is None else chosen.bundle))
    pipeline = ["--from", f"{data}/burst/blur_triplets", "--bundle", *bundles]
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
        "pipeline": pipeline,
        "quality": ["--data", data],
        "reconcile": [],
        "search": ["--data", data],
        "sidecars": ["--data", data],
        "taste": ["--data", data],
        "taste_honesty": [],
        "taste_model": ["--data", data],
    }
    ended = [run(name, *arguments[name]) for name in chosen.only]
    if "pipeline" in chosen.only and bundles and gpu_may_be_there():
        ended.append(run("pipeline", *pipeline, "--gpu"))
    return max(ended, default=0)


if __name__ == "__main__":
    sys.exit(main())
