"""`safelight watch` and `safelight cards`, what `rate` takes from the settings, and what doctor says of them."""

import asyncio
import json
import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight import paths
from safelight.cli import main
from safelight.control.messages import Answer, CardSeen, Status, Watched
from safelight.domain.cards import Card, Policy
from safelight.errors import StateError
from safelight.storage import database
from safelight.storage.cards import open_cards
from tests.control.served import Served


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home/Pictures").mkdir(parents=True)
    return tmp_path / "home"


@dataclass
class Inside:
    """Runs commands as the program does, in this process: starting Python for each would take most of the time."""

    environment: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    streams: pytest.CaptureFixture[str]

    def run(self, *arguments: "str | Path | bytes", cwd: Path | None = None) -> tuple[int, str, str]:
        """Return the exit status and what was said."""
        self.streams.readouterr()
        with self.monkeypatch.context() as patch:
            for name in [each for each in os.environ if each.startswith(("XDG_", "SAFELIGHT_"))]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.chdir(cwd or Path(self.environment["HOME"]))
            given = [os.fsdecode(each) for each in arguments]
            status = main._guarded(lambda: main.cli.main(given, standalone_mode=False))
        return status, *self.streams.readouterr()


@pytest.fixture
def program(home, monkeypatch, capsys):
    return Inside({"HOME": str(home)}, monkeypatch, capsys)


@pytest.fixture
def served(home, monkeypatch, capsys):
    """Return a daemon that only has its socket, and the program that finds it."""
    with tempfile.TemporaryDirectory(prefix="s") as runtime:
        environ = {"HOME": str(home), "XDG_RUNTIME_DIR": runtime}
        state = paths.state_folder(environ)
        state.mkdir(parents=True)
        with Served(paths.socket_file(environ), state).running() as running:
            yield running, Inside(environ, monkeypatch, capsys)


def settings(home: Path) -> Path:
    return home / ".config/safelight/settings.toml"


def folders(home: Path) -> list[object]:
    return tomllib.loads(settings(home).read_text())["watch"]["folders"]


def test_watch_add_list_remove(program, home):
    (home / "a b").mkdir()
    status, said, errors = program.run("watch", "add", home / "a b")
    assert (status, errors) == (0, "")
    assert said.startswith(f"{home}/a b is watched, with what is in it already.\nThe daemon does not run")
    assert program.run("watch", "add", "Pictures", "--existing", "leave", cwd=home)[0] == 0
    assert folders(home) == ["~/a b", {"path": "~/Pictures", "existing": "leave"}]
    listed = program.run("watch", "list")[1].splitlines()
    assert listed[0] == f"{home}/a b  all of it is rated"
    assert listed[1] == f"{home}/Pictures  only what arrives is rated"
    status, said, _ = program.run("watch", "remove", home / "a b")
    assert (status, folders(home)) == (0, [{"path": "~/Pictures", "existing": "leave"}])
    assert "photographs and ratings stay" in said
    assert program.run("watch", "remove", home / "Pictures")[0] == 0
    listed = program.run("watch", "list")[1]
    assert "cards are imported into it" in listed  # the import folder, as long as cards may be imported
    assert "No folder is set to be watched" in listed


def test_watch_as_json(program, home):
    status, said, errors = program.run("watch", "add", home / "Pictures", "--json")
    assert (status, json.loads(said), errors) == (0, [{"folder": f"{home}/Pictures", "existing": "rate"}], "")
    (record,) = json.loads(program.run("watch", "list", "--json")[1])
    assert record["origin"].startswith("settings.toml line ")
    assert (record["folder"], record["state"], record["directories"]) == (f"{home}/Pictures", None, None)
    assert json.loads(program.run("watch", "remove", home / "Pictures", "--json")[1]) == []


def test_watch_add_twice_changes_nothing(program, home):
    (home / "Pictures/trip").mkdir()
    program.run("watch", "add", home / "Pictures")
    before = settings(home).read_bytes()
    for again in (home / "Pictures", home / "Pictures/trip", home / "Pictures/../Pictures"):
        status, said, _ = program.run("watch", "add", again)
        assert (status, "is watched already" in said) == (0, True)
    assert settings(home).read_bytes() == before
    assert program.run("watch", "add", home / "Pictures", "--existing", "leave")[0] == 0
    assert folders(home) == [{"path": "~/Pictures", "existing": "leave"}]


