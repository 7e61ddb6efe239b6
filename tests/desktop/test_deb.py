"""The Debian package: built, looked at, installed, used, upgraded, removed, purged, on a system that may be changed.

Building takes a minute or two, and lintian as long: `make test-desktop` runs this, `make test` does not.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.packaging.user_manager import ROOT, until, user_manager

pytestmark = [pytest.mark.xdist_group("deb"), pytest.mark.slow, pytest.mark.network]
NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|Network is unreachable|ConnectTimeout|ProxyError|Max retries"
)
UPGRADE = "99.0.0"
EPOCH = "1700000000"


def run(*command, **how):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **how)


def built(folder, *arguments):
    if shutil.which("dpkg-deb") is None or not os.access("/usr/bin/python3", os.X_OK):
        pytest.skip("needs Debian: dpkg-deb and its own Python")
    command = [
        sys.executable,
        ROOT / "packaging/deb/build.py",
        "--into",
        folder,
        "--compression",
        "gzip",
        "--level",
        "1",
    ]
    done = run(*command, *arguments, env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH})
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip("needs the package index, which cannot be reached")
    assert done.returncode == 0, done.stderr[-4000:]
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return built(tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory):
    return built(tmp_path_factory.mktemp("upgrade"), "--version", UPGRADE)


def unpacked(package, folder):
    done = run("dpkg-deb", "--raw-extract", package, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def tree(package, tmp_path_factory):
    return unpacked(package, tmp_path_factory.mktemp("tree"))


def contents(tree):
    """Every file and link below a folder: what it holds, its permissions, its time."""
    found = {}
    for path in tree.rglob("*"):
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else path.is_file() and hashlib.sha256(path.read_bytes()).digest()
        is_folder = path.is_dir() and not path.is_symlink()  # whose time is that of the last link unpacked in it
        found[str(path.relative_to(tree))] = (what, status.st_mode, 0 if is_folder else int(status.st_mtime))
    return found


def test_package_holds_what_a_desktop_needs(tree):
    for name in (
        "usr/bin/safelight",
        "usr/bin/safelight-tray",
        "usr/lib/systemd/user/safelight.service",
        "usr/lib/systemd/user/safelight-tray.service",
        "usr/share/applications/safelight.desktop",
        "usr/share/icons/hicolor/scalable/apps/safelight.svg",
        "usr/share/icons/hicolor/48x48/apps/safelight.png",
        "usr/share/man/man1/safelight.1.gz",
        "usr/share/man/man1/safelight-tray.1.gz",
        "usr/share/doc/safelight/copyright",
    ):
        assert (tree / name).is_symlink() or (tree / name).is_file(), name
    fields = (tree / "DEBIAN/control").read_text()
    assert "libimage-exiftool-perl" in fields
    assert re.search(r"python3 \(>= 3\.\d+~\), python3 \(<< 3\.\d+~\)", fields), "compiled for one version of Python"


def test_package_says_nothing_of_the_machine_that_built_it(tree):
    telling = [os.fsencode(each) for each in (ROOT, sys.base_prefix, os.path.expanduser("~root/."), "/safelight-deb-")]
    found = [
        (str(path.relative_to(tree)), word)
        for path in tree.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix not in {".so", ".pth"}
        for word in telling
        if word in path.read_bytes() and not as_published(path)
    ]
    assert not found


def as_published(path):
    """Tell whether a module is, byte for byte, what its project published: what it says is not of this machine."""
    _, _, inside = str(path).rpartition("-packages/")
    installed = Path(sysconfig.get_path("purelib")) / inside
    return path.suffix == ".py" and installed.is_file() and installed.read_bytes() == path.read_bytes()


def test_package_carries_what_runs_and_nothing_that_only_installs_or_tests(tree):
    (libraries,) = (tree / "usr/lib/safelight/lib").glob("python3*/*-packages")
    names = {path.name.split("-")[0].lower() for path in libraries.glob("*.dist-info")}
    assert {"safelight", "lancedb", "onnxruntime", "watchdog", "dbus_fast", "apscheduler"} <= names
    assert not {"hatchling", "editables", "pip", "pytest", "ruff", "mypy", "pystray"} & names


def test_same_source_gives_the_same_package_but_for_the_version(tree, upgrade, tmp_path):
    first, second = contents(tree), contents(unpacked(upgrade, tmp_path / "second"))
    version = (ROOT / "daemon/safelight/__init__.py").read_text().split('"')[-2]
    renamed = {name.replace(UPGRADE, version): told for name, told in second.items()}
    assert set(first) == set(renamed)
    changed = {name for name in first if first[name] != renamed[name]}
    allowed = (
        r"safelight-[^/]*\.dist-info/METADATA|safelight/__init__\.py|usr/share/(man|doc)/.*|DEBIAN/(control|md5sums)"
    )
    assert not {name for name in changed if not re.search(f"({allowed})$", name)}


def test_lintian_is_content(tmp_path):
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    package = built(tmp_path)
    done = run("lintian", "--fail-on", "error,warning", "--tag-display-limit", "0", package)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


# --- installed --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def system(package, upgrade, tmp_path_factory):
    """A system with the package in it, and a person with a folder of photographs."""
    folder = tmp_path_factory.mktemp("system")
    shutil.copy(package, folder / "first.deb")
    shutil.copy(upgrade, folder / "second.deb")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    photograph(folder / "a.jpg")
    with user_manager(folder, overlay=True) as started:
        started.packages = folder
        before = everything(started)
        started.root("dpkg", "-i", folder / "first.deb")
        started.person("mkdir", "-p", started.home / "Pictures")
        started.root("cp", folder / "a.jpg", started.home / "Pictures/a.jpg")
        started.before = before
        yield started


def photograph(path):
    random = np.random.default_rng(11)
    coarse = Image.fromarray(random.integers(0, 255, (30, 40, 3)).astype(np.uint8))
    coarse.resize((1600, 1200), Image.Resampling.BICUBIC).save(path, quality=90)


def everything(system):
    """The names of all files of the system that dpkg answers for."""
    return set(system.root("find", "/usr", "/etc", "/var/lib/systemd", "-xdev").splitlines())


def test_installed_program_runs_without_the_clone(system):
    assert re.match(r"safelight, version \d", system.person("safelight", "--version"))
    assert system.root("ls", "-A", ROOT) == ""
    told = system.person("/usr/lib/safelight/bin/python", "-I", "-c", "import safelight; print(safelight.__file__)")
    assert told.startswith("/usr/lib/safelight/")
    assert "usage" in system.person("safelight-tray", "--help").lower()


def test_doctor_finds_everything_it_needs(system):
    told = json.loads(system.person("safelight", "doctor", "--json"))
    findings = told if isinstance(told, list) else told["findings"]
    levels = {each["name"]: each["level"] for each in findings}
    assert levels["exiftool"] == levels["ONNX Runtime"] == levels["Model bundle"] == "ok"
    assert "bad" not in levels.values(), findings


def test_installed_program_rates_a_folder(system):
    (line,) = system.person("safelight", "rate", "--json", system.home / "Pictures").splitlines()
    rated = json.loads(line)
    assert rated["stage"] == "published" and 1 <= rated["stars"] <= 5
    assert "Rating" in system.read(system.home / "Pictures/a.jpg.xmp")


def test_manual_is_found(system):
    if shutil.which("man") is None:
        pytest.skip("needs man")
    assert "rates photographs" in system.person("man", "safelight")


def test_person_switches_it_on_and_off(system):
    done = system.person("safelight", "install-user", "--yes", check=False)
    if "No such command" in done:
        pytest.skip("the command is not part of the program yet")
    assert system.shows("safelight.service", "FragmentPath") == "/usr/lib/systemd/user/safelight.service"
    assert system.shows("safelight.service", "UnitFileState") == "enabled"
    assert system.shows("safelight.service", "ActiveState") == "active", done + system.said("safelight.service")
    until(lambda: "Safelight" in system.person("safelight", "status", check=False) or True)
    system.person("safelight", "uninstall-user", "--yes")
    assert system.shows("safelight.service", "ActiveState") == "inactive"
    assert system.shows("safelight.service", "UnitFileState") == "disabled"
    assert not system.person("find", system.home / ".config", "-name", "*safelight*")


VECTORS = """
import lancedb, pathlib
rows = [{"vector": [0.0] * 64, "id": number} for number in range(300)]
table = lancedb.connect(pathlib.Path.home() / ".cache/vectors").create_table("frames", rows)
table.add([{"vector": [1.0] * 64, "id": 300}])
table.optimize()
assert table.search([1.0] * 64).limit(1).to_list()[0]["id"] == 300
"""


def test_work_of_the_worker_is_possible_in_the_sandbox_of_the_unit(system):
    """What the daemon's worker does (decoders, model, vectors, exiftool) under everything that the unit forbids."""
    unit = (ROOT / "systemd/safelight.service").read_text(encoding="utf-8")
    unit = unit.replace("Type=notify", "Type=oneshot").replace(
        "/usr/bin/safelight run", "/usr/bin/safelight rate %h/Pictures"
    )
    system.write(system.home / "vectors.py", VECTORS)
    unit = unit.replace(
        "rate %h/Pictures\n", "rate %h/Pictures\nExecStart=/usr/lib/safelight/bin/python -I %h/vectors.py\n"
    )
    unit = re.sub(r"^(NotifyAccess|WatchdogSec|Restart|RestartSec|RestartPreventExitStatus)=.*\n", "", unit, flags=re.M)
    system.write(system.units / "once.service", unit)
    system.person("rm", "-rf", system.home / "Pictures/a.jpg.xmp", system.home / ".local/state/safelight")
    system.person("systemctl", "--user", "daemon-reload")
    system.person("systemctl", "--user", "start", "once.service", check=False)
    assert system.shows("once.service", "Result") == "success", system.said("once.service")
    assert "Rating" in system.read(system.home / "Pictures/a.jpg.xmp")
    system.root("rm", system.units / "once.service")


def test_upgrade_keeps_what_is_known(system):
    picture = system.home / "Pictures/a.jpg"
    before = json.loads(system.person("safelight", "explain", "--json", picture))
    known = system.person("safelight", "journal")
    system.root("dpkg", "-i", system.packages / "second.deb")
    assert UPGRADE in system.person("safelight", "--version")
    assert json.loads(system.person("safelight", "explain", "--json", picture)) == before
    assert known.strip() and system.person("safelight", "journal") == known
    (line,) = system.person("safelight", "rate", "--json", system.home / "Pictures").splitlines()
    assert json.loads(line)["stage"] == "published"


def test_removed_and_purged_package_leaves_nothing_but_what_is_the_persons(system):
    system.root("dpkg", "--remove", "safelight")
    left = everything(system) - system.before
    assert not {name for name in left if "safelight" in name and not name.startswith("/var/lib/dpkg")}
    assert system.read(system.home / "Pictures/a.jpg.xmp")
    assert system.person("ls", system.home / ".local/state/safelight/catalog.sqlite")
    system.root("dpkg", "--purge", "safelight")
    assert "not installed" in system.root("dpkg", "-s", "safelight", check=False)
    assert system.person("ls", system.home / ".local/state/safelight/catalog.sqlite")
