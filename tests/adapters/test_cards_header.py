"""Date and camera from a file's first bytes: the same as exiftool tells, or nothing."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cards.header import HeaderReader
from safelight.decoding.exif import ExiftoolReader
from safelight.domain.card_template import Moment
from safelight.domain.cards import is_picture
from safelight.domain.frame import CaptureFacts
from tests.fakes.cards import exif, jpeg, raw, write

TAKEN_S = 1_777_627_800.0  # 2026-05-01 09:30:00


def told(path: Path) -> CaptureFacts | None:
    return HeaderReader().read([path]).get(path)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(jpeg(1), id="JPEG"),
        pytest.param(raw(1), id="TIFF"),
        pytest.param(exif("2026:05:01 09:30:00", "Canon EOS R5", order=">"), id="big-endian"),
        pytest.param(b"IIU\0" + raw(1)[4:], id="RW2"),
        pytest.param(
            b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(10) + jpeg(1)[2:],
            id="JPEG with another segment first",
        ),
        pytest.param(b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">I", 200) + bytes(112) + jpeg(1), id="RAF"),
        pytest.param(
            b"\0\0\0\x18ftypcrx " + bytes(40) + b"CMT1" + exif("2026:05:01 09:30:00", "Canon EOS R5"),
            id="CR3",
        ),
    ],
)
def test_date_and_camera_are_found(tmp_path, data):
    facts = told(write(tmp_path / "a", data))
    assert (facts.taken_s, facts.camera) == (TAKEN_S, "Canon EOS R5")


@pytest.mark.parametrize(
    "taken",
    [
        None,
        "",
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2026:13:01 00:00:00",
        "2026:02:29 00:00:00",
        "2026:04:31 00:00:00",
        "2026:05:01 24:00:00",
        "2026:05:01 09:30:60",
        "1700:05:01 09:30:00",
        "yesterday, at nine or so",
    ],
)
def test_a_date_that_is_none_is_not_told(tmp_path, taken):
    assert told(write(tmp_path / "a", jpeg(1, taken=taken))) is None


def test_without_a_camera_another_reader_is_left_to_answer(tmp_path):
    assert told(write(tmp_path / "a", jpeg(1, camera=None))) is None
    assert told(tmp_path / "nowhere") is None
    (tmp_path / "link").symlink_to(write(tmp_path / "real", jpeg(1)))
    assert told(tmp_path / "link") is None


@given(st.datetimes().filter(lambda when: when.year >= 1826))
def test_every_day_of_the_calendar_comes_back(tmp_path_factory, when):
    path = tmp_path_factory.getbasetemp() / "calendar.jpg"
    path.write_bytes(jpeg(1, taken=when.strftime("%Y:%m:%d %H:%M:%S"), size=1))
    moment = Moment.of(told(path).taken_s)
    assert (moment.year, moment.month, moment.day) == (when.year, when.month, when.day)
    assert (moment.hour, moment.minute, moment.second) == (when.hour, when.minute, when.second)


def test_damaged_files_never_raise(tmp_path):
    chance = random.Random(4)
    path = tmp_path / "a"
    for data in (jpeg(1, size=50), raw(1, size=50), b"\0\0\0\x18ftypcrx CMT1" + exif("2026:05:01 09:30:00", "X")):
        for _ in range(100):
            hurt = bytearray(data[: chance.randrange(1, len(data))] if chance.random() < 0.3 else data)
            for _ in range(chance.randrange(1, 6)):
                hurt[chance.randrange(len(hurt))] = chance.randrange(256)
            path.write_bytes(hurt)
            facts = told(path)
            assert facts is None or facts.camera


def test_it_agrees_with_exiftool_on_real_photographs(shared_data):
    files = [path for path in sorted(shared_data.rglob("*")) if is_picture(path.name) and "burst" not in path.parts][
        :300
    ]
    reader = ExiftoolReader()
    if not reader.available:
        pytest.skip("needs exiftool")
    mine = HeaderReader().read(files)
    try:
        theirs = reader.read(list(mine))
    finally:
        reader.close()
    assert len(mine) >= 30
    for path, facts in mine.items():
        assert (facts.taken_s, facts.camera) == (int(theirs[path].taken_s), theirs[path].camera), path.name
