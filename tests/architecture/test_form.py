"""ruff, mypy and import-linter pass, and sizes stay within what a reader can hold."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT, SOURCES, functions, modules, named

LONGEST_FUNCTION = 50
LONGEST_MODULE = 400
PROGRAMS = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "."], id="ruff format (make format)"),
        pytest.param(["mypy"], id="mypy --strict"),
        pytest.param(["mypy", "packaging/sample_shoot.py"], id="mypy --strict packaging"),
        pytest.param(["lint-imports"], id="import-linter"),
    ],
)
def test_tool_is_content(command):
    done = subprocess.run([PROGRAMS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_there_is_something_to_look_at():
    assert {path.name for path in modules(PACKAGE)} >= {"errors.py", "paths.py", "frame.py"}
    assert {path.name for path in modules(*SOURCES)} >= {"sample_shoot.py"}


def test_no_function_is_longer_than_a_screen():
    long = [
        f"{named(path)}:{function.lineno} {function.name}: {function.end_lineno - function.lineno + 1} lines"
        for path in modules(*SOURCES)
        for function in functions(path)
        if function.end_lineno - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_no_module_is_longer_than_can_be_read_at_once():
    lengths = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*SOURCES)}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_MODULE}
