"""The daemon's worker is killed, hangs or loses its daemon: what was asked is done, or the frame to blame is named."""

import fcntl
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from safelight import paths
from safelight.app.worker_blame import QUARANTINED
from safelight.app.worker_link import RESTS
from safelight.app.worker_messages import Limits, Program
from safelight.errors import StateError, WorkerError
from safelight.storage import database
from safelight.storage.vectors import Vectors
from tests.app.worker import Bench, cache_of, faulty, working
from tests.faults.shoot import encoded, exif, picture, put

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)  # crash, hang and fault (tests.app.worker)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cache_of(tmp_path_factory)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, models: Path) -> dict[str, bytes]:
    """Return the sidecars that a run without any disturbance writes."""
    with working(tmp_path_factory.mktemp("calm") / "bench", models=models) as bench:
        ids = bench.take_in()
        bench.link.judge(ids)
        bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
        return bench.sidecars()


class Killer:
    """Kills the worker when it has come to some point, the given number of times."""

    def __init__(self, *points: tuple[str, int]) -> None:
        self.points = list(points)
        self.kills: list[int] = []
        self.worker: Callable[[], int | None] = lambda: None

    def __call__(self, what: str, done: int, _total: int) -> None:
        if self.points and self.points[0] == (what, done):
            self.points.pop(0)
            pid = self.worker()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            self.kills.append(pid)


@contextmanager
def killed(folder: Path, models: Path, *points: tuple[str, int], **how: object) -> Iterator[tuple[Bench, Killer]]:
    killer = Killer(*points)
    with working(folder, models=models, progress=killer, **how) as bench:
        killer.worker = lambda: bench.link.pid
        yield bench, killer


def painted(folder: Path, name: str, colour: tuple[int, int, int]) -> Path:
    """Put a picture that has a colour in its middle; a picture of one colour alone would be taken for a broken one."""
    made = picture(99, side=320)
    made.paste(Image.new("RGB", (160, 107), colour), (80, 53))
    return put(folder / name, encoded(made, quality=95, exif=exif(7000 + len(name) + colour[0])))


def attempts(bench: Bench) -> dict[int, int]:
    return bench.parts.store.attempts.kills(range(1, 1000))


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([("Rating", 2)], id="between frames"),
        pytest.param([("Rating", 4)], id="after the last frame"),
        pytest.param([("Rating", 2), ("Rating", 2)], id="twice at another frame each time"),
    ],
)
def test_killed_while_it_judges_ends_like_an_undisturbed_run(
    tmp_path: Path, models: Path, calm: dict[str, bytes], points: list[tuple[str, int]]
) -> None:
    with killed(tmp_path / "bench", models, *points) as (bench, killer):
        ids = bench.take_in()
        judged = bench.link.judge(ids)
        assert len(killer.kills) == len(points)
        assert (judged.frames, judged.unreadable, judged.quarantined) == (4, (), ())
        assert not attempts(bench)  # innocent: nothing is held against any frame
        bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
        assert bench.sidecars() == calm


@pytest.mark.parametrize("points", [[("Rating", 0)], [("Writing sidecars", 0)], [("Writing sidecars", 4)]])
def test_killed_while_it_delivers_ends_like_an_undisturbed_run_and_in_one_run(
    tmp_path: Path, models: Path, calm: dict[str, bytes], points: list[tuple[str, int]]
) -> None:
    with killed(tmp_path / "bench", models) as (bench, killer):
        ids = bench.take_in()
        bench.link.judge(ids)
        killer.points = list(points)
        delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
        assert len(killer.kills) == 1
        assert delivered.frames == 4
        assert bench.sidecars() == calm
        assert not bench.parts.store.receipts.planned()
        assert len(bench.parts.store.receipts.of_run(delivered.run)) == 4
        kinds = [entry.kind for entry in bench.parts.store.journal.entries()]
        assert kinds.count("frame_rated") == kinds.count("rating_published") == 4


def test_killed_twice_it_is_asked_again_later_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, models: Path, calm: dict[str, bytes]
) -> None:
    with killed(tmp_path / "bench", models) as (bench, killer):
        ids = bench.take_in()
        bench.link.judge(ids)
        killer.points = [("Writing sidecars", 0), ("Writing sidecars", 4)]
        run = bench.link.open_run([bench.folder])
        with pytest.raises(WorkerError, match="while it rated"):
            bench.link.deliver(ids, run=run, to=[bench.folder], withhold=0.0)
        assert len(killer.kills) == 2
        assert bench.link.deliver(ids, run=run, to=[bench.folder], withhold=0.0).frames == 4
        assert bench.sidecars() == calm
        assert bench.withdraw(run) == 4


