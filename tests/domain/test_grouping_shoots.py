"""Shoots: one outing, by time and folder."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.frame import CaptureFacts
from safelight.domain.shoots import shoots
from tests.fakes.scenes import embedding, scene, shot, view

HOUR_S = 3600.0
THUMB, VECTOR = view(scene(1)), embedding(1)


def frame(key, hours, folder=b"/p/one", name=None):
    taken = None if hours is None else 1e9 + hours * HOUR_S
    made = shot(key, THUMB, VECTOR, CaptureFacts(taken_s=taken, camera="One"))
    return replace(made, folder=folder, name=name or made.name)


def test_a_night_parts_two_outings_and_lunch_does_not():
    assert shoots([frame(0, 0), frame(1, 3), frame(2, 20), frame(3, 21)]) == ((0, 1), (2, 3))


def test_midnight_parts_nothing():
    assert shoots([frame(0, 0.0), frame(1, 2.0), frame(2, 4.0)]) == ((0, 1, 2),)


def test_folders_part_outings():
    assert shoots([frame(0, 0), frame(1, 2, b"/p/two")]) == ((0,), (1,))


def test_folders_with_interleaved_times_are_one_outing():
    assert shoots([frame(0, 0), frame(1, 1, b"/p/two"), frame(2, 2)]) == ((0, 2, 1),)


def test_far_folders_stay_apart_even_at_the_same_time():
    assert shoots([frame(0, 0), frame(1, 1, b"/elsewhere/deep/two"), frame(2, 2)]) == ((1,), (0, 2))


def test_frames_without_time_go_with_their_neighbour_by_name():
    mixed = [frame(0, 0), frame(1, None), frame(2, 20), frame(3, None)]
    assert shoots(mixed) == ((0, 1), (2, 3))


def test_a_folder_without_times_is_one_shoot():
    assert shoots([frame(n, None) for n in range(3)]) == ((0, 1, 2),)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 60)), st.sampled_from([b"/p/one", b"/p/two", b"/q/three"]))),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_every_frame_is_in_one_shoot_whatever_the_order(drawn, random):
    frames = [frame(key, hours, folder) for key, (hours, folder) in enumerate(drawn)]
    found = shoots(frames)
    assert sorted(key for part in found for key in part) == list(range(len(frames)))
    random.shuffle(frames)
    assert shoots(frames) == found
