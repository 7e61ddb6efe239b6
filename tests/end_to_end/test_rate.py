"""`safelight rate` on ordinary folders: which files are a frame, whose rating stands, what is written, what is told."""

import json
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, Rated, originals, program, sidecars, untouched
from tests.faults.shoot import OLD_S, jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("rate")  # what a fixture rated is for all of them

PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:darktable="http://darktable.sf.net/"'
    "{attributes}/></rdf:RDF></x:xmpmeta>"
)
IMPORTED = ' xmp:Rating="1" darktable:history_auto_hash="ab" darktable:history_current_hash="ab"'
EDITED = IMPORTED.replace('current_hash="ab"', 'current_hash="cd"')


def rated_by(person: int) -> bytes:
    """Return a sidecar that a person's editor wrote."""
    return PACKET.format(attributes=f' xmp:Rating="{person}"').encode()


def raw(seed: int, second: int) -> bytes:
    """Return what stands for a RAW by its name: files are read by what is in them, and its JPEG is looked at first."""
    return jpeg(seed, second=second, side=480)


def rated_anew(path: Path, stars: int) -> None:
    """Change the rating in a sidecar of ours as an editor would."""
    text = path.read_text(encoding="utf-8")
    at = text.index('xmp:Rating="') + len('xmp:Rating="')
    path.write_text(text[:at] + str(stars) + text[at + 1 :], encoding="utf-8")


def fill(folder: Path) -> None:
    """Lay out frames of several files and sidecars of several origins."""
    (folder / "below").mkdir(parents=True)
    put(folder / "trio.dng", raw(1, 60))
    put(folder / "trio.jpg", jpeg(1, second=60))
    put(folder / "trio.heic", jpeg(1, second=61))
    put(folder / "twice.dng", raw(2, 120))
    put(folder / "twice.jpg", jpeg(3, second=9000))
    put(folder / "below" / "trio_below.jpg", jpeg(4))
    put(folder / "camera_four.jpg", jpeg(5, rating=4))
    put(folder / "camera_zero.jpg", jpeg(6, rating=0))
    for number, (name, text) in enumerate(PERSONS.items(), start=7):
        put(folder / f"{name}.jpg", jpeg(number))
        put(folder / f"{name}.jpg.xmp", text)
    for number, (name, text) in enumerate(NOBODYS.items(), start=30):
        put(folder / f"{name}.jpg", jpeg(number))
        put(folder / f"{name}.jpg.xmp", text)
    put(folder / "adobe.cr2", raw(40, 18000))
    put(folder / "adobe.jpg", jpeg(40, second=18000))
    put(folder / "adobe.xmp", PACKET.format(attributes=' xmp:CreatorTool="Bridge"').encode())


PERSONS = {
    "person_three": rated_by(3),
    "person_rejects": rated_by(-1),
    "person_five_point_zero": PACKET.format(attributes=' xmp:Rating="5.0"').encode(),
    "person_unclear": PACKET.format(attributes=' xmp:Rating="great"').encode(),
    "person_edited_one_star": PACKET.format(attributes=EDITED).encode(),
    "person_picked": PACKET.format(
        attributes=' xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/" xmpDM:pick="1"'
    ).encode(),
}
NOBODYS = {
    "darktables_default": PACKET.format(attributes=IMPORTED).encode(),
    "zero_stars": rated_by(0),
    "only_keywords": PACKET.format(attributes=' xmp:Label="Red" xmp:CreatorTool="\N{SNOWMAN}"').encode(),
}


@dataclass(frozen=True)
class Case:
    folder: Path
    rated: Rated
    written: dict[Path, tuple[bytes, int, int]]
    again: Rated


