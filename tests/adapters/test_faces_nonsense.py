"""Cutting squares out of previews, joining finds, and what happens when a model answers nonsense; needs no weights."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import BundleError
from safelight.inference.face_boxes import FAR_GRID, NEAR_GRID, OVERLAP, Found, merged, middles
from safelight.inference.face_crops import Halves, Square, squares_over
from safelight.inference.face_marks import Marks, eyes_open
from safelight.inference.face_models import FAR, LANDMARKS, MODELS, NEAR, Model, proven
from safelight.inference.faces import FaceModels
from safelight.inference.fetched import read_fetched
from tests.adapters.face_files import MANIFEST, manifest


class Stub:
    """A session that answers what it was told, instead of computing."""

    def __init__(self, model: Model, answers: Mapping[str, np.ndarray] | None = None) -> None:
        self.told = {name: np.zeros(length, np.float32) for name, length in model.outputs.items()} | (answers or {})
        self.shapes: list[tuple[int, ...]] = []

    def run(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        self.shapes += [each.shape for each in inputs.values()]
        return [self.told[name] for name in outputs]


def reader(**told: Mapping[str, np.ndarray]) -> FaceModels:
    quiet = {
        NEAR.name: {"classificators": np.full(896, -20, np.float32)},
        FAR.name: {"reshaped_classifier_face_4": np.full(2304, -20, np.float32)},
    }
    sessions = {model.name: Stub(model, quiet.get(model.name)) for model in MODELS}
    for name, answers in told.items():
        sessions[name.replace("_", "-")].told.update(answers)
    return FaceModels(sessions, bundle="faces:test:r1")


PICTURE = np.full((300, 400, 3), 90, np.uint8)
SEEN = {"classificators": np.where(np.arange(896) == 100, 20, -20).astype(np.float32)}
BOX = np.zeros((896, 16), np.float32)
BOX[:, 2:4] = 40.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "told",
    [
        lambda value: {"near_detector": {"regressors": np.full(896 * 16, value, np.float32)}},
        lambda value: {"far_detector": {"reshaped_classifier_face_4": np.full(2304, value, np.float32)}},
        lambda value: {
            "near_detector": SEEN | {"regressors": BOX.ravel()},
            "landmarks": {"Identity": np.full(478 * 3, value, np.float32)},
        },
    ],
)
def test_answers_that_are_not_finite_are_a_message(told, value) -> None:
    with pytest.raises(BundleError, match="not finite"):
        reader(**told(value)).read(PICTURE)


def test_answers_of_another_shape_are_a_message() -> None:
    with pytest.raises(BundleError, match="another shape"):
        reader(near_detector={"regressors": np.zeros(7, np.float32)}).read(PICTURE)


def test_wild_but_finite_answers_give_no_face_outside_of_the_picture() -> None:
    for scale in (0.0, 1e3, 1e30):
        boxes = np.random.default_rng(0).normal(0, 1, (896, 16)).astype(np.float32) * np.float32(scale)
        sure = np.full(896, 9, np.float32)
        told = {"Identity_1": np.full(1, 9, np.float32)}
        faces = reader(near_detector={"regressors": boxes.ravel(), "classificators": sure}, landmarks=told).read(
            PICTURE
        )
        for face in faces:
            numbers = (face.left, face.top, face.width, face.height, face.detail)
            assert np.isfinite(numbers).all()
            assert 0 <= face.left <= face.left + face.width <= 1 + 1e-9


def test_a_find_that_the_points_do_not_confirm_is_no_face() -> None:
    found = SEEN | {"regressors": BOX.ravel()}
    assert reader(near_detector=found, landmarks={"Identity_1": np.full(1, -9, np.float32)}).read(PICTURE) == ()


def test_a_session_that_answers_otherwise_is_not_proven() -> None:
    with pytest.raises(BundleError, match="wrong answers"):
        proven(Stub(LANDMARKS), LANDMARKS)


def test_every_answer_of_a_detector_has_its_place() -> None:
    near, far = middles(NEAR_GRID), middles(FAR_GRID)
    assert near.shape == (896, 2) and far.shape == (2304, 2)
    assert near[0].tolist() == near[1].tolist() == [1 / 32, 1 / 32]
    assert near[2].tolist() == [3 / 32, 1 / 32], "the first row runs to the right"
    assert near[-1].tolist() == [15 / 16, 15 / 16]


# --- squares out of previews ------------------------------------------------------------------------------------------


def gradient(high: int = 60, wide: int = 80) -> np.ndarray:
    rows, columns = np.mgrid[0:high, 0:wide]
    return np.stack([columns * 2, rows * 3, np.full((high, wide), 50)], axis=-1).astype(np.uint8)


def test_a_square_of_the_same_size_is_the_part_itself() -> None:
    picture = gradient()
    assert np.array_equal(Halves(picture).cut(Square(40, 30, 20), 20), picture[20:40, 30:50])


def test_a_square_is_the_same_turned_by_nothing_and_by_almost_nothing() -> None:
    halves = Halves(gradient())
    for side, pixels in ((20, 20), (37.3, 16), (12.5, 40), (90, 16)):
        straight = halves.cut(Square(40.7, 30.2, side), pixels)
        turned = halves.cut(Square(40.7, 30.2, side, 1e-9), pixels)
        assert np.abs(straight - turned).max() < 0.05


def test_a_square_turned_by_a_right_angle_is_the_part_turned() -> None:
    picture = gradient()
    turned = Halves(picture).cut(Square(40, 30, 20, np.pi / 2), 20)
    assert np.abs(turned - np.rot90(picture[20:40, 30:50])).max() < 0.01


def test_what_lies_outside_is_black() -> None:
    cut = Halves(np.full((60, 80, 3), 200, np.uint8)).cut(Square(0, 0, 20), 20)
    assert (cut[:10] == 0).all() and (cut[:, :10] == 0).all() and (cut[10:, 10:] == 200).all()


def test_a_board_of_pixels_becomes_grey_and_no_pattern() -> None:
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    small = Halves(np.repeat(board[..., None], 3, axis=2).astype(np.uint8)).cut(Square(256, 256, 400), 64)
    assert np.ptp(small) <= 1 and abs(float(small.mean()) - 128) < 2


@given(
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.floats(-200, 200), st.floats(-200, 200), st.floats(0.01, 500), st.floats(-7, 7),
)  # fmt: skip
def test_any_square_can_be_cut(shape, x, y, side, angle) -> None:
    cut = Halves(np.full((*shape, 3), 255, np.uint8)).cut(Square(x, y, side, angle), 16)
    assert cut.shape == (16, 16, 3) and cut.dtype == np.float32
    assert np.isfinite(cut).all() and cut.min() >= -0.01 and cut.max() <= 255.01


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([0.34, 0.5, 0.67, 1.0]))
def test_squares_cover_the_whole_picture_and_overlap(high, wide, share) -> None:
    squares = squares_over((high, wide), share)
    side = share * max(high, wide)
    for length, middle_of in ((high, lambda each: each.y), (wide, lambda each: each.x)):
        places = sorted({middle_of(each) for each in squares})
        assert places[0] - side / 2 <= 1e-6 and places[-1] + side / 2 >= length - 1e-6
        assert all(later - earlier <= side * 2 / 3 + 1e-6 for earlier, later in pairwise(places))


def test_an_ordinary_frame_is_looked_at_in_two_parts() -> None:
    assert len(squares_over((683, 1024), 0.67)) == len(squares_over((1024, 683), 0.67)) == 2
    assert len(squares_over((683, 1024), 1.0)) == 1


# --- one entry for each face ------------------------------------------------------------------------------------------

boxes = st.builds(
    lambda x, y, size, sure: Found(np.array([x, y, x + size, y + size]), np.full((6, 2), x), sure),
    st.floats(0, 100), st.floats(0, 100), st.floats(1, 60), st.floats(0.5, 1),
)  # fmt: skip


@given(st.lists(boxes, max_size=12))
def test_faces_that_come_out_hardly_overlap(found) -> None:
    faces = merged(found)
    assert len(faces) <= len(found) and bool(faces) == bool(found)
    assert [face.confidence for face in faces] == sorted((face.confidence for face in faces), reverse=True)


def test_answers_for_one_face_are_averaged_and_its_neighbour_is_kept() -> None:
    one = [
        Found(np.array([10.0, 10, 30, 30]), np.zeros((6, 2)), 0.9),
        Found(np.array([12.0, 10, 32, 30]), np.ones((6, 2)), 0.9),
    ]
    faces = merged([*one, Found(np.array([60.0, 10, 80, 30]), np.zeros((6, 2)), 0.7)])
    assert [face.box.tolist() for face in faces] == [[11, 10, 31, 30], [60, 10, 80, 30]]
    assert faces[0].points[0].tolist() == [0.5, 0.5]
    assert OVERLAP < 0.5


def test_a_part_of_a_face_found_again_in_a_smaller_square_is_no_second_face() -> None:
    whole = Found(np.array([0.0, 0, 100, 100]), np.zeros((6, 2)), 0.9)
    part = Found(np.array([0.0, 50, 45, 95]), np.ones((6, 2)), 0.7)
    (face,) = merged([part, whole])
    assert face.box.tolist() == [0, 0, 100, 100]


# --- what can be told of eyes -----------------------------------------------------------------------------------------


def marks(*, presence: float = 1.0, nose: float = 0.5) -> Marks:
    """Eyes half open, 100 pixels apart; `nose` is where the tip is between the cheeks."""
    points = np.zeros((478, 2))
    for corner, x in ((33, 0), (133, 40), (362, 60), (263, 100)):
        points[corner] = (x, 0)
    for upper, lower, x in zip(
        (246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155), np.linspace(5, 35, 7), strict=True
    ):
        points[upper], points[lower] = (x, -4.6), (x, 4.6)
    for upper, lower, x in zip(
        (466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382), np.linspace(95, 65, 7), strict=True
    ):
        points[upper], points[lower] = (x, -4.6), (x, 4.6)
    points[234], points[454], points[1] = (-20, 40), (120, 40), (-20 + 140 * nose, 40)
    return Marks(points, presence, 0.1, 0.9)


def test_half_open_eyes_are_half_open() -> None:
    assert eyes_open(marks(), 0.0) == (pytest.approx(0.5), pytest.approx(0.5))


def test_an_eye_that_is_turned_away_is_not_told() -> None:
    assert eyes_open(marks(nose=0.25), 0.0) == (None, pytest.approx(0.5)), "the right cheek is the far one"
    assert eyes_open(marks(nose=0.75), 0.0) == (pytest.approx(0.5), None)
    assert eyes_open(marks(nose=0.05), 0.0) == (None, None)


def test_eyes_that_are_unsure_small_or_soft_are_not_told() -> None:
    assert eyes_open(marks(presence=0.6), 0.0) == (None, None)
    assert eyes_open(marks(), -5.0) == (None, None)
    small = marks()
    assert eyes_open(Marks(small.points * 0.2, 1.0, 0.1, 0.9), 0.0) == (None, None)


# --- the manifest -----------------------------------------------------------------------------------------------------


def test_the_manifest_names_every_file_with_its_address_and_sum() -> None:
    told = manifest()
    assert told.kind == "faces" and told.source.repository is None
    assert {model.role for model in MODELS} == {file.role for file in told.files}
    assert all(file.url and file.sha256 and file.size_bytes and file.confirmed for file in told.files)


def test_a_manifest_without_any_place_to_fetch_from_is_refused() -> None:
    content = MANIFEST.read_text().replace("url = ", "# url = ", 1)
    with pytest.raises(BundleError, match="where its files come from"):
        read_fetched(content.encode(), MANIFEST)
