"""explain, undo, status and doctor, with and without --json, before, between and after runs."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.program import KEYS, Program, Rated, check_record, originals, program, sidecars, untouched
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("commands")  # what a fixture rated is for all of them

EARLIER = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\r\n <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\r\n'
    b'  <rdf:Description rdf:about=""\r\n  xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Label="Red" />\r\n'
    b" </rdf:RDF>\r\n</x:xmpmeta>   "
)


@dataclass(frozen=True)
class Case:
    program: Program
    folder: Path
    state: Path
    rated: Rated

    def run(self, *arguments: "str | Path") -> tuple[int, str, str]:
        return self.program.run(*arguments, "--state", self.state)

    def json(self, *arguments: "str | Path") -> Any:
        """Run with --json; the output has to be one JSON value and nothing else."""
        _, said, errors = self.run(*arguments, "--json")
        assert errors == ""
        return json.loads(said)


@pytest.fixture(scope="module")
def prepared(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Rate a shoot of bursts with an unreadable and a kept frame and a sidecar that was there before, once."""
    base = tmp_path_factory.mktemp("commands")
    folder = base / "shoot"
    make_shoot(folder, scenes=2, side=320)
    put(folder / "bad.jpg", b"")
    put(folder / "camera.jpg", jpeg(9, rating=3))
    put(folder / "IMG_0001.jpg.xmp", EARLIER)
    with untouched(folder):
        rated = program.rate(folder, "--state", base / "state")
    return Case(program, folder, base / "state", rated)


@pytest.fixture
def case(prepared: Case, tmp_path: Path) -> Iterator[Case]:
    """Return the rated shoot; whatever a test does to sidecars and state is undone."""
    shutil.copytree(prepared.folder, tmp_path / "shoot", copy_function=shutil.copy2)
    shutil.copytree(prepared.state, tmp_path / "state")
    yield prepared
    for path in prepared.folder.glob("*.xmp"):
        path.unlink()
    for path in (tmp_path / "shoot").glob("*.xmp"):
        shutil.copy2(path, prepared.folder)
    shutil.rmtree(prepared.state)
    shutil.copytree(tmp_path / "state", prepared.state)


def test_explained_contributions_add_up_to_the_score(prepared: Case) -> None:
    for name, record in prepared.rated.by_name.items():
        told = prepared.json("explain", prepared.folder / name)
        assert {key: told[key] for key in KEYS} == record
        if record["score"] is None:
            assert told["contributions"] is None
            continue
        parts = dict.fromkeys(("technical", "appeal", "taste"), 0.0)
        for entry in told["contributions"]:
            parts[entry["part"]] += entry["value"]
        assert sum(entry["value"] for entry in told["contributions"]) == pytest.approx(record["score"], abs=1e-9)
        assert parts == pytest.approx({part: record[part] for part in parts}, abs=1e-9)
        if record["burst"]:
            (keeper,) = (each for each in prepared.rated.records if each["burst"] == record["burst"] and each["keeper"])
            total = sum(entry["value"] for entry in told["keeper_contributions"])
            assert total == pytest.approx(keeper["score"], abs=1e-9)


def test_explain_says_a_sentence_and_a_table_beside_the_keeper(prepared: Case) -> None:
    loser = next(name for name, each in prepared.rated.by_name.items() if each["burst"] and not each["keeper"])
    status, said, errors = prepared.run("explain", prepared.folder / loser)
    assert (status, errors) == (0, "")
    lines = said.splitlines()
    assert lines[0] == str(prepared.folder / loser)
    assert prepared.rated.by_name[loser]["reason"] in lines[1]
    assert "its keeper" in said
    assert lines[-1].startswith("score")


@pytest.mark.parametrize(("name", "word"), [("bad.jpg", "empty"), ("camera.jpg", "stands")])
def test_explain_of_a_frame_that_we_did_not_rate_says_why(prepared: Case, name: str, word: str) -> None:
    status, said, errors = prepared.run("explain", prepared.folder / name)
    assert word in said
    assert errors == ""
    assert status == (1 if name == "bad.jpg" else 0)


def test_explain_finds_a_file_by_a_relative_path_and_not_what_it_never_saw(prepared: Case) -> None:
    status, said, _ = prepared.program.run(
        "explain", "../shoot/./IMG_0000.jpg", "--state", prepared.state, cwd=prepared.folder
    )
    assert (status, said.splitlines()[0]) == (0, str(prepared.folder / "IMG_0000.jpg"))
    for unknown in (prepared.folder / "never.jpg", prepared.folder, Path("/")):
        status, said, errors = prepared.run("explain", unknown)
        assert (status, said) == (1, "")
        assert "rate its folder first" in errors


