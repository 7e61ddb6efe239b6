"""What befalls a program that is always on: full disks, folders that go and come back, clocks that jump, kills.

Each is done to the real daemon. Once the fault is over it goes on, and nothing that has arrived is lost.
"""

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.control.client import Client
from safelight.control.messages import Status
from tests.end_to_end.daemons import QUIET, Home, running, until
from tests.faults.shoot import jpeg
from tests.faults.test_disk import _READ_ONLY, _REMOUNT, Disks, disk, filled, mounted
from tests.soak.consistency import Catalog
from tests.soak.supervised import Supervised

__all__ = ["disk"]

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_FAKED_S = 150.0  # where every question for the time goes through a file, a first rating has taken 30 s and more


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.tidy()


def put(folder: Path, *names: str, seed: int = 1, side: int = 240) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in names]
    for number, path in enumerate(paths):
        path.write_bytes(jpeg(seed * 1000 + number, second=seed * 600 + number, side=side))
    return paths


def rated(*paths: Path) -> bool:
    return all(path.with_name(path.name + ".xmp").exists() for path in paths)


def standing(home: Home) -> Status:
    """Ask how the daemon stands, without the cost of a command."""
    client = until(lambda: Client.connect(home.runtime / "safelight/control.sock"))
    with client:
        return client.status()


def rests(home: Home) -> bool:
    status = standing(home)
    return status.state == "idle" and not status.waiting and not status.doing


def stages(home: Home) -> Counter[str]:
    if not (file := home.state / "catalog.sqlite").exists():
        return Counter()
    return Counter(frame["stage"] for frame in Catalog.read(file).frames.values())


def journal(home: Home) -> Counter[str]:
    return Counter(kind for kind, _, _ in Catalog.read(home.state / "catalog.sqlite").journal)


def each_once(home: Home, count: int) -> None:
    """Check that every frame arrived and was published exactly once; a sidecar is noted a moment after it is there."""
    until(lambda: journal(home)["rating_published"] >= count)
    kinds = journal(home)
    assert (kinds["frame_arrived"], kinds["rating_published"]) == (count, count), kinds
    assert not kinds["frame_lost"], kinds


# --- disks -----------------------------------------------------------------------------------------------------------


def test_a_full_state_disk_is_said_and_work_goes_on_once_there_is_room(home: Home, disk: Disks) -> None:
    home.state = disk("state", size="4m") / "state"
    with running(home):
        (first,) = put(home.pictures / "one", "first.jpg")
        until(lambda: rated(first))
        ballast = filled(home.state.parent)
        (second,) = put(home.pictures / "two", "second.jpg", seed=2)
        trouble = until(lambda: standing(home).trouble)
        assert "full" in trouble[0].told
        ballast.unlink()
        assert home.run("rescan")[0] == 0  # else it tries again by itself, a while later
        until(lambda: rated(second))
        until(lambda: not standing(home).trouble)
    each_once(home, 2)


def test_started_on_a_full_state_disk_it_says_so_in_a_sentence(home: Home, disk: Disks) -> None:
    home.state = disk("state", size="64k") / "state"
    filled(home.state.parent)
    status, said, complained = home.run("run")
    assert (status, said) == (2, "")
    assert "full" in complained or "No space left" in complained


def test_a_full_watched_disk_is_rated_and_written_once_there_is_room(home: Home, disk: Disks) -> None:
    folder = disk("library", size="1m")
    home.settings(QUIET, folders=[folder])
    put(folder, "a.jpg", "b.jpg")
    ballast = filled(folder)
    with running(home):
        until(lambda: put_off(home) == 2)
        assert not list(folder.rglob(".safelight-*"))
        ballast.unlink()
        assert home.run("rescan")[0] == 0
        until(lambda: rated(folder / "a.jpg", folder / "b.jpg"))
    each_once(home, 2)


def test_a_read_only_disk_is_rated_and_written_once_it_may_be(home: Home, disk: Disks) -> None:
    folder = disk("library")
    home.settings(QUIET, folders=[folder])
    made = put(folder, "a.jpg", "b.jpg")
    mounted("none", folder, "tmpfs", _REMOUNT | _READ_ONLY)
    with running(home):
        until(lambda: put_off(home) == 2)
        mounted("none", folder, "tmpfs", _REMOUNT)
        assert home.run("rescan")[0] == 0
        until(lambda: rated(*made))
    each_once(home, 2)


def put_off(home: Home) -> int:
    """Count the frames whose sidecars could not be written."""
    frames = Catalog.read(home.state / "catalog.sqlite").frames.values()
    return sum(frame["stage"] == "ranked" and frame["passing"] == 1 for frame in frames)


# --- watched folders -------------------------------------------------------------------------------------------------


def test_a_watched_folder_that_is_deleted_is_absent_and_no_opinion(home: Home) -> None:
    with running(home):
        made = put(home.pictures, "a.jpg", "b.jpg")
        until(lambda: rated(*made))
        shutil.rmtree(home.pictures)
        until(lambda: absent(home))
        assert not journal(home)["frame_lost"]
        later = put(home.pictures, "c.jpg", seed=3)
        until(lambda: rated(*later))
        until(lambda: not absent(home))
    assert not journal(home)["loss_confirmed"]


