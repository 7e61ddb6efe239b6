"""A staged bundle is run before it is installed: what is computed is always the same, and all there or not at all."""

import json
import os
import re
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedManifest, read_fetched
from safelight.inference.fetched_encoder import open_vision
from safelight.inference.golden import reference_picture
from safelight.inference.installed import computed_in, read_installed
from safelight.inference.text_encoder import open_text
from safelight.models.prepare import prepare, saved, unreadable
from safelight.models.zero_shot import PAIRS, directions
from tests.adapters.test_text_encoder import words
from tests.fakes.bundles import tiny_bundle, tiny_manifest
from tests.fakes.graphs import bundle, tower, words_tower
from tests.fakes.runtime import FakeRuntime


def manifest_of(folder: Path) -> FetchedManifest:
    return read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml")


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "made").iterdir())}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A bundle as it is before it is installed: without a receipt."""
    folder = tiny_bundle(tmp_path)
    (folder / "receipt.json").unlink()
    return folder


def test_the_reference_of_every_tower_and_the_directions_are_computed(staged: Path) -> None:
    prepare(staged, tiny_manifest(), threads=1)
    assert set(made(staged)) == {"golden_vision.npy", "golden_vision_fp32.npy", "directions.npz"}
    for name in ("golden_vision.npy", "golden_vision_fp32.npy"):
        golden = np.load(staged / "made" / name)
        assert (golden.shape, golden.dtype) == ((64,), np.float16)
        assert np.isclose(np.linalg.norm(golden.astype(np.float32)), 1, atol=1e-3)
    with np.load(staged / "made" / "directions.npz") as file:
        assert set(file) == {"quality", "appeal"}
        assert all(np.isclose(np.linalg.norm(file[name]), 1) for name in file)
        assert all((file[name].shape, file[name].dtype) == ((64,), np.float32) for name in file)


def test_the_reference_is_what_the_bundle_says_of_the_known_picture(tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path)
    prepare(folder, tiny_manifest(), threads=1)
    said = open_vision(folder).embed(reference_picture(32)[None])[0]
    assert np.array_equal(said.astype(np.float16), np.load(folder / "made" / "golden_vision.npy"))


def test_it_gives_the_same_bytes_every_time(staged: Path) -> None:
    prepare(staged, tiny_manifest(), threads=1)
    first = made(staged)
    prepare(staged, tiny_manifest(), threads=2)
    assert made(staged) == first


def test_without_a_text_tower_there_are_no_directions(staged: Path) -> None:
    for name in ("text_int8.onnx", "tokenizer.json"):
        (staged / name).unlink()
    prepare(staged, tiny_manifest(), threads=1)
    assert set(made(staged)) == {"golden_vision.npy", "golden_vision_fp32.npy"}


def test_one_tower_has_one_reference(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("fp32", ""): tower()})
    prepare(folder, manifest_of(folder), threads=1)
    assert set(made(folder)) == {"golden_vision.npy"}


def test_what_a_broken_off_attempt_left_is_no_matter(staged: Path) -> None:
    (staged / "made.unfinished").mkdir()
    (staged / "made.unfinished" / "directions.npz").write_bytes(b"half")
    (staged / "made").mkdir()
    (staged / "made" / "golden_vision.npy").write_bytes(b"old")
    prepare(staged, tiny_manifest(), threads=1)
    assert sorted(path.name for path in staged.iterdir() if path.is_dir()) == ["made"]
    assert "old" not in made(staged)["golden_vision.npy"].decode("latin-1")


# --- what was computed before ----------------------------------------------------------------------------------------

GOLDEN = "golden_vision.npy"
GOLDENS = [GOLDEN, "golden_vision_fp32.npy"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The tiny bundle as it was installed before sums of what was computed were noted."""
    folder = tiny_bundle(tmp_path / "installed")
    prepare(folder, tiny_manifest(), threads=1)
    return folder


def turned(folder: Path, name: str) -> bytes:
    """Let a reference be one that can be read and that no model agrees with; return its content."""
    np.save(folder / "made" / name, -np.load(folder / "made" / name))
    return (folder / "made" / name).read_bytes()


def with_sums(folder: Path) -> Path:
    receipt = json.loads((folder / "receipt.json").read_text())
    receipt["made"] = [each.model_dump() for each in computed_in(folder)]
    (folder / "receipt.json").write_text(json.dumps(receipt))
    return folder