def test_what_cannot_be_watched(program, home):
    (home / "file").write_bytes(b"")
    for bad in (home / "file", home / "nowhere", home / "file/below", Path("/")):
        status, said, errors = program.run("watch", "add", bad)
        assert (status, said, len(errors.splitlines())) == (2, "", 2), errors
    status, _, errors = program.run("watch", "remove", home / "nowhere")
    assert (status, "is not watched" in errors) == (2, True)
    assert not settings(home).exists()


def test_a_folder_that_is_gone_can_be_removed_by_its_name(program, home):
    (home / "real").mkdir()
    (home / "link").symlink_to(home / "real")
    program.run("watch", "add", home / "link")
    assert folders(home) == ["~/link"]  # as the person named it
    (home / "link").unlink()
    assert program.run("watch", "remove", home / "link")[0] == 0
    program.run("watch", "add", home / "real")
    (home / "link").symlink_to(home / "real")
    assert program.run("watch", "remove", home / "link")[0] == 0
    assert folders(home) == []


def test_odd_names_are_kept_byte_for_byte(program, home):
    odd = os.fsencode(home) + b"/\xff\n\x1b[31m'\""
    os.mkdir(odd)
    status, said, errors = program.run("watch", "add", odd)
    assert (status, errors) == (0, "")
    assert "\x1b" not in said
    (record,) = [each for each in json.loads(program.run("watch", "list", "--json")[1]) if each["existing"] == "rate"]
    assert os.fsencode(record["folder"]) == odd
    assert program.run("watch", "remove", odd)[0] == 0
    assert folders(home) == []


def test_a_bad_file_stops_what_needs_it_and_nothing_else(program, home):
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text('[sidecars]\nprofile = "lightroom"\n')
    for command in (["watch", "list"], ["watch", "add", "/tmp"], ["rate", home / "Pictures"], ["reconcile"]):
        status, said, errors = program.run(*command)
        assert (status, said) == (2, ""), command
        assert "settings.toml, line 2: sidecars.profile must be" in errors
    assert program.run("status")[0] == 0
    assert program.run("journal")[0] == 0
    status, said, _ = program.run("doctor")
    assert status == 1
    assert "BAD   Settings: " in said and "line 2" in said


def test_rate_takes_profile_and_workers_from_the_settings(home):
    from safelight.app import configuration

    settings(home).parent.mkdir(parents=True)
    settings(home).write_text('[sidecars]\nprofile = "adobe"\n[work]\njobs = 2\n')
    environ = {"HOME": str(home)}
    assert configuration.settings(environ).profile == "adobe"
    assert configuration.settings(environ).jobs == 2
    assert configuration.settings(environ, profile="both", jobs=1).profile == "both"
    assert configuration.settings(environ, profile="both", jobs=1).jobs == 1


def test_doctor_says_what_is_in_effect_and_from_where(program, home):
    program.run("watch", "add", home / "Pictures")
    _, said, errors = program.run("doctor")
    assert errors == ""
    assert "watch.folders: ~/Pictures (settings.toml line " in said
    assert "work.jobs: 0 (default)" in said
    assert f"ok    Folder {home}/Pictures: its changes are seen at once; all of it is rated" in said
    assert "note  Daemon: does not run" in said


def test_the_daemon_is_told_of_new_settings(served, home):
    daemon, program = served
    commands = []

    async def answer(request):
        commands.append(request.command)
        return Answer(text="done")

    daemon.answer = answer
    status, said, _ = program.run("watch", "add", home / "Pictures")
    assert (status, commands) == (0, ["reload"])
    assert said.endswith("The daemon works by it from now on.\n")


