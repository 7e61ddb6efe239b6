"""A file that crashes, hangs or bloats a decoder costs one worker and one frame; all others are answered once."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.decoding.workers import WorkerPool
from safelight.errors import CannotStart, Unreadable
from safelight.ports import Examined, Refused, Request
from tests.faults.shoot import make_shoot

FAULTY = """
import os, signal, time
from pathlib import Path
from safelight.errors import Unreadable
from safelight.ports import Refused

def examine(request, gate, folder):
    name = request.sources[0].name
    with open(os.path.join(folder, f"tries-{request.key}"), "a") as tries:
        tries.write("x")
    first = os.path.getsize(os.path.join(folder, f"tries-{request.key}")) == 1
    if name == "segv" or (name == "segv-once" and first):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "exit":
        os._exit(3)
    if name == "hang" or (name == "hang-once" and first):
        signal.pause()
    if name == "bloat":
        bytearray(3 << 30)
    if name == "bug":
        raise ZeroDivisionError("a bug")
    if name == "unreadable":
        raise Unreadable("It is broken.", hint="Mend it.", path=request.sources[0])
    if name == "large":
        with gate(1 << 30):
            with open(os.path.join(folder, "inside"), "a") as inside:
                inside.write("<")
            with open(os.path.join(folder, "inside"), "a") as inside:
                inside.write(">")
    if name == "large-crash":
        with gate(1 << 30):
            os.kill(os.getpid(), signal.SIGKILL)
    return Refused(request.key, Unreadable("fine"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "faulty_examiner.py").write_text(FAULTY)
    return tmp_path


def pool_in(folder: Path, *, jobs: int = 2, allowed_s: float = 30.0, name: str = "examine") -> WorkerPool:
    return WorkerPool(
        jobs=jobs,
        allowed_s=allowed_s,
        examiner=f"faulty_examiner:{name}",
        python_path=[folder],
        options={"folder": str(folder)},
        niceness=0,
    )


def outcome(folder: Path, names: list[str], **options: object) -> dict[int, str]:
    pool = pool_in(folder, **options)  # type: ignore[arg-type]
    try:
        answers = list(pool.examine(Request(key, (Path(name),)) for key, name in enumerate(names)))
    finally:
        pool.close()
    assert sorted(answer.key for answer in answers) == list(range(len(names)))  # each exactly once
    return {answer.key: answer.error.summary for answer in answers if isinstance(answer, Refused)}


def test_segv_costs_one_frame_and_is_tried_twice(folder: Path) -> None:
    said = outcome(folder, ["a", "b", "segv", "c", "d", "e"])
    assert said.pop(2) == "The file crashes the decoder, twice."
    assert set(said.values()) == {"fine"}
    assert (folder / "tries-2").read_text() == "xx"


def test_each_kind_of_death_is_survived_by_the_rest(folder: Path) -> None:
    names = ["a", "segv", "exit", "b", "bloat", "c", "segv", "d"]
    said = outcome(folder, names, jobs=3)
    assert list(said.values()).count("fine") == 4
    assert "crashes" in said[1] and "crashes" in said[2] and "crashes" in said[6]
    assert "1536 MB" in said[4]


def test_hang_is_ended_at_its_deadline(folder: Path) -> None:
    said = outcome(folder, ["a", "hang", "b", "c"], allowed_s=1.0)
    assert "busy for more than 1 s, twice" in said[1]
    assert [said[key] for key in (0, 2, 3)] == ["fine"] * 3


def test_second_chance_is_enough_for_bad_luck(folder: Path) -> None:
    said = outcome(folder, ["segv-once", "a", "hang-once", "b"], allowed_s=1.5)
    assert set(said.values()) == {"fine"}


def test_own_refusals_and_bugs_are_told_apart(folder: Path) -> None:
    pool = pool_in(folder, jobs=1)
    answers = {
        answer.key: answer for answer in pool.examine([Request(0, (Path("unreadable"),)), Request(1, (Path("bug"),))])
    }
    pool.close()
    broken, bug = answers[0], answers[1]
    assert isinstance(broken, Refused) and isinstance(bug, Refused)
    assert (broken.error.summary, broken.error.hint, broken.error.path) == (
        "It is broken.",
        "Mend it.",
        Path("unreadable"),
    )
    assert "ZeroDivisionError" in bug.error.summary


def test_large_decodes_take_turns_and_a_crash_frees_the_turn(folder: Path) -> None:
    said = outcome(folder, ["large", "large", "large-crash", "large", "large"], jobs=3)
    assert "crashes" in said[2]
    assert (folder / "inside").read_text() == "<>" * 4


def test_requests_are_pulled_lazily(folder: Path) -> None:
    pulled: list[int] = []

    def requests() -> Iterator[Request]:
        for key in range(100):
            pulled.append(key)
            yield Request(key, (Path("a"),))

    pool = pool_in(folder)
    answers = pool.examine(requests())
    next(answers)
    assert len(pulled) <= 5
    answers.close()  # type: ignore[attr-defined]
    again = list(pool.examine([Request(7, (Path("a"),))]))
    pool.close()
    assert [answer.key for answer in again] == [7]


def test_worker_that_cannot_start_is_no_endless_loop(folder: Path) -> None:
    pool = pool_in(folder, name="missing")
    with pytest.raises(CannotStart):
        list(pool.examine([Request(0, (Path("a"),))]))
    pool.close()


def test_closed_pool_can_be_used_again(folder: Path) -> None:
    pool = pool_in(folder)
    pool.close()
    for key in range(2):
        assert [answer.key for answer in pool.examine([Request(key, (Path("large"),))])] == [key]
        pool.close()
        pool.close()


def test_no_request_starts_no_worker(folder: Path) -> None:
    pool = pool_in(folder)
    assert list(pool.examine([])) == []
    assert pool._workers == []
    pool.close()


def test_interrupt_does_not_reach_workers(folder: Path) -> None:
    pool = pool_in(folder, jobs=1)
    list(pool.examine([Request(0, (Path("a"),))]))
    child = pool._workers[0].child
    os.kill(child.pid, signal.SIGINT)
    assert [answer.key for answer in pool.examine([Request(1, (Path("a"),))])] == [1]
    assert pool._workers[0].child is child
    pool.close()
    assert child.returncode in (-signal.SIGKILL, -signal.SIGIO)


PARENT = """
import sys
from pathlib import Path
from safelight.decoding.workers import WorkerPool
from safelight.ports import Request
folder = sys.argv[1]
pool = WorkerPool(jobs=2, examiner="faulty_examiner:examine", python_path=[Path(folder)], options={"folder": folder})
answers = pool.examine(Request(key, (Path("a" if key < 2 else "hang"),)) for key in range(6))
next(answers), next(answers)
print(*[worker.child.pid for worker in pool._workers], flush=True)
next(answers)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_parent_leaves_no_worker_behind(folder: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    watches = [os.pidfd_open(pid) for pid in pids]
    parent.send_signal(number)
    parent.wait(10)
    poll = select.poll()
    for watch in watches:
        poll.register(watch, select.POLLIN)
    ended: set[int] = set()
    while len(ended) < len(watches):
        ready = poll.poll(10_000)
        assert ready, "a worker outlived its parent"
        for watch, _ in ready:
            ended.add(watch)
            poll.unregister(watch)
    for watch in watches:
        os.close(watch)
    parent.stdout.close()


def test_real_pictures_come_back_examined(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    for number in range(3):
        Image.fromarray(noise).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes((tmp_path / "0.png").read_bytes()[:5000])
    (tmp_path / "numpy.py").write_text("raise SystemExit('a module among the photographs was imported')")
    pool = WorkerPool(jobs=1, niceness=0, options={"limit_px": 10**6})
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        answers = {
            answer.key: answer for answer in pool.examine(Request(n, (tmp_path / f"{n}.png",)) for n in range(4))
        }
    finally:
        os.chdir(before)
        pool.close()
    whole = answers[1]
    assert isinstance(whole, Examined)
    assert (whole.width_px, whole.height_px, whole.thumb.shape, whole.thumb.dtype) == (
        400,
        300,
        (224, 224, 3),
        np.uint8,
    )
    assert whole.source == tmp_path / "1.png"
    assert isinstance(answers[3], Refused) and isinstance(answers[3].error, Unreadable)


def test_a_single_threaded_process_forks_its_workers_and_they_hold_none_of_its_files(tmp_path: Path) -> None:
    """Run apart, because the test runner has threads of its own."""
    photographs = make_shoot(tmp_path / "shoot", scenes=2, frames_each=2)
    (tmp_path / "open.txt").write_text("held by the parent")
    program = (
        "import os, sys, threading; from pathlib import Path\n"
        "from safelight.decoding.workers import WorkerPool; from safelight.ports import Request\n"
        "held = open(sys.argv[1])\n"
        "pool = WorkerPool(jobs=2); pool.prepare(4)\n"
        "children = Path('/proc/self/task').joinpath(str(os.getpid()), 'children').read_text().split()\n"
        "answers = list(pool.examine(Request(key, (Path(path),)) for key, path in enumerate(sys.argv[2:])))\n"
        "command = Path('/proc/self/cmdline').read_bytes()\n"
        "same = all(Path(f'/proc/{pid}/cmdline').read_bytes() == command for pid in children)\n"
        "links = [os.readlink(link) for pid in children for link in Path(f'/proc/{pid}/fd').iterdir()]\n"
        "pool.close()\n"
        "print(len(children), same, len(answers), sys.argv[1] in links, len(links) // len(children))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "open.txt"), *map(str, photographs)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert output.split() == ["2", "True", "4", "False", "6"]
