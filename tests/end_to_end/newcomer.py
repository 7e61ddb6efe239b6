"""A newcomer's computer in a folder: a clone, a PATH of its own, and programs that only pretend."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    "cat chmod cksum cp dirname echo env find flock grep head id mkdir make mv "
    "printf rm sed sh sleep sort tail timeout touch true"
).split()

# Stands for python3: answers as the variables beside it say and notes every call in calls.
PYTHON = """#!/bin/sh
echo "$*" | head -n 1 >>"{calls}"
case "$1 $2" in
"-c import sys"*) echo "{version}" ;;
"-c import ensurepip"*) exit {ensurepip} ;;
"-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && touch "$4/pyvenv.cfg" ;;
"-m pip")
    case "$*" in *--version*) exit 0 ;; esac
    if [ -s "{pip_says}" ]; then cat "{pip_says}"; exit 1; fi
    echo "Collecting click"
    case "$*" in
    *" download "*) touch "{clone}/.cache/setup/scikit_image-0.whl" ;;
    *" -e "*) cp "{safelight}" "{clone}/.venv/bin/safelight" ;;
    esac ;;
packaging/sample_shoot.py*) mkdir -p "$3" && touch "$3/DSC_0001.JPG" ;;
"-m pytest") echo "1 passed in 0.1s" ;;
*) exit 9 ;;
esac
"""
SAFELIGHT = """#!/bin/sh
for argument; do printf '%s\\0' "$argument"; done >"{arguments}"
{does}
exit {status}
"""


@dataclass
class Newcomer:
    """One computer: what is installed is what the test puts there."""

    folder: Path

    def __post_init__(self) -> None:
        for part in (self.bin, self.home, self.clone):
            part.mkdir(parents=True)
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)
        shutil.copytree(ROOT / "packaging", self.clone / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
            shutil.copy(path, self.clone)
        self.program("exiftool", "#!/bin/sh\n")
        self.safelight(status=0)

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def clone(self) -> Path:
        return self.folder / "a clone"

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def safelight(self, *, status: int, does: str = "") -> None:
        path = self.folder / "safelight"
        text = SAFELIGHT.format(arguments=self.folder / "arguments", status=status, does=does)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        if (self.clone / ".venv/bin").is_dir():
            shutil.copy(path, self.clone / ".venv/bin/safelight")

    def python(self, name: str = "python3", *, version: str = "3 11", ensurepip: bool = True) -> None:
        text = PYTHON.format(
            calls=self.folder / "calls",
            version=version,
            ensurepip=0 if ensurepip else 1,
            pip_says=self.folder / "pip_says",
            clone=self.clone,
            safelight=self.folder / "safelight",
        )
        self.program(name, text)

    def pip_says(self, text: str) -> None:
        (self.folder / "pip_says").write_text(text, encoding="utf-8")

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def arguments(self) -> list[bytes]:
        """What safelight was called with."""
        return (self.folder / "arguments").read_bytes().split(b"\0")[:-1]

    def run(self, *command: str | bytes) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.clone,
            env={"PATH": str(self.bin), "HOME": str(self.home), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=60,
            check=False,
        )

    def setup(self, level: str = "run") -> subprocess.CompletedProcess[str]:
        return self.run("packaging/setup.sh", level)

    def make(self, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
        return self.run(os.fsencode(self.bin / "make"), *arguments)
