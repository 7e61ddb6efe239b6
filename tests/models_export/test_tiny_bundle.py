"""The bundle in tests/data is what its manifest says, runs, and was made by the exporter."""

import hashlib
import json

import numpy as np
import pytest

from safelight.errors import BundleError
from safelight.inference.fetched import read_fetched
from safelight.inference.session import open_session
from safelight.models.export.agreement import compare
from safelight.models.export.samples import planes, sample_squares, sample_texts
from tests.fakes.bundles import SOURCE, tiny_bundle, tiny_manifest

MANIFEST = tiny_manifest()
PATHS = {f"{file.role}-{file.precision}": file.path for file in MANIFEST.files}


def session(name):
    return open_session((SOURCE / PATHS[name]).read_bytes())


def pictures(count):
    return planes(sample_squares(MANIFEST.vision.side_px, count))


def test_every_file_is_what_the_manifest_says():
    assert {path.name for path in SOURCE.iterdir()} == {"manifest.toml", *(file.path for file in MANIFEST.files)}
    for file in MANIFEST.files:
        content = (SOURCE / file.path).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_it_is_small_and_names_no_machine():
    assert sum(path.stat().st_size for path in SOURCE.iterdir()) < 1_200_000
    for path in SOURCE.iterdir():
        assert not any(sign in path.read_bytes() for sign in (b"/home/", b"/usr/", b"/tm" + b"p/", b"/roo" + b"t/"))


def test_it_is_said_to_be_made_here_of_nothing():
    assert (MANIFEST.name, MANIFEST.kind, MANIFEST.source.local) == ("tiny-siglip", "embedding", True)
    assert "random" in MANIFEST.source.title


def test_the_vision_tower_answers_in_both_precisions_alike():
    taken = pictures(4)
    full = np.concatenate(
        [session("vision-fp32").run(["pooler_output"], {"pixel_values": taken[n : n + 1]})[0] for n in range(4)]
    )
    small = np.concatenate(
        [session("vision-int8").run(["pooler_output"], {"pixel_values": taken[n : n + 1]})[0] for n in range(4)]
    )
    assert full.shape == (4, MANIFEST.vision.length)
    assert full.dtype == small.dtype == np.float32
    agreement = compare(small, full)
    assert 0.995 < agreement.least_cosine < 1  # another number than 1: they are not the same file


def test_full_precision_takes_several_pictures_and_int8_one():
    taken = pictures(3)
    together = session("vision-fp32").run(["pooler_output"], {"pixel_values": taken})[0]
    alone = session("vision-fp32").run(["pooler_output"], {"pixel_values": taken[1:2]})[0]
    assert together[1:2] == pytest.approx(alone, abs=1e-5)
    with pytest.raises(BundleError, match="pixel_values"):
        session("vision-int8").run(["pooler_output"], {"pixel_values": taken})


def test_different_pictures_get_different_vectors():
    rows = session("vision-fp32").run(["pooler_output"], {"pixel_values": pictures(6)})[0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    assert cosines[~np.eye(6, dtype=bool)].max() < 0.99


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(BundleError, match="pixel_values"):
        session("vision-fp32").run(["pooler_output"], {"pixel_values": np.zeros((1, 3, 48, 48), np.float32)})


def test_the_text_tower_answers_and_tells_texts_apart():
    tower = session("text-int8")
    texts = sample_texts(4, tokens=MANIFEST.text.tokens, vocabulary=500, pad_id=MANIFEST.text.pad_id, eos_id=1)
    rows = np.concatenate([tower.run(["pooler_output"], {"input_ids": texts[n : n + 1]})[0] for n in range(4)])
    assert rows.shape == (4, MANIFEST.vision.length)
    assert np.isfinite(rows).all()
    assert len({row.tobytes() for row in rows}) == 4


def test_the_tokenizer_reads_any_text_in_small_letters_and_ends_it():
    tokenizers = pytest.importorskip("tokenizers", reason="the library that reads tokenizer.json is not installed")
    words = tokenizers.Tokenizer.from_file(str(SOURCE / "tokenizer.json"))
    assert words.get_vocab_size() <= 500
    assert words.encode("Two People").ids == words.encode("two people").ids
    for text in ("two people laughing on a beach", "", "日本 🌅", "a\nb\x00c", "x" * 500):
        ids = words.encode(text).ids
        assert ids[-1] == 1
        assert 1 not in ids[:-1]
        assert max(ids) < 500
        assert MANIFEST.text.pad_id not in ids
    assert words.decode(words.encode("two people on a beach").ids).strip() == "two people on a beach"


def test_an_installed_one_can_be_laid_out(tmp_path):
    folder = tiny_bundle(tmp_path)
    assert folder == tmp_path / "tiny-siglip"
    assert read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml") == MANIFEST
    receipt = json.loads((folder / "receipt.json").read_text())
    assert receipt["format"] == 1
    assert isinstance(receipt["installed_s"], float)
    for told in receipt["files"]:
        content = (folder / told["path"]).read_bytes()
        assert (told["size_bytes"], told["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert not (folder / "made").exists()
