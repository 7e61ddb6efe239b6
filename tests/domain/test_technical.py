"""Measures: they are finite, they hear what they are named after, and little else."""

import dataclasses
import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as made

from safelight.domain.octaves import split, tile_px
from safelight.domain.technical import Measures, measure
from tests.bench.degradations import defocused, moved, to_picture
from tests.domain.pictures import Picture, fog, moon, scene, sunset


def light_of(picture: Picture) -> np.ndarray:
    return (picture / 255.0) ** 2.2


def numbers(measures: Measures) -> list[float]:
    return list(measures.as_dict().values())


@settings(max_examples=40, deadline=None)
@given(made.arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70), st.just(3))))
def test_every_number_is_finite_for_every_small_picture(picture: Picture) -> None:
    assert all(math.isfinite(number) for number in numbers(measure(picture)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2047), (2047, 1), (3, 700), (512, 512), (1365, 2047), (33, 31)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_pictures_of_any_shape_are_measured(shape: tuple[int, int], value: int) -> None:
    measures = measure(np.full((*shape, 3), value, dtype=np.uint8))
    assert all(math.isfinite(number) for number in numbers(measures))
    assert measures.exposure == pytest.approx(value / 255, abs=1e-3)
    assert measures.noise == 0 and measures.colour == 0 and measures.contrast == 0


def test_extreme_pictures_are_measured() -> None:
    draw = np.random.default_rng(0)
    checker = np.indices((256, 256)).sum(axis=0) % 2 * 255
    for picture in (draw.integers(0, 256, (300, 200, 3)), np.repeat(checker[..., None], 3, axis=2)):
        assert all(math.isfinite(number) for number in numbers(measure(picture.astype(np.uint8))))


def test_the_same_picture_gives_the_same_numbers() -> None:
    assert measure(scene()) == measure(scene())


def test_a_read_only_view_with_strides_is_measured_like_a_copy() -> None:
    view = scene(640, 960)[::2, ::2]
    view.flags.writeable = False
    assert measure(view) == measure(np.ascontiguousarray(view))


def test_numbers_survive_json() -> None:
    measures = measure(scene())
    assert Measures.from_dict(json.loads(json.dumps(measures.as_dict()))) == measures


def test_a_missing_number_is_an_error() -> None:
    incomplete = measure(scene()).as_dict()
    del incomplete["focus"]
    with pytest.raises(KeyError):
        Measures.from_dict(incomplete)


@pytest.mark.parametrize("seed", range(4))
def test_focus_and_detail_fall_with_every_step_of_blur(seed: int) -> None:
    light = light_of(scene(seed=seed))
    steps = [measure(to_picture(light)), *(measure(to_picture(defocused(light, sigma))) for sigma in (0.7, 1.2, 2, 4))]
    for sharper, softer in pairwise(steps):
        assert sharper.focus > softer.focus + 0.2
        assert sharper.detail > softer.detail + 0.2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stops", [-1.0, -0.5, 0.5])
def test_focus_hardly_moves_with_brightness(seed: int, stops: float) -> None:
    light = light_of(scene(seed=seed, texture=45)) * 0.7
    change = measure(to_picture(light * 2**stops)).focus - measure(to_picture(light)).focus
    blurred = measure(to_picture(defocused(light, 1.0))).focus - measure(to_picture(light)).focus
    assert abs(change) < 0.65 * abs(stops)  # on white texture, the worst case; energy itself moves by 0.91 octaves
    assert abs(change) < abs(blurred) / 2


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135])
@pytest.mark.parametrize("length", [6, 12])
def test_motion_is_told_from_defocus_in_every_direction(degrees: int, length: int) -> None:
    light = light_of(scene())
    calm, swept = measure(to_picture(light)), measure(to_picture(moved(light, length, degrees)))
    soft = [measure(to_picture(defocused(light, sigma))) for sigma in (1.0, 2.0, 3.0)]
    assert swept.motion > max(calm.motion, *(one.motion for one in soft)) + 0.3
    assert swept.focus < calm.focus


