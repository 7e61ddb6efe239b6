"""What a person does with bundles, apart from fetching them: names that lead elsewhere, removing, choosing."""

import os
import subprocess
import sys

import pytest

from safelight.app import bundles
from safelight.app.bundle_choice import Choice, chosen
from safelight.app.bundle_shelf import MANIFESTS, Shelf, State
from safelight.app.configuration import read
from safelight.app.health_bundles import bundle_findings
from safelight.app.settings import settings
from safelight.errors import BundleError
from tests.fakes.bundle_scene import NAME, REPOSITORY, REVISION, VISION, Recorder, Scene, contents, described
from tests.fakes.hub_server import HubServer

FILES = contents(size=2_000)
LEADING_ELSEWHERE = ["../../photographs", "..", ".", "a/b", ".fetching", "", "toy/", "Toy", "t\0y", "t\ny"]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "IMG_1.JPG").write_bytes(b"original")
    return tmp_path


@pytest.fixture
def environ(home):
    return {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}


@pytest.fixture
def chosen_settings(environ):
    return settings(environ)


def put_on_shelf(chosen_settings, tmp_path, *, name=NAME):
    """Install a bundle of random bytes from a folder, as an exported one, without a model behind it."""
    folder = tmp_path / f"export-{name}"
    folder.mkdir()
    (folder / "vision.onnx").write_bytes(FILES[VISION])
    text = described(FILES, name=name, source="local = true\n")
    (folder / "manifest.toml").write_text(text)
    scene = Scene(tmp_path / "scene", HubServer())
    scene.bundles.rmdir()
    chosen_settings.bundles.mkdir(parents=True, exist_ok=True)
    scene.bundles.symlink_to(chosen_settings.bundles)
    scene.fetch(name, folder=folder)
    return chosen_settings.bundles / name


