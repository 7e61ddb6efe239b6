"""The client: asks, watches, borrows the state folder; and what it does when the daemon ends or misbehaves."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from safelight.control.client import Client
from safelight.control.messages import Answer, Request, Status
from safelight.errors import ControlError, StateError
from tests.control.served import SOON_S, Served, line, place, served, wait_until

__all__ = ["place", "served"]

HOLD_A_LEASE = (
    "import sys, time; from pathlib import Path; from safelight.control.client import Client\n"
    "with Client.connect(Path(sys.argv[1])).lease():\n"
    "    print('lent', flush=True)\n"
    "    if len(sys.argv) > 2:\n"
    "        import subprocess; print(subprocess.Popen(['sleep', '600'], close_fds=False).pid, flush=True)\n"
    "    time.sleep(600)\n"
)


def lease_holder(served: Served, *more: str) -> "subprocess.Popen[bytes]":
    """Start a program that holds a lease."""
    child = subprocess.Popen([sys.executable, "-c", HOLD_A_LEASE, served.path, *more], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"lent\n"
    assert served.told == ["begin"]
    return child


def test_answers_come_back_as_they_were_given(served: Served) -> None:
    async def give(request: Request) -> Answer:
        return Answer(record={"command": request.command}, text="line\nbreak \udcff", status=1)

    served.answer = give
    with served.client() as client:
        assert client.state == served.state
        assert client.ask("resume") == Answer(record={"command": "resume"}, text="line\nbreak \udcff", status=1)


def test_errors_of_the_daemon_are_raised_here(served: Served) -> None:
    async def fail(request: Request) -> Answer:
        raise StateError("The disk is full.", hint="Free some space.")

    served.answer = fail
    with served.client() as client:
        for _ in range(2):
            with pytest.raises(StateError) as raised:
                client.ask("resume")
            assert raised.value.told == "The disk is full. Free some space."
        assert client.status().state == "idle", "the connection goes on"


def test_a_long_answer_arrives_whole_and_one_too_long_is_said_so(served: Served) -> None:
    length = 4 << 20

    async def long(request: Request) -> Answer:
        return Answer(record="x" * length)

    served.answer = long
    with served.client() as client:
        assert len(client.ask("log").record) == length
        length = 17 << 20
        with pytest.raises(ControlError, match="too long to be sent"):
            client.ask("log")


def test_an_answer_that_does_not_come_in_time_is_said_so(served: Served) -> None:
    async def never(request: Request) -> Answer:
        await asyncio.sleep(3600)
        return Answer()

    served.answer = never
    with served.client() as client, pytest.raises(ControlError, match="does not answer"):
        client.ask("rerate", timeout_s=0.05)


def test_watching_begins_with_now_and_tells_every_end_state(served: Served) -> None:
    with served.client() as client:
        watched = client.watch()
        assert next(watched) == Status(state="idle")
        for number in range(1, 4):
            served.set(Status(state="working", waiting=number))
            assert next(watched).waiting == number


def test_a_storm_of_changes_is_told_now_and_then_and_ends_with_the_truth(served: Served) -> None:
    with served.client() as client:
        watched = client.watch()
        next(watched)
        for number in range(1, 20_001):
            served.set(Status(waiting=number))
        seen = [next(watched).waiting]
        while seen[-1] < 20_000:
            seen.append(next(watched).waiting)
    assert len(seen) < 200
    assert seen == sorted(seen)


def test_nothing_is_said_while_nothing_changes(served: Served) -> None:
    with served.raw() as connected:
        connected.sendall(line("watch"))
        wait_until(lambda: served.statuses == 1)
        connected.settimeout(0.2)
        got = connected.recv(1 << 16)
        assert got.count(b"\n") == 1
        with pytest.raises(TimeoutError):
            connected.recv(1)
    assert served.statuses == 1


def test_closing_ends_a_watch_from_another_thread(served: Served) -> None:
    client = served.client()
    seen: list[Status] = []
    thread = threading.Thread(target=lambda: seen.extend(client.watch()))
    thread.start()
    wait_until(lambda: len(seen) == 1)
    client.close()
    thread.join(SOON_S)
    assert not thread.is_alive()
    assert seen == [Status(state="idle")]
    wait_until(lambda: served.connections == 0)


def test_a_watch_ends_with_the_daemon(place: Path, tmp_path: Path) -> None:
    with Served(place, tmp_path).running() as served:
        client = served.client()
        watched = client.watch()
        next(watched)
    assert list(watched) == []
    client.close()


def test_a_lease_lasts_as_long_as_its_block(served: Served) -> None:
    with served.client() as client, client.lease():
        assert served.told == ["begin"]
    wait_until(lambda: served.told == ["begin", "end"])


def test_leases_at_once_are_one_for_the_daemon(served: Served) -> None:
    first, second = served.client(), served.client()
    with first.lease():
        with second.lease():
            assert served.told == ["begin"]
        wait_until(lambda: served.connections == 1)
        assert served.told == ["begin"]
    wait_until(lambda: served.told == ["begin", "end"])


def test_a_lease_waits_until_the_daemon_has_let_go(served: Served) -> None:
    begun, let_go = threading.Event(), threading.Event()

    async def lend() -> None:
        begun.set()
        while not let_go.is_set():
            await asyncio.sleep(0.005)

    served.lend = lend
    lent = threading.Event()

    def borrow() -> None:
        with served.client() as client, client.lease():
            lent.set()

    thread = threading.Thread(target=borrow)
    thread.start()
    assert begun.wait(SOON_S)
    with served.client() as other:
        assert other.status().state == "idle", "everybody else is answered meanwhile"
    assert not lent.is_set()
    let_go.set()
    assert lent.wait(SOON_S)
    thread.join(SOON_S)
    wait_until(lambda: served.told == ["begin", "end"])


def test_a_lease_that_cannot_be_given_is_an_error_and_no_lease(served: Served) -> None:
    async def lend() -> None:
        raise StateError("The worker does not end.", hint="Try again.")

    served.lend = lend
    with served.client() as client:
        with pytest.raises(StateError, match="does not end"), client.lease():
            pytest.fail("it was not lent")
        assert client.status().state == "idle"
    assert served.told == []
    served.lend = None
    with served.client() as client, client.lease():
        assert served.told == ["begin"]


def test_a_client_that_went_while_it_waited_for_its_lease_keeps_none(served: Served) -> None:
    begun, let_go = threading.Event(), threading.Event()

    async def lend() -> None:
        begun.set()
        while not let_go.is_set():
            await asyncio.sleep(0.005)

    served.lend = lend
    with served.raw() as connected:
        connected.sendall(line("lease"))
        assert begun.wait(SOON_S)
    let_go.set()
    wait_until(lambda: served.told == ["begin", "end"])


def test_a_lease_ends_when_its_client_is_killed(served: Served) -> None:
    child = lease_holder(served)
    child.send_signal(signal.SIGKILL)
    wait_until(lambda: served.told == ["begin", "end"])
    child.communicate()


def test_a_lease_does_not_pass_on_to_programs_that_its_client_started(served: Served) -> None:
    child = lease_holder(served, "starts one")
    grandchild = int(child.stdout.readline())
    try:
        child.send_signal(signal.SIGKILL)
        wait_until(lambda: served.told == ["begin", "end"])
        os.kill(grandchild, 0)
    finally:
        os.kill(grandchild, signal.SIGKILL)
        child.communicate()


def test_a_lease_ends_with_an_error_in_its_block(served: Served) -> None:
    with pytest.raises(ZeroDivisionError), served.client() as client, client.lease():
        raise ZeroDivisionError
    wait_until(lambda: served.told == ["begin", "end"])


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello\n",
        b"\xff\n",
        b"{}\n",
        b'{"id": 1}\n',
        b'{"id": 2, "answer": {"record": {"state_folder": "/s"}}}\n',
        b'{"protocol": 2, "id": 1, "answer": {"record": {}}}\n',
        b'{"id": 1, "answer": {"more": 1}}\n',
        b'{"id": 1, "answer": {"record": 7}}\n',
        b"[" * 100_000 + b"\n",
        b'{"id": 1, "answer"',
    ],
    ids=lambda said: repr(said[:30]),
)
def test_a_daemon_that_answers_nonsense_is_one_sentence(place: Path, said: bytes) -> None:
    place.parent.mkdir(parents=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(place))
    listening.listen()

    def answer() -> None:
        connected, _ = listening.accept()
        connected.recv(1 << 16)
        connected.sendall(said)
        connected.close()

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(ControlError) as raised:
        Client.connect(place)
    assert raised.value.summary.endswith(".")
    thread.join(SOON_S)
    listening.close()


def test_client_loads_nothing_heavy_and_nothing_at_all_without_a_daemon(served: Served, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from safelight.control.client import Client\n"
        "assert Client.connect(Path(sys.argv[2])) is None\n"
        "assert 'pydantic' not in sys.modules\n"
        "with Client.connect(Path(sys.argv[1])) as client: client.status()\n"
        "print(*sorted({'asyncio', 'numpy', 'click', 'sqlite3', 'safelight.control.server'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, served.path, tmp_path / "none"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_an_idle_server_uses_no_processor_time(place: Path, tmp_path: Path) -> None:
    with Served(place, tmp_path).running() as served, served.client() as client:
        watched = client.watch()
        next(watched)
        wait_until(lambda: served.connections == 1)
        before = time.process_time()
        client._socket.settimeout(0.5)
        with pytest.raises(TimeoutError):  # half a second in which nobody says anything
            client._socket.recv(1)
        assert time.process_time() - before < 0.05