@pytest.mark.parametrize("turn", ["mirrored", "upside down", "quarter turn"])
def test_flips_and_turns_change_next_to_nothing(turn: str) -> None:
    picture = scene(512, 512)
    turned = {"mirrored": picture[:, ::-1], "upside down": picture[::-1], "quarter turn": np.rot90(picture)}[turn]
    before, after = measure(picture), measure(turned)
    for field in dataclasses.fields(Measures):
        assert getattr(after, field.name) == pytest.approx(getattr(before, field.name), abs=0.2, rel=0.03), field.name


def test_noise_is_measured_and_is_not_taken_for_detail() -> None:
    draw = np.random.default_rng(3)
    soft = to_picture(defocused(light_of(scene()), 2.0))
    for sigma in (3, 6, 12):
        grainy = np.clip(np.round(soft + draw.normal(0, sigma, soft.shape)), 0, 255).astype(np.uint8)
        measures = measure(grainy)
        assert measures.noise == pytest.approx(sigma, rel=0.35)
        assert measures.focus < measure(scene()).focus - 0.5


def test_focus_of_a_subject_does_not_need_a_sharp_background() -> None:
    sharp = scene(480, 480)
    portrait = to_picture(defocused(light_of(sharp), 4.0))
    portrait[160:320, 160:320] = sharp[160:320, 160:320]
    assert measure(portrait).focus > measure(to_picture(defocused(light_of(sharp), 4.0))).focus + 2
    assert measure(portrait).focus > measure(sharp).focus - 1


def test_moon_on_a_black_sky_is_not_blurred() -> None:
    sharp = measure(moon())
    soft = measure(to_picture(defocused(light_of(moon()), 3.0)))
    assert sharp.focus > 0
    assert soft.focus < sharp.focus - 1.5


def test_sunset_clipping_is_not_blown_highlights() -> None:
    assert measure(sunset()).highlights < 0.01


def test_glints_are_not_blown_highlights_but_a_burnt_sky_is() -> None:
    picture = scene(480, 480)
    picture[::37, ::41] = 255
    assert measure(picture).highlights == 0
    picture[:160] = 255
    assert measure(picture).highlights == pytest.approx(1 / 3, abs=0.05)


def test_crushed_shadows_are_an_area() -> None:
    picture = scene(480, 480)
    assert measure(picture).shadows == 0
    picture[240:] = 3
    assert measure(picture).shadows == pytest.approx(0.5, abs=0.05)


def test_exposure_follows_the_light() -> None:
    light = light_of(scene()) * 0.5
    exposures = [measure(to_picture(light * 2.0**stops)).exposure for stops in (-2, -1, 0, 1)]
    assert exposures == sorted(exposures)
    assert exposures[0] < exposures[-1] - 0.3


def test_fog_has_little_contrast_and_no_clipping() -> None:
    measures = measure(fog())
    assert measures.contrast < 0.2
    assert measures.highlights == measures.shadows == 0


def test_grey_has_no_colour_and_red_has() -> None:
    grey = np.repeat(scene()[..., :1], 3, axis=2)
    red = grey.copy()
    red[..., 1:] //= 3
    assert measure(grey).colour == 0
    assert measure(red).colour > 30


@pytest.mark.parametrize("long_edge", [512, 1024, 1500, 2047])
def test_tiles_keep_their_share_of_the_frame(long_edge: int) -> None:
    tile = tile_px(long_edge * 2 // 3, long_edge)
    assert tile % 16 == 0
    assert 24 <= long_edge / tile <= 48


def test_octaves_of_white_noise_fall_by_four() -> None:
    draw = np.random.default_rng(8)
    grey = np.clip(np.round(draw.normal(128, 10, (512, 768, 1))), 0, 255).astype(np.uint8)
    energy = [float(level.mean()) for level in split(np.repeat(grey, 3, axis=2)).energy]
    assert energy[0] == pytest.approx(12 * 100, rel=0.05)
    for above, below in pairwise(energy):
        assert above / below == pytest.approx(4, rel=0.2)  # edges of tiles cost a little
