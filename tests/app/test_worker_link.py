"""The worker of the daemon, the real program on generated photographs: what is asked of it is done once and told."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.app import bundle_word, rating_run, wiring
from safelight.app.settings import Settings
from safelight.cli import answers
from safelight.domain.entries import Kind
from safelight.errors import FolderError, WorkerError
from safelight.models.prepare import prepare
from tests.app.worker import Bench, cache_of, faulty, working
from tests.fakes.bundles import NAME, tiny_bundle, tiny_manifest
from tests.faults.shoot import jpeg, put

DAY_S = 24 * 3600.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cache_of(tmp_path_factory)


@pytest.fixture
def bench(tmp_path: Path, models: Path) -> Iterator[Bench]:
    with working(tmp_path / "bench", models=models) as made:
        yield made


@contextmanager
def open_files_left(number: int) -> Iterator[None]:
    """Let so many files be opened, and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.dup(0) for _ in range(number + 1)]  # the lowest numbers that are free
    for each in free:
        os.close(each)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Silent:
    def begin(self, what: str, total: int) -> None: ...

    def advance(self, frames: int) -> None: ...


def test_judge_and_deliver_write_what_rate_writes(bench: Bench, tmp_path: Path, models: Path) -> None:
    ids = bench.take_in()
    judged = bench.link.judge(ids)
    assert (judged.frames, judged.parted, judged.unreadable, judged.quarantined) == (4, (), (), ())
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert (delivered.frames, delivered.written, sum(delivered.stars), delivered.waiting) == (4, 4, 4, 0)
    assert delivered.bursts == 2
    assert bench.told[0] == ("Rating", 0, 4) and bench.told[-1] == ("Writing sidecars", 4, 4)
    mine = bench.sidecars()
    assert len(mine) == 4
    for path in bench.folder.glob("*.xmp"):
        path.unlink()
    with wiring.writing(Settings(state=tmp_path / "other", models=models, jobs=1)) as parts:
        outcome = rating_run.rate([bench.folder], parts=parts, progress=Silent())
    assert len(outcome.frames) == 4
    assert bench.sidecars() == mine


def test_parted_frames_are_returned_and_rated_with_the_rest(bench: Bench) -> None:
    """Two files of one name that were not taken together are two frames; only a look at them tells."""
    put(bench.folder / "pair.jpg", jpeg(60, second=100, side=320))
    put(bench.folder / "pair.dng", jpeg(61, second=9000, side=320))  # files are read by what is in them
    ids = bench.take_in()
    assert len(ids) == 5
    judged = bench.link.judge(ids)
    (parted,) = judged.parted
    assert judged.frames == 6 and parted not in ids
    delivered = bench.link.deliver([*ids, parted], run=None, to=[bench.folder], withhold=0.0)
    assert delivered.written == 6


def test_nothing_is_started_for_nothing(bench: Bench) -> None:
    assert bench.link.judge([]).frames == 0
    assert bench.link.deliver([], run=7, to=[]).run == 7
    assert bench.link.reveal().written == 0
    assert bench.link.learn(force=True).version is None
    assert bench.link.learn().made is False
    assert bench.link.index() is False
    assert not bench.link.alive


def test_one_worker_serves_many_requests_and_keeps_its_model(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids[:1])
    pid = bench.link.pid
    begun = time.process_time()
    bench.link.judge(ids[1:])
    bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert bench.link.index(at_least=1) is False
    assert bench.link.pid == pid is not None
    assert time.process_time() - begun < 0.5  # of the daemon's own process
    assert bench.parts.store.count_to_index() == 0


