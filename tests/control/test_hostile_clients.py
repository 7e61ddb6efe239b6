"""A client that is slow, hostile, damaged, of another version or of another person harms nobody but itself."""

import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from safelight.control.lines import REQUEST_BYTES
from safelight.control.messages import PROTOCOL, Answer, Doing, Request, Status
from safelight.errors import ControlError
from tests.control.served import SHORTLY, SOON_S, Served, line, place, received, reply, served, wait_until

__all__ = ["place", "served"]

OTHER_UID = 65_533  # nobody's


def still_answers(served: Served) -> None:
    """Check that an honest client is served at once."""
    with served.client() as client:
        assert client.ask("rescan", folder="/pictures").record["command"] == "rescan"


def answers(served: Served) -> bool:
    """Tell whether an honest client is served."""
    try:
        still_answers(served)
    except ControlError:
        return False
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"GET / HTTP/1.1\r\n",
        b"\xff\xfe\x00\n",
        b'{"id": 1}\n',
        b'{"id": "one", "command": "status"}\n',
        b'{"id": 1, "command": "status", "more": 1}\n',
        b'{"id": 1, "command": ["status"]}\n',
        b'{"id": 1, "command": "' + b"s" * 41 + b'"}\n',
        b'{"id": 1, "command": "\\ud800"}\n',
        b'{"id": 1, "command": "status", "arguments": []}\n',
        b'{"id": ' + b"9" * 5000 + b', "command": "status"}\n',
        b"[" * 50_000 + b"\n",
        b'{"a":' * 10_000 + b"\n",
    ],
    ids=lambda said: repr(said[:30]),
)
def test_garbage_is_answered_with_a_failure_and_the_end(served: Served, said: bytes) -> None:
    with served.raw() as connected:
        connected.sendall(said)
        (told,) = received(connected)
    assert told["failure"]["kind"] == "Refused"
    assert told["failure"]["summary"].startswith("That was no ")
    assert "Error" not in told["failure"]["summary"]
    still_answers(served)


@pytest.mark.parametrize("version", [0, 2, -1, "1", None, 1.5, [1]])
def test_another_version_is_told_so(served: Served, version: object) -> None:
    with served.raw() as connected:
        connected.sendall(json.dumps({"protocol": version, "id": 7, "command": "from the future", "new": 1}).encode())
        connected.sendall(b"\n")
        (told,) = received(connected)
    assert "different versions" in told["failure"]["summary"]
    assert "Restart the daemon" in told["failure"]["hint"]
    assert told["protocol"] == PROTOCOL


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("develop", {}),
        ("", {}),
        ("rescan", {"folder": "relative/path"}),
        ("rescan", {"folder": ""}),
        ("rescan", {"folder": 7}),
        ("rescan", {"folder": "/a", "more": 1}),
        ("rescan", {"folder": "/zero\0byte"}),
        ("rescan", {"folder": "/half\ud83d"}),
        ("explain", {}),
        ("explain", {"file": None}),
        ("pause", {"until_s": -1}),
        ("pause", {"until_s": 1e300}),
        ("pause", {"until_s": "tomorrow"}),
        ("pause", {"until_s": float("nan")}),
        ("card", {"card": "x", "policy": "eat"}),
        ("card", {"policy": "ask"}),
        ("log", {"last": 0}),
        ("log", {"last": 10**9}),
        ("undo", {"run": 0}),
        ("undo", {"run": 1 << 63}),
        ("status", {"more": True}),
        ("lease", {"more": True}),
    ],
)
def test_wrong_arguments_never_reach_the_daemon(served: Served, command: str, arguments: dict[str, object]) -> None:
    asked: list[Request] = []

    async def note(request: Request) -> Answer:
        asked.append(request)
        return Answer(record=1)

    served.answer = note
    with served.raw() as connected:
        connected.sendall(line(command, 3, **arguments))
        told = reply(connected)
        assert (told["id"], told["failure"]["kind"]) == (3, "Refused")
        connected.sendall(line("resume", 4))
        assert reply(connected)["answer"]["record"] == 1, "the connection may go on"
    assert [request.command for request in asked] == ["resume"]


