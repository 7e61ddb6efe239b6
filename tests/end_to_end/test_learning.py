"""The whole of it through the command line: what a person does to files changes the next ratings, and can be undone."""

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageFilter

from tests.end_to_end.program import Program, originals, sidecars, untouched
from tests.faults.shoot import encoded, exif, picture, put

__all__ = ["program"]

from tests.end_to_end.program import program


class Library:
    """A folder of shoots, the program, and a state folder of its own."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.state = folder.parent / "state"

    def shoot(self, name: str, *, scenes: int, frames_each: int, first: int = 0) -> list[Path]:
        """Take scenes of one to three frames, each softer than the one before; `first` tells shoots apart."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        made = []
        for scene in range(first, first + scenes):
            sharp = picture(scene, side=320)
            for frame in range(frames_each):
                soft = sharp.filter(ImageFilter.GaussianBlur(frame * 1.5))
                facts = exif(scene * 60 + frame)
                made.append(put(folder / f"IMG_{scene:02d}{frame:02d}.jpg", encoded(soft, quality=90, exif=facts)))
        return made

    def run(self, *arguments: "str | Path", status: int = 0) -> str:
        code, said, errors = self.program.run(*arguments, "--state", self.state)
        assert code == status, (said, errors)
        return said

    def told(self, *arguments: "str | Path", status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status))

    def rate(self, *folders: Path) -> dict[str, dict[str, Any]]:
        return self.program.rate(*(folders or (self.folder,)), "--state", self.state).by_name

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("journal", "--json").splitlines()]

    def kinds(self) -> list[str]:
        return [entry["kind"] for entry in self.journal()]

    def give(self, path: Path, rating: int) -> None:
        """Rate a frame as another program does: by rewriting its sidecar's rating."""
        sidecar = path.with_name(f"{path.name}.xmp")
        text = sidecar.read_text()
        start = text.index("xmp:Rating") + len("xmp:Rating")
        place = next(at for at in range(start, len(text)) if text[at].isdigit())
        sidecar.write_text(text[:place] + str(rating) + text[place + 1 :])


@pytest.fixture
def library(program: Program, tmp_path: Path) -> Library:
    return Library(program, tmp_path / "pictures")


def rated(library: Library) -> list[Path]:
    """Rate one shoot, and let the person rate half of it up and half down; return its frames."""
    made = library.shoot("a", scenes=6, frames_each=2)
    library.rate()
    for place, path in enumerate(made):
        library.give(path, 5 if place % 4 < 2 else 1)
    return made


def test_the_next_rate_knows_of_a_rating_just_given(library: Library) -> None:
    rated(library)
    assert "taste_learned" not in library.kinds()
    library.shoot("b", scenes=2, frames_each=2, first=20)
    library.rate(library.folder / "b")
    kinds = library.kinds()
    learned = kinds.index("taste_learned")
    assert kinds.index("person_rated") < learned < len(kinds) - 1
    later = [entry for entry in library.journal()[learned:] if entry["kind"] == "frame_rated"]
    assert len(later) == 4
    assert {entry["payload"]["taste"] for entry in later} == {1}


def test_learning_touches_no_picture_and_no_persons_rating(library: Library) -> None:
    made = rated(library)
    given = sidecars(library.folder)
    with untouched(library.folder):
        library.run("reconcile")
        library.run("learn")
        library.run("rerate")
        library.run("learn", "--replay")
    assert sidecars(library.folder) == given
    records = library.rate()
    assert {records[path.name]["stage"] for path in made} == {"kept"}


def test_what_was_learned_is_told_and_can_be_taken_back(library: Library) -> None:
    made = rated(library)
    library.run("reconcile")
    first = library.told("learn")
    assert first["learned"] and first["version"] == 1 and first["comparisons"] > 0
    assert not library.told("learn")["learned"]
    actions = [json.loads(line) for line in library.run("actions", "--json", "--last", "0").splitlines()]
    believed = [each for each in actions if each["state"] == "believed"]
    assert believed and all(each["reason"] and each["why"] and each["paths"] for each in believed)
    library.give(made[0], 3)
    library.run("reconcile")
    assert library.told("learn")["digest"] != first["digest"]
    back = library.told("undo", "--taste", "1")
    assert (back["version"], back["digest"]) == (3, first["digest"])
    vetoed = library.told("veto", str(believed[0]["id"]))
    assert vetoed["vetoed"]["id"] == believed[0]["id"]
    assert vetoed["comparisons"] < first["comparisons"]
    assert library.told("undo", "--taste", "0")["comparisons"] == 0
    library.told("undo", "--taste", "77", status=1)
    library.told("veto", "99999", status=1)


