"""similar and search as a person runs them: known and unknown files, demands, odd names, beside whoever else writes."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from safelight.storage import database
from tests.end_to_end.program import Program, program, untouched
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("search")

OWN = "IMG_0000.jpg"
ODD = os.fsdecode(b"odd \xff \x1b[31m name\nline.jpg")


@dataclass(frozen=True)
class Case:
    program: Program
    folder: Path
    state: Path
    bursts: Mapping[str, str | None]  # by file name, of what was rated

    @property
    def own_burst(self) -> set[str]:
        """Return the names of the burst of OWN."""
        return {name for name, burst in self.bursts.items() if burst == self.bursts[OWN]}

    @property
    def others(self) -> int:
        """Return how many rows there are beside: one a burst, one a lone frame."""
        left = {burst or name for name, burst in self.bursts.items() if name not in self.own_burst}
        return len(left)

    def run(self, *arguments: "str | Path") -> tuple[int, str, str]:
        return self.program.run(*arguments, "--state", self.state)

    def json(self, *arguments: "str | Path", status: int = 0) -> Any:
        ended, said, errors = self.run(*arguments, "--json")
        assert (ended, errors) == (status, "")
        return json.loads(said)

    def names(self, *arguments: "str | Path") -> list[str]:
        return [os.path.basename(each["path"]) for each in self.json(*arguments)["results"]]


@pytest.fixture(scope="module")
def case(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Rate four bursts of three, a frame with stars of its person's, one with an odd name, and an unreadable one."""
    base = tmp_path_factory.mktemp("search")
    folder = base / "shoot"
    make_shoot(folder, scenes=4, side=320)
    put(folder / "kept.jpg", jpeg(20, rating=5))
    put(folder / ODD, jpeg(21))
    put(folder / "bad.jpg", b"")
    rated = program.rate(folder, "--state", base / "state")
    bursts = {name: record["burst"] for name, record in rated.by_name.items() if record["stage"] != "unreadable"}
    assert bursts[OWN] is not None
    return Case(program, folder, base / "state", bursts)


def test_a_known_photograph_finds_others_and_not_its_own_burst(case: Case) -> None:
    told = case.json("similar", case.folder / OWN)
    found = {os.path.basename(each["path"]) for each in told["results"]}
    assert len(found) == case.others
    assert not found & case.own_burst
    assert told["own_burst"] == len(case.own_burst) - 1
    likeness = [each["similarity"] for each in told["results"]]
    assert likeness == sorted(likeness, reverse=True)
    assert set(case.names("similar", case.folder / OWN, "--all")) == set(case.bursts) - {OWN}


def test_a_copy_elsewhere_and_an_edited_copy_find_the_original(case: Case, tmp_path: Path) -> None:
    copy, edited = tmp_path / "copy.jpg", tmp_path / "edited.jpg"
    shutil.copy(case.folder / "IMG_0100.jpg", copy)
    from PIL import Image

    with Image.open(copy) as image:
        image.save(edited, quality=80)
    for path in (copy, edited):
        with untouched(tmp_path):
            (best,) = case.json("similar", path, "--limit", "1", "--all")["results"]
        assert os.path.basename(best["path"]) == "IMG_0100.jpg"
        assert best["similarity"] > 0.97


def test_what_was_looked_at_is_not_remembered(case: Case, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside.jpg", jpeg(33))
    before = case.json("similar", outside)
    assert case.json("similar", outside) == before
    assert case.run("explain", outside)[0] == 1


def test_demands(case: Case) -> None:
    own = case.folder / OWN
    assert case.names("similar", own, "--stars", "5") == ["kept.jpg"]
    assert case.names("similar", own, "--camera", "maker one", "--since", "2026-05-01", "--until", "2026-05-01")
    assert case.names("similar", own, "--below", case.folder, "--limit", "2") == case.names(
        "similar", own, "--limit", "2"
    )
    told = case.json("similar", own, "--since", "2027", "--camera", "it's 100%", status=1)
    assert told["results"] == []
    assert told["wanted"]["since"] == "2027-01-01 00:00:00"


def test_nothing_found_says_what_was_asked_for(case: Case) -> None:
    status, said, errors = case.run(
        "similar", case.folder / OWN, "--since", "2027-02", "--stars", "4..", "--lens", "a\x1bb"
    )
    assert (status, said) == (1, "")
    assert f"Nothing was found among {len(case.bursts)} photographs" in errors
    assert "taken since 2027-02-01" in errors
    assert "4 to 5 stars" in errors
    assert "a\\x1bb" in errors


def test_names_are_printed_safely_and_whole_in_json(case: Case) -> None:
    _, said, _ = case.run("similar", case.folder / OWN, "--all", "--limit", "50")
    assert "\x1b" not in said
    assert len(said.splitlines()) == 1 + len(case.bursts) - 1
    assert ODD in case.names("similar", case.folder / OWN, "--all")
    assert case.names("similar", case.folder / ODD)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("similar", "none.jpg"), "none.jpg: It cannot be read"),
        (("similar", "/"), "/: It is no regular file"),
        (("similar", "{bad}"), "bad.jpg: The file is empty"),
        (("similar", "{own}", "--stars", "6"), "no number of stars"),
        (("similar", "{own}", "--stars", "5-3"), "no number of stars"),
        (("similar", "{own}", "--stars", ".."), "no number of stars"),
        (("similar", "{own}", "--since", "yesterday"), "no date"),
        (("similar", "{own}", "--until", "2026-13"), "no date"),
        (("similar", "{own}", "--until", "2026-05-01T10:00+02:00"), "no date"),
        (("similar", "{own}", "--camera", " "), "at least one word"),
        (("similar", "{own}", "--limit", "0"), "limit"),
        (("similar", "{own}", "--below", "/no such folder"), "There is no folder /no such folder"),
        (("similar",), "FILE"),
        (("search", ""), "at least one word"),
        (("search", " ", "\t"), "at least one word"),
        (("search",), "WORDS"),
        (("search", "a beach"), "safelight models fetch siglip2-base"),
    ],
)
def test_what_cannot_be_done_is_told(case: Case, arguments: tuple[str, ...], words: str) -> None:
    named = {"own": str(case.folder / OWN), "bad": str(case.folder / "bad.jpg")}
    status, said, errors = case.run(*(each.format(**named) for each in arguments))
    assert (status, said) == (2, "")
    assert words in errors


def test_before_anything_was_rated(program: Program, tmp_path: Path) -> None:
    status, said, errors = program.run("similar", put(tmp_path / "a.jpg", jpeg(1)), "--state", tmp_path / "state")
    assert (status, said) == (2, "")
    assert "No photograph has been looked at yet." in errors


@pytest.fixture
def held(case: Case) -> Iterator[None]:
    """Hold the state folder as a rating or the daemon does, in the middle of a transaction."""
    with database.writing(case.state):
        opened = database.open_database(case.state / "catalog.sqlite")
        opened.connection.execute("BEGIN IMMEDIATE")
        yield
        opened.connection.rollback()
        opened.close()


def test_a_search_waits_for_nobody(case: Case, held: None) -> None:
    assert len(case.names("similar", case.folder / OWN)) == case.others


def test_a_known_photograph_costs_neither_model_nor_decoder_nor_vectors(case: Case) -> None:
    watched = (
        "import sys; from safelight.cli.main import main\n"
        "try: main()\n"
        "finally:\n"
        "    loaded = [name for name in ('lancedb', 'pyarrow', 'onnxruntime', 'PIL', 'rawpy') if name in sys.modules]\n"
        "    print(loaded, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched, "similar", case.folder / OWN, "--state", case.state],
        env=dict(case.program.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")
