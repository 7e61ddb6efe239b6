"""A JPEG is decoded small and whole; what was cut off or emptied is noticed, what is merely unusual is not."""

import io
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.decoding.jpeg import draft_scale
from safelight.decoding.pixels import Picture, read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable

RULES = DecodeRules()


def scene(width: int = 900, height: int = 600, seed: int = 3) -> Image.Image:
    """Return a picture with large shapes and fine noise, different in every corner."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(30, 220, (6, 9, 3), dtype=np.uint8)).resize((width, height), 2)
    noisy = np.asarray(coarse, np.int16) + random.normal(0, 8, (height, width, 1)).astype(np.int16)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or scene()).save(buffer, "JPEG", **({"quality": 90} | options))  # type: ignore[arg-type]
    return buffer.getvalue()


def read(folder: Path, data: bytes, rules: DecodeRules = RULES) -> Picture:
    path = folder / "frame.jpg"
    path.write_bytes(data)
    return read_picture(path, rules)


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read(folder, data)
    return caught.value.summary


def test_large_jpeg_is_scaled_to_no_less_than_1024(tmp_path: Path) -> None:
    picture = read(tmp_path, jpeg(scene(4300, 2800)))
    assert picture.rgb.shape == (700, 1075, 3)
    assert (picture.width_px, picture.height_px) == (4300, 2800)
    assert picture.thumb.shape == (224, 224, 3)
    assert picture.rgb.dtype == picture.thumb.dtype == np.uint8


def test_thumb_is_the_whole_picture_squashed(tmp_path: Path) -> None:
    image = scene()
    wanted = np.asarray(image.resize((224, 224), Image.Resampling.BOX), np.int16)
    assert np.abs(read(tmp_path, jpeg(image, quality=97)).thumb - wanted).mean() < 6


@given(st.integers(1, 30_000), st.integers(1, 30_000))
@settings(max_examples=100, deadline=None)
def test_draft_scale_keeps_the_long_edge(width: int, height: int) -> None:
    scale = draft_scale(width, height, 1024)
    long_edge = max(width, height)
    assert scale == 1 or -(-long_edge // scale) >= 1024
    assert scale == 8 or -(-long_edge // (2 * scale)) < 1024


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_truncated_jpeg_is_refused(tmp_path: Path, progressive: bool, share: float) -> None:
    data = jpeg(progressive=progressive)
    assert "ends early" in refusal(tmp_path, data[: int(len(data) * share)])


@pytest.mark.parametrize("length", [3, 20, 200, 700, 2048])
def test_two_kilobytes_of_a_jpeg_are_refused(tmp_path: Path, length: int) -> None:
    assert "ends early" in refusal(tmp_path, jpeg()[:length])


@pytest.mark.parametrize("progressive", [False, True])
def test_missing_end_marker_alone_is_fine(tmp_path: Path, progressive: bool) -> None:
    data = jpeg(progressive=progressive)
    assert np.array_equal(read(tmp_path, data[:-2]).rgb, read(tmp_path, data).rgb)


def test_truncation_patched_up_with_an_end_marker_is_refused(tmp_path: Path) -> None:
    data = jpeg()
    assert "ends early" in refusal(tmp_path, data[: len(data) // 2] + b"\xff\xd9")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_zero_padded_jpeg_is_refused(tmp_path: Path, progressive: bool, share: float) -> None:
    data = jpeg(progressive=progressive)
    kept = int(len(data) * share)
    assert "zeros" in refusal(tmp_path, data[:kept] + bytes(len(data) - kept))


def test_lost_sectors_in_the_middle_are_noticed(tmp_path: Path) -> None:
    data = jpeg(scene(1800, 1200))
    at = len(data) // 2 // 512 * 512
    assert "zeros" in refusal(tmp_path, data[:at] + bytes(4096) + data[at + 4096 :])


def test_trailing_data_and_padding_are_fine(tmp_path: Path) -> None:
    data = jpeg()
    whole = read(tmp_path, data).rgb
    for tail in (b"\0\0\0\x18ftypmp42" + os.urandom(50_000), bytes(70_000), os.urandom(3000) + bytes(9000)):
        assert np.array_equal(read(tmp_path, data + tail).rgb, whole)


def test_flat_picture_with_optimised_tables_is_no_damage(tmp_path: Path) -> None:
    """A small thing on pure white is coded as thousands of zero bytes."""
    image = Image.new("RGB", (4000, 4000), "white")
    image.paste(scene(600, 400), (1700, 3000))
    data = jpeg(image, optimize=True)
    assert bytes(1500) in data
    assert read(tmp_path, data).width_px == 4000


def test_grey_border_is_not_taken_for_missing_data(tmp_path: Path) -> None:
    framed = Image.new("RGB", (1000, 700), (128, 128, 128))
    framed.paste(scene(), (50, 50))
    assert read(tmp_path, jpeg(framed)).width_px == 1000


@pytest.mark.parametrize(("colour", "word"), [("black", "all black"), ("white", "all white"), ("#8080c0", "one even")])
def test_uniform_frames_are_not_judged(tmp_path: Path, colour: str, word: str) -> None:
    assert word in refusal(tmp_path, jpeg(Image.new("RGB", (800, 600), colour)))


def test_night_sky_with_a_few_stars_is_judged(tmp_path: Path) -> None:
    pixels = np.zeros((700, 1000, 3), np.uint8)
    pixels[::97, ::101] = 255
    assert read(tmp_path, jpeg(Image.fromarray(pixels))).height_px == 700


def test_tiny_and_huge_pictures_are_refused_by_their_header(tmp_path: Path) -> None:
    assert "too small" in refusal(tmp_path, jpeg(Image.new("RGB", (1, 1))))
    assert "too small" in refusal(tmp_path, jpeg(scene(63, 500)))
    with pytest.raises(Unreadable, match="megapixels"):
        read(tmp_path, jpeg(scene(2000, 1000)), DecodeRules(limit_px=1_000_000))
    bomb = bytearray(jpeg(progressive=False))
    frame = bomb.index(b"\xff\xc0")
    bomb[frame + 5 : frame + 9] = b"\xff\xdc\xff\xdc"  # claims 65,500 x 65,500 pixels
    assert "megapixels" in refusal(tmp_path, bytes(bomb))


def test_cmyk_and_greyscale_jpegs_come_out_as_rgb(tmp_path: Path) -> None:
    grey = read(tmp_path, jpeg(scene().convert("L")))
    assert grey.rgb.shape == (600, 900, 3)
    assert np.array_equal(grey.rgb[..., 0], grey.rgb[..., 2])
    cmyk = read(tmp_path, jpeg(scene().convert("CMYK"), quality=97))
    assert np.abs(cmyk.rgb.astype(np.int16) - np.asarray(scene())).mean() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_same_picture(tmp_path: Path, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that stores an upright picture so
    stored = scene() if orientation == 1 else scene().transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read(tmp_path, jpeg(stored, quality=97, exif=exif.tobytes()))
    assert (picture.width_px, picture.height_px) == (900, 600)
    assert picture.facts.orientation == orientation
    assert np.abs(picture.rgb.astype(np.int16) - np.asarray(scene())).mean() < 4
    assert np.abs(picture.thumb.astype(np.int16) - np.asarray(scene().resize((224, 224), 4))).mean() < 6


def _told(path: Path) -> str:
    try:
        read_picture(path, RULES)
    except Unreadable as refused:
        return refused.summary
    return "a picture"


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_bytes_give_a_picture_or_a_reason(data: st.DataObject) -> None:
    whole = bytearray(jpeg(scene(200, 150)))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.jpg"
        path.write_bytes(bytes(whole))
        told = _told(path)
    assert told == "a picture" or told.endswith(".")