def test_what_is_left_out_is_filled_in_before_the_daemon_sees_it(served: Served) -> None:
    with served.client() as client:
        assert client.ask("log").record["arguments"] == {"last": 20}
        assert client.ask("pause").record["arguments"] == {"until_s": 0.0}
        assert client.ask("rescan").record["arguments"] == {"folder": None}


def test_a_line_without_an_end_is_refused_and_not_kept(served: Served) -> None:
    def pour(connected: socket.socket) -> int:
        sent = 0
        try:
            while sent < 1 << 30:
                sent += connected.send(b"x" * 65_536)
        except OSError:
            return sent
        pytest.fail("it was taken without end")

    with served.raw() as connected:
        assert pour(connected) < 20 * REQUEST_BYTES
        (told,) = received(connected)
    assert "at most 64 KB" in told["failure"]["summary"]
    still_answers(served)


def test_a_line_of_just_the_limit_is_read(served: Served) -> None:
    name = "/" + "x" * (REQUEST_BYTES - len(line("rescan", folder="/")))
    with served.client() as client:
        assert client.ask("rescan", folder=name).record["arguments"]["folder"] == name
        with pytest.raises(ControlError, match="at most 64 KB"):
            client.ask("rescan", folder=name + "x" * 100)


def test_who_sends_byte_by_byte_is_understood(served: Served) -> None:
    with served.raw() as connected:
        for byte in line("rescan", folder="/a"):
            connected.send(bytes([byte]))
        assert reply(connected)["answer"]["text"] == "rescan"


def test_many_requests_at_once_are_answered_in_order(served: Served) -> None:
    with served.raw() as connected:
        connected.sendall(b"".join(line("rescan", number) for number in range(200)))
        connected.shutdown(socket.SHUT_WR)
        assert [told["id"] for told in received(connected)] == list(range(200))


def test_who_says_nothing_is_let_go_of(place: Path, tmp_path: Path) -> None:
    with Served(place, tmp_path, patience=SHORTLY).running() as served:
        with served.raw() as silent, served.raw() as half:
            half.sendall(b'{"id": 1,')
            assert received(silent) == received(half) == []
        wait_until(lambda: served.connections == 0)
        assert not served.troubles


def test_who_does_not_read_is_let_go_of_and_holds_nobody_up(place: Path, tmp_path: Path) -> None:
    async def long(request: Request) -> Answer:
        return Answer(record=1, text="x" * (8 << 20))

    with Served(place, tmp_path, patience=SHORTLY, answer=long).running() as served:
        with served.raw() as deaf:
            deaf.sendall(line("rescan") * 100)
            wait_until(lambda: served.connections == 1)
            started = time.monotonic()
            with served.client() as client:
                assert client.status().state == "idle"
            assert time.monotonic() - started < SHORTLY.taking_s
            wait_until(lambda: served.connections == 0)
        assert not served.troubles


def test_who_watches_and_does_not_read_costs_one_status(place: Path, tmp_path: Path) -> None:
    # Half a megabyte a status: more than a socket takes without being read.
    big = Status(state="working", doing=tuple(Doing(what="x" * 1000) for _ in range(500)))
    with Served(place, tmp_path, patience=SHORTLY, status=big).running() as served:
        with served.raw() as deaf, served.client() as honest:
            deaf.sendall(line("watch"))
            wait_until(lambda: served.statuses == 1)
            watched = honest.watch()
            next(watched)
            for number in range(10):
                served.set(big.model_copy(update={"waiting": number + 1}))
                assert next(watched).waiting == number + 1
            assert served.statuses == 1 + 11
            wait_until(lambda: served.connections == 1)
        assert not served.troubles


def test_too_many_clients_are_refused_and_the_others_go_on(place: Path, tmp_path: Path) -> None:
    with Served(place, tmp_path, clients=4).running() as served:
        held = [served.client() for _ in range(4)]
        with pytest.raises(ControlError, match="Too many programs"):
            served.client()
        assert all(client.status().state == "idle" for client in held)
        held.pop().close()
        wait_until(lambda: served.connections == 3)
        still_answers(served)
        for client in held:
            client.close()


def test_a_thousand_connections_leave_nothing_behind(served: Served) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(1000):
        with served.raw() as connected:
            if number % 3:
                connected.sendall(line("rescan")[: number % 40])
    # On a busy machine the last ones are taken from the queue only after all that were open have ended.
    wait_until(lambda: served.connections == 0 and len(os.listdir("/proc/self/fd")) <= before)
    still_answers(served)


