"""The units of systemd: well-formed, closed, and seen to do what they say under a real `systemd --user`."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.app import installing_texts
from tests.packaging.user_manager import ROOT, until, user_manager

pytestmark = pytest.mark.xdist_group("systemd")
UNITS = ROOT / "systemd"
EXPOSURE = (
    2.0  # 10 is a service without any sandbox; systemd calls up to 4.9 "OK" and up to 2.5 the best there is in practice
)
DAEMON = "safelight.service"


# --- as text ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def analyze(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    program = shutil.which("true")
    programs = {"safelight": Path(program), "safelight-tray": Path(program)}
    for name in (DAEMON, "safelight-tray.service"):
        (tmp_path / name).write_text(installing_texts.unit(name, programs))
    environment = os.environ | {"XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_COLORS": "0"}
    return lambda *arguments: subprocess.run(
        ["systemd-analyze", "--user", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_units_are_clean(analyze):
    done = analyze("verify", "--man=no", f"./{DAEMON}", "./safelight-tray.service")
    assert (done.returncode, done.stderr) == (0, "")


def test_verify_would_see_a_slip(analyze, tmp_path):
    unit = (tmp_path / DAEMON).read_text()
    (tmp_path / "slip.service").write_text(unit.replace("ProtectSystem=strict", "ProtectSytem=strict"))
    assert "ProtectSytem" in analyze("verify", "--man=no", "./slip.service").stderr


def test_daemon_is_closed(analyze, record_property):
    done = analyze("security", "--offline=true", "--no-pager", f"./{DAEMON}")
    (exposure,) = re.findall(r"Overall exposure level for safelight.service: ([\d.]+)", done.stdout)
    record_property("exposure", exposure)
    assert float(exposure) <= EXPOSURE, done.stdout
    kept = set(re.findall(r"^✓ (\S+?)=", done.stdout, re.MULTILINE))
    assert {"PrivateUsers", "ProtectSystem", "PrivateNetwork", "NoNewPrivileges", "MemoryDenyWriteExecute"} <= kept


def settings(name):
    lines = (UNITS / name).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]


def test_daemon_yields_to_the_person():
    told = dict(settings(DAEMON))
    assert (told["IOSchedulingClass"], told["CPUWeight"]) == ("idle", "20")
    assert int(told["Nice"]) > 0
    assert told["MemoryHigh"] == "1536M"
    assert told["Type"] == "notify" and told["NotifyAccess"] == "main"
    assert "WatchdogSec" in told


def test_strict_is_never_without_the_user_namespace_that_makes_it_hold():
    told = dict(settings(DAEMON))
    assert (told["ProtectSystem"], told["PrivateUsers"]) == ("strict", "yes")


def test_tray_goes_with_the_desktop():
    told = dict(settings("safelight-tray.service"))
    assert told["PartOf"] == told["WantedBy"] == "graphical-session.target"
    assert not {"PrivateUsers", "NoNewPrivileges", "SystemCallFilter"} & set(told), "it starts the person's programs"


# --- for real ---------------------------------------------------------------------------------------------------------


def skip_where_hidden():
    if any(Path(place).resolve().is_relative_to(hidden) for place in (ROOT, sys.prefix) for hidden in HIDDEN):
        pytest.skip("this clone lies in /tmp, and the unit has a /tmp of its own")


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    skip_where_hidden()
    with user_manager(tmp_path_factory.mktemp("manager")) as started:
        if "0" not in started.person(sys.executable, "-c", "import safelight.watching.volumes; print(0)", check=False):
            pytest.skip("this Python or this clone lies where only root may read")
        yield started


HIDDEN = ("/tmp", "/var/tmp")
FOLDERS = [
    "{home}/Pictures",
    "{home}/Pictures/card",
    "{home}/.config/autostart",
    "{home}/.ssh",
    "{home}/.cache",
    "/media",
    "/media/disk",
    "/media/CARD",
    "/media/locked",
    "/usr/local",
    "/etc",
    "/var/tmp",
    "/tmp",
]


@pytest.fixture(scope="module")
def daemon(manager):
    """A stand-in for the daemon in the unit as it is shipped, with two disks mounted before it starts."""
    home = manager.home
    folders = [folder.format(home=home) for folder in FOLDERS]
    for folder in (*folders[:5], "/media/CARD", home / ".local/state"):
        manager.person("mkdir", "-p", folder) if "/media" not in str(folder) else manager.root("mkdir", "-p", folder)
    manager.write(home / ".profile", "# theirs\n")
    manager.write(home / ".ssh/id_ed25519", "a key\n", mode="600")
    manager.mounted(Path("/media/disk"))
    manager.mounted(Path("/media/locked"), "ro")
    command = " ".join(f'"{word}"' for word in (sys.executable, ROOT / "tests/packaging/stand_in.py", "run", *folders))
    unit = (UNITS / DAEMON).read_text(encoding="utf-8").replace("/usr/bin/safelight run", command)
    manager.write(manager.units / DAEMON, unit)
    manager.person("systemctl", "--user", "daemon-reload")
    manager.person("systemctl", "--user", "start", DAEMON, check=False)
    assert manager.shows(DAEMON, "ActiveState") == "active", manager.said(DAEMON)
    return manager


def seen(manager):
    """Let the stand-in look, and return what it found."""
    report = manager.home / ".local/state/safelight/stand_in.json"
    manager.root("rm", "-f", report)
    manager.person("systemctl", "--user", "reload", DAEMON)
    until(lambda: bool(manager.read(report)), told=lambda: manager.said(DAEMON))
    return json.loads(manager.read(report))


READ_ONLY = "Read-only file system"


def test_unit_starts_and_is_ready_when_it_says_so(daemon):
    assert daemon.shows(DAEMON, "StatusText") == "Stands in"
    assert daemon.shows(DAEMON, "SubState") == "running"


def test_sidecars_can_be_written_where_photographs_are(daemon):
    home, found = daemon.home, seen(daemon)
    for folder in (f"{home}/Pictures", f"{home}/.cache", "/media/disk", "/tmp", "/var/tmp"):
        assert found["writing"][folder] == "written", folder
    assert found["writing"]["/media/locked"] == READ_ONLY


def test_nothing_that_is_run_or_read_at_login_can_be_written(daemon):
    home, found = daemon.home, seen(daemon)
    for folder in (f"{home}/.config/autostart", "/usr/local", "/etc"):
        assert found["writing"][folder] == READ_ONLY, folder
    assert found["profile"] == READ_ONLY


def test_keys_of_the_person_cannot_be_read(daemon):
    assert seen(daemon)["listing"][f"{daemon.home}/.ssh"] == "Permission denied"


def test_no_network_can_be_reached(daemon):
    found = seen(daemon)
    assert found["families"] == {
        "inet": "Address family not supported by protocol",
        "inet6": "Address family not supported by protocol",
        "unix": None,
    }
    assert found["network"] == 1, "nothing but a loopback of its own"


def test_no_code_is_made_and_no_namespace(daemon):
    found = seen(daemon)
    assert found["code"] == "Operation not permitted"
    assert found["namespace"] != 0


def test_what_the_daemon_needs_is_there(daemon):
    found = seen(daemon)
    assert found["bus"] == 0
    assert found["pressure"] in {"some", "No such file or directory"}  # a kernel without PSI
    assert found["limits"] is None
    assert found["niceness"] == 10
    assert found["uid"] != 0


def test_card_that_is_plugged_in_later_is_seen_and_let_go(daemon):
    for place in (Path("/media/CARD"), daemon.home / "Pictures/card"):
        before = seen(daemon)
        daemon.mounted(place)
        daemon.root("mkdir", place / "DCIM")
        during = seen(daemon)
        assert during["listing"][str(place)] == ["DCIM"]
        assert during["writing"][str(place)] == "written"
        assert str(place) in during["mounts"]
        daemon.root("umount", place)  # fails if the unit's copy of the mount keeps it busy
        after = seen(daemon)
        assert after["listing"][str(place)] == []
        assert after["mounts"] == before["mounts"]


def test_disk_that_was_there_at_the_start_is_let_go(daemon):
    assert "/media/disk" in seen(daemon)["mounts"]
    daemon.root("umount", "/media/disk")
    assert "/media/disk" not in seen(daemon)["mounts"]
    daemon.mounted(Path("/media/disk"))


def test_volume_of_a_folder_is_the_same_inside_and_outside(daemon):
    """Else `safelight rate` in a terminal and the daemon would take one disk for two."""
    look = "import sys, json, tests.packaging.stand_in as s; print(json.dumps({f: s.volume(f) for f in sys.argv[1:]}))"
    folders = [f"{daemon.home}/Pictures", f"{daemon.home}/.config/autostart", "/media/disk", "/usr/local", "/etc"]
    outside = json.loads(
        daemon.person(
            "env", f"PYTHONPATH={ROOT}", f"XDG_RUNTIME_DIR={daemon.home}", sys.executable, "-c", look, *folders
        )
    )
    inside = seen(daemon)["volumes"]
    assert {folder: inside[folder] for folder in folders} == outside


def restarted(manager, **changes):
    """Start the stand-in again with other settings of the unit."""
    more = "".join(f"{name}={value}\n" for name, value in changes.items())
    manager.write(manager.units / f"{DAEMON}.d/test.conf", f"[Service]\n{more}")
    manager.person("systemctl", "--user", "daemon-reload")
    manager.person("systemctl", "--user", "restart", DAEMON, check=False)


def test_silent_daemon_is_killed_and_started_again(daemon):
    restarted(daemon, WatchdogSec="300ms", RestartSec="100ms")
    try:
        until(lambda: int(daemon.shows(DAEMON, "NRestarts")) >= 1, told=lambda: daemon.said(DAEMON))
    finally:
        restarted(daemon)
    assert daemon.shows(DAEMON, "ActiveState") == "active"


def test_daemon_that_cannot_start_is_not_started_again_and_again(daemon):
    daemon.write(daemon.home / "cannot-start", "")
    try:
        restarted(daemon, RestartSec="0")
        until(lambda: daemon.shows(DAEMON, "ActiveState") == "failed", told=lambda: daemon.said(DAEMON))
        assert daemon.shows(DAEMON, "NRestarts") == "0"
        assert daemon.shows(DAEMON, "ExecMainStatus") == "2"
    finally:
        daemon.root("rm", "-f", daemon.home / "cannot-start")
        restarted(daemon)


def test_daemon_that_dies_again_and_again_is_given_up(daemon):
    restarted(daemon, RestartSec="0")
    for _ in range(8):
        daemon.person("systemctl", "--user", "kill", "--signal=KILL", DAEMON, check=False)
        if daemon.shows(DAEMON, "Result") == "start-limit-hit":
            break
        until(
            lambda: (
                daemon.shows(DAEMON, "SubState") in {"running", "failed"} or daemon.shows(DAEMON, "Result") != "success"
            ),
            told=lambda: daemon.said(DAEMON),
        )
    until(lambda: daemon.shows(DAEMON, "ActiveState") == "failed", told=lambda: daemon.said(DAEMON))
    daemon.person("systemctl", "--user", "reset-failed", DAEMON)
    restarted(daemon)
    assert daemon.shows(DAEMON, "ActiveState") == "active"


def test_stopping_is_clean(daemon):
    daemon.person("systemctl", "--user", "stop", DAEMON)
    assert daemon.shows(DAEMON, "Result") == "success"
    assert daemon.shows(DAEMON, "ActiveState") == "inactive"


# --- the commands that put them in place ------------------------------------------------------------------------------


def test_person_installs_and_takes_everything_back(tmp_path_factory):
    skip_where_hidden()
    with user_manager(tmp_path_factory.mktemp("installing")) as own:
        if "0" not in own.person(sys.executable, "-c", "import safelight.cli.installing; print(0)", check=False):
            pytest.skip("this Python or this clone lies where only root may read")

        def command(name, *arguments):
            program = (
                f"import sys; from safelight.cli.installing import {name} as c; sys.exit(c(standalone_mode=False))"
            )
            return own.person(sys.executable, "-c", program, *arguments, check=False)

        own.write(own.home / ".config/safelight/settings.toml", '[watch]\nfolders = ["/opt/photos", "~/Pictures"]\n')
        before = own.person("find", own.home)
        told = command("install_user", "--yes")
        assert own.shows(DAEMON, "UnitFileState") == "enabled", told
        assert own.shows("safelight-tray.service", "UnitFileState") == "enabled"
        assert own.shows(DAEMON, "FragmentPath") == str(own.units / DAEMON)
        assert own.shows(DAEMON, "ReadWritePaths").split()[-1] == "-/opt/photos"
        assert own.shows(DAEMON, "ActiveState") == "active", told + own.said(DAEMON)
        told = command("uninstall_user", "--yes")
        assert "Not done" not in told, told
        assert own.shows(DAEMON, "LoadState") == "not-found"
        left = set(own.person("find", own.home).splitlines()) - set(before.splitlines())
        assert not {name for name in left if ".config" in name or "systemd" in name or "share" in name}, left