def test_learning_happens_in_the_worker_and_only_when_the_person_rests(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    parts = bench.parts
    with parts.store.transaction():
        for number, frame_id in enumerate(ids):
            rated = {"rating": 5 if number % 2 else 1, "program": "darktable", "confidence": 0.95}
            parts.store.journal.append(Kind.PERSON_RATED, at_s=parts.clock.now(), frame_id=frame_id, **rated)
    bench.link.close()
    assert bench.link.learn().version is None
    assert not bench.link.alive  # a minute has not passed: nothing was even started
    learned = bench.link.learn(force=True)
    assert learned.made and learned.version is not None and learned.version.comparisons > 0
    assert bench.link.learn(force=True).made is False


def test_idle_ends_the_worker_after_its_time_and_not_before(tmp_path: Path, models: Path) -> None:
    now = [1000.0]
    with working(tmp_path / "bench", models=models, monotonic=lambda: now[0]) as bench:
        bench.link.judge(bench.take_in()[:1])
        pid = bench.link.pid
        now[0] += 179.0
        assert bench.link.idle() is False and bench.link.pid == pid
        now[0] += 2.0
        assert bench.link.idle() is True
        assert not bench.link.alive and not Path(f"/proc/{pid}").exists()
        assert bench.link.idle() is True
        assert bench.link.judge(bench.take_in()).frames == 4  # and starts again when there is work


def test_warming_up_does_not_wait_and_the_first_request_finds_it_loaded(bench: Bench) -> None:
    ids = bench.take_in()
    begun = time.monotonic()
    bench.link.warm_up()
    assert time.monotonic() - begun < 0.5
    pid = bench.link.pid
    bench.link.warm_up()
    assert bench.link.pid == pid
    assert bench.link.judge(ids).frames == 4
    assert bench.link.pid == pid


def test_answers_come_from_the_loaded_worker_with_record_text_and_status(tmp_path: Path, models: Path) -> None:
    with working(tmp_path / "bench", models=models, program=faulty(tmp_path / "bench")) as bench:
        answer = bench.link.answer("explain", {"file": "a"})
        assert (answer.text, answer.status, answer.record["file"]) == ("explain", 3, "a")
        assert answer.record["pid"] == bench.link.pid
        with pytest.raises(FolderError) as caught:
            bench.link.answer("wrong", {})
        assert caught.value.told == "There is no such folder. Name another."
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            bench.link.answer("fault", {})
        assert answer.record["pid"] == bench.link.pid  # neither costs the worker
        with pytest.raises(WorkerError, match="before it had an answer"):
            bench.link.answer("die", {})
        assert bench.link.answer("explain", {}).text == "explain"


def test_commands_are_answered_by_the_loaded_worker_as_the_command_line_answers_them(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    run = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0).run
    pid = bench.link.pid
    file = bench.folder / "IMG_0000.jpg"
    with wiring.reading(bench.parts.settings) as parts:
        expected = answers.answer("explain", parts, {"file": str(file)})
    told = bench.link.answer("explain", {"file": str(file)})
    assert told == expected and "IMG_0000.jpg" in told.text
    assert bench.link.answer("rerate", {"folder": str(bench.folder)}).record["frames"] == 4
    assert bench.told[-1] == ("Rating again", 0, 4)  # the daemon hears of it, not a terminal
    undone = bench.link.answer("undo", {"run": run})
    assert len(undone.record["restored"]) == 4 and not bench.sidecars()
    assert bench.link.answer("rerate", {"folder": None}).record["frames"] == 0 and not bench.sidecars()
    assert bench.link.answer("rerate", {"folder": str(bench.folder)}).record["frames"] == 4 and bench.sidecars()
    assert bench.link.pid == pid


def choosing(bench: Bench, bundles: Path, *, bundle: str = NAME) -> Settings:
    """Let the link go on with a folder of bundles and a bundle in use; return its settings."""
    settings = replace(bench.parts.settings, bundles=bundles, bundle=bundle, accelerator="cpu")
    bench.link.renew(replace(bench.parts, settings=settings))
    return settings


def test_bundles_that_come_and_go_are_taken_up_before_the_next_request(
    bench: Bench, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The worker lives on between requests: what it has loaded must not outlive what lies on the disk."""
    settings, ids, pids = choosing(bench, tmp_path / "bundles"), bench.take_in(), []

    def judged(number: int) -> str:
        bench.link.judge(ids[number : number + 1])
        pids.append(bench.link.pid)
        return capfd.readouterr().err

    def told() -> bundle_word.Word:
        return bundle_word.read(bench.parts.store.memos.get(bundle_word.MEMO), settings)

    assert judged(0).count("is not installed") == 1 and told().fails
    folder = tiny_bundle(settings.bundles)
    prepare(folder, tiny_manifest(), threads=1)
    assert told() == bundle_word.Word()
    runs_on = f"The model bundle {NAME} runs on cpu: The settings ask for the processor."
    assert judged(1).splitlines() == [runs_on]
    assert any(judge.startswith(f"{NAME}:") for judge in bench.parts.store.judges())
    assert judged(2) == ""  # said once for each time that it is opened
    assert told().provider and not told().trouble
    folder.rename(tmp_path / "away")
    assert judged(3).count("is not installed") == 1
    assert pids[0] != pids[1] == pids[2] != pids[3]
    (tmp_path / "away").rename(folder)
    bench.link.close()  # it leaves word when it ends, of a bundle that was missing when it looked
    assert told() == bundle_word.Word()


def test_a_bundle_that_was_away_while_the_worker_looked_is_taken_up_before_the_next_request(
    bench: Bench, tmp_path: Path
) -> None:
    settings, ids = choosing(bench, tmp_path / "bundles"), bench.take_in()
    prepare(tiny_bundle(settings.bundles), tiny_manifest(), threads=1)
    memos = bench.parts.store.memos
    bench.link.judge(ids[:1])
    first = bench.link.pid
    away = bundle_word.Word(of_bundle="It is not installed.", fails=True)
    memos.put(bundle_word.MEMO, bundle_word.written(away, settings, bundle_word.Copies(0, 0)))  # as it would leave it
    bench.link.judge(ids[1:2])
    second = bench.link.pid
    bench.link.judge(ids[2:3])
    assert first != second == bench.link.pid
    assert not bundle_word.read(memos.get(bundle_word.MEMO), settings).fails


def test_a_worker_ends_when_what_finds_faces_is_fetched_renewed_or_removed(bench: Bench, tmp_path: Path) -> None:
    choosing(bench, tmp_path / "bundles", bundle="embedded")
    receipt = tmp_path / "bundles" / "faces" / "receipt.json"
    receipt.parent.mkdir(parents=True)

    def served() -> int | None:
        bench.link.answer("log", {"last": 1})
        return bench.link.pid

    pids = [served()]
    for change in (receipt.touch, lambda: os.utime(receipt, ns=(0, 1)), receipt.unlink):
        change()
        pids.append(served())
        assert served() == pids[-1]
    assert len(set(pids)) == 4
    receipt.touch()
    bench.link.warm_up()
    assert bench.link.pid not in pids


def test_daemon_s_side_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "import safelight.app.worker_link, safelight.app.wiring, safelight.services.intake\n"
        "import safelight.services.reconcile, safelight.services.settle\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "safelight.app.worker_link" in loaded
    heavy = {"numpy", "onnxruntime", "lancedb", "pyarrow", "PIL", "rawpy", "exiftool", "onnx", "click", "rich"}
    assert not loaded & heavy


@pytest.mark.parametrize("left", range(6))
def test_a_worker_that_cannot_be_started_for_want_of_open_files_leaves_none_open(bench: Bench, left: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with open_files_left(left):
        with pytest.raises(WorkerError):
            bench.link.answer("log", {"last": 1})
        bench.link.warm_up()  # says nothing: who needs the worker hears of it
    assert len(os.listdir("/proc/self/fd")) == before
    assert bench.link.answer("log", {"last": 1}).status == 0
