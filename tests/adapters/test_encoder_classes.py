"""Known photographs come out in their known ImageNet classes, and the heads know a good frame from a bad one.

The classifier is not part of the built graph; it is read from the weights here, to prove the graph below it.
"""

import csv
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.inference.bundle import read_shipped, source_folder
from safelight.inference.encoder import BundleEncoder
from safelight.inference.session import open_session
from safelight.models.build.efficientnet_lite0 import class_scores
from safelight.models.embedded import embedded_bundle, open_embedded

Classes = Callable[[Path], list[int]]

CATS = {281, 282, 283, 284, 285}
SHIPPED_BY_SCIKIT_IMAGE = {
    "chelsea.png": CATS,
    "coffee.png": {967, 968},  # espresso, cup
    "camera.png": {872},  # tripod
    "motorcycle_left.png": {665, 670},  # moped, motor scooter
    "rocket.jpg": {540, 657, 744},  # drilling platform, missile, projectile
}
OF_THE_SHARED_PHOTOGRAPHS = {
    "Acorns1.jpg": {988}, "Beach1.jpg": {977, 978}, "Billiards1.jpg": {736}, "Cat1.jpg": CATS,
    "Elephant1.jpg": {385, 386}, "Coffee1.jpg": {967, 968}, "Firehydrant1.jpg": {702, 602},
    "Flowers1.jpg": {985}, "Horse1.jpg": {339}, "Keyboard1.jpg": {508}, "Lava1.jpg": {980},
    "Lion1.jpg": {291}, "Meerkat1.jpg": {299}, "Orangutan1.jpg": {365},
    "Monkey1.jpg": set(range(365, 385)), "Barrels1.jpg": {427}, "Parachuting1.jpg": {701},
}  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> BundleEncoder:
    return open_embedded(cache=cache)


@pytest.fixture(scope="module")
def classes(cache: Path) -> Classes:
    bundle = embedded_bundle(cache=cache)
    session = open_session(bundle.model)
    weights = read_shipped(source_folder(bundle.manifest.origin), bundle.manifest.source)

    def best(path: Path) -> list[int]:
        thumb = read_picture(path, DecodeRules()).thumb
        (features,) = session.run(["features"], {"image": thumb[None]})
        return [int(number) for number in np.argsort(-class_scores(weights, features[0]))[:2]]

    return best


@pytest.fixture(scope="module")
def scikit_pictures() -> Path:
    found = importlib.util.find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs the photographs of scikit-image, which is not installed")
    return Path(found.submodule_search_locations[0]) / "data"


@pytest.mark.parametrize("name", list(SHIPPED_BY_SCIKIT_IMAGE))
def test_a_photograph_of_scikit_image_has_its_class(scikit_pictures: Path, classes: Classes, name: str) -> None:
    assert classes(scikit_pictures / name)[0] in SHIPPED_BY_SCIKIT_IMAGE[name]


def test_public_photographs_have_their_classes(shared_data: Path, classes: Classes) -> None:
    folder = shared_data / "taste_oasis" / "images"
    wrong = {name for name, right in OF_THE_SHARED_PHOTOGRAPHS.items() if classes(folder / name)[0] not in right}
    assert wrong == set()


def judged(encoder: BundleEncoder, path: Path) -> float:
    picture = read_picture(path, DecodeRules())
    return encoder.encode(picture.thumb, picture.closeup).quality


def test_the_sharp_one_of_sharp_defocused_and_moved_is_best(shared_data: Path, encoder: BundleEncoder) -> None:
    folder = shared_data / "burst" / "blur_triplets"
    sharp = sorted([*folder.glob("*_S.jpg"), *folder.glob("*_S.JPG")])
    assert sharp
    for path in sharp:
        others = [path.with_name(path.name.replace("_S.", f"_{fault}.")) for fault in "FM"]
        assert judged(encoder, path) > max(judged(encoder, other) for other in others) + 0.3


def test_frames_of_a_scene_are_ordered_better_than_by_the_laplacian(shared_data: Path, encoder: BundleEncoder) -> None:
    folder = shared_data / "quality_biq"
    with (folder / "scene_series_mos.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::2]  # every other frame: half the time, all scenes
    scenes = np.array([row["group"] for row in rows])
    opinion = np.array([float(row["mos"]) for row in rows])
    mine = np.array([judged(encoder, folder / "images" / row["f"]) for row in rows])
    better = (opinion[:, None] - opinion > 0.1) & (scenes[:, None] == scenes)
    assert better.sum() > 100
    right: NDArray[Any] = mine[:, None] > mine
    assert (better & right).sum() / better.sum() > 0.94  # the Laplacian has 0.91, chance 0.5
