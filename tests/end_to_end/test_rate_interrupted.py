"""Ctrl-C, readers that go away, terminals that cannot show everything, folders that vanish: said, never a traceback."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, program, sidecars, untouched
from tests.faults.shoot import OLD_S, jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("rate_interrupted")  # what a fixture rated is for all of them

SHORTLY_S = 0.02


@pytest.fixture
def shoot(tmp_path: Path) -> Path:
    make_shoot(tmp_path / "shoot", side=320)
    return tmp_path / "shoot"


def wait_until(condition: object, child: "subprocess.Popen[bytes]") -> None:
    """Wait for a condition while a child is at work."""
    assert callable(condition)
    deadline = time.monotonic() + 60
    while not condition() and child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(SHORTLY_S)


def catalog_has(state: Path, text: bytes) -> bool:
    """Tell whether a text has reached the catalog or its log."""
    files = (state / "catalog.sqlite", state / "catalog.sqlite-wal")
    return any(text in path.read_bytes() for path in files if path.exists())


@pytest.mark.parametrize("moment", ["after arrival", "while rating", "while writing"])
def test_ctrl_c_says_stopped_and_the_next_run_goes_on(
    program: Program, shoot: Path, tmp_path: Path, moment: str
) -> None:
    state = tmp_path / "state"
    reached = {
        "after arrival": lambda: catalog_has(state, b"frame_arrived"),
        "while rating": lambda: catalog_has(state, b"frame_arrived") and has_children(child.pid),
        "while writing": lambda: bool(sidecars(shoot)),
    }[moment]
    with untouched(shoot):
        child = program.start("rate", shoot, "--state", state, "--json", start_new_session=True)
        wait_until(reached, child)
        os.killpg(child.pid, signal.SIGINT)  # a terminal sends it to everything that was started
        said, complained = child.communicate(timeout=60)
    assert b"Traceback" not in complained
    if child.returncode != 0:  # it may have been quicker than the key
        # Python itself ends by the signal if it comes while a library is loaded or the interpreter is torn down.
        assert child.returncode in (130, -signal.SIGINT)
        stopped = complained.decode().strip() == "Stopped. What was done is kept; run again to go on."
        assert stopped or said
        assert len(said.splitlines()) in (0, 12), "half an answer"
    left = [path for path in shoot.iterdir() if path.name.startswith(".safelight-")]
    assert left == []
    resumed = program.rate(shoot, "--state", state)
    assert (resumed.status, set(resumed.stages.values())) == (0, {"published"})
    assert len(sidecars(shoot)) == 12


def test_ctrl_c_while_the_answer_is_told_leaves_no_half_of_it() -> None:
    interrupted = (
        "import sys; from safelight.cli import main\n"
        "def told():\n"
        "    sys.stdout.write('half an answer'); raise KeyboardInterrupt\n"
        "sys.exit(main._guarded(told))"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", interrupted]
    done = subprocess.run(command, env=buffered, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr.decode().strip() == "Stopped. What was done is kept; run again to go on."


def has_children(pid: int) -> bool:
    """Tell whether a process has started others."""
    return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").strip())


def ran(program: Program, arguments: list[object], shell_end: str, **environment: str) -> tuple[int, str, str]:
    """Run the command in bash with something after it; return the status of the command itself."""
    words = " ".join(f"'{word}'" for word in program.command(*arguments))
    done = subprocess.run(
        ["bash", "-c", f"{words} {shell_end}; exit ${{PIPESTATUS[0]}}"],
        env={**program.environment, **environment}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_output_that_nobody_reads_to_the_end_or_at_all(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "shoot"
    folder.mkdir()
    for number in range(120):
        put(folder / f"{number}.jpg", b"" if number else jpeg(1))
    rate = ["rate", folder, "--state", tmp_path / "state"]
    program.run(*rate)
    for arguments in ([*rate, "--json"], ["status", "--state", tmp_path / "state"]):
        for end in ("| head -n 1", "| true"):
            status, _, errors = ran(program, arguments, end)
            assert errors == "", (arguments, end)
            assert status in (0, 1)
        for end in (">&-", ">&- 2>&-"):
            assert ran(program, arguments, end) == (0 if "status" in arguments else 1, "", "")
        status, _, errors = ran(program, arguments, ">/dev/full")
        assert status == 2
        assert errors.startswith("safelight: The system says: No space left on device.")
        assert len(errors.splitlines()) == 2
    assert program.run("status", "--state", tmp_path / "state")[0] == 0, "the catalog was not taken for the output"


def test_terminal_that_cannot_show_stars_is_no_reason_to_fail(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"f\xfcr")
    folder.mkdir()
    put(folder / os.fsdecode(b"\xe4.jpg"), jpeg(1))
    for encoding in ("ascii", "latin-1", "utf-8"):
        narrow = replace(program, environment={**program.environment, "PYTHONIOENCODING": encoding})
        for arguments in (["rate", folder], ["explain", folder / os.fsdecode(b"\xe4.jpg")], ["status"]):
            child = narrow.start(*arguments, "--state", tmp_path / "state")
            said, errors = child.communicate(timeout=60)
            assert (child.returncode, errors) == (0, b""), (encoding, arguments)
            assert said


def test_bar_on_a_terminal_goes_away_and_json_stays_pure(program: Program, shoot: Path, tmp_path: Path) -> None:
    control, terminal = pty.openpty()
    able = {"TERM": "xterm-256color"}  # a dumb terminal, as where tests run unattended, gets no bar
    child = program.start("rate", shoot, "--json", "--state", tmp_path / "state", stderr=terminal, env=able)
    os.close(terminal)
    said, _ = child.communicate(timeout=60)
    seen = b""
    while True:
        try:
            seen += os.read(control, 65536)
        except OSError:  # how a terminal says that nobody writes to it any more
            break
    os.close(control)
    assert child.returncode == 0
    assert len(said.splitlines()) == 12
    assert b"Rating" in seen
    assert b"Traceback" not in seen


def test_folder_that_vanishes_during_the_run_is_said_and_rated_once_it_is_back(
    program: Program, tmp_path: Path
) -> None:
    folder, state, away = tmp_path / "shoot", tmp_path / "state", tmp_path / "away"
    make_shoot(folder / "a", scenes=1, side=320)
    make_shoot(folder / "b", scenes=8, side=320)
    child = program.start("rate", folder, "--state", state, "--json", "--jobs", "1")
    wait_until(lambda: catalog_has(state, bytes(folder / "b")), child)  # both folders have been taken in
    (folder / "b").rename(away)
    said, complained = child.communicate(timeout=60)
    assert (child.returncode, complained) == (1, b"")
    lines = said.decode().splitlines()
    assert len(lines) == 27
    away.rename(folder / "b")
    back = program.rate(folder, "--state", state)
    assert (back.status, {record["stage"] for record in back.records}) == (0, {"published"})
    assert len(back.records) == len(sidecars(folder)) == 27


def test_folder_that_vanishes_altogether_and_comes_back(program: Program, shoot: Path, tmp_path: Path) -> None:
    state, away = tmp_path / "state", tmp_path / "away"
    child = program.start("rate", shoot, "--state", state, "--json", "--jobs", "1")
    wait_until(lambda: catalog_has(state, b"frame_arrived"), child)
    shoot.rename(away)
    said, complained = child.communicate(timeout=60)
    assert (child.returncode, complained) == (1, b"")
    for record in map(json.loads, said.splitlines()):
        assert record["stage"] in {"unreadable", "ranked"}
        assert "no longer there" in record["reason"] or "folder is gone" in record["reason"], record["reason"]
    status, said, errors = program.run("rate", shoot, "--state", state)
    assert (status, said) == (2, "")
    assert "There is no folder" in errors
    away.rename(shoot)
    back = program.rate(shoot, "--state", state)
    assert (back.status, set(back.stages.values())) == (0, {"published"})
    assert len(sidecars(shoot)) == 12


def test_file_that_grows_during_the_run_is_left_for_the_next(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    folder.mkdir()
    put(folder / "done.jpg", jpeg(1))
    whole = jpeg(2)
    (folder / "growing.jpg").write_bytes(whole[:1000])
    child = program.start("rate", folder, "--state", state, "--json")
    wait_until(lambda: catalog_has(state, b"done.jpg"), child)
    put(folder / "growing.jpg", whole)
    os.utime(folder / "growing.jpg", (OLD_S + 5, OLD_S + 5))
    _, complained = child.communicate(timeout=60)
    assert complained == b""
    later = program.rate(folder, "--state", state)
    assert later.stages == {"done.jpg": "published", "growing.jpg": "published"}
    shutil.rmtree(state)
    assert program.rate(folder, "--state", state).by_name == later.by_name, "it was judged by all of its bytes"
