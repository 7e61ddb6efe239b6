"""Promise 7, local: loading and running a model leaves no device id and no queue of events, anywhere in a home."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENCODE = """
import os, sys
from pathlib import Path
import numpy as np
from safelight.models.embedded import open_embedded
encoder = open_embedded(cache=Path(sys.argv[1]))
encoder.encode(np.zeros((224, 224, 3), np.uint8))
assert "onnxruntime" in sys.modules
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""
PLAIN = "import onnxruntime; print(onnxruntime.__version__)"
LOADED_BEFORE = """
import os
import onnxruntime
from safelight.errors import BundleError
from safelight.inference.session import open_session
try:
    open_session(b"")
except BundleError as error:
    print(error.summary)
"""


def fresh_home(folder: Path) -> dict[str, str]:
    """Return an environment of nothing but a new home: a set CI, or a set switch, would hide what is looked for."""
    named = {
        "HOME": "home", "XDG_CACHE_HOME": "home/cache", "XDG_CONFIG_HOME": "home/config", "XDG_DATA_HOME": "home/data",
        "XDG_STATE_HOME": "home/state", "XDG_RUNTIME_DIR": "home/run", "TMPDIR": "temporary",
    }  # fmt: skip
    for place in named.values():
        (folder / place).mkdir(parents=True, exist_ok=True)
    environment = {name: str(folder / place) for name, place in named.items()}
    return {**environment, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}


def ran(folder: Path, code: str, *arguments: str) -> tuple[str, list[Path]]:
    """Run `code` in a fresh home below `folder`; return what it printed and every file it left there."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=fresh_home(folder), cwd=folder, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.strip(), sorted(path for path in folder.rglob("*") if not path.is_dir())


def test_encoding_leaves_no_device_id_and_no_queue(tmp_path: Path) -> None:
    home, models = tmp_path / "home_of_nobody", tmp_path / "models"
    home.mkdir()
    said, left = ran(home, ENCODE, str(models))
    assert said == "1"
    assert left == []
    assert {path.suffix for path in models.iterdir()} == {".onnx", ".sha256"}, "the model was really built and run"


def test_that_test_would_notice(tmp_path: Path) -> None:
    version, left = ran(tmp_path, PLAIN)
    if not left:
        pytest.skip(f"onnxruntime {version} writes nothing even when its telemetry is left on")
    assert any("onnxruntime" in str(path) or "deviceid" in path.name for path in left)


def test_a_library_loaded_before_us_with_its_telemetry_on_is_not_used(tmp_path: Path) -> None:
    said, _ = ran(tmp_path, LOADED_BEFORE)
    assert "telemetry on" in said
