"""Bursts: what belongs to one moment, what does not, and that the order of the input is nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.frame import CaptureFacts
from safelight.domain.grouping import bursts
from safelight.domain.overlays import Overlays
from safelight.domain.shots import name_key, origin_stems, times
from safelight.domain.signature import SIGNATURE_BYTES, THUMB_PX, layout_of, signature
from safelight.domain.similarity import Look, aligned, nudged, turned
from tests.fakes.scenes import dated, embedding, plain_burst, scene, shot, view


def parts(shots):
    return sorted(sorted(group.members) for group in bursts(shots))


def timed(key, seed, taken_s, *, cosine=0.97, camera="One", left=20, stops=0.0):
    facts = CaptureFacts(taken_s=taken_s, camera=camera)
    return shot(key, view(scene(seed), left, stops=stops, seed=key), embedding(seed, cosine=cosine, other=key), facts)


def untimed(key, seed, **wanted):
    return dated(timed(key, seed, 0.0, **wanted), None, camera=None)


def test_a_burst_is_one_group_in_the_order_it_was_taken():
    groups = bursts(plain_burst(1, range(6), start_s=1000.0))
    assert [group.members for group in groups] == [(0, 1, 2, 3, 4, 5)]
    assert groups[0].kind is None


def test_close_in_time_but_unlike_is_no_burst():
    assert parts([timed(n, n, 1000.0 + n * 0.2) for n in range(5)]) == [[0], [1], [2], [3], [4]]


def test_one_theme_is_not_one_moment():
    """Two lawns: the embedding says nearly the same, nothing lies on each other."""
    one, other = timed(0, 1, 1000.0), timed(1, 2, 1001.0)
    alike = replace(other, embedding=embedding(1, cosine=0.88, other=5))
    assert float(one.embedding @ alike.embedding) > 0.8
    assert parts([one, alike]) == [[0], [1]]


def test_alike_but_long_after_is_another_moment():
    assert parts([timed(0, 1, 1000.0), timed(1, 1, 1600.0)]) == [[0], [1]]


def test_a_slip_of_the_exposure_stays_in_the_burst():
    """Two stops over: the embedding has moved far away, the picture still lies on the other."""
    frames = [timed(0, 1, 1000.0), timed(1, 1, 1001.0, cosine=0.4, stops=1.5), timed(2, 1, 1002.0)]
    assert parts(frames) == [[0, 1, 2]]


def test_two_cameras_never_share_a_burst():
    frames = plain_burst(1, range(3), start_s=1000.0) + plain_burst(1, range(3, 6), start_s=1000.1, camera="Two")
    assert parts(frames) == [[0, 1, 2], [3, 4, 5]]


def test_two_cameras_are_not_joined_through_a_frame_that_names_none():
    frames = [dated(timed(n, 1, 0.0), None) for n in range(3)]
    frames[1] = dated(frames[1], None, camera=None)
    frames[2] = dated(frames[2], None, camera="Two")
    assert not any({0, 2} <= set(part) for part in parts(frames))


def test_a_slow_pan_does_not_chain_unrelated_scenes():
    """Each frame is near the next in its embedding; the first and the last have nothing in common."""
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(64, 12)))[0].T
    frames = []
    for n in range(44):
        at, share = divmod(n / 4, 1.0)
        vector = np.cos(share * np.pi / 2) * axes[int(at)] + np.sin(share * np.pi / 2) * axes[int(at) + 1]
        facts = CaptureFacts(taken_s=1000.0 + n, camera="One")
        frames.append(shot(n, view(scene(n), 0), vector.astype(np.float32), facts))
    widths = [int(part[-1]) - int(part[0]) for part in parts(frames)]
    assert max(widths) < 12


def test_moments_that_alternate_are_parted():
    frames = [timed(n, 1 + n % 2, 1000.0 + n) for n in range(8)]
    assert parts(frames) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_whole_seconds_are_ordered_by_number():
    frames = [replace(timed(n, 1, 1000.0), name=b"IMG_%d.JPG" % n) for n in (10, 9, 11, 8)]
    assert bursts(frames)[0].members == (8, 9, 10, 11)


def test_frames_without_time_group_by_looks():
    frames = [untimed(n, 1 + n // 3) for n in range(9)]
    assert parts(frames) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_frames_without_time_and_unlike_stay_alone():
    assert parts([untimed(n, n) for n in range(12)]) == [[n] for n in range(12)]


def test_copies_find_each_other_under_foreign_names():
    frames = [untimed(n, n % 10) for n in range(20)]
    assert parts(frames) == [[n, n + 10] for n in range(10)]


def test_an_edit_named_after_its_original_joins_it():
    """Mirrored and cut: too far for strangers, near enough for a file that says whose edit it is."""
    original = replace(timed(0, 1, 1000.0), name=b"IMG_0001.JPG")
    edited = replace(untimed(1, 1, cosine=0.85), name=b"IMG_0001-edit.JPG")
    others = [replace(untimed(n, n), name=b"IMG_0001%d.JPG" % n) for n in range(2, 9)]
    assert [0, 1] in parts([original, edited, *others])


def test_a_name_alone_joins_nothing():
    original, edited = replace(untimed(0, 1), name=b"IMG_0001.JPG"), replace(untimed(1, 2), name=b"IMG_0001-edit.JPG")
    assert parts([original, edited]) == [[0], [1]]


def test_one_stamp_on_a_whole_box_is_no_time():
    shots = [timed(n, n // 2, 5000.0) for n in range(40)]
    assert set(times(shots).values()) == {None}
    assert parts(shots) == [[n, n + 1] for n in range(0, 40, 2)]


def test_a_few_frames_in_one_second_keep_their_time():
    assert set(times([timed(n, 1, 5000.0) for n in range(12)]).values()) == {5000.0}


@pytest.mark.parametrize("days", [0, 3652, 10957])
def test_a_clock_that_was_never_set_tells_no_time(days):
    assert times([timed(0, 1, days * 86400.0)]) == {0: None}
    assert times([timed(0, 1, days * 86400.0 + 61.0)]) == {0: days * 86400.0 + 61.0}


def test_other_folders_are_other_moments():
    frames = [timed(n, 1, 1000.0 + n) for n in range(2)]
    assert parts([frames[0], replace(frames[1], folder=b"/photos/best")]) == [[0], [1]]


def test_a_card_goes_on_in_its_next_folder():
    frames = [timed(n, 1, 1000.0 + n) for n in range(2)]
    before, after = replace(frames[0], folder=b"/card/DCIM/100CANON"), replace(frames[1], folder=b"/card/DCIM/101CANON")
    assert parts([before, after]) == [[0, 1]]


def test_names_that_are_not_text_are_fine():
    frames = [replace(untimed(n, 1), name=b"\xff\n%d'\".jpg" % n) for n in range(2)]
    assert parts(frames) == [[0, 1]]


def test_blank_frames_are_not_alike_for_being_blank():
    """Two black frames have no structure to lie on each other; only their embedding could join them."""
    black = np.zeros((THUMB_PX, THUMB_PX, 3), np.uint8)
    frames = [shot(n, black, embedding(n), CaptureFacts(taken_s=1000.0 + n, camera="One")) for n in range(2)]
    assert parts(frames) == [[0], [1]]


def test_no_frames_are_no_groups():
    assert bursts([]) == ()


def test_a_key_given_twice_is_refused():
    with pytest.raises(ValueError, match="same key"):
        bursts([untimed(1, 1), untimed(1, 2)])


def test_names_are_ordered_by_number():
    assert sorted([b"a10.jpg", b"a9.jpg", b"A1.jpg"], key=name_key) == [b"A1.jpg", b"a9.jpg", b"a10.jpg"]


@pytest.mark.parametrize(
    ("name", "origin"),
    [(b"IMG_1234-edit.jpg", b"IMG_1234"), (b"IMG_1234 (2).jpg", b"IMG_1234"), (b"ukb00120_hflip.jpg", b"ukb00120")],
)
def test_an_edit_names_its_original(name, origin):
    assert origin in origin_stems(name)


def test_a_longer_number_is_no_edit():
    assert origin_stems(b"IMG12345.jpg") == ()


frames_drawn = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.one_of(st.none(), st.integers(0, 400)),
        st.sampled_from([None, "One", "Two"]),
        st.sampled_from([b"/a", b"/b"]),
        st.integers(0, 30),
    ),
    max_size=14,
)


@given(frames_drawn, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_every_frame_is_in_one_group_whatever_the_order(drawn, random):
    shots = []
    for key, (seed, taken_s, camera, folder, number) in enumerate(drawn):
        made = timed(key, seed, 0.0, camera=camera)
        placed = replace(made, folder=folder, name=b"IMG_%d.JPG" % number)
        shots.append(dated(placed, None if taken_s is None else 1e9 + taken_s / 4))
    groups = bursts(shots)
    assert sorted(key for group in groups for key in group.members) == list(range(len(shots)))
    for group in groups:
        members = [shots[key] for key in group.members]
        assert len({one.folder for one in members}) == 1
        assert len({one.facts.camera for one in members} - {None}) <= 1
    random.shuffle(shots)
    assert bursts(shots) == groups


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_many_overlays_at_once_are_the_same_overlays(one, other, left, right):
    layouts = np.stack([layout_of(signature(view(scene(seed), at))) for seed, at in ((one, left), (other, right))])
    looks = [Look(embedding(1), layout, 1.5) for layout in layouts]
    expected = aligned(looks[0], looks[1])
    assert Overlays(layouts).best(np.array([0]), np.array([1]))[0] == pytest.approx(expected, abs=2e-4)
    assert aligned(looks[1], looks[0]) == pytest.approx(expected, abs=2e-4)


@given(st.integers(0, 1000), st.floats(-2.0, 0.5))
@settings(max_examples=25, deadline=None)
def test_the_layout_outlives_exposure(seed, stops):
    plain, other = (Look(embedding(1), layout_of(signature(view(scene(seed), stops=by))), 1.0) for by in (0.0, stops))
    assert aligned(plain, other) > 0.85


def test_a_signature_is_small_and_the_same_again():
    thumb = view(scene(3))
    assert signature(thumb).shape == (SIGNATURE_BYTES,)
    assert SIGNATURE_BYTES < 512
    assert np.array_equal(signature(thumb), signature(thumb.copy()))


def test_a_signature_of_something_else_is_refused():
    with pytest.raises(ValueError, match="thumb"):
        signature(np.zeros((10, 10, 3), np.uint8))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_a_finite_signature_and_no_overlay(value):
    flat = Look(embedding(1), layout_of(signature(np.full((THUMB_PX, THUMB_PX, 3), value, np.uint8))), 1.0)
    assert np.isfinite(flat.layout).all()
    assert abs(aligned(flat, flat)) < 0.1


def test_a_quarter_turn_is_found_only_by_turning():
    grid = layout_of(signature(view(scene(5))))
    upright, lying = Look(embedding(1), grid, 1.0), Look(embedding(1), np.rot90(grid).copy(), 1.0)
    assert nudged(upright, lying) < 0.5
    assert turned(upright, lying) > 0.9
