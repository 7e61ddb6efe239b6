"""A command says the same, and does the same, whether a daemon answers it or the command's own process.

The daemon is the real server over a real socket, with the worker's table of answers behind it; it holds the lock of the
state folder as the real one does, and lends it.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from safelight.app import wiring
from safelight.app.configuration import settings
from safelight.cli import answers
from safelight.cli.main import _guarded, cli
from safelight.control.messages import Answer, Doing, Request, Status, Watched
from safelight.control.place import Place
from safelight.errors import StateError
from safelight.storage import database
from tests.control.served import Served, wait_until
from tests.end_to_end.program import Program, originals, program, sidecars
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("answers")

NAME = os.fsdecode(b"odd \xff name\nline.jpg")


@dataclass(frozen=True)
class Rated:
    """A rated shoot, which every test gets as it was after rating."""

    folder: Path
    state: Path
    kept: Path

    def restore(self) -> None:
        """Bring sidecars and state back to what they were."""
        for path in self.folder.glob("*.xmp"):
            path.unlink()
        for path in (self.kept / "shoot").glob("*.xmp"):
            shutil.copy2(path, self.folder)
        shutil.rmtree(self.state)
        shutil.copytree(self.kept / "state", self.state)


@pytest.fixture(scope="module")
def prepared(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Rated:
    base = tmp_path_factory.mktemp("answers")
    folder = base / "shoot"
    make_shoot(folder, scenes=2, side=320)
    put(folder / "bad.jpg", b"")
    put(folder / NAME, jpeg(12))
    program.rate(folder, "--state", base / "state")
    shutil.copytree(folder, base / "kept" / "shoot", copy_function=shutil.copy2)
    shutil.copytree(base / "state", base / "kept" / "state")
    return Rated(folder, base / "state", base / "kept")


@pytest.fixture
def rated(prepared: Rated, program: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rated]:
    """Return the rated shoot, with an environment in which no daemon runs yet."""
    runtime = tempfile.mkdtemp(prefix="s")
    monkeypatch.setenv("HOME", str(program.home))
    monkeypatch.setenv("XDG_CACHE_HOME", program.environment["XDG_CACHE_HOME"])
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    prepared.restore()
    yield prepared
    shutil.rmtree(runtime)


class Holding(Served):
    """A daemon that holds its state folder, answers from it, and lends it."""

    def prepare(self) -> None:
        """Take the state folder."""
        self.requests: list[Request] = []
        self.held = ExitStack()
        self.held.enter_context(database.writing(self.state))
        self.answer = self._work
        self.lend = self._let_go

    async def _let_go(self) -> None:
        self.held.close()

    def _end(self) -> None:
        self.held.enter_context(database.writing(self.state))
        super()._end()  # tells that it has ended, so it comes after it has

    async def _work(self, request: Request) -> Answer:
        self.requests.append(request)
        return await asyncio.to_thread(self._answer_of, request)

    def _answer_of(self, request: Request) -> Answer:
        if request.command not in answers.ANSWERS:
            return Answer(record=request.arguments, text=f"{request.command} is done.")
        with wiring.helping(settings(os.environ, state=self.state)) as parts:
            return answers.answer(request.command, parts, request.arguments)


@contextmanager
def daemon(state: Path) -> Iterator[Holding]:
    """Let a daemon run for a state folder."""
    holding = Holding(Path(os.environ["XDG_RUNTIME_DIR"]) / "safelight" / "control.sock", state)
    holding.prepare()
    try:
        with holding.running():
            yield holding
            assert not holding.troubles
    finally:
        holding.held.close()


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs one command in this process and returns its exit status and what it said."""

    def run(*arguments: "str | Path") -> tuple[int, str, str]:
        capsys.readouterr()
        status = _guarded(lambda: cli.main(args=[str(each) for each in arguments], standalone_mode=False))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