@pytest.mark.parametrize("name", GOLDENS)
def test_a_reference_without_a_sum_that_does_not_agree_is_computed_anew(
    installed: Path, staged: Path, name: str
) -> None:
    right = made(installed)
    turned(installed, name)
    prepare(staged, tiny_manifest(), threads=1, before=read_installed(installed))
    assert made(staged) == right


@pytest.mark.parametrize("name", GOLDENS)
def test_a_reference_without_a_sum_stays_when_it_agrees(installed: Path, staged: Path, name: str) -> None:
    golden = np.load(installed / "made" / name)
    golden[:5] *= np.float16(1.01)  # another library of before
    np.save(installed / "made" / name, golden)
    old = (installed / "made" / name).read_bytes()
    prepare(staged, tiny_manifest(), threads=1, before=read_installed(installed))
    assert made(staged)[name] == old


@pytest.mark.parametrize("name", GOLDENS)
def test_a_reference_with_its_sum_stays_whatever_is_computed_now(installed: Path, staged: Path, name: str) -> None:
    old = turned(installed, name)
    prepare(staged, tiny_manifest(), threads=1, before=read_installed(with_sums(installed)))
    assert made(staged)[name] == old


@pytest.mark.parametrize("name", GOLDENS)
def test_a_reference_that_can_be_read_and_does_not_agree_is_told(installed: Path, name: str) -> None:
    assert unreadable(read_installed(installed)) == ""
    turned(installed, name)
    told = f"made/{name}, which was computed at install, does not agree with its model."
    assert unreadable(read_installed(installed)) == told


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_a_reference_of_nothing_is_told_and_not_kept(installed: Path, staged: Path, value: float) -> None:
    right = made(installed)
    (installed / "made" / GOLDEN).write_bytes(saved(np.full(64, value, np.float16)))
    assert f"made/{GOLDEN}" in unreadable(read_installed(installed))
    prepare(staged, tiny_manifest(), threads=1, before=read_installed(installed))
    assert made(staged) == right


def test_a_tower_that_cannot_be_run_says_nothing_of_its_reference(installed: Path) -> None:
    there = read_installed(installed)
    for path in installed.glob("vision*"):
        path.write_bytes(b"damaged")  # which is told by its own sum
    assert unreadable(there) == ""


# --- bundles that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "towers, text, said",
    [
        ({("int8", "cpu"): b"no model"}, None, r"vision_int8\.onnx"),
        ({("fp16", "gpu"): b"no model"}, None, r"vision_fp16\.onnx"),
        ({("int8", "cpu"): tower(length=9)}, None, "answers 9 numbers instead of 12"),
        ({("int8", "cpu"): tower(wrong="nan")}, None, "not finite"),
        ({("int8", "cpu"): tower(wrong="zero")}, None, "not finite or all zero"),
        ({("int8", "cpu"): tower(wrong="constant")}, None, "the same of a picture and its negative"),
        ({("int8", "gpu"): tower()}, None, "without a vision tower"),
        ({("int8", "cpu"): tower()}, (b"no model", words()), r"text\.onnx"),
        ({("int8", "cpu"): tower()}, (words_tower(), b"{"), "tokenizer is not understood"),
        (
            {("int8", "cpu"): tower()},
            (words_tower(wrong="constant"), words()),
            "the same of opposite words about quality",
        ),
    ],
)
def test_a_bundle_that_cannot_be_used_is_refused_and_nothing_is_left(
    tmp_path: Path, towers: dict[tuple[str, str], bytes], text: tuple[bytes, bytes] | None, said: str
) -> None:
    folder = bundle(tmp_path / "b", towers, words=text)
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(BundleError, match=said) as caught:
        prepare(folder, manifest_of(folder), threads=1)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert caught.value.hint


def test_a_file_for_a_gpu_that_a_processor_cannot_run_costs_only_the_gpu(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower(), ("fp16", "gpu"): tower(length=9)})
    prepare(folder, manifest_of(folder), threads=1)
    encoder = open_vision(folder, runtime=FakeRuntime())
    assert encoder.provider.name == "cpu"
    assert "vision_fp16.onnx" in encoder.provider.reason or "9 numbers" in encoder.provider.reason


