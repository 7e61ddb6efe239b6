"""A fetched bundle in its folder: read when it is what was verified, refused in a sentence when it is anything else."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.errors import BundleError
from safelight.inference.fetched_encoder import open_vision
from safelight.inference.installed import read_installed, read_staged
from safelight.models.prepare import prepare
from tests.fakes.bundles import NAME, tiny_bundle, tiny_manifest
from tests.fakes.graphs import bundle, tower

INT8, FP32 = "vision_int8.onnx", "vision_fp32.onnx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bundle(tmp_path)


def edited(folder: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    receipt = json.loads((folder / "receipt.json").read_text())
    edit(receipt)
    (folder / "receipt.json").write_text(json.dumps(receipt))
    return folder


def test_it_is_known_by_the_tower_that_a_processor_uses(folder: Path) -> None:
    installed = read_installed(folder)
    checksum = hashlib.sha256((folder / INT8).read_bytes()).hexdigest()
    assert installed.id == f"{NAME}:{checksum[:12]}:int8"
    assert installed.known_by.path == INT8


def test_what_runs_best_on_each_device_is_chosen(folder: Path, tmp_path: Path) -> None:
    installed = read_installed(folder)
    assert [file.path for file in (installed.vision("cpu"), installed.vision("gpu")) if file] == [INT8, FP32]
    both = read_installed(bundle(tmp_path / "both", {("fp16", "gpu"): tower(), ("int8", "cpu"): tower(side=16)}))
    assert [file.precision for file in (both.vision("cpu"), both.vision("gpu")) if file] == ["int8", "fp16"]


def test_int8_is_never_for_a_gpu(tmp_path: Path) -> None:
    assert read_installed(bundle(tmp_path / "one", {("int8", ""): tower()})).vision("gpu") is None


def test_a_bundle_for_a_gpu_only_is_known_by_that_tower(tmp_path: Path) -> None:
    installed = read_installed(bundle(tmp_path / "one", {("fp16", "gpu"): tower()}))
    assert installed.vision("cpu") is None
    assert installed.id.endswith(":fp16")


def test_the_most_exact_text_tower_that_was_fetched_is_used(folder: Path) -> None:
    installed = read_installed(folder)
    assert [file.path for file in (installed.text(), installed.tokenizer()) if file] == [
        "text_int8.onnx",
        "tokenizer.json",
    ]
    edited(folder, lambda receipt: receipt["files"].pop(2))  # an optional file need not have been fetched
    assert read_installed(folder).text() is None


def test_content_is_returned_when_it_is_what_was_verified(folder: Path) -> None:
    installed = read_installed(folder)
    assert installed.content(installed.known_by) == (folder / INT8).read_bytes()


def test_a_bundle_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="'siglip2-base' is not installed") as caught:
        read_installed(tmp_path / "siglip2-base")
    assert "safelight models fetch siglip2-base" in caught.value.hint


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.toml cannot be read"):
        read_installed(tmp_path)


@given(at=st.integers(0, 310_344), wrong=st.integers(1, 255))
@settings(max_examples=15, deadline=None)
def test_whichever_byte_is_damaged_it_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, wrong: int) -> None:
    folder = tiny_bundle(tmp_path_factory.mktemp("bundle"))
    content = bytearray((folder / INT8).read_bytes())
    content[at] ^= wrong
    (folder / INT8).write_bytes(content)
    installed = read_installed(folder)  # sizes agree
    with pytest.raises(BundleError, match="not the one that was verified"):
        installed.content(installed.known_by)


def cut_short(folder: Path) -> None:
    os.truncate(folder / INT8, 1000)


def longer(folder: Path) -> None:
    with (folder / INT8).open("ab") as stream:
        stream.write(b"more")


def gone(folder: Path) -> None:
    (folder / INT8).unlink()


def a_link(folder: Path) -> None:
    (folder / INT8).rename(folder.parent / "elsewhere")
    (folder / INT8).symlink_to(folder.parent / "elsewhere")


def a_pipe(folder: Path) -> None:
    (folder / INT8).unlink()
    os.mkfifo(folder / INT8)


def a_folder(folder: Path) -> None:
    (folder / INT8).unlink()
    (folder / INT8).mkdir()


def the_other_tower(folder: Path) -> None:
    shutil.copyfile(folder / FP32, folder / INT8)


@pytest.mark.parametrize("damage", [cut_short, longer, gone, a_link, a_pipe, a_folder, the_other_tower])
def test_a_file_that_is_something_else_is_refused_and_named(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder)
    with pytest.raises(BundleError, match=INT8) as caught:
        read_installed(folder)
    assert f"safelight models fetch {NAME}" in caught.value.hint


@pytest.mark.parametrize("damage", [cut_short, gone, a_link, a_pipe, a_folder])
def test_a_file_that_changes_after_the_look_is_refused_when_it_is_read(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    installed = read_installed(folder)
    damage(folder)
    with pytest.raises(BundleError, match=INT8):
        installed.content(installed.known_by)


def foreign(receipt: dict[str, Any]) -> None:
    receipt["files"][0]["path"] = "another.onnx"


def outside(receipt: dict[str, Any]) -> None:
    receipt["files"][0]["path"] = "../vision_fp32.onnx"


def another_sum(receipt: dict[str, Any]) -> None:
    receipt["files"][0]["sha256"] = "0" * 64


def nothing(receipt: dict[str, Any]) -> None:
    receipt["files"].clear()


def no_vision(receipt: dict[str, Any]) -> None:
    del receipt["files"][:2]


def unknown(receipt: dict[str, Any]) -> None:
    receipt["more"] = 1


@pytest.mark.parametrize("edit", [foreign, outside, another_sum, nothing, no_vision, unknown])
def test_a_receipt_that_does_not_belong_to_the_manifest_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    edited(folder, edit)
    with pytest.raises(BundleError, match=f"'{NAME}' cannot be used"):
        read_installed(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"x" * 100_000])
def test_a_receipt_that_is_rubbish_is_refused(folder: Path, content: bytes) -> None:
    (folder / "receipt.json").write_bytes(content)
    with pytest.raises(BundleError, match="its receipt is not understood"):
        read_installed(folder)


def test_a_bundle_without_its_receipt_is_refused(folder: Path) -> None:
    (folder / "receipt.json").unlink()
    with pytest.raises(BundleError, match=r"receipt\.json cannot be read"):
        read_installed(folder)


def test_a_sum_that_a_person_accepted_counts(folder: Path) -> None:
    content = tower(side=32, length=64)
    (folder / INT8).write_bytes(content)
    checksum = hashlib.sha256(content).hexdigest()

    def accept(receipt: dict[str, Any]) -> None:
        receipt["files"][1] |= {"size_bytes": len(content), "sha256": checksum, "accepted": True}

    installed = read_installed(edited(folder, accept))
    assert installed.id == f"{NAME}:{checksum[:12]}:int8"
    assert installed.content(installed.known_by) == content


@pytest.mark.parametrize("content", [b"", b"format = 1", b"\xff", b"format = 2\n" * 10_000])
def test_a_manifest_that_is_rubbish_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.toml").write_bytes(content)
    with pytest.raises(BundleError):
        read_installed(folder)


def test_a_manifest_with_a_path_that_leaves_the_folder_is_refused(folder: Path) -> None:
    text = (folder / "manifest.toml").read_text().replace(f'"{INT8}"', '"../../vision.onnx"')
    (folder / "manifest.toml").write_text(text)
    with pytest.raises(BundleError, match="plain path"):
        read_installed(folder)


def test_a_bundle_that_is_removed_while_it_is_in_use_goes_on(folder: Path) -> None:
    import numpy as np

    prepare(folder, tiny_manifest(), threads=1)
    encoder = open_vision(folder)
    square = np.zeros((1, 32, 32, 3), np.uint8)
    before = encoder.embed(square)
    shutil.rmtree(folder)
    assert np.array_equal(encoder.embed(square), before)
    with pytest.raises(BundleError, match="not installed"):
        open_vision(folder)


def test_a_staged_bundle_has_the_files_that_are_there(folder: Path) -> None:
    (folder / "receipt.json").unlink()
    (folder / FP32).unlink()
    staged = read_staged(folder, tiny_manifest())
    assert set(staged.received) == {INT8, "text_int8.onnx", "tokenizer.json"}
    assert staged.id == read_staged(tiny_bundle(folder / "again"), tiny_manifest()).id
