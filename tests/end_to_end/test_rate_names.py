"""File names are bytes: whatever they hold, the frame is rated, and nothing reaches a terminal raw or a shell."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, Rated, program, sidecars, untouched
from tests.faults.shoot import jpeg, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("rate_names")  # what a fixture rated is for all of them

ODD = (
    b"caf\xe9.jpg",  # latin-1, as old cameras and old archives have it
    b"\xff\xfe\x80.jpg",
    "\N{SUNRISE OVER MOUNTAINS} \N{ZERO WIDTH JOINER}.jpg".encode(),
    b'it\'s "the" one.jpg',
    b"new\nline.jpg",
    b"carriage\r.jpg",
    b"-rf.jpg",
    b"--json.jpg",
    b"@arguments.jpg",
    b"#comment.jpg",
    b"100%s %n%d.jpg",
    b"$(touch owned) `touch owned` ;touch owned.jpg",
    b"\n-execute\n-if\ntouch owned\n.jpg",
    b"\x1b]0;owned\x07\x1b[2J\x1b[31mred.jpg",
    b"back\\slash.jpg",
    b" spaces .jpg",
    b"two.dots..jpg",
    b"*?[a-z].jpg",
    b"NUL.JPG",
    "e\u0301.jpg".encode(),  # the same letter in two encodings: two names to Linux
    "\u00e9.jpg".encode(),
    "\u202egpj.cod.jpg".encode(),
    b"{0}{path!r}.jpg",
    b"x" * 247 + b".jpg",  # with .xmp it is just as long as a name may be
)
TOO_LONG = b"y" * 251 + b".jpg"
HOSTILE_BAD = b"\x1b[2J\x1b]0;owned\x07 bad\n\x9b31m.jpg"
SKIPPED = (
    ".hidden.jpg ._IMG_1.jpg @eaDir/a.jpg .Trash-1000/a.jpg #recycle/a.jpg .git/a.jpg __MACOSX/a.jpg lost+found/a.jpg "
    "a.jpg~ a.jpg.part a.jpg.tmp a.sync-conflict-20260501.jpg thumbs/a.jpg Previews.lrdata/a.jpg a.mov a.txt a.jpg.bak"
).split()
CONTROLS = [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) != "\n"] + ["\u202e"]


@dataclass(frozen=True)
class Case:
    folder: Path
    rated: Rated
    again: Rated
    summary: str
    before: dict[Path, tuple[bytes, int, int]]


@pytest.fixture(scope="module")
def case(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("names")
    # The folder itself has a name that is not UTF-8 and a line break.
    folder = base / os.fsdecode(b"sh\xf6ot\n1")
    folder.mkdir()
    for number, name in enumerate((*ODD, TOO_LONG), start=1):
        put(folder / os.fsdecode(name), jpeg(number, side=320))
    put(folder / os.fsdecode(HOSTILE_BAD), b"")
    for name in SKIPPED:
        (folder / name).parent.mkdir(exist_ok=True)
        put(folder / name, jpeg(99, side=320))
    with untouched(base):
        rated = program.rate(folder, "--state", base.with_name("names-state"))
        before = sidecars(folder)
        again = program.rate(folder, "--state", base.with_name("names-state"))
    status, summary, errors = program.run("rate", folder, "--state", base.with_name("names-state"))
    assert (status, errors) == (1, "")
    return Case(folder, rated, again, summary, before)


@pytest.mark.parametrize("name", ODD)
def test_any_name_is_rated_and_told_surrogate_escaped(case: Case, name: bytes) -> None:
    record = case.rated.by_name[os.fsdecode(name)]
    assert record["stage"] == "published"
    assert os.fsencode(record["path"]) == os.fsencode(case.folder) + b"/" + name
    assert os.fsencode(record["sidecar"]) == os.fsencode(case.folder) + b"/" + name + b".xmp"


def test_name_that_leaves_no_room_for_the_sidecars_is_rated_and_said_so(case: Case) -> None:
    record = case.rated.by_name[TOO_LONG.decode()]
    assert record["stage"] == "ranked"
    assert "shorter name" in record["reason"]


def test_no_name_was_run_by_a_shell_or_taken_for_an_option(case: Case) -> None:
    assert not list(case.folder.parent.rglob("owned"))
    assert not Path("owned").exists()


def test_second_run_knows_every_name_again(case: Case) -> None:
    assert case.again == case.rated
    assert sidecars(case.folder) == case.before


def test_hidden_files_and_other_programs_droppings_are_passed_over(case: Case) -> None:
    expected = {os.fsdecode(name) for name in (*ODD, TOO_LONG, HOSTILE_BAD)}
    assert set(case.rated.by_name) == expected
    assert len(case.before) == len(ODD)


def test_control_characters_in_names_never_reach_the_terminal(case: Case, program: Program) -> None:
    assert "\\x1b[2J" in case.summary
    assert "that could not be rated" in case.summary
    state = case.folder.parent.with_name("names-state")
    missing = os.fsdecode(b"\x1b[2Jmissing\xff")
    said = [
        case.summary,
        *program.run("status", "--state", state)[1:],
        *program.run("explain", case.folder / os.fsdecode(ODD[13]), "--state", state)[1:],
        *program.run("explain", missing, "--state", state)[1:],
        *program.run("rate", missing, "--state", state)[1:],
        *program.run("rate", case.folder, "--state", case.folder / os.fsdecode(ODD[13]))[1:],
        *program.run("status", "--state", case.folder / os.fsdecode(ODD[13]))[1:],
        *program.run("doctor", "--state", case.folder / os.fsdecode(ODD[13]))[1:],
        *program.run("undo", "--state", case.folder / os.fsdecode(ODD[13]))[1:],
    ]
    assert not [(text, sign) for text in said for sign in CONTROLS if sign in text]
    assert sum("missing" in text for text in said) == 2


def test_explain_finds_a_name_that_is_not_utf_8(case: Case, program: Program) -> None:
    status, said, _ = program.run(
        "explain", os.fsencode(case.folder) + b"/" + ODD[0], "--state", case.folder.parent.with_name("names-state")
    )
    assert status == 0
    assert "caf\\udce9.jpg" in said


def test_folder_whose_name_begins_with_a_dash_is_rated(program: Program, tmp_path: Path) -> None:
    (tmp_path / "-n").mkdir()
    put(tmp_path / "-n" / "1.jpg", b"")
    rated = program.rate("--state", tmp_path / "state", "--", "-n", cwd=tmp_path)
    assert rated.stages == {"1.jpg": "unreadable"}
