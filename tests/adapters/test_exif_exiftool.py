"""exiftool never sees a photograph's name, and nothing it does wrong stops the run."""

import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.decoding.exif import ExiftoolReader

HOSTILE = [
    b"x.jpg\n-if\nopen(F,'>PWNED') or 1\n-ver",
    b"y.jpg\n-Comment=INJECTED\n-overwrite_original\n-q",
    b"x.jpg\n-o\nCOPY.jpg",
    b"-execute.jpg",
    b"-ver",
    b"@args.jpg",
    b"#[CSTR]a\\nb.jpg",
    b"# comment.jpg",
    b"q'\"`$(touch PWNED)`.jpg",
    b"%d%f.jpg",
    b"caf\xe9.jpg",
    b"tab\tand\rreturn.jpg",
    " \U0001f4f7 .jpg".encode(),
    b"a|b;c&.jpg",
    b"*?[a].jpg",
]


def photograph(iso: int = 100) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "Testcamera"
    exif.get_ifd(0x8769).update({0x8827: iso, 0x9003: "2024:05:06 07:08:09", 0x9291: "05"})
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    noise.save(buffer := io.BytesIO(), "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def reader() -> ExiftoolReader:
    found = ExiftoolReader()
    if not found.available:
        pytest.skip("exiftool is not installed")
    return found


def test_hostile_names_run_nothing_write_nothing_and_are_read(
    reader: ExiftoolReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Path(os.fsdecode(name)) for name in HOSTILE]
    for number, path in enumerate(paths):
        path.write_bytes(photograph(100 + number))
    (tmp_path / "x.jpg").write_bytes(photograph())
    (tmp_path / "y.jpg").write_bytes(photograph())
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    fresh = ExiftoolReader()  # started here: what an injected command wrote would land in this folder
    facts = fresh.read([path.absolute() for path in paths])
    fresh.close()
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == before
    assert [facts[path.absolute()].iso for path in paths] == [100 + number for number in range(len(paths))]


def test_exiftool_and_pillow_agree(reader: ExiftoolReader, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photograph(640))
    facts = reader.read([tmp_path / "a.jpg"])[tmp_path / "a.jpg"]
    assert (facts.camera, facts.iso, facts.taken_s, facts.subsecond) == ("Testcamera", 640, 1714979289.05, True)


def test_links_pipes_and_missing_files_are_left_out(reader: ExiftoolReader, tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(photograph())
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    names = ["pipe.jpg", "real.jpg", "link.jpg", "gone.jpg"]
    assert set(reader.read([tmp_path / name for name in names])) == {tmp_path / "real.jpg"}


def test_missing_exiftool_is_said_not_raised(tmp_path: Path) -> None:
    reader = ExiftoolReader(executable="no-such-exiftool")
    assert reader.read([tmp_path / "a.jpg"]) == {}
    assert not reader.available
    assert "not installed" in reader.trouble
    reader.close()


def _program(folder: Path, body: str) -> str:
    path = folder / "exiftool"
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize("body", ["exit 1\n", "cat >/dev/null &\nkill -SEGV $$\n"])
def test_crashing_exiftool_is_given_up_with_a_message(tmp_path: Path, body: str) -> None:
    (tmp_path / "a.jpg").write_bytes(photograph())
    reader = ExiftoolReader(executable=_program(tmp_path, body))
    assert reader.read([tmp_path / "a.jpg"] * 3) == {}
    assert not reader.available
    assert "standard EXIF" in reader.trouble


def test_hung_exiftool_is_ended_in_time(tmp_path: Path) -> None:
    """The clock is ours: it jumps whenever it is looked at, so that no test waits."""
    (tmp_path / "a.jpg").write_bytes(photograph())
    moments = iter(range(0, 10**6, 40))
    reader = ExiftoolReader(executable=_program(tmp_path, "exec cat >/dev/null\n"), monotonic=lambda: next(moments))
    assert reader.read([tmp_path / "a.jpg"] * 3) == {}
    assert not reader.available
    assert "did not answer" in reader.trouble or "does not start" in reader.trouble


def test_reader_goes_on_after_one_crash(reader: ExiftoolReader, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(photograph())
    fresh = ExiftoolReader()
    assert fresh.read([tmp_path / "a.jpg"])
    assert fresh._tool is not None
    fresh._tool._process.kill()
    assert fresh.read([tmp_path / "a.jpg"])
    assert fresh.available
    fresh.close()


def test_a_file_that_is_to_be_left_untouched_is_read_and_keeps_its_time_of_access(
    reader: ExiftoolReader, tmp_path: Path
) -> None:
    path = tmp_path / "on_a_card.jpg"
    path.write_bytes(photograph() + bytes(3 << 20))  # longer than what exiftool gets of it
    careful = ExiftoolReader(untouched=lambda _: True)
    try:
        os.utime(path, (1_000_000_000, 1_700_000_000))  # older than the last change: the next reading moves it
        found = careful.read([path])[path]
        assert found.taken_s is not None
        assert path.stat().st_atime == 1_000_000_000
        assert reader.read([path])[path] == found
        if path.stat().st_atime == 1_000_000_000:
            pytest.skip("times of access are not kept here")
    finally:
        careful.close()
