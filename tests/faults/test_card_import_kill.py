"""Kill -9 before any call of an import: the next one ends with what an undisturbed one ends with, nothing twice."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.cards import contents, fill, noise, traces, write

ROOT = Path(__file__).resolve().parents[2]
POINTS = 40


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory where there is one: bringing every step to a disk forty times over takes long."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def test_an_import_killed_at_any_call_resumes_to_the_same_end(tmp_path: Path, memory: Path) -> None:
    card = tmp_path / "card"
    fill(card, frames=2, size=3000)
    fill(card, frames=1, folder="101CANON", first=1, size=2500, raws=False)
    (card / "DCIM/101CANON/IMG_0001.JPG").write_bytes(noise(3, 4000))  # the same name, another frame
    write(card / "DCIM/101CANON/IMG_0001.WAV", noise(4, 300))
    untouched = contents(card)
    before = traces(card)
    command = [sys.executable, "-m", "tests.faults.importing", "kills", str(card), str(memory), str(POINTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    calm, *rounds = map(json.loads, done.stdout.splitlines())
    assert calm["calls"] > POINTS
    assert len(calm["files"]) == 2 * len(untouched)
    assert len(rounds) == POINTS
    for each in rounds:
        assert each["killed"]
        assert each["files"] == calm["files"], each
        assert each["done"]["whole"], each
        assert (each["again"]["copied"], each["again"]["skipped"]) == (0, len(untouched)), each
    left = [each["left"] for each in rounds]
    assert any(".safelight-import-" in name for names in left for name in names)  # some died within a copy
    assert any(each["done"]["skipped"] for each in rounds)  # and some after the first frame
    assert traces(card) == before
    assert contents(card) == untouched
