"""A model is built once, kept whole or not at all, and never used unless its bytes are what they should be."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier

import pytest

from safelight.errors import BundleError
from safelight.inference.bundle import Builder, Bundle, load_bundle, source_folder
from safelight.inference.manifest import read_manifest
from safelight.models.embedded import embedded_bundle
from safelight.models.shipped import EMBEDDED

WEIGHTS = b"weights" * 10
MODEL = b"model of " + WEIGHTS


def entry(path: str, content: bytes) -> str:
    return f'path = "{path}"\nsize_bytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'


@dataclass
class Workshop:
    """A small bundle: an installed package with weights, a manifest, shipped files and a builder that counts."""

    root: Path
    module: str
    built: list[bytes] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def kept(self) -> Path:
        (path,) = self.cache.glob("*.onnx")
        return path

    def build(self, content: bytes) -> bytes:
        self.built.append(content)
        return b"model of " + content

    def load(self, *, build: Builder | None = None, cache: Path | None = None) -> Bundle:
        builders = {"small": build or self.build}
        return load_bundle(self.root / "small.toml", folder=self.root, cache=cache or self.cache, builders=builders)

    def describe(self, *, heads: bytes = b"heads") -> None:
        (self.root / "heads.npz").write_bytes(heads)
        (self.root / "golden.npy").write_bytes(b"golden")
        (self.root / "small.toml").write_text(f"""
format = 1
name = "small"
summary = "a small one"
[origin]
title = "made up"
licence = "CC0-1.0"
home = "nowhere"
package = "made-up"
module = "{self.module}"
[source]
{entry("w/weights.pth", WEIGHTS)}
[graph]
file = "small"
builder = "small"
revision = 1
precision = "fp32"
[picture]
tensor = "image"
side_px = 224
layout = "NHWC"
resize = "squash"
mean = 127.0
deviation = 128.0
normalised = "in_graph"
[outputs]
embedding = "features"
length = 4
taps = []
tap_lengths = []
[heads]
{entry("heads.npz", heads)}
[golden]
min_cosine = 0.99
[golden.file]
{entry("golden.npy", b"golden")}
""")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    module = "weights_that_must_not_run"
    package = tmp_path / "site" / module
    (package / "w").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('the package was executed')\n")
    (package / "w" / "weights.pth").write_bytes(WEIGHTS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    made = Workshop(tmp_path, module)
    made.describe()
    return made


def test_a_model_is_built_once_and_then_kept(workshop: Workshop) -> None:
    first, second = workshop.load(), workshop.load()
    assert first.model == second.model == MODEL
    assert workshop.built == [WEIGHTS]
    recorded = workshop.kept.with_name(workshop.kept.name + ".sha256").read_text().strip()
    assert recorded == first.model_sha256 == hashlib.sha256(MODEL).hexdigest()


def test_the_package_with_the_weights_is_never_executed(workshop: Workshop) -> None:
    workshop.load()
    assert workshop.module not in sys.modules


def test_weights_with_another_sum_never_reach_the_builder(workshop: Workshop) -> None:
    weights = workshop.root / "site" / workshop.module / "w" / "weights.pth"
    weights.write_bytes(WEIGHTS[:-1] + b"X")
    with pytest.raises(BundleError, match=r"weights\.pth") as refused:
        workshop.load()
    assert workshop.built == []
    assert "Install Safelight again" in refused.value.hint


@pytest.mark.parametrize("content", [b"", WEIGHTS[:10], WEIGHTS + b"more"])
def test_weights_of_another_size_are_refused(workshop: Workshop, content: bytes) -> None:
    (workshop.root / "site" / workshop.module / "w" / "weights.pth").write_bytes(content)
    with pytest.raises(BundleError):
        workshop.load()


def test_a_package_that_is_not_installed_is_said_with_what_to_install(workshop: Workshop) -> None:
    workshop.module = "not_installed_anywhere"
    workshop.describe()
    with pytest.raises(BundleError, match="made-up") as refused:
        workshop.load()
    assert "pip install" in refused.value.hint


def test_a_module_that_is_one_file_is_no_folder_of_weights(workshop: Workshop) -> None:
    (workshop.root / "site" / "single_file.py").write_text("")
    workshop.module = "single_file"
    workshop.describe()
    with pytest.raises(BundleError, match="not installed"):
        workshop.load()


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: len(MODEL) // 2])


def sum_lost(path: Path) -> None:
    path.with_name(path.name + ".sha256").unlink()


def sum_of_another(path: Path) -> None:
    path.with_name(path.name + ".sha256").write_text("0" * 64)


def a_folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [flipped, halved, sum_lost, sum_of_another])
def test_a_damaged_cache_is_built_again_and_mended(workshop: Workshop, harm: Callable[[Path], None]) -> None:
    workshop.load()
    harm(workshop.kept)
    assert workshop.load().model == MODEL
    assert workshop.load().model == MODEL
    assert len(workshop.built) == 2


def test_a_folder_in_the_place_of_the_model_costs_the_build_and_nothing_else(workshop: Workshop) -> None:
    workshop.load()
    a_folder_instead(workshop.kept)
    assert workshop.load().model == MODEL
    assert [path.suffix for path in workshop.cache.iterdir() if path.suffix == ".part"] == []


def test_a_cache_that_cannot_be_made_leaves_the_model_in_memory(workshop: Workshop) -> None:
    (workshop.root / "a_file").write_text("in the way")
    assert workshop.load(cache=workshop.root / "a_file" / "models").model == MODEL


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_read_only_cache_leaves_the_model_in_memory(workshop: Workshop) -> None:
    workshop.cache.mkdir(mode=0o500)
    assert workshop.load().model == MODEL


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from safelight.models.embedded import embedded_bundle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
bundle = embedded_bundle(cache=Path(sys.argv[1]))
print(len(bundle.model), sorted(path.name for path in Path(sys.argv[1]).iterdir()))
"""


