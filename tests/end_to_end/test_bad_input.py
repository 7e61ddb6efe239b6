"""Bad input: each costs its own frame and nothing else, says why, and no original is touched.

One folder holds every sort of bad file among good ones and is rated once; each test looks at one of them.
"""

import os
import shutil
import socket
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.program import Program, Rated, program, untouched
from tests.faults.shoot import OLD_S, encoded, jpeg, picture, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("bad_input")  # what a fixture rated is for all of them

GOOD = ("good_1.jpg", "good_2.jpg", "good_3.jpg")
PLAIN = Image.new("RGB", (640, 427))
ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<x:xmpmeta xmlns:x="adobe:ns:meta/">&c;</x:xmpmeta>"""
ABROAD = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&x;</x:xmpmeta>'

# Names of pictures with a bad sidecar, what is in the sidecar, and a word of the reason.
BAD_SIDECARS = {
    "s_broken": (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf', "not whole"),
    "s_empty": (b"", "not whole"),
    "s_huge": (b"<a>" + b" " * (17 << 20) + b"</a>", "larger than 16 MB"),
    "s_entities": (ENTITIES, "document type"),
    "s_abroad": (ABROAD, "document type"),
    "s_binary": (bytes(range(256)) * 8, "not whole"),
}


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb() -> bytes:
    """Return a few hundred bytes that say they are 3600 megapixels, and would unpack to some of it."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(bytes(200_000))) + png_chunk(b"IEND", b"")


