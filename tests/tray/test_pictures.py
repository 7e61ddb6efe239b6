"""The pictures of the lamp: read as an imaging library reads them, as drawn, and to be told apart on any panel."""

import io
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from safelight.tray.lamps import FOLDER, SIZES, Lamps, picture
from safelight.tray.pixels import Pixmap, pixmap
from safelight.tray.state import Lamp, Light
from tests.architecture.source import ROOT

NAMES = [Light(lamp, marked).name for lamp in Lamp for marked in (False, True)]
PANELS = [(255, 255, 255), (242, 241, 240), (43, 46, 51), (0, 0, 0)]


def drawn(width: int, height: int, pixels: bytes, **how) -> bytes:
    made = io.BytesIO()
    Image.frombytes("RGBA", (width, height), pixels).save(made, "png", **how)
    return made.getvalue()


def in_order_of_the_panel(image: Image.Image) -> bytes:
    red, green, blue, alpha = image.convert("RGBA").split()
    return Image.merge("RGBA", (alpha, red, green, blue)).tobytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_picture_is_read_as_by_an_imaging_library(name, size):
    read = pixmap(picture(name, size).read_bytes())
    with Image.open(picture(name, size)) as opened:
        assert (read.width, read.height) == opened.size == (size, size)
        assert read.pixels == in_order_of_the_panel(opened)


@given(st.data())
def test_any_picture_is_read_as_by_an_imaging_library(data):
    width, height = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    pixels = data.draw(st.binary(min_size=width * height * 4, max_size=width * height * 4))
    png = drawn(width, height, pixels, compress_level=data.draw(st.integers(0, 9)))
    with Image.open(io.BytesIO(png)) as opened:
        assert pixmap(png) == Pixmap(width, height, in_order_of_the_panel(opened))


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 200))
def test_a_damaged_picture_is_refused_and_nothing_worse(noise, start, length):
    whole = picture("lit", 16).read_bytes()
    damaged = whole[:start] + noise + whole[start + length :]
    try:
        read = pixmap(damaged)
    except ValueError:
        return
    assert len(read.pixels) == read.width * read.height * 4


@pytest.mark.parametrize("kind", ["L", "RGB", "P", "LA"])
def test_a_picture_of_another_kind_is_refused(kind):
    made = io.BytesIO()
    Image.new(kind, (16, 16)).save(made, "png")
    with pytest.raises(ValueError):
        pixmap(made.getvalue())


def test_a_picture_that_promises_more_than_it_has_is_refused():
    whole = picture("lit", 16).read_bytes()
    with pytest.raises(ValueError):
        pixmap(whole[:16] + (1 << 20).to_bytes(4, "big") + whole[20:])
    with pytest.raises(ValueError):
        pixmap(whole[:16] + (900).to_bytes(4, "big") + whole[20:])


def test_pictures_are_read_once():
    lamps = Lamps()
    assert lamps.pixmaps("dim") is lamps.pixmaps("dim")
    assert [one.width for one in lamps.pixmaps("dim")] == list(SIZES)


def test_there_is_no_picture_that_nobody_shows():
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}-{size}.png" for name in NAMES for size in SIZES}


def luminance(colour) -> float:
    """Return the relative luminance of sRGB (WCAG 2.2)."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def seen(name: str, size: int, panel) -> list[tuple[int, ...]]:
    """Return the pixels as they appear on a panel."""
    with Image.open(picture(name, size)) as opened:
        on = Image.new("RGBA", opened.size, (*panel, 255))
        on.alpha_composite(opened.convert("RGBA"))
        flat = on.convert("RGB").tobytes()
        return [tuple(flat[at : at + 3]) for at in range(0, len(flat), 3)]


@pytest.mark.parametrize("panel", PANELS, ids=["white", "light", "dark", "black"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_the_lamp_stands_out_from_light_and_dark_panels(name, size, panel):
    clear = sum(contrast(pixel, panel) >= 2.0 for pixel in seen(name, size, panel))
    assert clear >= 0.2 * size * size


@pytest.mark.parametrize("panel", PANELS, ids=["white", "light", "dark", "black"])
@pytest.mark.parametrize("size", SIZES)
def test_every_two_lamps_can_be_told_apart(size, panel):
    for number, name in enumerate(NAMES):
        for other in NAMES[number + 1 :]:
            pairs = zip(seen(name, size, panel), seen(other, size, panel), strict=True)
            differing = sum(max(abs(a - b) for a, b in zip(*pair, strict=True)) >= 48 for pair in pairs)
            assert differing >= 0.08 * size * size, (name, other)


def red(pixel) -> bool:
    return pixel[0] > 1.6 * max(pixel[1], pixel[2], 1)


def test_a_lamp_that_is_off_has_no_red_and_the_others_have():
    for size in SIZES:
        assert not any(map(red, seen("off", size, (43, 46, 51))))
        for name in ("lit", "dim"):
            assert sum(map(red, seen(name, size, (43, 46, 51)))) > 0.2 * size * size


def test_the_icon_of_the_program_is_there_in_all_sizes():
    for size in (16, 22, 24, 32, 48, 64, 128, 256):
        with Image.open(ROOT / f"packaging/icons/hicolor/{size}x{size}/apps/safelight.png") as opened:
            assert opened.size == (size, size) and opened.mode == "RGBA"
    source = (ROOT / "packaging/icons/safelight.svg").read_bytes()
    assert (ROOT / "packaging/icons/hicolor/scalable/apps/safelight.svg").read_bytes() == source


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="needs rsvg-convert (Debian: librsvg2-bin)")
def test_the_pictures_are_those_that_the_drawings_make(tmp_path):
    subprocess.run([ROOT / "packaging/icons/render.sh", tmp_path], check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.png"))
    assert len(made) == len(NAMES) * len(SIZES) + 8
    for path in made:
        with Image.open(tmp_path / path) as new, Image.open(ROOT / path) as kept:
            # Another version of the program may round otherwise.
            furthest = max(abs(a - b) for a, b in zip(new.tobytes(), kept.tobytes(), strict=True))
            assert furthest <= 24, path
