"""Where the socket stands: ours alone, one daemon at a time, and nothing of a dead one in the way."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safelight import paths
from safelight.control.client import Client
from safelight.control.place import PATH_BYTES, Place
from safelight.errors import ControlError, StateError
from tests.control.served import SOON_S, Served, place, served, wait_until

__all__ = ["place", "served"]


def test_folder_and_socket_are_closed_to_others_whatever_the_umask(place: Path) -> None:
    before = os.umask(0)
    try:
        held = Place(place)
    finally:
        os.umask(before)
    try:
        assert stat.S_IMODE(place.parent.lstat().st_mode) == 0o700
        assert stat.S_IMODE(place.lstat().st_mode) == 0o600
        assert stat.S_ISSOCK(place.lstat().st_mode)
    finally:
        held.leave()
    assert not place.exists()


def test_folder_that_stood_open_is_closed(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.parent.chmod(0o777)
    Place(place).leave()
    assert stat.S_IMODE(place.parent.lstat().st_mode) == 0o700


def test_folder_that_is_a_link_or_a_file_is_refused(place: Path, tmp_path: Path) -> None:
    place.parent.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(StateError, match="not a folder of yours"):
        Place(place)
    assert list(tmp_path.iterdir()) == []
    place.parent.unlink()
    place.parent.write_bytes(b"")
    with pytest.raises(StateError, match="not a folder of yours"):
        Place(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_folder_of_somebody_else_is_refused(place: Path) -> None:
    place.parent.mkdir(parents=True)
    os.chown(place.parent, 65_533, 65_533)
    with pytest.raises(StateError, match="not a folder of yours"):
        Place(place)


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_no_socket_is_never_removed(place: Path, tmp_path: Path, what: str) -> None:
    place.parent.mkdir(parents=True)
    match what:
        case "file":
            place.write_bytes(b"precious")
        case "folder":
            place.mkdir()
        case "link":
            place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="is in the place of the control socket"):
        Place(place)
    assert place.is_symlink() or place.exists()
    shutil.rmtree(place.parent)
    Place(place).leave()  # the refusal has kept no lock


def test_lock_that_is_a_link_is_not_followed(place: Path, tmp_path: Path) -> None:
    place.parent.mkdir(parents=True)
    place.with_suffix(".lock").symlink_to(tmp_path / "made through it")
    with pytest.raises(StateError, match="cannot be used"):
        Place(place)
    assert list(tmp_path.iterdir()) == []


def test_second_daemon_is_told_that_one_runs(served: Served, tmp_path: Path) -> None:
    second = Served(served.path, tmp_path / "another state")
    with pytest.raises(StateError, match="running already"), second.running():
        pass
    with served.client() as client:
        assert client.state == served.state, "the first was not disturbed"


def test_socket_of_a_dead_daemon_is_replaced(place: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from safelight.control.place import Place;"
        " held = Place(Path(sys.argv[1])); print('listening', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, place], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"listening\n"
    with pytest.raises(StateError, match="running already"):
        Place(place)
    child.send_signal(signal.SIGKILL)
    child.wait(SOON_S)
    child.stdout.close()
    assert place.exists(), "it could not clear up"
    assert Client.connect(place) is None
    with Served(place, tmp_path).running() as served, served.client() as client:
        assert client.status().state == "idle"
    assert not place.exists()


def test_socket_that_another_put_there_meanwhile_is_left(place: Path) -> None:
    held = Place(place)
    place.unlink()
    theirs = socket.socket(socket.AF_UNIX)
    theirs.bind(str(place))
    held.leave()
    assert place.exists()
    theirs.close()


def test_two_daemons_at_once_are_one(place: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from safelight.control.place import Place;"
        " from safelight.errors import StateError\n"
        "sys.stdin.readline()\n"
        "try: held = Place(Path(sys.argv[1]))\n"
        "except StateError: print('refused', flush=True)\n"
        "else: print('listening', flush=True); sys.stdin.readline()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    children = [subprocess.Popen([sys.executable, "-c", code, place], **pipes) for _ in range(4)]
    for child in children:
        child.stdin.write(b"\n")
        child.stdin.flush()
    said = [child.stdout.readline() for child in children]
    for child in children:
        child.communicate(b"\n", timeout=SOON_S)
    assert sorted(said) == [b"listening\n", *[b"refused\n"] * 3]


def test_path_at_the_limit_works_and_one_byte_more_is_a_sentence(place: Path, tmp_path: Path) -> None:
    base = place.parent.parent
    name = "x" * (PATH_BYTES - len(os.fsencode(base)) - len("/") - len("/control.sock"))
    longest = base / name / "control.sock"
    with Served(longest, tmp_path).running() as served, served.client() as client:
        assert client.status().state == "idle"
    with pytest.raises(StateError, match="longer than 107 bytes"):
        Place(base / f"{name}x" / "control.sock")
    assert Client.connect(base / f"{name}x" / "control.sock") is None


def test_length_is_counted_in_bytes(place: Path) -> None:
    folder = place.parent.parent / ("é" * 50)
    with pytest.raises(StateError, match="longer than 107 bytes"):
        Place(folder / "control.sock")


def test_place_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be used"):
        Place(Path("/proc/safelight/control.sock"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match="cannot be used"):
        Place(tmp_path / "file" / "safelight" / "control.sock")


def test_runtime_folder_is_used_where_one_is_named() -> None:
    named = {"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/home/anna"}
    assert paths.socket_file(named) == Path("/run/user/1000/safelight/control.sock")
    fallback = Path("/home/anna/.local/state/safelight/control/control.sock")
    assert paths.socket_file({"HOME": "/home/anna"}) == fallback
    assert paths.socket_file({"HOME": "/home/anna", "XDG_RUNTIME_DIR": "relative"}) == fallback


def test_nobody_there_is_none_and_no_error(place: Path) -> None:
    assert Client.connect(place) is None
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    assert Client.connect(place) is None
    assert Client.connect(place / "below" / "a" / "file") is None


def test_daemon_that_hangs_is_said_to_not_answer(place: Path) -> None:
    held = Place(place)  # listens, and nobody ever accepts
    crowd: list[socket.socket] = []

    def join() -> bool:
        made = socket.socket(socket.AF_UNIX)
        made.setblocking(False)
        crowd.append(made)
        return made.connect_ex(str(place)) == 0

    try:
        with pytest.raises(ControlError, match="does not answer"):
            Client.connect(place, timeout_s=0.05)
        while join():
            assert len(crowd) < 1000
        with pytest.raises(ControlError, match="does not answer"):
            Client.connect(place, timeout_s=0.05)
    finally:
        for made in crowd:
            made.close()
        held.leave()


def test_closing_lets_go_of_everybody_at_once(place: Path, tmp_path: Path) -> None:
    with Served(place, tmp_path).running() as served:
        watching, idle, leased = served.client(), served.client(), served.client()
        statuses = watching.watch()
        next(statuses)
        borrowed = leased.lease()
        borrowed.__enter__()
    assert list(statuses) == []
    with pytest.raises(ControlError, match="before it answered"):
        idle.status()
    assert served.told == ["begin", "end"]
    assert not served.troubles
    assert not place.exists()
    wait_until(lambda: served.connections == 0)
