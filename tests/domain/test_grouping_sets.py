"""Deliberate sets: recognised and whole, and ordinary bursts never taken for one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.frame import CaptureFacts, SetKind
from safelight.domain.grouping import bursts
from safelight.domain.signature import THUMB_PX
from tests.fakes.scenes import dated, embedding, plain_burst, scene, shot, softened, view

LOCKED = {"shutter_s": 1 / 125, "aperture_f": 8.0, "iso": 100.0, "focal_mm": 35.0}


def sets(shots):
    return [(group.kind, group.members) for group in bursts(shots) if group.kind is not None]


def exposed(key, stops, taken_s, *, recorded=True, follows=True, seed=1, **facts):
    shutter = {"shutter_s": 1 / 125 * 2**stops, "aperture_f": 8.0, "iso": 100.0} if recorded else {}
    told = CaptureFacts(taken_s=taken_s, subsecond=True, camera="One", **shutter, **facts)
    thumb = view(scene(seed), 20, stops=stops if follows else 0.0, seed=key)
    return shot(key, thumb, embedding(seed, cosine=0.8, other=key), told)


@pytest.mark.parametrize(
    "order", [(-2, 0, 2), (0, -2, 2), (0, 2, -2), (2, 0, -2), (0, -1, 1, -2, 2), (-1, -0.33, 0.33, 1)]
)
def test_an_exposure_bracket_is_kept_whole(order):
    frames = [exposed(n, stops - 0.5, 1000.0 + n * 0.3) for n, stops in enumerate(order)]
    assert sets(frames) == [(SetKind.BRACKET, tuple(range(len(order))))]


def test_two_brackets_in_a_row_are_two_sets():
    frames = [exposed(n, (0, -2, 2)[n % 3] - 0.5, 1000.0 + n * 0.4) for n in range(6)]
    assert sets(frames) == [(SetKind.BRACKET, (0, 1, 2)), (SetKind.BRACKET, (3, 4, 5))]


def test_the_cameras_word_makes_a_bracket_of_two():
    frames = [exposed(n, stops, 1000.0 + n * 0.3, bracketing=True) for n, stops in enumerate((-1.0, 0.5))]
    assert sets(frames) == [(SetKind.BRACKET, (0, 1))]


def test_two_exposures_without_the_cameras_word_are_no_bracket():
    assert sets([exposed(n, stops, 1000.0 + n * 0.3) for n, stops in enumerate((-1.0, 0.5))]) == []


def test_automatic_exposure_is_no_bracket():
    """The shutter follows the light, so that the pictures stay equally bright."""
    assert sets([exposed(n, stops, 1000.0 + n * 0.3, follows=False) for n, stops in enumerate((-1, 0, 1))]) == []


def test_copies_of_one_exposure_are_no_bracket_however_dark():
    """Brightness changed afterwards: what is recorded is the same exposure."""
    frames = [exposed(n, stops, 1000.0 + n * 0.3) for n, stops in enumerate((-2, -1, 0, 0.5, 1))]
    same = [dated(frame, frame.facts.taken_s, shutter_s=1 / 125) for frame in frames]
    assert sets(same) == []


def test_uneven_exposures_are_no_bracket():
    assert sets([exposed(n, stops, 1000.0 + n * 0.3) for n, stops in enumerate((-2.5, -2.1, 0.3))]) == []


def test_slow_changes_of_exposure_are_no_bracket():
    assert sets([exposed(n, stops, 1000.0 + n * 20.0) for n, stops in enumerate((-2, 0, 1))]) == []


def test_a_bracket_of_unlike_scenes_is_none():
    frames = [exposed(n, stops, 1000.0 + n * 0.3, seed=n) for n, stops in enumerate((-2, 0, 1))]
    assert sets(frames) == []


def test_five_frames_ever_brighter_are_a_bracket_without_any_record():
    frames = [exposed(n, -3.0 + 0.75 * n, None, recorded=False) for n in range(5)]
    assert sets(frames) == [(SetKind.BRACKET, (0, 1, 2, 3, 4))]


def test_three_frames_ever_brighter_are_a_burst():
    frames = [exposed(n, -2.0 + n, None, recorded=False) for n in range(3)]
    assert [group.members for group in bursts(frames)] == [(0, 1, 2)]
    assert sets(frames) == []


def stacked(count, *, step_s=1.0, drive=None, order=None):
    """Return a stack: a band of sharpness that moves from the bottom to the top."""
    rows = np.arange(THUMB_PX)[:, None] / THUMB_PX
    frames = []
    for n in range(count):
        plane = 1.0 - (order or list(range(count)))[n] / max(count - 1, 1)
        blur = np.clip(np.abs(rows - plane) * 2.0 - 0.2, 0, 1) * np.ones((1, THUMB_PX))
        thumb = softened(view(scene(4), 20), blur)
        facts = CaptureFacts(taken_s=1000.0 + n * step_s, camera="One", drive=drive, **LOCKED)
        frames.append(shot(n, thumb, embedding(4, cosine=0.9, other=n), facts))
    return frames


def test_a_focus_stack_is_recognised_by_its_moving_plane():
    assert sets(stacked(7)) == [(SetKind.FOCUS, tuple(range(7)))]


def test_a_focus_stack_by_hand_takes_its_time():
    assert sets(stacked(6, step_s=6.0)) == [(SetKind.FOCUS, tuple(range(6)))]


def test_focus_that_hunts_is_no_stack():
    assert sets(stacked(7, order=[3, 0, 5, 1, 6, 2, 4])) == []


def test_three_frames_are_a_stack_only_by_the_cameras_word():
    assert sets(stacked(3)) == []
    assert sets(stacked(3, drive="Focus Bracketing")) == [(SetKind.FOCUS, (0, 1, 2))]


def test_frames_that_only_grow_sharper_are_no_stack():
    everywhere = np.ones((THUMB_PX, THUMB_PX))
    frames = []
    for n in range(6):
        thumb = softened(view(scene(4), 20), everywhere * (1 - n / 5))
        facts = CaptureFacts(taken_s=1000.0 + n, camera="One", **LOCKED)
        frames.append(shot(n, thumb, embedding(4, cosine=0.9, other=n), facts))
    assert sets(frames) == []


def swept(offsets, *, step_s=2.0, subsecond=False, **facts):
    frames = []
    for n, left in enumerate(offsets):
        told = CaptureFacts(taken_s=1000.0 + n * step_s, subsecond=subsecond, camera="One", **(LOCKED | facts))
        frames.append(shot(n, view(scene(6), left, seed=n), embedding(6, cosine=0.85, other=n), told))
    return frames


@pytest.mark.parametrize("offsets", [(0, 100, 200, 300), (420, 290, 150, 20), (0, 75, 150)])
def test_a_sweep_is_a_panorama(offsets):
    assert sets(swept(offsets)) == [(SetKind.PANORAMA, tuple(range(len(offsets))))]


def test_there_and_back_is_no_panorama():
    assert sets(swept((0, 100, 0, 100))) == []


def test_following_a_subject_on_a_held_release_is_no_panorama():
    assert sets(swept((0, 60, 120, 180), step_s=0.1, subsecond=True)) == []


def test_a_sweep_of_automatic_exposures_is_no_panorama():
    frames = swept((0, 100, 200, 300))
    shifted = [dated(frame, frame.facts.taken_s, shutter_s=1 / (100 + n)) for n, frame in enumerate(frames)]
    assert sets(shifted) == []


def test_a_shaking_hand_is_no_panorama():
    assert sets(swept((20, 28, 37, 45))) == []


@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([0.1, 0.5, 1.0, 3.0]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_an_ordinary_burst_is_never_a_set(seed, count, step_s, recorded):
    frames = plain_burst(seed, range(count), start_s=1000.0, step_s=step_s)
    if recorded:
        frames = [dated(frame, frame.facts.taken_s, **LOCKED) for frame in frames]
    groups = bursts(frames)
    assert [group.kind for group in groups] == [None]
    assert groups[0].members == tuple(range(count))


@given(st.permutations(range(9)))
@settings(max_examples=15, deadline=None)
def test_sets_do_not_depend_on_the_order_of_the_input(order):
    frames = [exposed(n, (-2, -0.75, 0.5)[n % 3], 1000.0 + n * 0.3) for n in range(6)]
    frames += [replace(frame, key=frame.key + 6, folder=b"/other") for frame in swept((0, 100, 200))]
    found = [SetKind.BRACKET, SetKind.BRACKET, SetKind.PANORAMA]
    assert sorted(kind for kind, _ in sets([frames[at] for at in order])) == sorted(found)