@pytest.mark.parametrize("name", LEADING_ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_no_bundle(home, environ, chosen_settings, name):
    chosen_settings.bundles.mkdir(parents=True)
    telling = Recorder()
    with pytest.raises(BundleError):
        bundles.remove(name, settings=chosen_settings, environ=environ)
    with pytest.raises(BundleError):
        bundles.verify(name, settings=chosen_settings, telling=telling)
    with pytest.raises(BundleError):
        bundles.use(name, settings=chosen_settings, environ=environ, telling=telling)
    with pytest.raises(BundleError):
        bundles.fetch(name, Choice(), settings=chosen_settings, telling=telling)
    assert os.listdir(home / "photographs") == ["IMG_1.JPG"] and os.listdir(chosen_settings.bundles) == []


def test_removing_frees_the_place_and_nothing_else(home, environ, chosen_settings):
    folder = put_on_shelf(chosen_settings, home)
    other = put_on_shelf(chosen_settings, home / "photographs", name="other")
    assert bundles.remove(NAME, settings=chosen_settings, environ=environ) >= len(FILES[VISION])
    assert not folder.exists() and other.is_dir()
    assert {each.name: each.state for each in bundles.listed(chosen_settings)}["other"] is State.INSTALLED
    with pytest.raises(BundleError, match="not installed"):
        bundles.remove(NAME, settings=chosen_settings, environ=environ)


def test_the_remains_of_a_removal_that_was_killed_are_told_and_cleared(home, environ, chosen_settings):
    folder = put_on_shelf(chosen_settings, home)
    folder.rename(chosen_settings.bundles / ".fetching" / f"{NAME}.gone")
    assert [name for name, _ in Shelf(chosen_settings.bundles).remains()] == [NAME]
    assert [each.level for each in bundle_findings(chosen_settings, in_use="embedded")] == ["note"]
    with pytest.raises(BundleError, match="not installed"):
        bundles.use(NAME, settings=chosen_settings, environ=environ, telling=Recorder())
    put_on_shelf(chosen_settings, home / "photographs")
    assert list(Shelf(chosen_settings.bundles).remains()) == []


def test_choosing_writes_the_setting_and_keeps_the_rest(home, environ, chosen_settings):
    file = home / "config" / "safelight" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text("# mine\n[work]\njobs = 3 # three\n")
    put_on_shelf(chosen_settings, home)
    bundles.use(NAME, settings=chosen_settings, environ=environ, telling=Recorder())
    assert file.read_text().startswith("# mine\n[work]\njobs = 3 # three\n")
    now = read(environ).settings(environ)
    assert (now.bundle, now.accelerator, now.faces, now.jobs) == (NAME, "auto", True, 3)
    with pytest.raises(BundleError, match="in use"):
        bundles.remove(NAME, settings=chosen_settings, environ=environ)
    bundles.use("embedded", settings=chosen_settings, environ=environ, telling=Recorder())
    assert read(environ).models.bundle == "embedded"


def test_the_settings_reach_the_services(home, environ):
    file = home / "config" / "safelight" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[models]\nbundle = "siglip2-base"\naccelerator = "cpu"\nfaces = false\n')
    now = read(environ).settings(environ)
    assert (now.bundle, now.accelerator, now.faces) == ("siglip2-base", "cpu", False)
    assert [each.level for each in bundle_findings(now, in_use=now.bundle)] == ["note"]


def test_a_bundle_under_another_name_is_damaged(home, chosen_settings):
    folder = put_on_shelf(chosen_settings, home)
    folder.rename(folder.with_name("renamed"))
    found = {each.name: each for each in bundles.listed(chosen_settings)}
    assert found["renamed"].state is State.DAMAGED and NAME in found["renamed"].trouble


def test_every_description_of_ours_is_pinned_and_has_its_sums():
    described_here = Shelf(MANIFESTS / "nowhere").descriptions()
    assert {"siglip-base", "siglip2-base", "siglip2-so400m"} <= set(described_here)
    for name, each in described_here.items():
        manifest = each.manifest
        assert manifest.source.licence and manifest.source.home, name
        for file in manifest.files:
            assert file.sha256 and file.size_bytes, f"{name} {file.path}"
        if manifest.kind == "embedding":
            assert manifest.source.revision
            towers = chosen(manifest, Choice(text=True, text_int8=True, gpu=True), kept=frozenset())
            assert set(towers) == set(manifest.files), "every file can be asked for"
            assert all(file.warning for file in manifest.files if file.role == "text" and file.precision == "int8")


def test_the_issue_s_files_are_described_as_the_issue_says():
    files = {each.path: each for each in Shelf(MANIFESTS).descriptions()["siglip2-base"].manifest.files}
    vision = files["onnx/vision_model_int8.onnx"]
    assert (vision.size_bytes, vision.sha256[:8], vision.confirmed, vision.device) == (
        94_553_333,
        "0dd31785",
        False,
        "cpu",
    )
    usual = chosen(Shelf(MANIFESTS).descriptions()["siglip2-base"].manifest, Choice(), kept=frozenset())
    assert [each.path for each in usual] == ["onnx/vision_model_int8.onnx"]
    both = chosen(Shelf(MANIFESTS).descriptions()["siglip2-base"].manifest, Choice(gpu=True), kept=frozenset())
    assert [each.precision for each in both] == ["int8", "fp16"]


def test_looking_at_the_shelf_loads_neither_the_network_nor_a_model():
    told = (
        "import sys; from safelight.app import bundles, health_bundles; from safelight.app.settings import settings; "
        "bundles.listed(settings({'HOME': '/nowhere'})); "
        "print(sorted({'huggingface_hub', 'httpx2', 'onnxruntime', 'lancedb', 'PIL', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_the_library_is_loaded_with_its_telemetry_off_and_plain_http():
    told = (
        "import os; os.environ.pop('CI', None); from safelight.hub.library import access; found = access(); "
        "from huggingface_hub import constants as c; "
        "print(c.HF_HUB_DISABLE_TELEMETRY, c.HF_HUB_DISABLE_XET, found.endpoint, found.offline)"
    )
    environment = {**os.environ, "HF_HUB_DISABLE_TELEMETRY": "0", "HF_HUB_DISABLE_XET": "0", "HF_ENDPOINT": "http://m/"}
    done = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "True True http://m False\n", done.stdout + done.stderr


def test_a_library_that_was_loaded_otherwise_is_refused():
    told = "import huggingface_hub; from safelight.hub.library import load; load()"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=False)
    assert "with its telemetry on" in done.stderr


def test_the_scene_s_names_are_those_of_its_description():
    assert REPOSITORY in described(FILES) and REVISION in described(FILES)
