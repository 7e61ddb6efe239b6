"""The wheel, installed into an empty environment with its `cpu` extra, rates a frame without the clone."""

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.xdist_group("wheel")  # one worker: the environment is made once
ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|Network is unreachable|ConnectTimeout|ProxyError|Max retries"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("safelight-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of a clean environment with the wheel in it, at the versions of the lock."""
    folder = tmp_path_factory.mktemp("clean") / "environment"
    venv.create(folder, with_pip=True)
    constraints = folder / "constraints.txt"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    # Without the hashes: with them pip asks for one of the wheel that was built a moment ago.
    constraints.write_text(re.sub(r"\s*\\\n\s*--hash=\S+", "", lock), encoding="utf-8")
    install = [folder / "bin/python", "-m", "pip", "install", "--no-color", "-q", "-c", constraints, f"{wheel}[cpu]"]
    done = subprocess.run(install, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip("needs the package index, which cannot be reached")
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "bin"


def clean_environment(**more):
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "ORT_DISABLE_TELEMETRY"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | more


def photograph(path):
    random = np.random.default_rng(11)
    coarse = Image.fromarray(random.integers(0, 255, (30, 40, 3)).astype(np.uint8))
    coarse.resize((1600, 1200), Image.Resampling.BICUBIC).save(path, quality=90)


def test_wheel_has_everything_that_is_tracked_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "daemon" / "safelight"
    ours = {
        f"safelight/{Path(folder).relative_to(source) / name}".replace("/./", "/")
        for folder, _, files in os.walk(source, followlinks=True)
        for name in files
        if "__pycache__" not in folder
    }
    packed = {name for name in names if not name.startswith("safelight-")}
    assert packed == ours
    assert any(name.startswith("safelight/models/manifests/") for name in packed), "manifests must be found in a wheel"
    for name in ("LICENSE", "NOTICE"):
        assert any(packed_name.endswith(f"licenses/{name}") for packed_name in names)


def test_wheel_names_its_extras(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        lines = archive.read(metadata).decode().splitlines()
    assert {line for line in lines if line.startswith("Provides-Extra")} == {
        f"Provides-Extra: {extra}" for extra in ("cpu", "dev", "gpu", "tray")
    }
    assert "License-Expression: Apache-2.0" in lines
    assert not [line for line in lines if line.startswith("Requires-Dist: onnxruntime") and "extra ==" not in line]


@pytest.mark.slow
@pytest.mark.network
def test_installed_wheel_rates_a_frame(installed, tmp_path):
    home, photographs = tmp_path / "home", tmp_path / "photographs"
    home.mkdir()
    photographs.mkdir()
    photograph(photographs / "a frame.jpg")
    before = (photographs / "a frame.jpg").read_bytes()
    environment = clean_environment(HOME=str(home))
    for name in [name for name in environment if name.startswith("XDG_")]:
        del environment[name]
    done = subprocess.run(
        [installed / "safelight", "rate", "--json", photographs],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = done.stdout.splitlines()
    rated = json.loads(line)
    assert Path(rated["path"]).name == "a frame.jpg"
    assert rated["stage"] == "published"
    assert 1 <= rated["stars"] <= 5
    assert rated["reason"]
    assert "Rating" in (photographs / "a frame.jpg.xmp").read_text(encoding="utf-8")
    assert (photographs / "a frame.jpg").read_bytes() == before


@pytest.mark.slow
@pytest.mark.network
def test_installed_wheel_does_not_look_into_the_clone(installed, tmp_path):
    where = subprocess.run(
        [installed / "python", "-c", "import safelight, safelight.models as m; print(safelight.__file__, m.__file__)"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(ROOT) not in where
    assert where.count("safelight") >= 2