def test_a_replay_verifies_and_finds_tampering(library: Library) -> None:
    rated(library)
    library.run("learn")
    library.shoot("b", scenes=2, frames_each=2, first=20)
    library.rate()
    good = library.told("learn", "--replay", "--verify")
    assert good["differences"] == [] and good["tastes"] >= 1 and good["ratings"] == 16
    database = sqlite3.connect(library.state / "catalog.sqlite")
    database.execute("UPDATE tastes SET digest = 'x'")
    database.commit()
    database.close()
    assert library.told("learn", "--replay", "--verify", status=1)["differences"]
    library.run("learn", "--replay")
    assert library.told("learn", "--replay", "--verify")["differences"] == []


def test_explain_adds_up_and_names_past_decisions(library: Library) -> None:
    rated(library)
    library.shoot("b", scenes=1, frames_each=1, first=20)
    library.rate()
    (path,) = (library.folder / "b").glob("*.jpg")
    record = library.told("explain", path)
    total = sum(term["value"] for term in record["contributions"])
    assert abs(total - record["score"]) < 1e-9
    assert record["taste_version"] == 1
    assert 0 < len(record["because"]) <= 3
    shares = [abs(each["share"]) for each in record["because"]]
    assert shares == sorted(shares, reverse=True)
    assert all(Path(each["kept"]).is_file() and Path(each["over"]).is_file() for each in record["because"])
    assert isinstance(record["unsure"], bool)
    said = library.run("explain", path)
    assert "because you rated" in said


def test_forgetting_leaves_no_trace_on_the_disk(library: Library) -> None:
    made = rated(library)
    library.run("learn")
    secret = made[3].name.encode()
    state = lambda: b"".join(each.read_bytes() for each in library.state.rglob("*") if each.is_file())  # noqa: E731
    library.run("reconcile")
    assert secret in state()
    asked, said, errors = library.program.run("forget", made[3], "--state", library.state)
    assert (asked, said) == (1, "Nothing was forgotten.\n"), errors
    assert secret in state(), "nobody said yes"
    library.run("forget", "--json", made[3], status=2)
    assert library.told("forget", made[3], "--yes")["forgotten"] == 1
    assert secret not in state()
    library.run("forget", library.folder / "nothing", "--yes", status=1)
    assert library.told("forget", library.folder / "a", "--yes")["forgotten"] == 11
    assert b"IMG_" not in state()
    assert library.told("status")["stages"]["kept"] == 0
    assert made[3].is_file()


def test_ratings_from_before_are_learned_without_writing_a_star(library: Library) -> None:
    made = library.shoot("old", scenes=5, frames_each=2)
    for place, path in enumerate(made):
        sidecar = path.with_name(f"{path.name}.xmp")
        sidecar.write_text(
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
            f' xmp:Rating="{5 if place % 2 else 2}"/></rdf:RDF></x:xmpmeta>'
        )
        os.utime(sidecar, (1_700_000_100, 1_700_000_100))
    before = sidecars(library.folder), originals(library.folder)
    told = library.told("learn", "--from", library.folder)
    assert (told["frames"], told["fresh"]) == (10, 10)
    assert told["learned"] and told["comparisons"] > 0
    assert (sidecars(library.folder), originals(library.folder)) == before
    assert not library.told("learn", "--from", library.folder)["learned"]
    records = library.rate()
    assert {record["stage"] for record in records.values()} == {"kept"}
    assert library.told("learn", "--replay", "--verify")["differences"] == []


def test_rerate_changes_what_is_ours_and_only_that(library: Library) -> None:
    made = rated(library)
    library.shoot("b", scenes=3, frames_each=1, first=20)
    library.rate()
    before = sidecars(library.folder)
    told = library.told("rerate", library.folder / "b")
    assert told["frames"] == 3
    after = sidecars(library.folder)
    changed = {path for path in after if after[path] != before[path]}
    assert len(changed) == told["up"] + told["down"]
    assert not any(
        path.name.startswith(image.name) and path.parent == image.parent for path in changed for image in made
    )


@pytest.mark.parametrize(
    "arguments",
    [("learn",), ("actions",), ("journal",), ("rerate",), ("taste",), ("learn", "--replay", "--verify")],
    ids=" ".join,
)
def test_nothing_known_is_no_failure(library: Library, arguments: tuple[str, ...]) -> None:
    library.run(*arguments)
    for line in library.run(*arguments, "--json").splitlines():
        json.loads(line)


def test_as_of_a_later_day_a_deletion_is_believed(library: Library) -> None:
    made = library.shoot("a", scenes=6, frames_each=3)
    library.rate()
    for path in made[1::3]:
        shutil.move(path, library.folder.parent)
        (library.folder.parent / path.name).unlink()
    library.run("reconcile")
    assert library.told("learn")["version"] is None
    now_s = library.journal()[-1]["at_s"]
    library.run("reconcile", "--as-of", str(now_s + 2 * 86_400))
    told = library.told("learn", "--as-of", str(now_s + 4 * 86_400))
    assert told["comparisons"] > 0
    assert told["made_s"] == now_s + 4 * 86_400