def test_undo_restores_every_sidecar_byte_for_byte(case: Case) -> None:
    with untouched(case.folder):
        told = case.json("undo")
    assert {Path(path).name for path in told["restored"]} == {
        f"{name}.xmp" for name, record in case.rated.by_name.items() if record["stage"] == "published"
    }
    assert (told["left"], told["failed"]) == ([], [])
    assert {path.name: data for path, (data, *_) in sidecars(case.folder).items()} == {"IMG_0001.jpg.xmp": EARLIER}
    assert case.json("undo") == {"restored": [], "left": [], "failed": []}
    assert case.run("undo") == (0, "There is nothing to take back.\n", "")
    status, said, _ = case.run("explain", case.folder / "IMG_0000.jpg")
    assert status == 0
    assert "taken back" in said
    assert case.program.rate(case.folder, "--state", case.state) == case.rated
    assert len(sidecars(case.folder)) == 6


def test_undo_leaves_what_others_have_edited_or_removed(case: Case) -> None:
    edited, removed = case.folder / "IMG_0000.jpg.xmp", case.folder / "IMG_0002.jpg.xmp"
    edited.write_bytes(edited.read_bytes().replace(b"</rdf:RDF>", b"</rdf:RDF> "))
    theirs = edited.read_bytes()
    removed.unlink()
    status, said, _ = case.run("undo")
    assert status == 0
    assert "4 sidecars restored" in said
    assert "2 sidecars left alone" in said
    assert str(edited) in said
    assert edited.read_bytes() == theirs
    assert not removed.exists()


def test_undo_takes_back_what_a_killed_run_had_written_and_not_noted(case: Case) -> None:
    with sqlite3.connect(case.state / "catalog.sqlite") as database:
        database.execute("UPDATE receipts SET state = 'planned', size = NULL, mtime_ns = NULL")
    database.close()
    assert len(case.json("undo")["restored"]) == 6
    assert {path.name for path in sidecars(case.folder)} == {"IMG_0001.jpg.xmp"}


def test_undo_after_undo_takes_back_the_run_before(case: Case) -> None:
    put(case.folder / "late.jpg", jpeg(30))
    try:
        case.program.rate(case.folder, "--state", case.state)
        assert [Path(path).name for path in case.json("undo")["restored"]] == ["late.jpg.xmp"]
        assert len(case.json("undo")["restored"]) == 6
    finally:
        (case.folder / "late.jpg").unlink()


def test_undo_that_cannot_write_says_so_and_can_be_repeated(case: Case) -> None:
    # A folder in a sidecar's place stands for anything that cannot be read back.
    away = case.folder.parent / "away.xmp"
    (case.folder / "IMG_0000.jpg.xmp").rename(away)
    (case.folder / "IMG_0000.jpg.xmp").mkdir()
    try:
        status, said, errors = case.run("undo")
        assert (status, errors) == (1, "")
        assert "could not be restored" in said
    finally:
        (case.folder / "IMG_0000.jpg.xmp").rmdir()
        away.rename(case.folder / "IMG_0000.jpg.xmp")
    assert [Path(path).name for path in case.json("undo")["restored"]] == ["IMG_0000.jpg.xmp"]


def test_status_counts_frames_by_stage(prepared: Case) -> None:
    told = prepared.json("status")
    assert told["state"] == str(prepared.state)
    assert told["stages"] == {
        "arrived": 0, "assessed": 0, "ranked": 0, "published": 6, "kept": 1, "derived": 0, "unreadable": 1
    }  # fmt: skip
    assert told["last_run"]["folders"] == [str(prepared.folder)]
    assert told["last_run"]["finished_s"] >= told["last_run"]["started_s"]
    status, said, errors = prepared.run("status")
    assert (status, errors) == (0, "")
    assert said.startswith("8 frames known in ")
    assert "finished" in said


def test_doctor_names_everything_that_matters(prepared: Case) -> None:
    told = prepared.json("doctor")
    assert {"exiftool", "ONNX Runtime", "Model bundle", "Sidecars", "State folder", "Disk"} <= {
        each["name"] for each in told
    }
    assert {"name", "level", "told", "hint"} == set(told[0])
    status, said, errors = prepared.run("doctor")
    assert (status, errors) == (0, "")
    assert str(prepared.state) in said


def test_doctor_without_exiftool_names_what_is_lost(prepared: Case, tmp_path: Path) -> None:
    bare = Program(prepared.program.home, {**prepared.program.environment, "PATH": str(tmp_path)})
    status, said, errors = bare.run("doctor", "--state", prepared.state)
    assert (status, errors) == (0, "")
    assert "note  exiftool: missing" in said