CASES = {
    "explain": ["explain", "IMG_0000.jpg"],
    "explain a loser": ["explain", "IMG_0002.jpg"],
    "explain an odd name": ["explain", NAME],
    "explain what cannot be read": ["explain", "bad.jpg"],
    "explain what was never seen": ["explain", "never.jpg"],
    "explain what is no file": ["explain", "."],
    "log": ["log"],
    "log of three": ["log", "--last", "3"],
    "undo": ["undo"],
    "undo of a run": ["undo", "--run", "1"],
    "undo of no run": ["undo", "--run", "77"],
    "rerate": ["rerate", "."],
    "rerate all": ["rerate"],
    "rerate of what is not there": ["rerate", "nowhere"],
}


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_with_and_without_a_daemon(
    rated: Rated, command: Any, monkeypatch: pytest.MonkeyPatch, case: str, as_json: bool
) -> None:
    monkeypatch.chdir(rated.folder)
    arguments = [*CASES[case], "--state", rated.state, *(["--json"] if as_json else [])]
    before = originals(rated.folder)
    alone = command(*arguments)
    left_alone = {path.name: data for path, (data, *_) in sidecars(rated.folder).items()}
    rated.restore()
    with daemon(rated.state) as running:
        asked = command(*arguments)
        assert [request.command for request in running.requests] == [CASES[case][0]]
        assert running.told == [], "nothing was lent: the daemon did it"
    assert asked == alone
    assert {path.name: data for path, (data, *_) in sidecars(rated.folder).items()} == left_alone
    assert originals(rated.folder) == before
    assert "Traceback" not in alone[2]
    if case not in ("explain what was never seen", "explain what is no file", "rerate of what is not there"):
        assert alone[1] and not alone[2]
        assert not as_json or all(json.loads(line) is not None for line in alone[1].splitlines())


def test_an_error_is_told_in_the_same_words(rated: Rated, command: Any) -> None:
    def broken() -> None:
        for name in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
            (rated.state / name).unlink(missing_ok=True)
        (rated.state / "catalog.sqlite").write_bytes(b"no catalog" * 1000)

    broken()
    alone = command("undo", "--state", rated.state)
    assert alone[0] == 2
    with daemon(rated.state):
        assert command("undo", "--state", rated.state) == alone
    rated.restore()


LENT = {
    "rate": ["rate", "{folder}"],
    "reconcile": ["reconcile"],
    "learn": ["learn"],
    "replay": ["learn", "--replay", "--verify"],
    "veto": ["veto", "1"],
    "forget": ["forget", "{folder}/IMG_0000.jpg", "--yes"],
    "undo of taste": ["undo", "--taste", "0"],
    "rerate with a profile": ["rerate", "--sidecars", "adobe"],
}


@pytest.mark.parametrize("case", LENT)
def test_commands_that_write_here_borrow_the_state_folder(rated: Rated, command: Any, case: str) -> None:
    arguments = [each.format(folder=rated.folder) for each in LENT[case]]
    alone = command(*arguments, "--state", rated.state, "--json")
    rated.restore()
    with daemon(rated.state) as running:
        asked = command(*arguments, "--state", rated.state, "--json")
        assert running.requests == []
        wait_until(lambda: running.told == ["begin", "end"])
        with pytest.raises(StateError, match="at work"), database.writing(rated.state):
            pass  # the daemon has it back
    assert asked[0] == alone[0] != 2
    assert asked[2] == alone[2]
    assert shape(asked[1]) == shape(alone[1])


def shape(said: str) -> list[Any]:
    """Return JSON lines without what tells the time."""
    told = [json.loads(line) for line in said.splitlines()]
    return [{key: value for key, value in each.items() if not key.endswith("_s")} for each in told]


def test_a_daemon_of_another_state_folder_is_neither_asked_nor_disturbed(
    rated: Rated, command: Any, tmp_path: Path
) -> None:
    with daemon(tmp_path / "another") as running:
        assert command("undo", "--state", rated.state)[0] == 0
        assert command("learn", "--state", rated.state)[0] == 0
        assert json.loads(command("status", "--state", rated.state, "--json")[1])["daemon"] is None
        status, said, errors = command("pause", "--state", rated.state)
        assert (status, said) == (2, "")
        assert "not running" in errors
        assert (running.requests, running.told) == ([], [])