def test_a_daemon_that_refuses_the_settings_is_quoted(served, home):
    daemon, program = served

    async def answer(_request):
        raise StateError("The worker is busy.", hint="Wait.")

    daemon.answer = answer
    status, _, errors = program.run("watch", "add", home / "Pictures")
    assert status == 1
    assert "settings are written, but the daemon does not use them yet: The worker is busy. Wait." in errors
    assert folders(home) == ["~/Pictures"]


def test_lists_say_what_the_daemon_says(served, home):
    daemon, program = served
    program.run("watch", "add", home / "Pictures")
    trouble = Watched(folder=str(home / "Pictures"), state="trouble", told="It cannot be read.", directories=0)
    daemon.status = Status(state="idle", watched=(trouble,))
    assert f"{home}/Pictures  in trouble, all of it is rated\n  It cannot be read." in program.run("watch", "list")[1]
    _, said, _ = program.run("doctor")
    assert "ok    Daemon: runs (idle)" in said


def remembered(state: Path) -> dict[str, Policy | None]:
    with open_cards(state) as (cards, _):
        return {each.id: each.policy for each in cards.all()}


@pytest.fixture
def state(home):
    """Return a state folder that knows three cards, two of one name."""
    state = home / ".local/state/safelight"
    database.make_folder(state)
    with open_cards(state) as (cards, _):
        for number, (key, label) in enumerate([("AAAA-1", "EOS_DIGITAL"), ("BBBB-2", "NIKON"), ("CCCC-3", "NIKON")]):
            cards.see(Card(key, label, Path("/media/x"), 1, read_only=False), at_s=1_700_000_000.0 + number)
    return state


def test_cards_list_and_set(program, home, state):
    said = program.run("cards", "list")[1]
    assert said.splitlines()[0].startswith("NIKON (CCCC-3)  last here ")
    assert said.endswith("A card that was never seen before: you are asked.\n")
    status, said, _ = program.run("cards", "set", "EOS_DIGITAL", "import")
    assert (status, said) == (0, "EOS_DIGITAL (AAAA-1): copied and rated, whenever it is plugged in.\n")
    assert program.run("cards", "set", "BBBB-2", "ignore")[0] == 0
    assert remembered(state) == {"AAAA-1": Policy.IMPORT, "BBBB-2": Policy.IGNORE, "CCCC-3": None}
    assert program.run("cards", "set", "BBBB-2", "ask")[0] == 0
    assert remembered(state)["BBBB-2"] is None
    records = {each["card"]: each for each in json.loads(program.run("cards", "list", "--json")[1])}
    assert (records["AAAA-1"]["policy"], records["AAAA-1"]["root"]) == ("import", None)


def test_cards_that_are_not_known_or_not_told_apart(program, state):
    for named, words in (("SONY", "No card called SONY"), ("NIKON", "Several cards are called NIKON")):
        status, said, errors = program.run("cards", "set", named, "rate")
        assert (status, said) == (2, "")
        assert words in errors
    assert program.run("cards", "set", "NIKON", "copy")[0] == 2
    assert set(remembered(state).values()) == {None}


def test_cards_list_where_there_was_none(program):
    status, said, errors = program.run("cards", "list")
    assert (status, errors) == (0, "")
    assert said.startswith("No card was ever plugged in.\n")


def test_cards_go_through_the_daemon_where_one_runs(served, home):
    daemon, program = served
    state = paths.state_folder(program.environment)
    with open_cards(state) as (cards, _):
        cards.see(Card("AAAA-1", "EOS", Path("/media/x"), 1, read_only=False), at_s=1.0)
    asked = []

    async def answer(request):
        asked.append((request.command, request.arguments))
        await asyncio.sleep(0)
        return Answer(text="done")

    daemon.answer = answer
    seen = CardSeen(card="AAAA-1", label="EOS", root="/media/x", policy="ask", state="asking")
    daemon.status = Status(state="idle", cards=(seen,))
    assert "EOS (AAAA-1)  plugged in at /media/x: you are asked" in program.run("cards", "list")[1]
    with database.writing(state):  # as the daemon holds it
        assert program.run("cards", "set", "EOS", "rate")[0] == 0
    assert asked == [("card", {"card": "AAAA-1", "policy": "rate"})]