def test_a_full_disk_leaves_nothing_half_written_and_the_model_in_memory(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "cache"], capture_output=True, text=True, check=True, timeout=60
    )
    size, _, names = ran.stdout.strip().partition(" ")
    assert int(size) > 10_000_000
    assert names == "[]"


def test_two_that_build_at_once_do_no_harm(workshop: Workshop) -> None:
    both_are_building = Barrier(2, timeout=20)

    def build(content: bytes) -> bytes:
        both_are_building.wait()
        return workshop.build(content)

    with ThreadPoolExecutor(2) as pool:
        bundles = list(pool.map(lambda _: workshop.load(build=build), range(2)))
    assert [bundle.model for bundle in bundles] == [MODEL, MODEL]
    assert len(workshop.built) == 2
    assert workshop.load().model == MODEL
    assert len(workshop.built) == 2, "what they left is whole"
    assert len(list(workshop.cache.iterdir())) == 2, "a model and its sum, no leftovers"


PRINT_ID = "import sys; from pathlib import Path; from safelight.models.embedded import embedded_bundle as b; "
PRINT_ID += "print(b(cache=Path(sys.argv[1])).id)"


def test_two_processes_that_build_the_embedded_model_agree(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", PRINT_ID, str(cache)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[0].strip() for one in running]
    assert [one.returncode for one in running] == [0, 0]
    assert said[0] == said[1] == embedded_bundle(cache=cache).id
    assert len(list(cache.iterdir())) == 2


def test_a_shipped_file_that_is_not_the_manifests_is_refused(workshop: Workshop) -> None:
    (workshop.root / "heads.npz").write_bytes(b"haeds")
    with pytest.raises(BundleError, match=r"heads\.npz"):
        workshop.load()
    (workshop.root / "heads.npz").unlink()
    with pytest.raises(BundleError, match=r"heads\.npz"):
        workshop.load()


def test_a_builder_nobody_knows_is_said(workshop: Workshop) -> None:
    with pytest.raises(BundleError, match="does not know"):
        load_bundle(workshop.root / "small.toml", folder=workshop.root, cache=workshop.cache, builders={})


def test_the_name_of_a_bundle_changes_with_its_model_and_its_heads(workshop: Workshop, tmp_path: Path) -> None:
    one = workshop.load().id
    other_model = workshop.load(build=lambda _: b"another", cache=tmp_path / "elsewhere").id
    workshop.describe(heads=b"other heads")
    other_heads = workshop.load().id
    assert len({one, other_model, other_heads}) == 3
    assert all(name.startswith("small:") and name.endswith(":fp32") for name in (one, other_model, other_heads))
    assert len(one.split(":")[1]) == 12


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = embedded_bundle(cache=tmp_path / "one"), embedded_bundle(cache=tmp_path / "other")
    assert one.model_sha256 == other.model_sha256
    assert one.id == other.id


def test_the_weights_of_the_embedded_bundle_are_found_without_running_their_package() -> None:
    origin = read_manifest(EMBEDDED).origin
    assert origin.module is not None
    folder = source_folder(origin)
    assert (folder / "models").is_dir()
    assert importlib.util.find_spec(origin.module) is not None
    assert origin.module not in sys.modules
