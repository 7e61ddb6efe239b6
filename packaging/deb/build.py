"""Builds the Debian package: `make deb` writes dist/safelight_VERSION_ARCH.deb, and nothing of this machine into it.

The package carries Safelight and the Python packages of requirements.lock, with their hashes checked, in an
environment of its own below /usr/lib/safelight that runs on Debian's Python: Debian itself has neither LanceDB nor ONNX
Runtime. What is compiled in them belongs to one version of Python, so the package depends on just that one.
Invariant: the same source, lock and SOURCE_DATE_EPOCH give the same package, byte for byte.
"""

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUNDLE = Path("usr/lib/safelight")
# Came with packages and is of no use to a program: tests, headers and sources for compiling, interfaces for checkers.
DROPPED_FOLDERS = frozenset({"tests", "test", "testing", "include", "src", "__pycache__"})
DROPPED_SUFFIXES = frozenset({".pyi", ".pyx", ".pxd", ".pxi", ".h", ".hpp", ".c", ".cc", ".cpp", ".a", ".lib", ".pyc"})
KEPT = frozenset({"numpy/testing", "numpy/_core/tests", "numpy/core/tests"})  # imported by numpy and others at run time
# Of no use either, and lintian is right about them.
DROPPED_FILES = frozenset({"direct_url.json", "INSTALLER", "REQUESTED", "RECORD", ".gitignore", "completion.sh"})
REVISION = "-1"
MAINTAINER = "The Safelight authors <safelight@localhost>"
MANUALS = ("safelight.1", "safelight-tray.1")
SECTIONS = {
    "units": "usr/lib/systemd/user",
    "applications": "usr/share/applications",
    "icons": "usr/share/icons/hicolor",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The Python that the package is for."""

    python: Path
    version: str  # "3.11"
    following: str  # "3.12"
    architecture: str  # as Debian says it

    @classmethod
    def of(cls, python: Path) -> "Target":
        """Ask a Python which one it is."""
        asked = output(python, "-c", "import sys; print(*sys.version_info[:2])").split()
        major, minor = map(int, asked)
        name = output("dpkg", "--print-architecture").strip()
        return cls(python, f"{major}.{minor}", f"{major}.{minor + 1}", name)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description="Build the Debian package of Safelight.")
    parser.add_argument("--python", type=Path, default=Path("/usr/bin/python3"), help="Debian's Python")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", metavar="FOLDER")
    parser.add_argument("--version", help="instead of the one in the source, for trying upgrades")
    parser.add_argument("--compression", default="xz", choices=["xz", "gzip"])
    parser.add_argument("--level", default="6", metavar="N")
    given = parser.parse_args()
    for program in ("dpkg-deb", given.python):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not here, so no Debian package can be built: run this on Debian or Ubuntu.")
    with tempfile.TemporaryDirectory(prefix="safelight-deb-") as work:
        tree = Path(work) / "tree"
        version = given.version or version_in_source()
        target = Target.of(given.python)
        moment_s = int(os.environ.get("SOURCE_DATE_EPOCH") or output("git", "log", "-1", "--format=%ct", cwd=ROOT))
        fill(tree, Path(work), target=target, version=version, moment_s=moment_s)
        name = f"safelight_{version}{REVISION}_{target.architecture}.deb"
        built = packed(tree, given.into / name, moment_s, f"-Z{given.compression}", f"-z{given.level}")
    print(built)  # noqa: T201  # what this program is for


def fill(tree: Path, work: Path, *, target: Target, version: str, moment_s: int) -> None:
    """Put everything that the package holds into `tree`."""
    bundle = tree / BUNDLE
    make_environment(bundle, target)
    install_packages(bundle, wheel_of(work, version))
    trim(bundle)
    add_programs(tree, target)
    add_files(tree)
    documentation(tree, bundle, version, moment_s)
    control(tree, target, version)
    settle(tree)


# --- the environment --------------------------------------------------------------------------------------------------


def make_environment(bundle: Path, target: Target) -> None:
    """Make an environment whose Python is Debian's, found by a link that holds wherever the package is unpacked."""
    run(target.python, "-m", "venv", "--without-pip", "--symlinks", bundle)
    told = f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {target.version}\n"
    (bundle / "pyvenv.cfg").write_text(told, encoding="ascii")


def wheel_of(work: Path, version: str) -> Path:
    """Build the wheel of Safelight from a copy of the source with that version."""
    source = work / "source"
    names = output("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_symlink() or (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    file = source / "daemon/safelight/__init__.py"
    file.write_text(re.sub(r'(__version__ = )".*"', rf'\1"{version}"', file.read_text("utf-8")), encoding="utf-8")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", work / "wheel", cwd=source)
    (wheel,) = (work / "wheel").glob("*.whl")
    return wheel


def install_packages(bundle: Path, wheel: Path) -> None:
    """Install the locked packages with their hashes checked, then Safelight, then take out what only installs."""
    pip = (sys.executable, "-m", "pip", "--python", bundle / "bin/python", "--disable-pip-version-check", "-q")
    plain = ("--no-compile", "--no-warn-script-location", "--no-cache-dir")
    run(*pip, "install", *plain, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock")
    run(*pip, "install", *plain, "--no-deps", "--no-index", wheel)
    superfluous = output(bundle / "bin/python", "-I", HERE / "superfluous.py").split()
    run(*pip, "uninstall", "-y", *superfluous)


def trim(bundle: Path) -> None:
    """Remove what is of no use at run time, and what tells of the machine that it was built on."""
    libraries = packages_of(bundle)
    for path in sorted(libraries.rglob("*"), reverse=True):
        inside = str(path.relative_to(libraries))
        if path.is_dir():
            if path.name in DROPPED_FOLDERS and inside not in KEPT and ".dist-info" not in inside:
                shutil.rmtree(path)
        elif path.name in DROPPED_FILES or (path.suffix in DROPPED_SUFFIXES and not inside.startswith("safelight/")):
            path.unlink()
    for path in bundle.iterdir():
        if path.name not in {"bin", "lib", "pyvenv.cfg"}:
            path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)
    shutil.rmtree(bundle / "bin")


def packages_of(bundle: Path) -> Path:
    """Return the folder that the environment imports from."""
    (libraries,) = (bundle / "lib").glob("python3*/*-packages")
    return libraries


def add_programs(tree: Path, target: Target) -> None:
    """Write the two programs, started by the environment's Python without anything of the person's own Python."""
    programs = tree / BUNDLE / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(f"../../../bin/python{target.version}")
    (tree / "usr/bin").mkdir(parents=True)
    for name, module in (("safelight", "safelight.cli.main"), ("safelight-tray", "safelight.tray.main")):
        text = f"#!/{BUNDLE}/bin/python -I\nfrom {module} import main\n\nmain()\n"
        (programs / name).write_text(text, encoding="ascii")
        (programs / name).chmod(0o755)
        (tree / "usr/bin" / name).symlink_to(f"../lib/safelight/bin/{name}")


# --- what lies elsewhere in the system --------------------------------------------------------------------------------


def add_files(tree: Path) -> None:
    """Add units, menu entry, icons and manual pages."""
    placed = ROOT / "packaging"
    copy(ROOT / "systemd", tree / SECTIONS["units"], "*.service")
    copy(placed / "entries", tree / SECTIONS["applications"], "*.desktop")
    shutil.copytree(placed / "icons/hicolor", tree / SECTIONS["icons"])
    manuals = tree / "usr/share/man/man1"
    manuals.mkdir(parents=True)
    run(sys.executable, placed / "man/pages.py", manuals)
    for name in MANUALS:
        compress(manuals / name)


def copy(source: Path, into: Path, pattern: str) -> None:
    """Copy the files of a folder that a pattern names."""
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob(pattern)):
        shutil.copyfile(path, into / path.name)


def documentation(tree: Path, bundle: Path, version: str, moment_s: int) -> None:
    """Write licences, changes and the exceptions from Debian's rules."""
    folder = tree / "usr/share/doc/safelight"
    folder.mkdir(parents=True)
    (folder / "copyright").write_text(output(sys.executable, HERE / "copyright.py", packages_of(bundle)), "utf-8")
    shutil.copyfile(ROOT / "CHANGELOG.md", folder / "changelog")
    compress(folder / "changelog")
    when = format_datetime(datetime.fromtimestamp(moment_s, UTC))
    entry = f"safelight ({version}{REVISION}) unstable; urgency=medium\n\n  * What has changed is in changelog.gz.\n\n"
    (folder / "changelog.Debian").write_text(f"{entry} -- {MAINTAINER}  {when}\n", encoding="utf-8")
    compress(folder / "changelog.Debian")
    overrides = tree / "usr/share/lintian/overrides"
    overrides.mkdir(parents=True)
    shutil.copyfile(HERE / "lintian-overrides", overrides / "safelight")


def compress(path: Path) -> None:
    """Replace a file by itself compressed, without name and time."""
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


# --- the package ------------------------------------------------------------------------------------------------------


def control(tree: Path, target: Target, version: str) -> None:
    """Write what dpkg reads: fields, scripts, sums."""
    folder = tree / "DEBIAN"
    folder.mkdir()
    fields = {
        "version": f"{version}{REVISION}",
        "maintainer": MAINTAINER,
        "architecture": target.architecture,
        "python": target.version,
        "following": target.following,
        "size": str(-(-sum(path.lstat().st_size for path in files(tree)) // 1024)),
    }
    (folder / "control").write_text(filled((HERE / "control").read_text("utf-8"), fields), encoding="utf-8")
    for name in ("postinst", "prerm"):
        (folder / name).write_text(filled((HERE / name).read_text("utf-8"), fields), encoding="utf-8")
        (folder / name).chmod(0o755)
    sums = [f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
            for path in files(tree) if not path.is_symlink()]  # fmt: skip
    (folder / "md5sums").write_text("".join(sums), encoding="utf-8")


def filled(text: str, fields: Mapping[str, str]) -> str:
    """Put values in the places of a text that are marked as @NAME@."""
    return re.sub(r"@(\w+)@", lambda found: fields[found[1]], text)


def files(tree: Path) -> Iterator[Path]:
    """Yield the files and links of the package in a fixed order."""
    yield from sorted(path for path in tree.rglob("*") if "DEBIAN" not in path.parts and not is_folder(path))


def is_folder(path: Path) -> bool:
    """Tell whether it is a folder and no link to one."""
    return path.is_dir() and not path.is_symlink()


def settle(tree: Path) -> None:
    """Give everything the permissions that Debian's packages have."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or (path.parent.name == "DEBIAN" and path.name in {"postinst", "prerm"})
            executable = executable or path.parent == tree / BUNDLE / "bin"
            path.chmod(0o755 if executable else 0o644)


def packed(tree: Path, package: Path, moment_s: int, *how: str) -> Path:
    """Pack the tree; what is younger than `moment_s` (seconds since the epoch) gets that age."""
    package.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(moment_s)}
    for path in (tree, *tree.rglob("*")):  # older times come from wheels, and differ between their installers
        os.utime(path, (moment_s, moment_s), follow_symlinks=False)
    run("dpkg-deb", *how, "--root-owner-group", "--build", tree, package, env=environment)
    return package


def version_in_source() -> str:
    """Return the version that the source names."""
    (version,) = re.findall(r'__version__ = "(.*)"', (ROOT / "daemon/safelight/__init__.py").read_text("utf-8"))
    return str(version)


# --- programs ---------------------------------------------------------------------------------------------------------


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a program whose output nobody needs; end with it when it fails."""
    called(command, cwd=cwd, env=env)


def output(*command: str | Path, cwd: Path = ROOT) -> str:
    """Return what a program prints; end with what it complains of when it fails."""
    return called(command, cwd=cwd, env=None)


def called(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None) -> str:
    """Run a program with the environment that a build of anything may have."""
    plain = {name: value for name, value in (env or os.environ).items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=plain | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"'{' '.join(map(str, command))}' failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