def test_killed_while_it_indexes_loses_no_row(tmp_path: Path, models: Path) -> None:
    with killed(tmp_path / "bench", models, ("Indexing", 4)) as (bench, killer):
        bench.link.judge(bench.take_in())
        assert bench.link.index(at_least=1) is False
        assert len(killer.kills) == 1
        assert bench.parts.store.count_to_index() == 0
        state = bench.parts.settings.state
    connection = sqlite3.connect(paths.catalog_file(state))
    ((judge, size),) = connection.execute("SELECT DISTINCT judge, length(embedding) FROM assessments")
    connection.close()
    assert Vectors(paths.vectors_folder(state), judge=judge, length=size // 2).count() == 4  # of float16


def test_a_frame_that_kills_twice_is_left_alone_and_the_rest_is_rated(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "bench"
    with working(folder, models=models, program=faulty(folder)) as bench:
        painted(bench.folder, "IMG_0050.jpg", RED)
        ids = bench.take_in()
        judged = bench.link.judge(ids)
        assert judged.frames == 4
        ((path, reason),) = judged.unreadable
        assert (path.name, reason) == ("IMG_0050.jpg", QUARANTINED)
        (frame,) = bench.parts.store.catalog.frames(judged.quarantined)
        assert frame.path == path and not frame.passing  # no run tries it again by itself
        assert not attempts(bench)
        assert not bench.link.degraded  # its two deaths explain themselves
        assert bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0).written == 4
        assert bench.link.judge(ids).quarantined == ()
        painted(bench.folder, "IMG_0050.jpg", (120, 120, 120))  # repaired: it gets its chance
        assert bench.link.judge(bench.take_in()).frames == 5


def test_deaths_over_a_frame_are_remembered_beyond_the_daemon(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "bench"
    with working(folder, models=models, program=faulty(folder), limits=Limits(deaths=1)) as bench:
        red = painted(bench.folder, "IMG_0050.jpg", RED)
        ids = bench.take_in()
        with pytest.raises(WorkerError, match="rests"):
            bench.link.judge(ids)
        (frame_id,) = attempts(bench)
        assert bench.parts.store.catalog.frame(frame_id).path == red
        bench.link.close()
        again = type(bench.link)(parts=bench.parts, program=faulty(folder))  # as a daemon that was started again
        try:
            assert again.judge(ids).quarantined == (frame_id,)
        finally:
            again.close()


def test_a_worker_that_hangs_is_ended_and_the_frame_to_blame_is_found(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "bench"
    limits = Limits(silence_s=5.0, per_frame_s=0.0)
    with working(folder, models=models, program=faulty(folder), limits=limits) as bench:
        painted(bench.folder, "IMG_0050.jpg", GREEN)
        begun = time.monotonic()
        judged = bench.link.judge(bench.take_in())
        assert [path.name for path, _ in judged.unreadable] == ["IMG_0050.jpg"]
        assert judged.frames == 4
        assert 10.0 <= time.monotonic() - begun < 60.0


def test_a_fault_is_told_and_costs_no_worker(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "bench"
    with working(folder, models=models, program=faulty(folder)) as bench:
        painted(bench.folder, "IMG_0050.jpg", BLUE)
        ids = bench.take_in()
        with pytest.raises(WorkerError, match="ZeroDivisionError during judge"):
            bench.link.judge(ids)
        assert bench.link.alive and not attempts(bench)


def test_three_deaths_in_ten_minutes_let_it_rest_and_it_goes_on_after_a_pause(tmp_path: Path, models: Path) -> None:
    folder, now = tmp_path / "bench", [1000.0]
    broken = faulty(folder, encoder="none_opens")
    with working(folder, models=models, program=broken, monotonic=lambda: now[0]) as bench:
        ids = bench.take_in()
        with pytest.raises(WorkerError, match="ended unexpectedly"):
            bench.link.judge(ids)
        assert not bench.link.degraded
        now[0] += 599.0
        with pytest.raises(WorkerError, match="rests"):
            bench.link.judge(ids)
        assert bench.link.degraded == RESTS
        with pytest.raises(WorkerError, match="rests"):
            bench.link.answer("explain", {})
        bench.link.warm_up()
        assert not bench.link.alive  # not started either
        assert set(bench.stages().values()) == {"arrived"} and not attempts(bench)  # no frame is to blame
        now[0] += 601.0
        assert not bench.link.degraded
        bench.link._program = Program()  # what was broken is mended
        assert bench.link.judge(ids).frames == 4


def test_told_to_stop_it_ends_within_seconds_whatever_it_is_at(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "bench"
    limits = Limits(farewell_s=1.0)
    with working(folder, models=models, program=faulty(folder), limits=limits) as bench:
        painted(bench.folder, "IMG_0050.jpg", GREEN)
        ids = bench.take_in()
        bench.link.warm_up()
        teller = threading.Timer(2.0, bench.link.stop)
        teller.start()
        begun = time.monotonic()
        with pytest.raises(WorkerError, match="stopping"):
            bench.link.judge(ids)
        assert time.monotonic() - begun < 6.0
        assert not bench.link.alive
        teller.join()
        assert not attempts(bench)  # nothing is held against the frame it was at
        with pytest.raises(WorkerError, match="stopping"):
            bench.link.judge(ids)


def test_signals_for_the_daemon_do_not_end_the_worker(tmp_path: Path, models: Path) -> None:
    """A service manager may send them to every process at once; the daemon ends its worker when it is time."""
    with working(tmp_path / "bench", models=models) as bench:
        ids = bench.take_in()
        bench.link.judge(ids[:1])
        pid = bench.link.pid
        assert pid is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(pid, number)
        assert bench.link.judge(ids).frames == 4
        assert bench.link.pid == pid


DAEMON = """
import sys
from pathlib import Path
from safelight.app import wiring
from safelight.app.settings import Settings
from safelight.app.worker_link import WorkerLink
from safelight.services.intake import Intake

folder, state, models = map(Path, sys.argv[1:])
with wiring.writing(Settings(state=state, models=models, jobs=2)) as parts:
    intake = Intake(scanner=parts.scanner, identifier=parts.identifier, store=parts.store, clock=parts.clock)
    ids = list(intake.take_in([folder]).frames)
    link = WorkerLink(parts=parts)
    link.judge(ids)
    print(link.pid, flush=True)
    sys.stdin.read()
"""


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in children for each in (int(child), *descendants(int(child)))]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_is_killed_leaves_no_process_behind_and_its_state_free(
    tmp_path: Path, models: Path, number: signal.Signals
) -> None:
    with working(tmp_path / "bench", models=models) as bench:
        folder, state = bench.folder, tmp_path / "state"
    command = [sys.executable, "-c", DAEMON, str(folder), str(state), str(models)]
    daemon = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None and daemon.stdin is not None
    worker = int(daemon.stdout.readline())
    pids = [worker, *descendants(worker)]
    assert len(pids) >= 3  # and two decode workers
    watches = [os.pidfd_open(pid) for pid in pids]
    with pytest.raises(StateError), database.writing(state):
        pass
    daemon.send_signal(number)
    daemon.wait(10)
    wait_for_end(watches)
    with database.writing(state):
        pass
    daemon.stdin.close()
    daemon.stdout.close()


def wait_for_end(watches: list[int]) -> None:
    poll = select.poll()
    for watch in watches:
        poll.register(watch, select.POLLIN)
    left = set(watches)
    deadline = time.monotonic() + 10
    while left:
        ready = poll.poll(max(0, 1000 * (deadline - time.monotonic())))
        assert ready, "a process outlived the daemon"
        for watch, _ in ready:
            left.discard(watch)
            poll.unregister(watch)
            os.close(watch)


def test_the_state_stays_locked_until_the_worker_is_gone_as_well(tmp_path: Path, models: Path) -> None:
    """What a worker is still writing must not be met by another program that finds the lock free."""
    with working(tmp_path / "bench", models=models) as bench:
        bench.link.judge(bench.take_in())
        assert bench.parts.lock is not None
        lock = paths.lock_file(bench.parts.settings.state)
        os.close(bench.parts.lock)
        try:
            with lock.open("rb") as stream, pytest.raises(BlockingIOError):
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            bench.link.close()
            with lock.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            replacement = os.open(lock, os.O_RDWR)  # what the bench closes at its end
            if replacement != bench.parts.lock:
                os.dup2(replacement, bench.parts.lock)
                os.close(replacement)