def test_a_file_that_is_not_there_yet_is_no_tower(staged: Path) -> None:
    for path in staged.glob("vision*"):
        path.unlink()
    with pytest.raises(BundleError, match="without a vision tower"):
        prepare(staged, tiny_manifest(), threads=1)
    assert not (staged / "made").exists()


def test_a_full_disk_is_a_sentence_and_leaves_nothing(staged: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # as a full disk does: the file is begun and ends there
    try:
        with pytest.raises(BundleError, match="cannot be written") as caught:
            prepare(staged, tiny_manifest(), threads=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "space" in caught.value.hint
    assert not [path for path in staged.iterdir() if path.is_dir()]


def test_a_folder_that_cannot_be_written_is_a_sentence(staged: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    staged.chmod(0o500)
    with pytest.raises(BundleError, match="cannot be written"):
        prepare(staged, tiny_manifest(), threads=1)
    staged.chmod(0o700)


def test_something_else_in_the_place_of_its_folder_is_a_sentence(staged: Path) -> None:
    (staged / "made.unfinished").write_bytes(b"a file")
    with pytest.raises(BundleError, match="cannot be written"):
        prepare(staged, tiny_manifest(), threads=1)
    assert (staged / "made.unfinished").read_bytes() == b"a file"


# --- the words of quality and appeal ----------------------------------------------------------------------------------

PEOPLE = """
    baby beautiful-people boy boys child children couple crowd eye eyes face faces family friend friends girl girls guy
    human humans kid kids laugh laughing man men model mother people person portrait selfie smile smiling woman women
""".split()


def test_no_word_is_about_people() -> None:
    used = {word for pairs in PAIRS.values() for pair in pairs for text in pair for word in re.findall(r"[a-z]+", text)}
    assert used & set(PEOPLE) == set()
    assert {"photo", "sharp", "beautiful"} <= used


def test_there_are_several_pairs_of_different_lower_case_texts() -> None:
    assert set(PAIRS) == {"quality", "appeal"}
    for pairs in PAIRS.values():
        texts = [text for pair in pairs for text in pair]
        assert len(pairs) >= 5
        assert len(set(texts)) == len(texts)
        assert all(text == text.lower() for text in texts)


class Says:
    """A text tower that answers by a table, or by the number of letters."""

    bundle = "said"

    def __init__(self, vector: Callable[[str], Sequence[float]]) -> None:
        self._vector = vector

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.array([self._vector(text) for text in texts], np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_a_direction_leads_from_what_is_worse_to_what_is_better() -> None:
    table: dict[str, list[float]] = {"good": [1, 0, 0], "bad": [0, 1, 0], "fine": [1, 0, 1], "poor": [0, 1, 1]}
    towards = directions(Says(table.__getitem__), {"quality": [("good", "bad"), ("fine", "poor")]})["quality"]
    assert np.allclose(towards, np.array([1, -1, 0]) / np.sqrt(2), atol=1e-6)


def test_words_turned_round_give_the_opposite_direction() -> None:
    def vector(text: str) -> list[float]:
        return [len(text), text.count("a") + 1, 1]

    pairs = PAIRS["quality"]
    one = directions(Says(vector), {"quality": pairs})["quality"]
    other = directions(Says(vector), {"quality": [pair[::-1] for pair in pairs]})["quality"]
    assert np.allclose(one, -other)


def test_what_is_the_same_on_both_sides_is_not_in_the_direction() -> None:
    def vector(text: str) -> list[float]:
        return [5.0, 1.0 if "good" in text else -1.0]

    towards = directions(Says(vector), {"quality": [("good photo", "bad photo")]})["quality"]
    assert np.allclose(towards, [0, 1], atol=1e-6)


@pytest.mark.parametrize("vector", [lambda _: [1.0, 2.0], lambda _: [np.nan, 1.0]])
def test_a_tower_that_hears_no_difference_is_refused(vector: Callable[[str], Any]) -> None:
    with pytest.raises(BundleError, match="the same of opposite words"):
        directions(Says(vector))


def test_the_directions_of_a_bundle_are_those_of_its_words(tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path)
    prepare(folder, tiny_manifest(), threads=1)
    exact = directions(open_text(folder))
    found = open_vision(folder).directions
    assert {name: np.array_equal(found[name], exact[name]) for name in exact} == {"quality": True, "appeal": True}
