"""Two runs at once: with one state the second is refused, with two states every sidecar is still whole."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, program, sidecars, untouched
from tests.faults.shoot import make_shoot

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("two_at_once")  # what a fixture rated is for all of them

SHORTLY_S = 0.02


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    make_shoot(tmp_path / "shoot", scenes=5, side=320)
    return tmp_path / "shoot"


def wait_for(path: Path, child: "subprocess.Popen[bytes]") -> None:
    """Wait until a file is there, while the child that will make it runs."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(SHORTLY_S)


def test_second_run_on_one_state_is_refused_and_harms_nothing(program: Program, shoot: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = program.start("rate", shoot, "--state", state, "--json")
    wait_for(state / "catalog.sqlite", first)
    log = state / "catalog.sqlite-wal"
    while not log.exists() or b"frame_arrived" not in log.read_bytes():
        time.sleep(SHORTLY_S)
    os.kill(first.pid, signal.SIGSTOP)  # holds it there, so that the second is not just quicker
    try:
        for command in (("rate", shoot), ("undo",)):
            status, said, errors = program.run(*command, "--state", state)
            assert (status, said) == (2, "")
            assert errors.startswith("safelight: Another safelight is at work")
            assert len(errors.splitlines()) == 2
        status, said, errors = program.run("status", "--state", state)
        assert (status, errors) == (0, ""), "looking is always possible"
        assert "frames known" in said
    finally:
        os.kill(first.pid, signal.SIGCONT)
    said_first, complained = first.communicate(timeout=60)
    assert (first.returncode, complained, len(said_first.splitlines())) == (0, b"", 15)
    assert len(sidecars(shoot)) == 15
    assert program.rate(shoot, "--state", state).status == 0


def test_lock_of_a_killed_run_holds_nobody_up(program: Program, shoot: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = program.start("rate", shoot, "--state", state)
    wait_for(state / "catalog.sqlite", first)
    first.kill()
    first.communicate()
    assert program.rate(shoot, "--state", state).status == 0


def test_two_states_on_one_folder_leave_whole_sidecars_and_agree(program: Program, shoot: Path, tmp_path: Path) -> None:
    states = [tmp_path / "one", tmp_path / "two"]
    with untouched(shoot):
        children = [program.start("rate", shoot, "--state", state, "--json", "--jobs", "1") for state in states]
        for child in children:
            said, complained = child.communicate(timeout=120)
            assert (child.returncode, complained) == (0, b""), said
            assert len(said.splitlines()) == 15
    found = sidecars(shoot)
    assert len(found) == 15
    for data, *_ in found.values():
        assert data.endswith(b'<?xpacket end="w"?>\n')
        assert len(re.findall(rb'xmp:Rating="[1-5]"', data)) == 1
    for state in states:
        later = program.rate(shoot, "--state", state)
        assert (later.status, set(later.stages.values())) == (0, {"published"})
    assert sidecars(shoot) == found
    writers: set[str] = set()
    for state in states:
        with sqlite3.connect(state / "catalog.sqlite") as database:
            for (path,) in database.execute("SELECT path FROM receipts WHERE state = 'done'"):
                writers.add(os.fsdecode(path))
        database.close()
    assert writers == {str(path) for path in found}


def test_runs_on_two_folders_with_two_states_share_the_model(program: Program, tmp_path: Path) -> None:
    fresh = Program(program.home, {**program.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")})
    for name in ("a", "b"):
        make_shoot(tmp_path / name, scenes=1, side=320)
    children = [
        fresh.start("rate", tmp_path / name, "--state", tmp_path / f"state-{name}", "--json") for name in ("a", "b")
    ]
    for child in children:
        _, complained = child.communicate(timeout=120)
        assert (child.returncode, complained) == (0, b"")