def jpeg_bomb() -> bytes:
    """Return a JPEG whose header was rewritten to claim 4290 megapixels."""
    data = bytearray(jpeg(11))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def bad_pictures() -> dict[str, bytes]:
    """Return files that cannot be judged."""
    whole = jpeg(4)
    return {
        "half.jpg": whole[: len(whole) // 2],
        "two_kb.jpg": whole[:2048],
        "zero_bytes.jpg": b"",
        "text.jpg": b"Dear diary, the light was good.\n" * 100,
        "zeros.jpg": bytes(50_000),
        "zero_padded.jpg": whole[: len(whole) // 2] + bytes(len(whole) // 2),
        "one_pixel.png": encoded(Image.new("RGB", (1, 1), "red"), "PNG"),
        "black.jpg": encoded(PLAIN),
        "white.jpg": encoded(Image.new("RGB", (640, 427), "white")),
        "png_bomb.png": png_bomb(),
        "jpeg_bomb.jpg": jpeg_bomb(),
        "words.cr2": b"no raw at all" * 40,
        "nothing.nef": b"",
        "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    }


def odd_pictures() -> dict[str, bytes]:
    """Return files that are unusual and perfectly fine."""
    deep = np.asarray(picture(10).convert("L")).astype(np.uint16) * 257
    return {
        "png_inside.jpg": encoded(picture(5), "PNG"),
        "jpeg_inside.png": jpeg(6),
        "cmyk.jpg": encoded(picture(8).convert("CMYK"), quality=90),
        "grey.jpg": encoded(picture(9).convert("L"), quality=90),
        "deep.png": encoded(Image.fromarray(deep), "PNG"),
        "deep_too.tif": encoded(Image.fromarray(deep[:, ::-1]), "TIFF"),
        "palette.png": encoded(picture(13).convert("P"), "PNG"),
        "see_through.png": encoded(picture(14).convert("RGBA"), "PNG"),
    }


def fill(folder: Path) -> None:
    """Put good, odd and bad files and things that only have a picture's name into a folder."""
    (folder / "folder.jpg").mkdir(parents=True)
    put(folder / "folder.jpg" / "within.jpg", jpeg(7))
    for number, name in enumerate(GOOD):
        put(folder / name, jpeg(number))
    for name, data in (bad_pictures() | odd_pictures()).items():
        put(folder / name, data)
    os.symlink("nowhere.jpg", folder / "dangling.jpg")
    os.symlink("good_1.jpg", folder / "link.jpg")
    os.symlink("round.jpg", folder / "round.jpg")
    os.mkfifo(folder / "pipe.jpg")
    for number, (name, (data, _)) in enumerate(BAD_SIDECARS.items(), start=15):
        put(folder / f"{name}.jpg", jpeg(number))
        put(folder / f"{name}.jpg.xmp", data)
    for number, name in enumerate(("s_link", "s_dangling", "s_folder", "s_pipe"), start=25):
        put(folder / f"{name}.jpg", jpeg(number))
    os.symlink("../elsewhere.txt", folder / "s_link.jpg.xmp")
    os.symlink("../to_be_made.txt", folder / "s_dangling.jpg.xmp")
    (folder / "s_folder.jpg.xmp").mkdir()
    os.mkfifo(folder / "s_pipe.jpg.xmp")


@dataclass(frozen=True)
class Case:
    """A rated folder and what came of it."""

    folder: Path
    rated: Rated
    again: Rated
    elsewhere: bytes


@pytest.fixture(scope="module")
def case(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("bad")
    folder, elsewhere = base / "shoot", base / "elsewhere.txt"
    fill(folder)
    elsewhere.write_text("of great value", encoding="utf-8")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket.jpg"))
    with untouched(folder):
        rated = program.rate(folder, "--state", base / "state")
    with untouched(folder):
        again = program.rate(folder, "--state", base / "state")
    listener.close()
    return Case(folder, rated, again, elsewhere.read_bytes())


def test_bad_files_make_the_exit_status_1_and_no_noise(case: Case) -> None:
    assert (case.rated.status, case.again.status) == (1, 1)
    assert case.rated.errors == case.again.errors == ""


@pytest.mark.parametrize("name", [*GOOD, "within.jpg", *odd_pictures()])
def test_good_and_odd_files_among_bad_ones_are_rated(case: Case, name: str) -> None:
    record = case.rated.by_name[name]
    assert record["stage"] == "published"
    assert Path(record["sidecar"]).name == f"{name}.xmp"
    assert case.again.by_name[name] == record


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("half.jpg", "ends early"),
        ("two_kb.jpg", "ends early"),
        ("zero_bytes.jpg", "empty"),
        ("text.jpg", "text"),
        ("zeros.jpg", "not a picture"),
        ("zero_padded.jpg", "zeros"),
        ("one_pixel.png", "too small"),
        ("black.jpg", "all black"),
        ("white.jpg", "all white"),
        ("png_bomb.png", "megapixels"),
        ("jpeg_bomb.jpg", "megapixels"),
        ("words.cr2", "text"),
        ("nothing.nef", "empty"),
        ("svg.png", "not a picture"),
        ("dangling.jpg", "does not exist"),
        ("link.jpg", "link"),
        ("round.jpg", "link"),
        ("pipe.jpg", "pipe"),
        ("socket.jpg", "socket"),
    ],
)
def test_bad_file_is_unreadable_with_a_clear_reason(case: Case, name: str, word: str) -> None:
    for rated in (case.rated, case.again):
        record = rated.by_name[name]
        assert record["stage"] == "unreadable"
        assert word in record["reason"], record["reason"]
        assert record["reason"].endswith(".")
    assert not (case.folder / f"{name}.xmp").exists()


@pytest.mark.parametrize("name", BAD_SIDECARS)
def test_bad_sidecar_is_left_alone_and_its_frame_rated(case: Case, name: str) -> None:
    content, word = BAD_SIDECARS[name]
    record = case.rated.by_name[f"{name}.jpg"]
    assert (record["stage"], record["sidecar"]) == ("ranked", None)
    assert word in record["reason"]
    assert (case.folder / f"{name}.jpg.xmp").read_bytes() == content


@pytest.mark.parametrize("name", ["s_link", "s_dangling", "s_folder", "s_pipe"])
def test_what_is_no_file_in_a_sidecars_place_is_not_written_through(case: Case, name: str) -> None:
    record = case.rated.by_name[f"{name}.jpg"]
    assert record["stage"] == "ranked"
    assert "sidecar" in record["reason"]
    assert not (case.folder / f"{name}.jpg.xmp").is_file() or name == "s_link"
    assert case.elsewhere == b"of great value"
    assert not (case.folder.parent / "to_be_made.txt").exists()


def test_only_pictures_are_reported_never_their_sidecars(case: Case) -> None:
    assert not [name for name in case.rated.by_name if name.endswith(".xmp")]


def test_summary_names_the_bad_files_and_their_reasons(case: Case, program: Program) -> None:
    status, said, errors = program.run("rate", case.folder, "--state", case.folder.parent / "state")
    assert (status, errors) == (1, "")
    assert "could not be rated" in said
    assert "rated, but without a sidecar" in said
    assert f"{case.folder}/black.jpg: The picture is all black" in said


@pytest.fixture(scope="module")
def real(program: Program, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rated]:
    """Rate copies of the real damaged files once."""
    base = tmp_path_factory.mktemp("real")
    folder = base / "shoot"
    shutil.copytree(shared_data / "raw", folder / "raw")
    shutil.copytree(shared_data / "exif_jpeg", folder / "exif_jpeg")
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (OLD_S, OLD_S))
    (folder / "exif_jpeg").chmod(0o755)
    with untouched(folder):
        return folder, program.rate(folder, "--state", base / "state")


def test_heads_of_raw_files_are_never_judged(real: tuple[Path, Rated]) -> None:
    folder, rated = real
    heads = [
        path
        for pattern in ("imagemeta_head.*", "filetype_fixture*", "stubs/*")
        for path in (folder / "raw").glob(pattern)
        if path.suffix not in {".xmp", ".eip"}
    ]
    assert len(heads) > 10
    of_path = {name: record for record in rated.records for name in (record["path"], *record["companions"])}
    for path in heads:
        assert of_path[str(path)]["stage"] == "unreadable", path
        assert of_path[str(path)]["reason"].endswith(".")
        assert not path.with_name(f"{path.name}.xmp").exists()


def test_whole_raw_with_a_name_that_is_not_ascii_is_rated(real: tuple[Path, Rated]) -> None:
    folder, rated = real
    (kodak,) = (folder / "raw").glob("*.KDC")
    assert {record["path"]: record["stage"] for record in rated.records}[str(kodak)] == "published"


def test_corrupt_jpegs_of_many_makers_cost_only_themselves(real: tuple[Path, Rated]) -> None:
    folder, rated = real
    of_path = {record["path"]: record for record in rated.records}
    stages = [of_path[str(path)]["stage"] for path in sorted((folder / "exif_jpeg").glob("*.jpg"))]
    assert stages.count("published") > 25
    assert set(stages) <= {"published", "kept", "unreadable"}
    assert (rated.status, rated.errors) == (1, "")


def test_frame_without_permission_is_rated_once_it_may_be_read(program: Program, tmp_path: Path) -> None:
    folder, state = tmp_path / "shoot", tmp_path / "state"
    folder.mkdir()
    for number in (1, 2):
        put(folder / f"{number}.jpg", jpeg(number))
    (folder / "locked").mkdir()
    put(folder / "locked" / "3.jpg", jpeg(3))
    (folder / "1.jpg").chmod(0)
    (folder / "locked").chmod(0)
    first = program.unprivileged.rate(folder, "--state", state)
    assert first.status == 1
    assert first.stages == {"1.jpg": "unreadable", "2.jpg": "published", "locked": "unreadable"}
    assert "permission" in first.by_name["1.jpg"]["reason"].lower()
    assert "permission" in first.by_name["locked"]["reason"].lower()
    (folder / "1.jpg").chmod(0o644)
    (folder / "locked").chmod(0o755)
    second = program.unprivileged.rate(folder, "--state", state)
    assert second.stages == dict.fromkeys(("1.jpg", "2.jpg", "3.jpg"), "published")
    assert second.status == 0
