"""Strange values in EXIF become "not told"; sound ones come out the same from Pillow and in exiftool's notation."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.decoding.facts import facts_from_tags, number, text, zone_offset
from safelight.decoding.pixels import read_facts
from safelight.domain.frame import CaptureFacts


def one(name: str, **tags: object) -> object:
    return getattr(facts_from_tags({f"EXIF:{tag}": value for tag, value in tags.items()}), name)


@pytest.mark.parametrize(
    "date",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2023:02:30 10:00:00",
        "2023:13:01 10:00:00",
        "",
        "\0" * 20,
        "2023:01:01 25:00:00",
        "not a date",
        20230101,
        None,
        ["2023:01:01"],
        b"\xff\xfe",
        "0001:01:01 00:00:00",
    ],
)
def test_impossible_dates_are_not_told(date: object) -> None:
    assert one("taken_s", DateTimeOriginal=date) is None


def test_subseconds_and_zone_are_read() -> None:
    facts = facts_from_tags(
        {
            "EXIF:DateTimeOriginal": "2024:05:06 07:08:09",
            "EXIF:SubSecTimeOriginal": "25",
            "EXIF:OffsetTimeOriginal": "-03:30",
        }
    )
    assert facts.taken_s == pytest.approx(1714979289.25)
    assert (facts.subsecond, facts.zone_s) == (True, -12600)


@pytest.mark.parametrize("junk", ["2a", "  ", "\0\0", "-5", "1.5", None, [1], "1234567890123"])
def test_junk_in_subseconds_is_ignored(junk: object) -> None:
    facts = facts_from_tags({"EXIF:DateTimeOriginal": "2024:05:06 07:08:09", "EXIF:SubSecTimeOriginal": junk})
    assert (facts.taken_s, facts.subsecond) == (1714979289.0, False)


def test_digitized_is_second_choice_and_modified_is_none() -> None:
    made, scanned = "2020:01:01 00:00:00", "2021:01:01 00:00:00"
    assert one("taken_s", DateTimeOriginal=made, CreateDate=scanned) == 1577836800
    assert one("taken_s", DateTimeOriginal="0000:00:00 00:00:00", CreateDate=scanned) == 1609459200
    assert one("taken_s", ModifyDate=made, FileModifyDate=made, DateTime=made) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("+02:00", 7200),
        ("-0530", -19800),
        ("Z", 0),
        ("   :  ", None),
        ("+99:00", None),
        ("2", None),
        (None, None),
        ("+01:75", None),
    ],
)
def test_zone(value: object, seconds: int | None) -> None:
    assert zone_offset(value) == seconds


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, "undef", "inf", "nan", (0, 0), "0/0", "1/0", "", [], [[1]], b"\x01", object()],
)
def test_no_number_is_none(value: object) -> None:
    assert number(value) in (None, 0.0 if value == (0, 0) else None)
    assert one("aperture_f", FNumber=value) is None
    assert one("shutter_s", ExposureTime=value) is None


def test_zero_and_negative_settings_are_not_told() -> None:
    assert one("shutter_s", ExposureTime=0) is None
    assert one("shutter_s", ExposureTime=-0.5) is None
    assert one("aperture_f", FNumber=0) is None
    assert one("focal_mm", FocalLength=0) is None
    assert one("iso", ISO=0) is None
    assert one("bias_ev", ExposureCompensation=0) == 0.0
    assert one("shutter_s", ExposureTime="1/250") == 0.004


def test_iso_of_65535_asks_the_recommended_index() -> None:
    assert one("iso", ISO=65535, RecommendedExposureIndex=102400) == 102400
    assert one("iso", ISO=65535) is None
    assert one("iso", ISO=(400, 0)) == 400
    assert one("iso", ISO="200 200") == 200


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ((47, 30, 0), (8, 15, 36), (47.5, 8.26)),
        ((math.nan, 0, 0), (8, 0, 0), (None, None)),
        ((95, 0, 0), (8, 0, 0), (None, None)),
        ((47, 0, 0), (181, 0, 0), (None, None)),
        ((0, 0, 0), (0, 0, 0), (None, None)),
        ((47, 99, 0), (8, 0, 0), (None, None)),
        ("47.5", "8.26", (47.5, 8.26)),
        ((47,), None, (None, None)),
    ],
)
def test_places(latitude: object, longitude: object, expected: tuple[float | None, float | None]) -> None:
    facts = facts_from_tags({"EXIF:GPSLatitude": latitude, "EXIF:GPSLongitude": longitude})
    assert (facts.latitude_deg, facts.longitude_deg) == expected


def test_southern_and_western_places_are_negative_and_void_fixes_absent() -> None:
    tags = {
        "EXIF:GPSLatitude": (33, 0, 0),
        "EXIF:GPSLatitudeRef": "S",
        "EXIF:GPSLongitude": (70, 0, 0),
        "EXIF:GPSLongitudeRef": b"W\0",
    }
    facts = facts_from_tags(tags)
    assert (facts.latitude_deg, facts.longitude_deg) == (-33, -70)
    assert facts_from_tags(tags | {"EXIF:GPSStatus": "V"}).latitude_deg is None


def test_text_is_trimmed_cut_at_nul_and_limited() -> None:
    assert text("  NIKON\tD70 \0rubbish") == "NIKON D70"
    assert text(b"Caf\xc3\xa9") == "Caf\u00e9"
    assert text("\0") is None
    assert len(text("x" * 5000) or "") == 128
    assert "\n" not in (text("a\nb") or "")


@pytest.mark.parametrize(
    ("tags", "stars"),
    [
        ({"XMP:Rating": 4}, 4),
        ({"EXIF:Rating": 0}, None),
        ({"XMP:Rating": "-1"}, -1),
        ({"XMP:Rating": 7}, None),
        ({"EXIF:RatingPercent": 50}, 3),
        ({"EXIF:RatingPercent": 99}, 5),
        ({"XMP:Rating": 2, "EXIF:RatingPercent": 99}, 2),
        ({"XMP:Rating": "5.0"}, 5),
        ({"MakerNotes:Rating": 3}, 3),
        ({"XMP:Rating": "nan"}, None),
    ],
)
def test_embedded_ratings(tags: dict[str, object], stars: int | None) -> None:
    assert facts_from_tags(tags).rating == stars


@pytest.mark.parametrize(
    ("tags", "bracketing"),
    [
        ({"EXIF:ExposureMode": 2}, True),
        ({"EXIF:ExposureMode": 0}, False),
        ({}, None),
        ({"MakerNotes:ReleaseMode": "Exposure Bracketing"}, True),
        ({"MakerNotes:ReleaseMode": "White Balance Bracketing", "EXIF:ExposureMode": 0}, False),
        ({"MakerNotes:BracketSettings": "No Bracket"}, None),
        ({"MakerNotes:BracketMode": "AEB"}, True),
        ({"MakerNotes:AEBBracketValue": -1.33}, True),
        ({"MakerNotes:AEBBracketValue": 0}, None),
        ({"MakerNotes:AutoBracketing": "On"}, True),
        ({"MakerNotes:DriveMode": "Focus Bracketing, Shot 3"}, None),
        ({"EXIF:Make": "NIKON", "MakerNotes:ShootingMode": "Continuous, Exposure Bracketing"}, True),
    ],
)
def test_exposure_brackets_are_recognised(tags: dict[str, object], bracketing: bool | None) -> None:
    assert facts_from_tags(tags).bracketing is bracketing


def test_sensor_part_number_is_no_unique_id() -> None:
    assert one("unique_id", ImageUniqueID="XA8XLNF00SM") is None
    assert one("unique_id", ImageUniqueID="0" * 32) is None
    assert one("unique_id", ImageUniqueID="D6223137806A63AE0493C57452E9B6B2") is not None


_ODD = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.booleans(),
    st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=5)), max_size=4),
    st.tuples(st.floats()),
)
_NAMES = [
    "DateTimeOriginal",
    "SubSecTimeOriginal",
    "OffsetTimeOriginal",
    "ISO",
    "FNumber",
    "ExposureTime",
    "GPSLatitude",
    "GPSLongitude",
    "Rating",
    "LensModel",
    "Orientation",
    "ExposureMode",
    "Model",
    "ImageUniqueID",
]


@given(
    st.dictionaries(
        st.sampled_from([f"{group}:{name}" for name in _NAMES for group in ("EXIF", "XMP", "MakerNotes")]), _ODD
    )
)
@settings(max_examples=300, deadline=None)
def test_any_value_gives_facts_within_their_ranges(tags: dict[str, object]) -> None:
    facts = facts_from_tags(tags)
    numbers = [facts.taken_s, facts.aperture_f, facts.shutter_s, facts.iso, facts.latitude_deg, facts.longitude_deg]
    assert all(value is None or math.isfinite(value) for value in numbers)
    assert facts.orientation in (None, *range(1, 9))
    assert facts.rating in (None, -1, 1, 2, 3, 4, 5)
    assert facts.iso is None or facts.iso > 0


def _jpeg_with(folder: Path, exif: Image.Exif, xmp: bytes = b"") -> Path:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (80, 100, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", exif=exif, **({"xmp": xmp} if xmp else {}))  # type: ignore[arg-type]
    (folder / "a.jpg").write_bytes(buffer.getvalue())
    return folder / "a.jpg"


def test_pillow_reads_a_camera_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model X\0\0", 6
    details = exif.get_ifd(0x8769)
    details.update(
        {
            0x9003: "2024:05:06 07:08:09",
            0x9291: "5",
            0x9011: "+01:00",
            0x829A: 0.002,
            0x829D: 2.8,
            0x8827: 400,
            0x920A: 50.0,
            0xA402: 2,
            0xA434: "50mm F2.8",
        }
    )
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (18.0, 0.0, 0.0)})
    facts = read_facts(_jpeg_with(tmp_path, exif, b'<x xmp:Rating="4"/>'))
    assert facts == CaptureFacts(
        taken_s=1714979289.5,
        subsecond=True,
        zone_s=3600,
        make="Maker",
        camera="Model X",
        lens="50mm F2.8",
        focal_mm=50.0,
        aperture_f=2.8,
        shutter_s=0.002,
        iso=400.0,
        bracketing=True,
        orientation=6,
        latitude_deg=-33.5,
        longitude_deg=18.0,
        rating=4,
    )


@pytest.mark.parametrize(
    ("packet", "stars"),
    [
        (b'<x xmp:Rating="3"/>', 3),
        (b"<xmp:Rating>2</xmp:Rating>", 2),
        (b"<x xap:Rating='5'/>", 5),
        (b'<x xmp:Rating="0"/>', None),
        (b'<!DOCTYPE a [<!ENTITY b "x">]><a xmp:Rating="1">&b;</a>', 1),
        (b'<x MicrosoftPhoto:Rating="75"/>', 4),
        (b"\xff" * 99, None),
    ],
)
def test_rating_is_found_in_a_packet_without_parsing_it(tmp_path: Path, packet: bytes, stars: int | None) -> None:
    assert read_facts(_jpeg_with(tmp_path, Image.Exif(), packet)).rating == stars
