"""The text tower of a fetched bundle: any text at all becomes exactly as many tokens as it takes, and a unit vector."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from safelight.errors import BundleError
from safelight.inference.fetched import TextGraph
from safelight.inference.installed import read_installed
from safelight.inference.text_encoder import Tokens, TowerEncoder, open_text
from safelight.ports import TextEncoder
from tests.fakes.bundles import NAME, SOURCE, tiny_bundle
from tests.fakes.graphs import LENGTH, bundle, tower, words_tower

PAD, EOS, BOS, UNKNOWN = 0, 1, 2, 3
ODD = [
    "",
    " ",
    "\n",
    "two\nlines",
    "\t\r\n",
    "😀 👩‍👩‍👧‍👦 🏳️‍🌈",
    "e\u0301",
    "\u202eright to left",
    "\0",
    "ﬁ",
    "中文 русский ไทย",
    "<eos><pad>",
]


def words(*, own_end: bool = True, lower: bool = False) -> bytes:
    """Return a tokenizer of a few whole words, that puts a sign before and, with `own_end`, one behind."""
    known = ["<pad>", "<eos>", "<bos>", "<unk>", "cat", "dog", "beach", "Cat"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    behind = [("<eos>", EOS)] if own_end else []
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>" if own_end else "<bos> $A", special_tokens=[("<bos>", BOS), *behind]
    )
    # A tokenizer's file may bring lengths of its own; they are not those that the tower was made for.
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=11, pad_id=9)
    return tokenizer.to_str().encode()


def tokens(content: bytes, **more: Any) -> Tokens:
    return Tokens(content, TextGraph(**({"tokens": 6, "pad_id": PAD, "eos_id": EOS} | more)), name="stand-in")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> TowerEncoder:
    return open_text(tiny)


def test_it_is_the_port(encoder: TowerEncoder, tiny: Path) -> None:
    port: TextEncoder = encoder
    assert port.bundle == read_installed(tiny).id
    assert port.bundle.endswith(":int8")


def test_it_is_compared_with_what_a_gpu_made_when_told_so(tiny: Path) -> None:
    assert open_text(tiny, bundle=f"{NAME}:123456789012:fp16").bundle == f"{NAME}:123456789012:fp16"


@given(texts=st.lists(st.text(max_size=80), max_size=3))
@settings(max_examples=40)
def test_any_text_gives_a_finite_vector_of_length_one(encoder: TowerEncoder, texts: list[str]) -> None:
    said = encoder.embed(texts)
    assert (said.shape, said.dtype) == ((len(texts), 64), np.float32)
    assert np.allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", [*ODD, "word " * 20_000, "x" * 100_000, "caf\udce9.jpg"])
def test_odd_and_endless_texts_are_taken(encoder: TowerEncoder, text: str) -> None:
    assert np.isfinite(encoder.embed([text])).all()


def test_no_neighbour_changes_what_is_said_of_a_text(encoder: TowerEncoder) -> None:
    several = ["a cat", "a very long text about a dog on the beach", ""]
    assert np.array_equal(encoder.embed(several), np.concatenate([encoder.embed([text]) for text in several]))


def test_other_words_give_another_vector(encoder: TowerEncoder) -> None:
    cat, dog, again = encoder.embed(["a cat", "a dog", "A CAT"])
    assert not np.allclose(cat, dog)
    assert np.array_equal(cat, again)


# --- how texts become tokens ------------------------------------------------------------------------------------------


def test_the_end_comes_after_the_words_and_padding_after_it() -> None:
    cut = tokens(words())
    assert cut.of("cat dog").tolist() == [4, 5, EOS, PAD, PAD, PAD]
    assert cut.of("").tolist() == [EOS, PAD, PAD, PAD, PAD, PAD]


def test_what_is_too_long_is_cut_and_keeps_its_end() -> None:
    assert tokens(words()).of("cat dog beach cat dog").tolist() == [4, 5, 6, 4, 5, EOS]
    assert tokens(words()).of("cat " * 500).tolist() == [4, 4, 4, 4, 4, EOS]


def test_a_tokenizer_that_adds_the_end_itself_keeps_it_too() -> None:
    cut = tokens(words(), eos_id=None)
    assert cut.of("cat dog").tolist() == [BOS, 4, 5, EOS, PAD, PAD]
    assert cut.of("cat " * 500).tolist() == [BOS, 4, 4, 4, 4, EOS]


def test_lower_case_is_made_where_the_manifest_says_so() -> None:
    assert tokens(words()).of("Cat").tolist()[0] == 4
    assert tokens(words(), lower_case=False).of("Cat").tolist()[0] == 7
    assert tokens(words(lower=True), lower_case=False).of("Cat").tolist()[0] == 4


@given(text=st.text(max_size=300), own=st.booleans(), length=st.integers(1, 20))
@settings(max_examples=60)
def test_whatever_the_text_there_are_as_many_tokens_as_the_tower_takes(text: str, own: bool, length: int) -> None:
    content = (SOURCE / "tokenizer.json").read_bytes()
    cut = tokens(content, tokens=length, eos_id=None if own and length > 1 else EOS).of(text)
    assert (cut.shape, cut.dtype) == ((length,), np.int64)
    at = cut.tolist().index(EOS)  # raises where there is none
    assert all(token == PAD for token in cut[at + 1 :])


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b"\xff\xfe\x00", b'{"version": "1.0", "model": {}}'])
def test_a_tokenizer_that_is_rubbish_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="'stand-in' cannot be used: its tokenizer is not understood"):
        tokens(content)


def no_words(folder: Path) -> Path:
    return bundle(folder, {("int8", "cpu"): tower()})


def test_a_bundle_without_a_text_tower_knows_no_words(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="installed without a text tower") as caught:
        open_text(no_words(tmp_path / "b"))
    assert "safelight models fetch stand-in --text" in caught.value.hint


def test_the_stand_in_of_these_tests_is_taken_when_nothing_is_wrong(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower()}, words=(words_tower(), words()))
    assert open_text(folder).embed(["cat", "dog"]).shape == (2, LENGTH)


@pytest.mark.parametrize(
    "model, said",
    [
        (b"no model", r"text\.onnx: The model could not be run"),
        (tower(), "its text tower takes pixel_values instead of input_ids"),
        (words_tower(tokens=9), r"its text tower takes tensor\(int64\) of shape \(None, 9\)"),
        (words_tower(length=10), "answers 10 numbers instead of 12"),
    ],
)
def test_a_text_tower_that_does_not_fit_is_refused(tmp_path: Path, model: bytes, said: str) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower()}, words=(model, words()))
    with pytest.raises(BundleError, match=said):
        open_text(folder)


def test_a_tower_that_takes_shorter_numbers_is_given_them(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower()}, words=(words_tower(kind=6), words()))
    assert open_text(folder).embed(["cat"]).shape == (1, LENGTH)


def test_a_token_that_the_tower_does_not_know_ends_in_our_error(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower()}, words=(words_tower(), words()), pad_id=600)
    with pytest.raises(BundleError, match="its text tower failed"):
        open_text(folder).embed(["cat"])


@pytest.mark.parametrize("name", ["tokenizer.json", "text_int8.onnx"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    folder = tiny_bundle(tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=name.replace(".", r"\.") + " is not the one that was verified"):
        open_text(folder)


def test_a_text_tower_is_no_matter_to_pictures(tmp_path: Path) -> None:
    from safelight.inference.fetched_encoder import open_vision
    from safelight.models.prepare import prepare
    from tests.fakes.bundles import tiny_manifest

    folder = tiny_bundle(tmp_path)
    prepare(folder, tiny_manifest(), threads=1)
    content = bytearray((folder / "text_int8.onnx").read_bytes())
    content[1000] ^= 1
    (folder / "text_int8.onnx").write_bytes(content)
    assert open_vision(folder).length == 64


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BundleError, match="tokenizers, cannot be loaded"):
        tokens(b"{}")
