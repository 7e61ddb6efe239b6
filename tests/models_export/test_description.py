"""The manifest of an exported bundle says what lies on the disk, and is read back before anyone else does."""

import hashlib
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import BundleError
from safelight.models.export.agreement import Agreement
from safelight.models.export.description import MANIFEST, Made, Shape, describe, quoted, sum_of
from safelight.models.export.wanted import AtRandom, FromFolder, FromHub, Wanted
from safelight.models.export.words import LARGEST, sentences

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GOOD, POOR = Agreement(1e-6, 0.99999, 0.9999), Agreement(0.3, 0.97, 0.9)


@pytest.fixture
def folder(tmp_path):
    for name, content in {"vision_int8.onnx": b"vision", "text_int8.onnx": b"text", "tokenizer.json": b"{}"}.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def wanted(folder, origin, **changes):
    return Wanted(origin=origin, folder=folder / "unused", name="mine", **changes)


def files(agreement=GOOD):
    return [
        Made("vision", "vision_int8.onnx", "int8", agreement),
        Made("text", "text_int8.onnx", "int8", agreement),
        Made("tokenizer", "tokenizer.json"),
    ]


def test_sizes_and_sums_are_those_on_the_disk(folder):
    manifest = describe(wanted(folder, AtRandom("tiny")), Shape(32, 64, tokens=16), files(), folder=folder)
    for file in manifest.files:
        content = (folder / file.path).read_bytes()
        assert file.size_bytes == len(content)
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert file.confirmed
    assert (folder / MANIFEST).read_bytes().endswith(b"\n")


def test_what_was_exported_is_local_and_says_where_its_weights_are_from(folder):
    origin = FromHub("google/siglip2-base-patch16-224", COMMIT)
    manifest = describe(
        wanted(folder, origin, licence="Apache-2.0"), Shape(224, 768, tokens=64), files(), folder=folder
    )
    assert manifest.source.local
    assert manifest.source.repository is None
    assert COMMIT in manifest.source.title
    assert manifest.source.home == f"https://huggingface.co/google/siglip2-base-patch16-224/tree/{COMMIT}"
    assert manifest.source.licence == "Apache-2.0"


def test_a_folder_of_any_name_can_be_described(folder):
    strange = folder / ("\udcff\n\"'\\ [x] = " + "y" * 180)
    strange.mkdir()
    (strange / "config.json").write_text("{}")
    manifest = describe(wanted(folder, FromFolder(strange)), Shape(32, 64, tokens=16), files(), folder=folder)
    assert "\n" not in manifest.source.title
    assert "y" * 40 in manifest.source.title


def test_int8_is_for_processors_and_texts_are_for_either(folder):
    manifest = describe(wanted(folder, AtRandom("tiny")), Shape(32, 64, tokens=16), files(), folder=folder)
    vision, text, tokenizer = manifest.files
    assert (vision.device, text.device, tokenizer.device) == ("cpu", None, None)
    assert (vision.precision, text.precision, tokenizer.precision) == ("int8", "int8", None)


def test_int8_texts_warn_and_so_does_a_tower_that_agrees_little(folder):
    shape = Shape(32, 64, tokens=16)
    vision, text, _ = describe(wanted(folder, AtRandom("tiny")), shape, files(), folder=folder).files
    assert vision.warning is None
    assert "search" in text.warning
    vision, *_ = describe(wanted(folder, AtRandom("tiny")), shape, files(POOR), folder=folder).files
    assert "0.970" in vision.warning


def test_a_bundle_without_texts_has_no_text_graph(folder):
    manifest = describe(wanted(folder, AtRandom("tiny")), Shape(32, 64), files()[:1], folder=folder)
    assert manifest.text is None
    assert manifest.vision.side_px == 32


def test_the_end_sign_is_named_only_where_the_tokenizer_does_not_add_it(folder):
    for eos_id in (None, 7):
        shape = Shape(32, 64, tokens=16, pad_id=3, eos_id=eos_id, mean=120.0, deviation=60.5)
        manifest = describe(wanted(folder, AtRandom("tiny")), shape, files(), folder=folder)
        assert (manifest.text.pad_id, manifest.text.eos_id) == (3, eos_id)
        assert (manifest.vision.mean, manifest.vision.deviation) == (120.0, 60.5)


def test_what_would_not_be_read_back_is_not_written(folder):
    with pytest.raises(BundleError):
        describe(wanted(folder, AtRandom("tiny")), Shape(32, 0), files()[:1], folder=folder)
    assert not (folder / MANIFEST).exists()


def test_sum_of_a_file_larger_than_what_is_read_at_once(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "large").write_bytes(content)
    assert sum_of(tmp_path / "large") == hashlib.sha256(content).hexdigest()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_from_its_quotes(text):
    assert tomllib.loads(f"text = {quoted(text)}")["text"] == text


def test_the_small_tokenizer_learns_from_sentences_that_differ():
    told = sentences()
    assert len(set(told)) == len(told) > 1000
    assert LARGEST <= 500