def test_doctor_without_onnxruntime_says_that_nothing_can_be_judged(prepared: Case, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('it is not there')\n")
    bare = Program(prepared.program.home, {**prepared.program.environment, "PYTHONPATH": str(tmp_path)})
    status, said, errors = bare.run("doctor", "--state", prepared.state)
    assert (status, errors) == (1, "")
    assert "BAD   ONNX Runtime: The library that runs models" in said
    assert "pip install" in said


def test_reading_commands_change_no_photograph_and_no_sidecar(prepared: Case) -> None:
    before = originals(prepared.folder), sidecars(prepared.folder)
    for command in (("status",), ("doctor",), ("explain", prepared.folder / "IMG_0000.jpg")):
        prepared.run(*command)
    assert (originals(prepared.folder), sidecars(prepared.folder)) == before


def test_commands_on_a_state_that_is_not_there_yet(program: Program, tmp_path: Path) -> None:
    status, said, errors = program.run("status", "--state", tmp_path / "new")
    assert (status, errors) == (0, "")
    assert said.startswith("0 frames")
    assert program.run("undo", "--state", tmp_path / "newer")[:2] == (0, "There is nothing to take back.\n")
    assert program.run("explain", tmp_path / "a.jpg", "--state", tmp_path / "newest")[0] == 1


@pytest.mark.parametrize("command", [("status",), ("undo",), ("explain", "a.jpg")])
def test_state_that_cannot_be_used_is_one_sentence(program: Program, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(b"")
    for state in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        status, said, errors = program.run(*command, "--state", state)
        assert (status, said) == (2, "")
        assert errors.startswith("safelight: The state folder ")
        assert len(errors.splitlines()) == 2


def damaged(catalog: Path, how: str) -> None:
    """Damage a catalog in one of the ways that disks and people do."""
    data = bytearray(catalog.read_bytes())
    for journal in catalog.parent.glob("catalog.sqlite-*"):
        journal.unlink()
    match how:
        case "noise":
            data = bytearray(bytes(range(256)) * 64)
        case "cut":
            data = data[: len(data) // 2]
        case "zeroed":
            data[4096:] = bytes(len(data) - 4096)
        case "newer":
            data[60:64] = (99).to_bytes(4, "big")  # user_version: file format of SQLite, section 1.3
        case "folder":
            catalog.unlink()
            catalog.mkdir()
            return
    catalog.write_bytes(data)


@pytest.mark.parametrize("how", ["noise", "cut", "zeroed", "newer", "folder"])
def test_damaged_catalog_is_one_sentence_and_harms_no_sidecar(case: Case, tmp_path: Path, how: str) -> None:
    state = tmp_path / "damaged"
    shutil.copytree(case.state, state)
    damaged(state / "catalog.sqlite", how)
    before = sidecars(case.folder)
    for command in (("rate", case.folder), ("status",), ("undo",)):
        status, said, errors = case.program.run(*command, "--state", state)
        assert (status, said) == (2, ""), (how, command)
        assert errors.startswith("safelight: ")
        assert "catalog" in errors
        assert len(errors.splitlines()) == 2
    assert sidecars(case.folder) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ratings SET contributions = '[[', reason = reason",
        "UPDATE frames SET reason = CAST(x'ff' AS TEXT)",
        "UPDATE frames SET stage = 'promoted'",
        "UPDATE receipts SET before = x'00', path = path",
        "UPDATE receipts SET before = 7",
    ],
)
def test_catalog_with_other_things_in_its_cells_is_one_sentence(case: Case, change: str) -> None:
    database = sqlite3.connect(case.state / "catalog.sqlite", isolation_level=None)
    database.execute(change)
    database.close()
    before = sidecars(case.folder)
    command = ("undo",) if "receipts" in change else ("explain", case.folder / "IMG_0000.jpg")
    status, said, errors = case.run(*command)
    assert (status, said) == (2, "")
    assert errors.startswith("safelight: Safelight's catalog is damaged.")
    assert sidecars(case.folder) == before


def test_state_whose_parts_were_removed_is_made_anew(case: Case) -> None:
    for name in ("lock", "vectors", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        path = case.state / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    before = sidecars(case.folder)
    assert case.program.rate(case.folder, "--state", case.state) == case.rated
    assert sidecars(case.folder) == before


def test_help_version_and_misuse(program: Program) -> None:
    for arguments in (("--help",), ("rate", "--help"), ("--version",)):
        status, said, errors = program.run(*arguments)
        assert (status, errors) == (0, "")
        assert "safelight" in said
    for arguments in ((), ("develop",), ("rate",), ("explain",), ("rate", "x", "--jobs", "many"), ("undo", "x")):
        status, said, errors = program.run(*arguments)
        assert (status, said) == (2, ""), arguments
        assert errors.startswith("safelight: ")


def test_records_of_explain_keep_the_form_of_rate(prepared: Case) -> None:
    told = prepared.json("explain", prepared.folder / "IMG_0000.jpg")
    learned = {"shoot", "taste_version", "gate", "unsure", "because"}
    judged = {"contributions", "keeper_contributions", "technical_failure_probability"}
    assert set(told) == KEYS | judged | learned
    check_record({key: told[key] for key in KEYS})