def test_a_state_folder_is_known_by_any_of_its_names(rated: Rated, command: Any, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(rated.state, target_is_directory=True)
    with daemon(rated.state) as running:
        assert command("log", "--state", tmp_path / "link")[0] == 0
        assert len(running.requests) == 1


def test_status_tells_of_catalog_and_daemon(rated: Rated, command: Any) -> None:
    alone = json.loads(command("status", "--state", rated.state, "--json")[1])
    assert alone["daemon"] is None
    assert "No daemon is at work here" in command("status", "--state", rated.state)[1]
    with daemon(rated.state) as running:
        running.status = Status(
            state="working",
            doing=(Doing(what="Rating", done=3, total=12),),
            waiting=9,
            watched=(Watched(folder=NAME, state="watched", directories=1200),),
        )
        with_daemon = json.loads(command("status", "--state", rated.state, "--json")[1])
        assert {**with_daemon, "daemon": None} == alone
        assert with_daemon["daemon"] == json.loads(json.dumps(running.status.model_dump()))
        said = command("status", "--state", rated.state)[1]
    assert "Safelight is at work: Rating 3 of 12, 9 frames waiting." in said
    assert r"odd \udcff name\nline.jpg (1,200 folders)" in said
    assert said.splitlines()[0].endswith(f" frames known in {rated.state}")


def test_status_of_a_daemon_that_does_not_answer_still_tells_of_the_catalog(rated: Rated, command: Any) -> None:
    held = Place(Path(os.environ["XDG_RUNTIME_DIR"]) / "safelight" / "control.sock")  # nobody accepts
    try:
        status, said, errors = command("status", "--state", rated.state)
        assert (status, errors) == (1, "")
        assert " frames known in " in said and "does not answer" in said
    finally:
        held.leave()


def test_status_watch_prints_a_line_for_each_change_until_the_daemon_ends(rated: Rated, program: Program) -> None:
    with daemon(rated.state) as running:
        child = program.start(
            "status", "--watch", "--state", rated.state, env={"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]}
        )
        assert child.stdout.readline().endswith(b"Safelight is watching; there is nothing to do.\n")
        running.set(running.status)  # nothing has changed in it
        running.set(Status(state="paused", paused_until_s=0.0))
        assert child.stdout.readline().endswith(b"Safelight is paused until 'safelight resume'.\n")
    said, errors = child.communicate(timeout=30)
    assert (said, errors, child.returncode) == (b"The daemon has ended.\n", b"", 0)


def test_a_command_that_is_killed_gives_the_state_folder_back(rated: Rated, program: Program) -> None:
    with daemon(rated.state) as running:
        asking = program.start(
            "forget", rated.folder, "--state", rated.state, stdin=subprocess.PIPE,
            env={"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]},
        )  # fmt: skip
        wait_until(lambda: running.told == ["begin"])
        asking.kill()
        asking.communicate()
        wait_until(lambda: running.told == ["begin", "end"])


def test_pause_for_a_span_is_until_a_moment(rated: Rated, command: Any) -> None:
    with daemon(rated.state) as running:
        before = time.time()
        assert command("pause", "--for", "1h30m", "--state", rated.state)[0] == 0
        assert before + 5400 <= running.requests[-1].arguments["until_s"] <= time.time() + 5400
    for wrong in (["--for", "long"], ["--until", "2001-01-01"], ["--for", "1h", "--until", "tomorrow"]):
        status, said, errors = command("pause", *wrong, "--state", rated.state)
        assert (status, said) == (2, "")
        assert errors.startswith("safelight: ")


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["pause"], ("pause", {"until_s": 0.0})),
        (["resume"], ("resume", {})),
        (["rescan"], ("rescan", {"folder": None})),
        (["rescan", "below"], ("rescan", {"folder": "{cwd}/below"})),
        (["pause", "--until", "9999-12-30T00:00+00:00"], ("pause", {"until_s": 253_402_128_000.0})),
        (["quit"], ("quit", {})),
    ],
)
def test_the_daemon_is_asked_for_what_only_it_can_do(
    rated: Rated, command: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], asked: tuple[str, dict[str, Any]]
) -> None:
    monkeypatch.chdir(rated.folder)
    status, said, errors = command(*arguments, "--state", rated.state)
    assert (status, said) == (2, "")
    assert "Safelight's daemon is not running." in errors and "safelight install-user" in errors
    with daemon(rated.state) as running:
        assert command(*arguments, "--state", rated.state) == (0, f"{asked[0]} is done.\n", "")
        told = json.loads(command(*arguments, "--state", rated.state, "--json")[1])
    (request, _) = running.requests
    wanted = {
        key: value.format(cwd=rated.folder) if isinstance(value, str) else value for key, value in asked[1].items()
    }
    assert (request.command, request.arguments) == (asked[0], wanted)
    assert told == wanted
