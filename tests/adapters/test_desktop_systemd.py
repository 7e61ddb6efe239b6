"""The service manager is told by datagrams, and a manager that is gone or does not listen harms nothing."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.desktop.systemd import Supervisor, watchdog_s


@pytest.fixture(params=["path", "abstract"])
def manager(request) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="sl-") as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        name = str(Path(folder) / "notify")
        bound.bind("\0" + name if request.param == "abstract" else name)
        bound.settimeout(5)
        yield bound, {"NOTIFY_SOCKET": f"@{name}" if request.param == "abstract" else name}


def test_each_message_is_one_datagram(manager):
    bound, environ = manager
    us = Supervisor(environ, monotonic_ns=lambda: 12_345_678)
    assert us.listens
    said = []
    for tell in (
        us.ready,
        us.reloading,
        lambda: us.ready("12 folders watched"),
        us.alive,
        lambda: us.extend(2.5),
        lambda: us.status("Rating 2026-11-21"),
        us.stopping,
    ):
        tell()
        said.append(bound.recv(4096).decode())
    assert said == [
        "READY=1",
        "RELOADING=1\nMONOTONIC_USEC=12345",
        "READY=1\nSTATUS=12 folders watched",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=2500000",
        "STATUS=Rating 2026-11-21",
        "STOPPING=1",
    ]


def test_name_of_a_folder_cannot_forge_a_message(manager):
    bound, environ = manager
    Supervisor(environ).status(os.fsdecode(b"Rating a\nSTOPPING=1\r\x85\x1b[2J \xff") + "\u2028MAINPID=1")
    lines = bound.recv(4096).decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("STATUS=Rating a STOPPING=1")
    assert lines[0].isprintable()


def test_long_status_is_cut(manager):
    bound, environ = manager
    Supervisor(environ).status("x" * 100_000)
    assert len(bound.recv(200_000)) < 1000


def test_manager_that_does_not_read_keeps_nobody_waiting(manager):
    _bound, environ = manager
    us = Supervisor(environ)
    for _ in range(5000):
        us.status("x" * 200)


@pytest.mark.parametrize(
    "address", [None, "", "@", "relative/path", "/nonexistent/notify", "vsock:2:1234", "/" + "x" * 200]
)
def test_without_a_manager_nothing_happens(address):
    us = Supervisor({} if address is None else {"NOTIFY_SOCKET": address})
    us.ready("Here")
    us.alive()
    us.stopping()


def test_watchdog_time_is_half_of_what_the_manager_allows():
    assert watchdog_s({"WATCHDOG_USEC": "60000000"}, pid=7) == 30
    assert watchdog_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, pid=7) == 30


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "²"},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"},
    ],
)
def test_no_watchdog_where_none_is_meant(environ):
    assert watchdog_s(environ, pid=7) is None
