"""A real `systemd --user`, for a person who exists only as long as the test: in namespaces of its own, as root.

The person has an empty home, a runtime folder and a session bus; disks may be mounted under /media as the system would
do it, seen by everybody in there and by nobody outside. Everything ends with the namespace.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UID = 61337
NEEDED = ("unshare", "nsenter", "setpriv", "systemctl", "dbus-daemon", "mount")
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
HIERARCHIES = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")

# Before it, where the test is to change the system: everything is the machine's own, and what changes lies in memory.
# The clone and its Python are covered, so that nothing can be found there by accident.
OVERLAY = """
set -e
mount -t tmpfs none {folder}; mkdir {folder}/upper {folder}/below {folder}/root
mount -t overlay none -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/below {folder}/root
cd {folder}/root
for each in dev sys proc; do mount --rbind /$each $each; done
pivot_root . mnt; cd /; umount -l /mnt
for each in {covered}; do mount -t tmpfs none "$each"; done
"""

# Run as the first program of the new namespaces. The tree is shared between them, as it is on a booted machine: what is
# mounted later must reach the namespace of a unit. A Python that lies in root's closed home is opened for the person.
INSIDE = """
set -e
mount -t tmpfs none /run; mount -t tmpfs none /home; mount -t tmpfs none /media
mkdir -p /run/systemd/system /run/systemd/unit-root /run/systemd/inaccessible /run/user/{uid} {home}
case {python}/ in {closed}/*)
    mkdir /run/python; mount --bind {python} /run/python
    mount -t tmpfs -o mode=755 none {closed}; mkdir -p {python}; mount --bind /run/python {python}
esac
printf '%s\\n' "person:x:{uid}:{uid}::{home}:/bin/sh" | cat /etc/passwd - >/run/passwd
mount --bind /run/passwd /etc/passwd
chown {uid}:{uid} /run/user/{uid} {home}; chmod 700 /run/user/{uid} {home}
mount --make-rshared /
{as_person} dbus-daemon --session --address=unix:path=/run/user/{uid}/bus --fork --nopidfile
{as_person} {systemd} --user &
while :; do wait || sleep 0.1; done
"""


class Manager:
    """The person and their systemd."""

    def __init__(self, pid: int, home: Path) -> None:
        self._pid = pid
        self.home = home
        self.units = home / ".config/systemd/user"

    def root(self, *command: str | Path, check: bool = True) -> str:
        """Run a command as root where the person is; return what it said."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._pid), "-m", "-p", "-w/", *map(str, command)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def person(self, *command: str | Path, check: bool = True) -> str:
        """Run a command as the person."""
        return self.root(*as_person(self.home), *command, check=check)

    def shows(self, unit: str, what: str) -> str:
        """Return one property of a unit."""
        return self.person("systemctl", "--user", "show", "--value", "-p", what, unit).strip()

    def write(self, path: Path, text: str, *, mode: str = "644") -> None:
        """Write a file as the person."""
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1" && chmod "$3" "$1"'
        self.person("sh", "-c", script, "sh", path, text, mode)

    def read(self, path: Path) -> str:
        """Return what a file holds, empty when it is not there."""
        return self.root("sh", "-c", 'cat "$1" 2>/dev/null || true', "sh", path)

    def mounted(self, place: Path, *options: str) -> None:
        """Mount an empty disk, as the system does it when one is plugged in."""
        self.root("mkdir", "-p", place)
        self.root("mount", "-t", "tmpfs", "-o", ",".join(("mode=777", *options)), "none", place)

    def said(self, unit: str) -> str:
        """Return everything that helps to see why a unit is not as it should be."""
        return self.person("systemctl", "--user", "--no-pager", "--full", "status", unit, check=False)


def as_person(home: Path) -> list[str]:
    """Return the start of every command line that the person runs."""
    environment = {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": f"/run/user/{UID}",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{UID}/bus",
    }
    assigned = [f"{name}={value}" for name, value in environment.items()]
    return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i", *assigned]


def until(condition: Callable[[], bool], *, within_s: float = 20, told: Callable[[], str] = str) -> None:
    """Wait for a condition, or fail with what `told` says."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


@contextmanager
def user_manager(folder: Path, *, overlay: bool = False) -> Iterator[Manager]:
    """Start it, with `overlay` in a system that may be changed; skipped, with the reason, where that cannot be done."""
    if os.geteuid() != 0:
        pytest.skip("a systemd of its own needs root, for the namespaces and the cgroup")
    missing = [program for program in NEEDED if shutil.which(program) is None]
    systemd = next((path for path in SYSTEMD if os.access(path, os.X_OK)), None)
    if missing or systemd is None:
        pytest.skip(f"needs {', '.join(missing) or 'systemd'}")
    home = Path("/home/person")
    script = INSIDE.format(
        uid=UID,
        home=home,
        systemd=systemd,
        as_person=" ".join(as_person(home)),
        python=sys.base_prefix,
        closed=os.path.expanduser("~root"),
    )
    if overlay:
        (folder / "disk").mkdir()
        script = OVERLAY.format(folder=folder / "disk", covered=f"{ROOT} {sys.base_prefix}") + script
    with _cgroups(f"safelight-test-{os.getpid()}-{folder.name}") as joining, (folder / "said").open("wb") as said:
        unshare = "unshare --mount --pid --fork --kill-child --mount-proc --propagation=private"
        outer = subprocess.Popen(
            ["sh", "-c", f'{joining} exec {unshare} sh -c "$0"', script],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            yield _ready(outer, home, folder / "said")
        finally:
            outer.kill()
            outer.wait()


def _ready(outer: subprocess.Popen[bytes], home: Path, said: Path) -> Manager:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until(lambda: outer.poll() is not None or bool(children.read_text().split()), told=said.read_text)
    if outer.poll() is not None:
        pytest.skip(f"namespaces cannot be had here: {said.read_text()[-300:]}")
    manager = Manager(int(children.read_text().split()[0]), home)
    try:
        until(lambda: "degraded" in (state := _state(manager)) or "running" in state, told=said.read_text)
    except AssertionError as error:
        pytest.skip(f"systemd --user does not come up here: {str(error)[-300:]}")
    return manager


def _state(manager: Manager) -> str:
    return manager.person("systemctl", "--user", "is-system-running", check=False)


@contextmanager
def _cgroups(name: str) -> Iterator[str]:
    """Make a cgroup that the person owns, and yield the shell's words for moving into it."""
    made = [Path(each) / name for each in HIERARCHIES if Path(each, "cgroup.procs").exists()]
    try:
        for each in made:
            each.mkdir()
            for path in (each, *each.glob("cgroup.*"), *each.glob("tasks")):
                os.chown(path, UID, UID)
        yield " ".join(f"echo $$ >{each}/cgroup.procs;" for each in made)
    finally:
        for each in made:
            _removed(each)


def _removed(cgroup: Path) -> None:
    """Remove a cgroup and those below it as soon as the last program in it has gone."""
    deadline = time.monotonic() + 10
    while cgroup.exists() and time.monotonic() < deadline:
        for below in sorted(cgroup.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
            _try_rmdir(below)
        _try_rmdir(cgroup)
        time.sleep(0.05)


def _try_rmdir(cgroup: Path) -> None:
    try:
        cgroup.rmdir()
    except OSError:
        return