def test_who_leaves_in_the_middle_of_an_answer_stops_no_work(served: Served) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    async def slow(request: Request) -> Answer:
        begun.set()
        while not go_on.is_set():
            await asyncio.sleep(0.005)
        done.set()
        return Answer(record=1)

    served.answer = slow
    with served.raw() as connected:
        connected.sendall(line("rerate"))
        assert begun.wait(SOON_S)
    go_on.set()
    assert done.wait(SOON_S), "what was begun is ended"
    wait_until(lambda: served.connections == 0)


def test_others_are_answered_while_one_waits(served: Served) -> None:
    async def slow(request: Request) -> Answer:
        if request.command == "rerate":
            await asyncio.sleep(3600)
        return Answer(record=request.command)

    served.answer = slow
    with served.raw() as waiting, served.client() as client:
        waiting.sendall(line("rerate"))
        assert client.ask("log").record == "log"
        assert client.status().state == "idle"


def test_a_fault_in_the_daemon_ends_one_connection_only(place: Path, tmp_path: Path) -> None:
    async def broken(request: Request) -> Answer:
        raise ZeroDivisionError

    with Served(place, tmp_path, answer=broken).running() as served:
        with served.client() as client, pytest.raises(ControlError, match="before it answered"):
            client.ask("resume")
        wait_until(lambda: bool(served.troubles))
        assert isinstance(served.troubles[0]["exception"], ZeroDivisionError), "it is told and not swallowed"
        with served.client() as client:
            assert client.status().state == "idle"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to be somebody else")
def test_another_user_gets_no_word(served: Served) -> None:
    # Even where the folder stands open: the kernel says who they are.
    for folder in (served.path.parent, served.path.parent.parent):
        folder.chmod(0o755)
    served.path.chmod(0o666)
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        " s.sendall(sys.argv[2].encode()); print(s.recv(100))"
    )
    somebody = ["setpriv", f"--reuid={OTHER_UID}", f"--regid={OTHER_UID}", "--clear-groups", "--"]
    told = subprocess.run(
        [*somebody, "/usr/bin/python3", "-c", code, served.path, line("status")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert told.stdout.strip() == "b''" or "BrokenPipe" in told.stderr or "ConnectionReset" in told.stderr, told.stderr
    still_answers(served)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to be somebody else")
def test_a_socket_of_another_user_is_no_daemon_of_ours(served: Served) -> None:
    for folder in (served.path.parent, served.path.parent.parent):
        folder.chmod(0o755)
    served.path.chmod(0o666)
    source = Path(__file__).resolve().parents[2] / "daemon" / "safelight"
    code = (
        # Who they are is settled after everything is loaded: another user may not read our Python.
        f"import os, sys; sys.path[:0] = [{str(source.parent)!r}]; from pathlib import Path;"
        " from safelight.control.client import Client; from safelight.control import lines, messages, failures;"
        f" os.setgid({OTHER_UID}); os.setuid({OTHER_UID}); import socket; s = socket.socket(socket.AF_UNIX);"
        " print(s.connect_ex(sys.argv[1]), Client.connect(Path(sys.argv[1])))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, served.path], capture_output=True, text=True, timeout=30, check=False
    )
    assert told.stdout.strip() == "0 None", told.stderr


def test_noise_of_every_kind_leaves_the_server_well(place: Path, tmp_path: Path) -> None:
    noise = random.Random(4)
    with Served(place, tmp_path, patience=SHORTLY).running() as served:
        for _ in range(60):
            with served.raw() as connected:
                try:
                    for _ in range(noise.randrange(1, 6)):
                        pieces = (
                            noise.randbytes(noise.randrange(2000)),
                            line("rescan", noise.randrange(9), folder="/a"),
                            line("watch"),
                            line("lease")[: noise.randrange(40)],
                            b"\n",
                        )
                        connected.sendall(noise.choice(pieces))
                except OSError:
                    pass
        wait_until(lambda: answers(served))  # connections that are dead already may still stand in its way
        wait_until(lambda: served.connections == 0)
        assert served.told.count("begin") == served.told.count("end")
        assert not served.troubles
