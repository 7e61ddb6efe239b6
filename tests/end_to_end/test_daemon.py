"""The real daemon, from READY to its end: what arrives is rated, and nothing that happens to it loses anything."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.daemons import QUIET, Home, Running, running, until
from tests.faults.shoot import jpeg, make_shoot

HEAVY = {"numpy", "onnxruntime", "lancedb", "pyarrow", "PIL", "rawpy"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.tidy()


def put(home: Home, name: str, seed: int = 1) -> Path:
    path = home.pictures / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg(seed))
    return path


def rated(path: Path) -> bool:
    return path.with_name(path.name + ".xmp").exists()


def test_what_is_copied_into_a_watched_folder_is_rated(home: Home) -> None:
    with running(home) as daemon:
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        shoot = until(lambda: home.record("status")["daemon"]["shoots"])[0]
        assert (shoot["frames"], shoot["name"]) == (1, "pictures")
        assert daemon.stop() < 10.0
    assert daemon.process.returncode == 0


def test_a_folder_whose_name_is_no_text_is_a_shoot_like_any_other(home: Home) -> None:
    with running(home) as daemon:
        path = put(home, os.fsdecode(b"caf\xe9 <b>\n/a.jpg"))
        until(lambda: rated(path))
        shoot = until(lambda: home.record("status")["daemon"]["shoots"])[0]
        assert shoot["folder"] == str(path.parent)
        daemon.stop()
    assert daemon.process.returncode == 0
    with running(home):
        assert until(lambda: home.record("status")["daemon"]["shoots"])[0] == shoot
        assert "taken back" not in home.run("status")[1]


def test_what_arrived_while_it_was_off_is_rated_at_the_next_start(home: Home) -> None:
    made = make_shoot(home.pictures / "shoot", scenes=2, frames_each=2)
    with running(home):
        until(lambda: all(map(rated, made)))
    before = home.stars()
    with running(home):
        until(lambda: home.record("status")["daemon"]["state"] == "idle")
    assert home.stars() == before


def test_killed_at_any_time_it_goes_on_where_it_stopped(home: Home) -> None:
    made = make_shoot(home.pictures / "shoot", scenes=3, frames_each=2)
    for number in range(4):
        daemon = Running(home)
        daemon.ready()
        until(lambda number=number: len(home.stars()) >= 2 * number)
        daemon.stop(signal.SIGKILL)
        daemon.close()
    with running(home):
        # A sidecar stands a moment before it is noted: a kill between the two is what the next start finds out about.
        until(lambda: home.record("status")["stages"]["published"] == len(made))
    assert all(map(rated, made))
    arrived = [json.loads(line) for line in home.run("journal", "--json")[1].splitlines()]
    kinds = [entry["kind"] for entry in arrived]
    assert kinds.count("frame_arrived") == len(made)
    assert kinds.count("rating_published") == len(made)


def test_a_second_start_says_that_one_runs(home: Home) -> None:
    with running(home) as daemon:
        status, _, complained = home.run("run")
        assert status == 2
        assert "runs" in complained or "running" in complained
        assert daemon.process.poll() is None


def test_bad_settings_are_refused_with_their_line_and_the_old_ones_stay(home: Home) -> None:
    with running(home) as daemon:
        home.settings('[work]\njobs = "many"\n')
        daemon.process.send_signal(signal.SIGHUP)
        daemon.heard(b"RELOADING=1")
        trouble = until(lambda: home.record("status")["daemon"]["trouble"])[0]
        assert "line 4" in trouble["told"] or "line 4" in trouble["hint"]
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        home.settings(QUIET)
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: not home.record("status")["daemon"]["trouble"])


def test_a_folder_that_is_added_to_the_settings_is_watched(home: Home) -> None:
    other = home.place / "other"
    other.mkdir()
    with running(home) as daemon:
        home.settings(QUIET, folders=[home.pictures, other])
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: len(home.record("status")["daemon"]["watched"]) == 2)
        (other / "b.jpg").write_bytes(jpeg(2))
        until(lambda: rated(other / "b.jpg"))


def test_a_pause_ends_by_itself(home: Home) -> None:
    with running(home):
        assert home.run("pause", "--for", "4s")[0] == 0
        path = put(home, "a.jpg")
        paused = home.record("status")["daemon"]
        assert paused["state"] == "paused" and not rated(path)
        until(lambda: rated(path), most_s=20.0)
        standing = until(lambda: (told := home.record("status")["daemon"])["state"] == "idle" and told)
        assert (standing["paused_until_s"], standing["why"]) == (None, "")


def test_started_with_bad_settings_it_says_where(home: Home) -> None:
    home.settings("[work]\nspeed = 3\n")
    status, _, complained = home.run("run")
    assert status == 2
    assert "line 4" in complained
    assert "speed" in complained


def test_pausing_holds_back_and_resuming_goes_on(home: Home) -> None:
    with running(home):
        assert home.run("pause")[0] == 0
        path = put(home, "a.jpg")
        until(lambda: home.record("status")["daemon"]["waiting"] == 1)
        assert not rated(path)
        assert home.run("resume")[0] == 0
        until(lambda: rated(path))


def test_a_pause_outlives_a_restart(home: Home) -> None:
    with running(home):
        home.run("pause")
    with running(home):
        until(lambda: home.record("status")["daemon"]["state"] == "paused")


def test_a_command_that_writes_borrows_the_state_folder(home: Home) -> None:
    elsewhere = home.place / "elsewhere"
    made = make_shoot(elsewhere, scenes=1, frames_each=2)
    with running(home):
        path = put(home, "a.jpg", 3)
        until(lambda: rated(path))
        status, said, complained = home.run("rate", elsewhere)
        assert (status, complained) == (0, ""), said
        assert all(map(rated, made))
        other = put(home, "b.jpg", 4)
        until(lambda: rated(other))


def test_undo_through_the_daemon_takes_the_sidecars_back(home: Home) -> None:
    with running(home):
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        until(lambda: home.record("status")["daemon"]["shoots"])
        assert home.run("undo")[0] == 0
        assert not rated(path)
        assert home.record("status")["daemon"]["shoots"][0]["undone"]
        assert home.run("rescan")[0] == 0
        until(lambda: home.record("status")["daemon"]["state"] == "idle")
        assert not rated(path)


def test_it_begins_when_the_command_that_holds_the_state_folder_has_ended(home: Home) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pathlib import Path; from safelight.storage import database\n"
         "with database.writing(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()", str(home.state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.environment,
    )  # fmt: skip
    assert holder.stdout and holder.stdout.readline() == b"held\n"
    path = put(home, "a.jpg")
    with running(home):
        assert home.record("status")["daemon"]["state"] == "leased"
        holder.communicate()
        until(lambda: rated(path))


def test_our_own_sidecars_are_nobody_elses_ratings(home: Home) -> None:
    with running(home):
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        until(lambda: home.record("status")["daemon"]["state"] == "idle")
    kinds = [json.loads(line)["kind"] for line in home.run("journal", "--json")[1].splitlines()]
    assert "person_rated" not in kinds


def test_a_rating_of_the_persons_is_noticed_and_stays(home: Home) -> None:
    with running(home):
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        sidecar = path.with_name(path.name + ".xmp")
        text = sidecar.read_text()
        start = text.index("xmp:Rating=") if "xmp:Rating=" in text else -1
        assert start >= 0, text
        number = start + len('xmp:Rating="')
        other = "1" if text[number] != "1" else "5"
        sidecar.write_text(text[:number] + other + text[number + 1 :])
        kinds = lambda: [json.loads(line)["kind"] for line in home.run("journal", "--json")[1].splitlines()]  # noqa: E731
        until(lambda: "person_rated" in kinds())
        home.run("rerate")
        assert sidecar.read_text()[number] == other


def test_the_daemon_itself_loads_nothing_heavy(home: Home) -> None:
    with running(home) as daemon:
        path = put(home, "a.jpg")
        until(lambda: rated(path))
        maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
        loaded = {name for name in HEAVY if f"/{name}/" in maps or f"/{name}.libs/" in maps}
        assert not loaded


def test_the_watchdog_is_fed_by_work(home: Home) -> None:
    home.environment |= {"WATCHDOG_USEC": "2000000"}
    with running(home) as daemon:
        put(home, "a.jpg")
        daemon.heard(b"WATCHDOG=1")
        until(lambda: home.record("status")["daemon"]["state"] == "idle")
        for _ in range(4):  # and by a thread that could work, where there is none
            daemon.heard(b"WATCHDOG=1")


@pytest.mark.parametrize("name", [b"a\nb.jpg", b"caf\xe9.jpg", b"<b>&.jpg", b"x" * 240 + b".jpg"])
def test_odd_names_are_rated(home: Home, name: bytes) -> None:
    with running(home):
        path = os.path.join(os.fsencode(home.pictures), name)
        Path(os.fsdecode(path)).write_bytes(jpeg(5))
        until(lambda: os.path.exists(path + b".xmp"))
        assert home.run("status")[0] == 0


def test_settings_that_change_hold_for_what_arrives_next(home: Home) -> None:
    with running(home) as daemon:
        first = put(home, "a.jpg", 1)
        until(lambda: rated(first))
        home.settings(QUIET + '[sidecars]\nprofile = "both"\n')
        daemon.process.send_signal(signal.SIGHUP)
        daemon.heard(b"RELOADING=1")
        second = put(home, "b.nef.jpg", 2)
        until(lambda: rated(second))
        until(lambda: second.with_suffix(".xmp").exists())
