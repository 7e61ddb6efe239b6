"""The middle of a picture: the same of the same photograph at every size, and turned as it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from safelight.decoding.closeup import closeup
from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from tests.domain.pictures import scene


def smooth(height: int, width: int) -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def test_a_picture_of_the_fitted_size_is_cut_and_not_touched() -> None:
    photo = scene(512, 512)
    assert np.array_equal(np.asarray(closeup(Image.fromarray(photo), 224)), photo[144:368, 144:368])


@pytest.mark.parametrize("scale", [2, 3.5])
def test_a_larger_file_of_the_same_photograph_shows_the_same(scale: float) -> None:
    small = np.asarray(closeup(smooth(342, 512), 224), np.float64)
    large = np.asarray(closeup(smooth(round(342 * scale), round(512 * scale)), 224), np.float64)
    assert np.abs(small - large).mean() < 2


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000), (100, 80), (300, 260), (500, 400)])
def test_narrow_and_small_pictures_have_a_middle(size: tuple[int, int]) -> None:
    assert closeup(Image.new("RGB", size, (9, 90, 190)), 224).size == (224, 224)


@given(st.integers(1, 1500), st.integers(1, 1500))
@settings(max_examples=30, deadline=None)
def test_every_size_gives_a_square(width: int, height: int) -> None:
    assert closeup(Image.new("RGB", (width, height)), 224).size == (224, 224)


def test_the_middle_is_shown_and_not_the_edge() -> None:
    photo = np.zeros((600, 900, 3), np.uint8)
    photo[200:400, 350:550] = 255
    middle = np.asarray(closeup(Image.fromarray(photo), 224))
    assert middle[112, 112].min() == 255
    assert middle.mean() > photo.mean() * 1.5


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_it_is_turned_as_the_picture_is(tmp_path: Path, orientation: int) -> None:
    turned = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]  # how far the camera was turned, in quarters
    photo = scene(400, 512)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "photo.png"
    Image.fromarray(np.rot90(photo, turned)).save(path, exif=exif)
    picture = read_picture(path, DecodeRules())
    assert np.array_equal(picture.rgb, photo)
    upright = np.asarray(closeup(Image.fromarray(photo), 224), np.int64)
    assert np.abs(picture.closeup.astype(np.int64) - upright).max() <= 2
