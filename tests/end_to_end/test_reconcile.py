"""`safelight reconcile`: what is said of what happened, to people and to programs."""

import json
import re
from pathlib import Path

from tests.end_to_end.program import Program, program
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]


def kinds(program: Program, state: Path, *arguments: str) -> dict[str, int]:
    status, said, _ = program.run("reconcile", "--json", "--state", state, *arguments)
    assert status == 0
    facts = json.loads(said)["facts"]
    assert isinstance(facts, dict)
    return facts


def test_what_happened_is_told_once_and_believed_after_a_day(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    make_shoot(folder, side=96)
    program.rate(folder, "--state", state)
    (folder / "IMG_0000.jpg").unlink()
    sidecar = folder / "IMG_0100.jpg.xmp"
    sidecar.write_text(re.sub(r'xmp:Rating="\d"', 'xmp:Rating="5"', sidecar.read_text()))
    (folder / "IMG_0200.jpg").rename(folder / "best.jpg")
    status, said, _ = program.run("reconcile", "--state", state)
    assert status == 0
    assert "1 frame moved" in said
    assert "1 frame gone since the last look" in said
    assert "1 frame rated by you" in said
    assert kinds(program, state) == {}
    for name, gone in (("IMG_0000.jpg", True), ("best.jpg", False)):
        _, explained, _ = program.run("explain", folder / name, "--state", state)
        assert ("It is not there any more." in explained) is gone
    assert kinds(program, state, "--as-of", "2099-01-01T12:00") == {"loss_confirmed": 1}
    assert program.rate(folder, "--state", state).by_name["IMG_0100.jpg"]["stage"] == "kept"
    assert kinds(program, state, str(folder)) == {}


def test_rate_looks_back_first(program: Program, tmp_path: Path) -> None:
    state = tmp_path / "state"
    make_shoot(tmp_path / "one", scenes=2, side=96)
    (tmp_path / "two").mkdir()
    put(tmp_path / "two/other.jpg", jpeg(9, side=96))
    program.rate(tmp_path / "one", "--state", state)
    (tmp_path / "one/IMG_0000.jpg").unlink()
    program.rate(tmp_path / "two", "--state", state)
    assert kinds(program, state) == {}
    assert kinds(program, state, "--as-of", "2099-01-01") == {"loss_confirmed": 1}


def test_a_folder_that_is_not_there_is_said_and_believed_of_nothing(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    make_shoot(folder, scenes=1, side=96)
    program.rate(folder, "--state", state)
    folder.rename(tmp_path / "unplugged")
    status, said, _ = program.run("reconcile", "--state", state)
    assert status == 1
    assert f"The folder {folder} is not there now" in said
    (tmp_path / "unplugged").rename(folder)
    assert kinds(program, state) == {}


def test_a_time_that_is_none_is_said(program: Program, tmp_path: Path) -> None:
    status, _, complained = program.run("reconcile", "--state", tmp_path / "state", "--as-of", "yesterday")
    assert status == 2
    assert "'yesterday' is no time" in complained