def test_a_watched_folder_that_is_renamed_and_comes_back_has_lost_nothing(home: Home) -> None:
    away = home.place / "renamed"
    with running(home):
        made = put(home.pictures, "a.jpg", "b.jpg")
        until(lambda: rated(*made))
        home.pictures.rename(away)
        until(lambda: absent(home))
        more = put(away, "c.jpg", seed=3)
        away.rename(home.pictures)
        until(lambda: rated(home.pictures / more[0].name))
        until(lambda: not absent(home))
    each_once(home, 3)


def test_a_file_in_the_place_of_a_watched_folder_is_waited_out(home: Home) -> None:
    away = home.place / "renamed"
    with running(home):
        made = put(home.pictures, "a.jpg", "b.jpg")
        until(lambda: rated(*made))
        home.pictures.rename(away)
        home.pictures.write_bytes(b"no folder")
        until(lambda: absent(home))
        home.pictures.unlink()
        away.rename(home.pictures)
        until(lambda: not absent(home))
        more = put(home.pictures, "c.jpg", seed=3)
        until(lambda: rated(*more))
    each_once(home, 3)


def absent(home: Home) -> list[str]:
    return [each.folder for each in standing(home).watched if each.state == "absent"]


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", ["-3h", "+3h"])
def test_a_clock_that_jumps_stops_nothing(home: Home, jump: str) -> None:
    if not FAKETIME.exists():
        pytest.skip("needs libfaketime of Debian, which lets a clock jump for one program")
    clock = home.place / "clock"
    clock.write_text("+0")
    home.environment |= {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    with running(home):  # each in a folder of its own, so that none waits for others of its shoot
        (first,) = put(home.pictures / "one", "first.jpg")
        until(lambda: rated(first), most_s=_FAKED_S)
        clock.write_text(jump)
        (second,) = put(home.pictures / "two", "second.jpg", seed=2)
        until(lambda: rated(second), most_s=_FAKED_S)
        moved = home.pictures / "moved/first.jpg"
        moved.parent.mkdir()
        first.rename(moved)
        until(lambda: rated(moved), most_s=_FAKED_S)
        clock.write_text("+0")
        (third,) = put(home.pictures / "three", "third.jpg", seed=3)
        until(lambda: rated(third), most_s=_FAKED_S)
    assert journal(home)["frame_arrived"] == 3
    assert not journal(home)["loss_confirmed"]


# --- kills and rivals ------------------------------------------------------------------------------------------------


def test_a_worker_killed_while_it_judges_leaves_no_frame_behind(home: Home) -> None:
    supervised = Supervised(home)
    try:
        made = put(home.pictures / "shoot", *(f"{number:03}.jpg" for number in range(24)))
        for _ in range(2):
            until(lambda: supervised.kill("worker"))
        until(lambda: rated(*made))
    finally:
        supervised.close()
    each_once(home, len(made))


def test_of_two_daemons_started_at_once_one_runs(home: Home) -> None:
    rivals = [
        subprocess.Popen(home.command("run"), env=home.environment, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        until(lambda: any(rival.poll() is not None for rival in rivals))
        until(lambda: rests(home))
        made = put(home.pictures, "a.jpg")
        until(lambda: rated(*made))
        assert sum(rival.poll() is None for rival in rivals) == 1
        loser = next(rival for rival in rivals if rival.poll() is not None)
        assert loser.returncode == 2
        assert loser.stderr is not None
        assert "run" in loser.stderr.read()
    finally:
        for rival in rivals:
            rival.kill()
            rival.communicate()
    each_once(home, 1)


def test_without_its_socket_it_goes_on_rating_and_ends_cleanly(home: Home) -> None:
    with running(home) as daemon:
        shutil.rmtree(home.runtime / "safelight")
        made = put(home.pictures, "a.jpg")
        until(lambda: rated(*made))
        assert daemon.stop() < 10.0
        assert daemon.process.returncode == 0
    with running(home):
        assert standing(home).pid


def test_told_to_stop_in_the_middle_of_a_burst_it_stops_and_ends_it_later(home: Home) -> None:
    with running(home) as daemon:
        made = put(home.pictures / "burst", *(f"{number:03}.jpg" for number in range(50)))
        until(lambda: standing(home).waiting >= 10)
        assert daemon.stop() < 10.0
        assert daemon.process.returncode == 0
    with running(home):
        until(lambda: rated(*made))
        until(lambda: rests(home))
    each_once(home, len(made))
    assert not list(home.pictures.rglob(".safelight-*"))


def test_killed_five_times_while_two_hundred_frames_are_copied_it_rates_each_once(home: Home) -> None:
    source = home.place / "card"
    frames = [path.name for path in put(source, *(f"IMG_{number:04}.jpg" for number in range(200)), side=120)]
    copied: list[Path] = []
    enough = threading.Semaphore(0)

    def copy() -> None:
        for number, name in enumerate(frames):
            copied.append(Path(shutil.copy2(source / name, home.pictures / name)))
            if number % 40 == 39:
                enough.acquire(timeout=60.0)  # a kill comes into every fifth of it

    copying = threading.Thread(target=copy)
    supervised = Supervised(home)
    try:
        copying.start()
        for fifth in range(1, 6):
            until(lambda fifth=fifth: len(copied) >= 40 * fifth)
            until(lambda fifth=fifth: known(home) >= 30 * fifth)
            supervised.kill("daemon")
            enough.release()
        copying.join()
        until(lambda: rated(*copied), most_s=180.0)
    finally:
        enough.release()
        copying.join()
        supervised.close()
    each_once(home, len(frames))


def known(home: Home) -> int:
    return stages(home).total()
