"""Stands for the daemon in a unit: says READY, and on SIGHUP writes down what it can do and see there.

Started as `stand_in.py run FOLDER...`; what it finds goes into stand_in.json in the state folder.
"""

import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "daemon"))
HOME = Path(os.environ["HOME"])
STATE = HOME / ".local/state/safelight"
RUNTIME = Path(os.environ["XDG_RUNTIME_DIR"])


def tried(step):
    """Return what a step gives, or the name of what it fails with."""
    try:
        return step()
    except OSError as error:
        return os.strerror(error.errno) if error.errno else type(error).__name__


def writing(folder):
    path = Path(folder) / f"stand-in-{os.getpid()}"
    path.write_text("x")
    path.rename(path.with_suffix(".renamed"))
    path.with_suffix(".renamed").unlink()
    return "written"


def appending(path):
    with Path(path).open("a"):
        return "opened"


def connecting():
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetId"]
    return subprocess.run(ask, check=False, capture_output=True, text=True, timeout=10).returncode


def volume(path):
    from safelight.watching.volumes import MountedVolumes

    identity = MountedVolumes().identity(Path(path))
    return identity and [str(identity.mount), identity.device, identity.file_system, identity.kind]


def mount_points():
    from safelight.watching.volumes import file_mounts

    return [str(mount.root) for mount in file_mounts()]


def findings(folders):
    return {
        "writing": {folder: tried(lambda folder=folder: writing(folder)) for folder in folders},
        "listing": {folder: tried(lambda folder=folder: sorted(os.listdir(folder))) for folder in folders},
        "profile": tried(lambda: appending(HOME / ".profile")),
        "families": {
            name: tried(lambda family=family: socket.socket(family, socket.SOCK_DGRAM).close())
            for name, family in (("inet", socket.AF_INET), ("inet6", socket.AF_INET6), ("unix", socket.AF_UNIX))
        },
        "code": tried(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()),
        "namespace": tried(
            lambda: subprocess.run(["unshare", "-U", "true"], check=False, capture_output=True).returncode
        ),
        "limits": tried(lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 33, resource.RLIM_INFINITY))),
        "niceness": os.nice(0),
        "pressure": tried(lambda: Path("/proc/pressure/cpu").read_text().split()[0]),
        "uid": os.getuid(),
        "bus": tried(connecting),
        "network": tried(lambda: Path("/proc/net/dev").read_text().count(":")),
        "volumes": {folder: tried(lambda folder=folder: volume(folder)) for folder in folders},
        "mounts": mount_points(),
    }


def tell(words):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(words.encode(), "\0" + address[1:] if address.startswith("@") else address)


def main():
    if sys.argv[1:2] != ["run"]:
        sys.exit(2)

    def look(*_):
        STATE.mkdir(parents=True, exist_ok=True)
        (STATE / "new").write_text(json.dumps(findings(sys.argv[2:])))
        (STATE / "new").rename(STATE / "stand_in.json")

    signal.signal(signal.SIGHUP, look)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if os.path.exists(HOME / "cannot-start"):
        sys.exit(2)
    tell("READY=1\nSTATUS=Stands in")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
