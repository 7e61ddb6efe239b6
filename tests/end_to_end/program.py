"""Runs the real `safelight` in a home of its own, and checks what must hold after every run.

Whatever a test is about, no run may show a traceback, print anything but JSON lines with `rate --json`, or change
anything of an original. `Program` checks the first two in every call; `untouched` is the third.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

KEYS = set("path companions stage stars score technical appeal taste faces burst keeper set reason sidecar".split())


@dataclass(frozen=True)
class Rated:
    """What one `rate --json` said."""

    status: int
    records: tuple[dict[str, Any], ...]
    errors: str

    @property
    def by_name(self) -> dict[str, dict[str, Any]]:
        """Return the records by file name."""
        named = {os.path.basename(record["path"]): record for record in self.records}
        assert len(named) == len(self.records), "each frame once, and no two of one name in this test"
        return named

    @property
    def stages(self) -> dict[str, str]:
        """Return the stages by file name."""
        return {name: record["stage"] for name, record in self.by_name.items()}


@dataclass(frozen=True)
class Program:
    """The command, with a home that nobody else has."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()  # a program that starts it

    @property
    def unprivileged(self) -> "Program":
        """Return the command run by somebody whom permissions bind: root may open everything otherwise."""
        if os.geteuid() != 0:
            return self
        if shutil.which("setpriv") is None:
            pytest.skip("root may open everything, and there is no setpriv (util-linux) to take that right away")
        return replace(self, before=("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"))

    def command(self, *arguments: "str | Path | bytes") -> list[Any]:
        """Return the command line."""
        return [*self.before, sys.executable, "-m", "safelight", *arguments]

    def start(self, *arguments: "str | Path | bytes", **how: Any) -> subprocess.Popen[bytes]:
        """Start the command and do not wait for it."""
        environment = {**self.environment, **how.pop("env", {})}
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **how}
        return subprocess.Popen(self.command(*arguments), env=environment, **how)

    def run(self, *arguments: "str | Path | bytes", **how: Any) -> tuple[int, str, str]:
        """Run the command; return its exit status and what it said."""
        child = self.start(*arguments, **how)
        said, complained = child.communicate(timeout=120)
        errors = complained.decode()
        assert "Traceback" not in errors, errors
        return child.returncode, (said or b"").decode(), errors

    def rate(self, *arguments: "str | Path | bytes", **how: Any) -> Rated:
        """Run `rate --json` and check its form."""
        status, said, errors = self.run("rate", "--json", *arguments, **how)
        records = tuple(json.loads(line) for line in said.splitlines())
        for record in records:
            check_record(record)
        return Rated(status, records, errors)


def check_record(record: Mapping[str, Any]) -> None:
    """Check what is promised of every record."""
    assert set(record) == KEYS
    assert record["stage"] in {"published", "ranked", "unreadable", "kept", "derived"}
    assert isinstance(record["companions"], list)
    assert record["reason"], "there is a reason for everything"
    assert record["stars"] in {None, 1, 2, 3, 4, 5}
    if record["stage"] in {"published", "ranked"}:
        assert record["stars"] is not None
        total = record["technical"] + record["appeal"] + record["taste"]
        assert abs(record["score"] - total) < 1e-9
    if record["stage"] == "unreadable":
        assert record["stars"] is record["score"] is record["sidecar"] is None
    if record["stage"] == "published":
        assert record["sidecar"]
        assert Path(record["sidecar"]).is_file()


def originals(folder: Path) -> dict[Path, tuple[object, ...]]:
    """Return everything that can be told of the files below a folder that are no sidecars, but the time of reading."""
    return {path: _told(path) for path in sorted(folder.rglob("*")) if path.suffix != ".xmp" and not path.is_dir()}


def _told(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    facts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode, status.st_uid)
    if path.is_symlink() or not path.is_file():
        return facts
    return (*facts, sha256(path.read_bytes()).hexdigest(), tuple(os.listxattr(path)))


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """Check that nothing of the originals below a folder changes meanwhile, and that nothing is left beside them."""
    before = originals(folder)
    yield
    assert originals(folder) == before


def sidecars(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    """Return bytes, time and inode of every sidecar below a folder."""
    return {
        path: (path.read_bytes(), path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in sorted(folder.rglob("*.xmp"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return the command with a new home; the model bundle is built once for all tests of a session."""
    home = tmp_path_factory.mktemp("home")
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SAFELIGHT_"))}
    return Program(home, kept | {"HOME": str(home), "XDG_CACHE_HOME": str(cache)})
