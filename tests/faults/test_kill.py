"""Kill -9 at any moment: the next run ends with what an undisturbed run ends with, and nothing is done twice."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.shoot import make_shoot

KILLS = 50


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment with a home of its own, whose model bundle is built once."""
    home = tmp_path_factory.mktemp("home")
    return os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}


def start(folder: Path, state: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "safelight", "rate", str(folder), "--state", str(state), "--jobs", "1", "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def written(folder: Path) -> dict[str, bytes]:
    """Return every file in the folder that is no photograph."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".jpg"}


def workers_of(folder: Path) -> Iterator[int]:
    """Yield decode workers that still run although their run was killed: forks of it, or programs of their own."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if bytes(folder) in command or (b"safelight.decoding.worker" in command and parent == "1"):
                yield int(entry.name)


def test_a_run_killed_at_any_moment_resumes_to_the_same_end(tmp_path: Path, environment: dict[str, str]) -> None:
    photographs = make_shoot(tmp_path / "calm")
    shutil.copytree(tmp_path / "calm", tmp_path / "stormy", copy_function=shutil.copy2)
    begun = time.monotonic()
    calm = start(tmp_path / "calm", tmp_path / "calm-state", environment)
    assert calm.wait(60) == 0, calm.communicate()
    begun = time.monotonic()
    calm = start(tmp_path / "calm", tmp_path / "again-state", environment)
    assert calm.wait(60) == 0
    whole_s = time.monotonic() - begun
    expected = written(tmp_path / "calm")
    assert len(expected) == len(photographs)

    chance = random.Random(20261121)
    kills = rounds = 0
    while kills < KILLS:
        state = tmp_path / f"state-{rounds}"
        rounds += 1
        for path in (tmp_path / "stormy").glob("*.xmp"):
            path.unlink()
        while True:
            child = start(tmp_path / "stormy", state, environment)
            try:
                # A window that moves over the whole run and beyond its end, so that late steps are hit as well.
                child.wait(chance.uniform(0, 1.1) * whole_s if kills < KILLS else 60)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                child.communicate()
                kills += 1
                continue
            output, complaints = child.communicate()
            assert child.returncode == 0, complaints.decode()
            break
        assert_same_end(tmp_path / "stormy", state, output, expected)
    assert rounds >= 2
    deadline = time.monotonic() + 10
    while list(workers_of(tmp_path / "stormy")) and time.monotonic() < deadline:
        time.sleep(0.1)  # the kernel takes a moment to end what lost its parent
    assert not list(workers_of(tmp_path / "stormy"))


def assert_same_end(folder: Path, state: Path, output: bytes, expected: dict[str, bytes]) -> None:
    """Check sidecars, report, journal and receipts after a run that was killed and resumed."""
    found = written(folder)
    leftovers = [name for name in found if name.startswith(".safelight-")]
    assert {name: data for name, data in found.items() if name not in leftovers} == expected
    stages = Counter(json.loads(line)["stage"] for line in output.splitlines())
    assert stages == {"published": len(expected)}
    database = sqlite3.connect(state / "catalog.sqlite")
    kinds = Counter(dict(database.execute("SELECT kind, count(*) FROM journal GROUP BY kind")))
    assert kinds == dict.fromkeys(("frame_arrived", "frame_rated", "rating_published"), len(expected))
    assert database.execute("SELECT count(*) FROM receipts WHERE state = 'planned'").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM receipts WHERE state = 'done'").fetchone() == (len(expected),)
    database.close()
