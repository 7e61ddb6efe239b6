"""The layers hold, and what is said to hold them is seen to catch what breaks them."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import PACKAGE, ROOT, modules, named, tree

MAY_IMPORT_BY_NAME = {"daemon/safelight/decoding/worker.py", "daemon/safelight/inference/session.py"}
PLANTED = {
    "domain/planted_reading.py": "import os\n",
    "domain/planted_upward.py": "import safelight.errors\nimport safelight.ports\n",
    "storage/planted_sibling.py": "import safelight.watching\n",
    "services/planted_picture.py": "from PIL import Image\n",
    "services/planted_exif.py": "def late():\n    import exiftool\n",
    "storage/planted_session.py": "import onnxruntime as ort\n",
    "inference/planted_graph.py": "import onnx\n",
    "services/planted_download.py": "import huggingface_hub\n",
    "services/planted_torch.py": "import torch\n",
    "services/planted_words.py": "import tokenizers\n",
    "services/planted_vectors.py": "import lancedb\n",
    "services/planted_template.py": "import jinja2\n",
    "services/planted_terminal.py": "import rich.progress\n",
    "watching/planted_table.py": "import sqlite3\n",
    "watching/planted_here.py": "import safelight.watching.planted_there\n",
    "watching/planted_there.py": "import safelight.watching.planted_here\n",
    "services/planted_watch.py": "import watchdog\n",
    "services/planted_schedule.py": "import apscheduler\n",
    "control/planted_bus.py": "import dbus_fast\n",
    "control/planted_settings.py": "import tomlkit\n",
    "control/planted_icon.py": "import pystray\n",
    "planted_layer/__init__.py": "",
}
BROKEN_BY_THEM = {
    "A layer imports only from layers below it",
    "The domain computes",
    "No cycles between the modules",
    "Pillow, its HEIF plugin and rawpy belong",
    "exiftool belongs",
    "onnxruntime belongs",
    "onnx belongs",
    "huggingface_hub and its HTTP library belong",
    "tokenizers belongs",
    "torch, transformers and optimum belong",
    "LanceDB and Arrow belong",
    "click and rich belong",
    "Jinja belongs",
    "SQLite belongs",
    "watchdog belongs",
    "APScheduler belongs",
    "D-Bus belongs",
    "pystray belongs",
    "tomlkit belongs",
}


def imported(path: Path) -> set[str]:
    """The top-level names that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_domain_imports_only_the_standard_library_and_numpy():
    allowed = sys.stdlib_module_names | {"numpy", "safelight"}
    foreign = {named(path): imported(path) - allowed for path in modules(PACKAGE / "domain")}
    assert len(foreign) > 1
    assert not {name: names for name, names in foreign.items() if names}


def test_nothing_is_imported_by_a_name_that_import_linter_cannot_see():
    found = set()
    for path in modules(PACKAGE, ROOT / "models"):
        for node in ast.walk(tree(path)):
            called = node.func if isinstance(node, ast.Call) else None
            name = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            if name in {"import_module", "__import__"}:
                found.add(named(path))
    assert found <= MAY_IMPORT_BY_NAME


def test_planted_violations_break_every_contract(tmp_path):
    daemon = tmp_path / "daemon"
    shutil.copytree(PACKAGE, daemon / "safelight", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, text in PLANTED.items():
        (daemon / "safelight" / name).parent.mkdir(exist_ok=True)
        (daemon / "safelight" / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(daemon), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = [line for line in done.stdout.splitlines() if " BROKEN" in line]
    kept = [start for start in BROKEN_BY_THEM if not any(line.startswith(start) for line in broken)]
    assert not kept, done.stdout[-5000:]
    assert "0 kept" in done.stdout, done.stdout[-3000:]
    assert "planted_layer" in done.stdout  # exhaustive: a package without a layer is caught
    assert done.returncode != 0