@pytest.fixture(scope="module")
def case(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("mixed")
    folder = base / "shoot"
    fill(folder)
    with untouched(folder):
        rated = program.rate(folder, "--state", base / "state")
        written = sidecars(folder)
        again = program.rate(folder, "--state", base / "state")
    return Case(folder, rated, written, again)


def test_run_without_a_failure_ends_with_0(case: Case) -> None:
    assert (case.rated.status, case.rated.errors) == (0, "")


def test_raw_jpeg_and_heic_of_one_exposure_are_one_frame(case: Case) -> None:
    record = case.rated.by_name["trio.dng"]
    assert [Path(path).name for path in record["companions"]] == ["trio.heic", "trio.jpg"]
    assert record["stage"] == "published"
    assert {"trio.jpg", "trio.heic"}.isdisjoint(case.rated.by_name)
    assert {f"trio.{kind}.xmp" for kind in ("dng", "jpg", "heic")} <= {path.name for path in case.written}


def test_same_stem_but_other_capture_times_are_two_frames(case: Case) -> None:
    for name in ("twice.dng", "twice.jpg"):
        record = case.rated.by_name[name]
        assert record["companions"] == []
        assert Path(record["sidecar"]).name == f"{name}.xmp"


def test_in_camera_rating_stands(case: Case) -> None:
    record = case.rated.by_name["camera_four.jpg"]
    assert (record["stage"], record["stars"], record["sidecar"]) == ("kept", 4, None)
    assert not (case.folder / "camera_four.jpg.xmp").exists()
    assert case.rated.by_name["camera_zero.jpg"]["stage"] == "published", "0 in a camera is no opinion"


@pytest.mark.parametrize("name", PERSONS)
def test_persons_rating_stands_and_its_sidecar_is_not_touched(case: Case, name: str) -> None:
    record = case.rated.by_name[f"{name}.jpg"]
    assert record["stage"] == "kept"
    assert record["stars"] == {"person_three": 3, "person_five_point_zero": 5, "person_edited_one_star": 1}.get(name)
    assert (case.folder / f"{name}.jpg.xmp").read_bytes() == PERSONS[name]
    assert (case.folder / f"{name}.jpg.xmp").lstat().st_mtime == OLD_S


@pytest.mark.parametrize("name", NOBODYS)
def test_sidecar_without_an_opinion_takes_our_rating_and_loses_nothing(case: Case, name: str) -> None:
    record = case.rated.by_name[f"{name}.jpg"]
    assert record["stage"] == "published"
    text = (case.folder / f"{name}.jpg.xmp").read_text(encoding="utf-8")
    assert f'xmp:Rating="{record["stars"]}"' in text
    for fact in ('darktable:history_auto_hash="ab"', 'xmp:Label="Red"', "\N{SNOWMAN}"):
        assert (fact in text) == (fact in NOBODYS[name].decode())


def test_sidecar_of_the_other_name_is_taken_up(case: Case) -> None:
    record = case.rated.by_name["adobe.cr2"]
    assert Path(record["sidecar"]).name == "adobe.xmp"
    assert not list(case.folder.glob("adobe.*.xmp"))
    assert b"Bridge" in (case.folder / "adobe.xmp").read_bytes()


def test_second_run_changes_nothing_and_says_the_same(case: Case) -> None:
    assert case.again == case.rated
    assert sidecars(case.folder) == case.written


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shoot of bursts that tests copy."""
    folder = tmp_path_factory.mktemp("original") / "shoot"
    make_shoot(folder, scenes=3, side=480)
    put(folder / "twice.dng", raw(50, 600))
    put(folder / "twice.jpg", jpeg(51, second=900))
    return folder


@pytest.fixture
def copied(shoot: Path, tmp_path: Path) -> Path:
    """Return a copy of the shoot with the file times of the original."""
    return Path(shutil.copytree(shoot, tmp_path / "shoot", copy_function=shutil.copy2))


@dataclass(frozen=True)
class Once:
    """A shoot that has been rated once, what was said, and where it can be had again."""

    folder: Path
    state: Path
    rated: Rated
    kept: Path


@pytest.fixture(scope="module")
def rated_once(program: Program, shoot: Path, tmp_path_factory: pytest.TempPathFactory) -> Once:
    base = tmp_path_factory.mktemp("once")
    shutil.copytree(shoot, base / "now" / "shoot", copy_function=shutil.copy2)
    rated = program.rate(base / "now" / "shoot", "--state", base / "now" / "state")
    assert (rated.status, set(rated.stages.values())) == (0, {"published"})
    shutil.copytree(base / "now", base / "kept", copy_function=shutil.copy2)
    return Once(base / "now" / "shoot", base / "now" / "state", rated, base / "kept")


@pytest.fixture
def once(rated_once: Once) -> Once:
    """Return the rated shoot and its state as they were after that run, but for the inodes."""
    shutil.rmtree(rated_once.folder.parent)
    shutil.copytree(rated_once.kept, rated_once.folder.parent, copy_function=shutil.copy2)
    return rated_once


def without_place(rated: Rated, folder: Path) -> str:
    """Return what a run said, with paths relative to its folder."""
    return json.dumps(rated.records).replace(json.dumps(str(folder))[1:-1], "")


def test_two_runs_into_empty_states_agree_whatever_the_number_of_workers(
    program: Program, copied: Path, tmp_path: Path
) -> None:
    twin = Path(shutil.copytree(copied, tmp_path / "twin", copy_function=shutil.copy2))
    first = program.rate(copied, "--state", tmp_path / "state-1", "--jobs", "1")
    second = program.rate(twin, "--state", tmp_path / "state-2", "--jobs", "3")
    assert without_place(first, copied) == without_place(second, twin)
    assert [data for data, *_ in sidecars(copied).values()] == [data for data, *_ in sidecars(twin).values()]
    assert any(record["burst"] and not record["keeper"] for record in first.records)


def test_dry_run_rates_and_writes_nothing_but_the_state(program: Program, copied: Path, tmp_path: Path) -> None:
    state = tmp_path / "somewhere" / "else"
    before = originals(tmp_path)
    rated = program.rate(copied, "--dry-run", "--state", state)
    assert (rated.status, set(rated.stages.values())) == (0, {"ranked"})
    assert not any(record["sidecar"] for record in rated.records)
    after = originals(tmp_path)
    assert {path for path in after if state not in path.parents} == set(before)
    assert after.items() >= before.items()
    assert not sidecars(copied)
    real = program.rate(copied, "--state", state)
    assert set(real.stages.values()) == {"published"}
    written = sidecars(copied)
    dry = program.rate(copied, "--dry-run", "--state", state)
    assert dry.status == 0
    assert program.rate(copied, "--state", state) == real
    assert sidecars(copied) == written


def test_folders_within_each_other_give_each_frame_once(program: Program, copied: Path, tmp_path: Path) -> None:
    (copied / "below").mkdir()
    (copied / "IMG_0000.jpg").rename(copied / "below" / "IMG_0000.jpg")
    put(copied / "below" / "empty.jpg", b"")
    os.symlink("nowhere", copied / "below" / "dangling.jpg")
    rated = program.rate(copied, copied / "below", copied / ".." / "shoot", "--state", tmp_path / "state", "--dry-run")
    assert len(rated.records) == len(rated.by_name) == 13


def test_links_do_not_lead_out_of_the_folder(program: Program, copied: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    put(elsewhere / "secret.jpg", jpeg(60))
    os.symlink(elsewhere, copied / "linked")
    os.symlink(copied, copied / "round")
    os.symlink(elsewhere / "secret.jpg", copied / "linked.jpg")
    os.symlink(copied, tmp_path / "by_link")
    rated = program.rate(tmp_path / "by_link", "--state", tmp_path / "state")
    assert rated.by_name["linked.jpg"]["stage"] == "unreadable"
    assert not any("secret" in record["path"] for record in rated.records)
    assert not sidecars(elsewhere)
    assert rated.by_name["IMG_0000.jpg"]["path"] == str(copied / "IMG_0000.jpg"), "the folder given may be a link"


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("darktable", {"lone.jpg.xmp", "pair.cr2.xmp", "pair.jpg.xmp", "has_short.xmp", "has_full.cr2.xmp"}),
        ("adobe", {"lone.xmp", "pair.xmp", "has_short.xmp", "has_full.cr2.xmp"}),
        ("both", {"lone.jpg.xmp", "lone.xmp", "pair.cr2.xmp", "pair.jpg.xmp", "pair.xmp", "has_short.xmp"}),
    ],
)
def test_profile_names_new_sidecars_and_existing_ones_are_kept(
    program: Program, tmp_path: Path, profile: str, expected: set[str]
) -> None:
    folder = tmp_path / "shoot"
    folder.mkdir()
    put(folder / "lone.jpg", jpeg(1))
    for number, name in enumerate(("pair", "has_short", "has_full"), start=2):
        put(folder / f"{name}.cr2", raw(number, number * 600))
        put(folder / f"{name}.jpg", jpeg(number))
    put(folder / "has_short.xmp", PACKET.format(attributes="").encode())
    put(folder / "has_full.cr2.xmp", PACKET.format(attributes="").encode())
    rated = program.rate(folder, "--state", tmp_path / "state", "--sidecars", profile)
    found = {path.name for path in sidecars(folder)}
    assert expected <= found
    assert len({record["sidecar"] for record in rated.records}) == 4
    stars = {record["path"]: record["stars"] for record in rated.records}
    for path, (data, *_) in sidecars(folder).items():
        (own,) = (given for image, given in stars.items() if Path(image).name.split(".")[0] == path.name.split(".")[0])
        assert f'xmp:Rating="{own}"'.encode() in data
    assert program.rate(folder, "--state", tmp_path / "state", "--sidecars", profile) == rated


def test_missing_folder_file_or_state_ends_with_2_and_one_sentence(program: Program, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    put(good / "1.jpg", jpeg(1))
    put(tmp_path / "a.txt", b"text")
    missing = tmp_path / "missing"
    for arguments in (
        ("rate", missing),
        ("rate", good, missing),
        ("rate", tmp_path / "a.txt"),
        ("rate", good / "1.jpg"),
        ("rate", good, "--state", tmp_path / "a.txt"),
        ("rate", good, "--state", tmp_path / "a.txt" / "below"),
        ("rate", good, "--state", "/proc/nowhere"),
        ("rate",),
        ("rate", good, "--sidecars", "lightroom"),
        ("rate", good, "--jobs", "0"),
    ):
        status, said, errors = program.run(*arguments)
        assert (status, said) == (2, ""), arguments
        assert errors.startswith("safelight: ")
        assert errors.splitlines()[0].endswith(".")
        assert len(errors.splitlines()) <= 2
    assert not sidecars(tmp_path), "nothing is done when something is missing"


def test_folder_without_photographs_is_no_failure(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    status, said, errors = program.run("rate", tmp_path / "empty", "--state", tmp_path / "state")
    assert (status, errors, said) == (0, "", "No photographs found.\n")
    assert program.rate(tmp_path / "empty", "--state", tmp_path / "state").records == ()


def frames(state: Path) -> dict[str, int]:
    """Return the frame of each file that is there, by name."""
    with sqlite3.connect(state / "catalog.sqlite") as database:
        rows = database.execute("SELECT path, frame_id FROM files WHERE gone = 0").fetchall()
    return {os.path.basename(os.fsdecode(path)): frame for path, frame in rows}


def test_files_that_move_keep_frame_and_rating(program: Program, once: Once, tmp_path: Path) -> None:
    copied, state, first = once.folder, once.state, once.rated
    was = frames(state)
    (copied / "below").mkdir()
    for name, target in {"IMG_0000.jpg": "renamed.jpg", "IMG_0001.jpg": "below/moved.jpg"}.items():
        (copied / name).rename(copied / target)
        (copied / f"{name}.xmp").rename(copied / f"{target}.xmp")
    (copied / "IMG_0002.jpg").rename(copied / "alone.jpg")  # its sidecar stays behind
    written = sidecars(copied)
    with untouched(copied):
        second = program.rate(copied, "--state", state)
    now = frames(state)
    moves = {"IMG_0000.jpg": "renamed.jpg", "IMG_0001.jpg": "moved.jpg", "IMG_0002.jpg": "alone.jpg"}
    for old, new in moves.items():
        assert now[new] == was[old]
        for key in ("stars", "score", "technical", "burst", "keeper"):
            assert second.by_name[new][key] == first.by_name[old][key]
        assert Path(second.by_name[new]["sidecar"]).name == f"{new}.xmp"
    assert second.status == 0
    assert sidecars(copied).items() >= written.items(), "sidecars that moved along are not written again"
    settled = sidecars(copied)
    assert program.rate(copied, "--state", state) == second
    assert sidecars(copied) == settled


def test_names_that_move_on_by_one_keep_their_frames(program: Program, once: Once, tmp_path: Path) -> None:
    copied, state, first = once.folder, once.state, once.rated
    was = frames(state)
    names = sorted(path.name for path in copied.glob("IMG_*.jpg"))
    for old, new in reversed(list(zip(names, [*names[1:], "IMG_9999.jpg"], strict=True))):
        (copied / old).rename(copied / new)
        (copied / f"{old}.xmp").rename(copied / f"{new}.xmp")
    written = sidecars(copied)
    second = program.rate(copied, "--state", state)
    now = frames(state)
    for old, new in zip(names, [*names[1:], "IMG_9999.jpg"], strict=True):
        assert now[new] == was[old]
        assert second.by_name[new]["stars"] == first.by_name[old]["stars"]
    assert sidecars(copied) == written


def test_file_that_is_away_for_a_run_is_the_same_frame_again(program: Program, once: Once, tmp_path: Path) -> None:
    copied, state, first = once.folder, once.state, once.rated
    was, written = frames(state), sidecars(copied)
    (copied / "IMG_0101.jpg").rename(tmp_path / "IMG_0101.jpg")
    (copied / "twice.dng").rename(tmp_path / "twice.dng")
    away = program.rate(copied, "--state", state)
    assert {"IMG_0101.jpg", "twice.dng"}.isdisjoint(away.by_name)
    (tmp_path / "IMG_0101.jpg").rename(copied / "IMG_0101.jpg")
    (tmp_path / "twice.dng").rename(copied / "twice.dng")
    assert program.rate(copied, "--state", state) == first
    assert frames(state) == was
    assert sidecars(copied) == written


def test_frame_outlives_the_file_that_stood_for_it(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    folder.mkdir()
    put(folder / "a.dng", raw(1, 60))
    put(folder / "a.jpg", jpeg(1, second=60))
    put(folder / "b.jpg", jpeg(2, second=9000))
    program.rate(folder, "--state", state)
    (folder / "a.dng").unlink()
    (folder / "a.dng.xmp").unlink()
    second = program.rate(folder, "--state", state)
    assert second.stages == {"a.jpg": "published", "b.jpg": "published"}
    assert Path(second.by_name["a.jpg"]["sidecar"]).name == "a.jpg.xmp"
    assert second.by_name["a.jpg"]["companions"] == []
    put(folder / "b.dng", raw(2, 9000))
    third = program.rate(folder, "--state", state)
    assert third.stages == {"a.jpg": "published", "b.dng": "published"}
    assert [Path(path).name for path in third.by_name["b.dng"]["companions"]] == ["b.jpg"]
    put(folder / "a.dng", raw(3, 20000))  # a counter that started again: not the exposure that it is named like
    fourth = program.rate(folder, "--state", state)
    assert fourth.stages == dict.fromkeys(("a.dng", "a.jpg", "b.dng"), "published")


def test_changed_file_is_assessed_again_and_a_copy_shares_its_look(
    program: Program, once: Once, tmp_path: Path
) -> None:
    copied, state, first = once.folder, once.state, once.rated
    was = frames(state)
    put(copied / "IMG_0000.jpg", jpeg(70, second=0))
    os.utime(copied / "IMG_0000.jpg", (OLD_S + 60, OLD_S + 60))
    shutil.copy2(copied / "IMG_0101.jpg", copied / "copy.jpg")
    second = program.rate(copied, "--state", state)
    assert second.by_name["IMG_0000.jpg"]["score"] != first.by_name["IMG_0000.jpg"]["score"]
    assert frames(state)["IMG_0000.jpg"] == was["IMG_0000.jpg"]
    assert frames(state)["copy.jpg"] not in was.values()
    assert second.by_name["copy.jpg"]["technical"] == pytest.approx(first.by_name["IMG_0101.jpg"]["technical"], abs=1)
    assert (copied / "copy.jpg.xmp").is_file()
    text = (copied / "IMG_0000.jpg.xmp").read_text(encoding="utf-8")
    assert f'xmp:Rating="{second.by_name["IMG_0000.jpg"]["stars"]}"' in text


def test_person_who_rates_anew_is_right_for_ever(program: Program, once: Once, tmp_path: Path) -> None:
    copied, state, first = once.folder, once.state, once.rated
    choice = {"IMG_0000.jpg": 1, "IMG_0001.jpg": 5, "IMG_0002.jpg": 0}
    choice = {name: 4 if first.by_name[name]["stars"] == stars else stars for name, stars in choice.items()}
    for name, stars in choice.items():
        rated_anew(copied / f"{name}.xmp", stars)
    (copied / "IMG_0101.jpg.xmp").unlink()  # a sidecar that is gone is no opinion
    theirs = {path: told for path, told in sidecars(copied).items() if path.stem in choice}
    for _ in range(2):
        later = program.rate(copied, "--state", state)
        assert later.status == 0
        for name, stars in choice.items():
            record = later.by_name[name]
            assert (record["stage"], record["stars"]) == ("kept", stars or None)
        assert later.by_name["IMG_0101.jpg"]["stage"] == "published"
    put(copied / "IMG_0001.jpg", jpeg(71))  # edited in place: the person's rating outlives our new look
    (copied / "IMG_0002.jpg").rename(copied / "moved.jpg")
    (copied / "IMG_0002.jpg.xmp").rename(copied / "moved.jpg.xmp")
    (copied / "IMG_0000.jpg").rename(copied / "alone.jpg")  # without the sidecar: the catalog remembers
    later = program.rate(copied, "--state", state)
    assert {name: later.by_name[name]["stage"] for name in ("IMG_0001.jpg", "moved.jpg", "alone.jpg")} == dict.fromkeys(
        ("IMG_0001.jpg", "moved.jpg", "alone.jpg"), "kept"
    )
    assert later.by_name["alone.jpg"]["stars"] == (choice["IMG_0000.jpg"] or None)
    for path, told in theirs.items():
        new = copied / "moved.jpg.xmp" if path.stem == "IMG_0002.jpg" else path
        assert sidecars(copied)[new] == told
    shutil.rmtree(state)
    fresh = program.rate(copied, "--state", state)
    assert fresh.by_name["IMG_0001.jpg"]["stage"] == "kept", "known from the sidecar alone, on a new computer as well"


def test_deleted_state_finds_its_own_sidecars_again(program: Program, once: Once) -> None:
    written = sidecars(once.folder)
    shutil.rmtree(once.state)
    assert program.rate(once.folder, "--state", once.state) == once.rated
    assert sidecars(once.folder) == written


def test_rating_that_a_person_gives_under_the_other_name_is_seen(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    folder.mkdir()
    for number in (1, 2):
        put(folder / f"{number}.cr2", raw(number, number * 600))
        put(folder / f"{number}.jpg", jpeg(number))
    program.rate(folder, "--state", state)
    ours = sidecars(folder)
    put(folder / "1.xmp", rated_by(4))  # another editor, which names its sidecars the Adobe way
    put(folder / "2.xmp", PACKET.format(attributes=' xmp:Label="Red"').encode())
    for _ in range(2):
        later = program.rate(folder, "--state", state)
        assert later.status == 0
        assert (later.by_name["1.cr2"]["stage"], later.by_name["1.cr2"]["stars"]) == ("kept", 4)
        assert later.by_name["2.cr2"]["stage"] == "published"
        found = sidecars(folder)
        assert found.items() >= ours.items()
        assert found[folder / "1.xmp"][0] == rated_by(4)
        assert f'xmp:Rating="{later.by_name["2.cr2"]["stars"]}"'.encode() in found[folder / "2.xmp"][0], "in agreement"


def test_jpegs_that_are_moved_away_from_their_raws_become_frames_of_their_own(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    (folder / "jpg").mkdir(parents=True)
    for number in (1, 2):
        put(folder / f"{number}.cr2", raw(number, number * 600))
        put(folder / f"{number}.jpg", jpeg(number))
    program.rate(folder, "--state", state)
    was = frames(state)
    for number in (1, 2):
        (folder / f"{number}.jpg").rename(folder / "jpg" / f"{number}.jpg")
    later = program.rate(folder, "--state", state)
    assert later.stages == dict.fromkeys(("1.cr2", "2.cr2", "1.jpg", "2.jpg"), "published")
    assert all(record["companions"] == [] for record in later.records)
    assert all(Path(record["sidecar"]).parent == Path(record["path"]).parent for record in later.records)
    assert {name: frame for name, frame in frames(state).items() if name.endswith("cr2")} == {
        name: frame for name, frame in was.items() if name.endswith("cr2")
    }
    assert program.rate(folder, "--state", state) == later
