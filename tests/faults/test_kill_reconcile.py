"""Kill -9 while reconciling: no fact is lost, none is told twice, whatever the moment."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from safelight.cli.main import cli
from tests.faults.shoot import OLD_S, make_shoot, put

KILLS = 100
DAY_S = 24 * 3600


def in_a_child(arguments: list[str], *, kill_after_s: float | None = None) -> bool:
    """Run a command in a fork of this process, without the start-up cost; tell whether it came to its end."""
    child = os.fork()
    if child == 0:
        status = 70
        with contextlib.suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = int(cli.main(arguments, standalone_mode=False) or 0)
        os._exit(status)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def with_exif(data: bytes, exif: bytes) -> bytes:
    """Return a JPEG with another EXIF segment in place of the one that it has."""
    start = data.index(b"\xff\xe1")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[end:]


def act(folder: Path, home: Path) -> None:
    """Do to a shoot what people do."""
    (folder / "IMG_0000.jpg").unlink()
    (folder / "selects").mkdir()
    for name in ("IMG_0001.jpg", "IMG_0001.jpg.xmp"):
        (folder / name).rename(folder / "selects" / name)
    (folder / "IMG_0002.jpg").rename(folder / "best.jpg")
    trash = home / "share/Trash"
    (trash / "files").mkdir(parents=True)
    (trash / "info").mkdir()
    (folder / "IMG_0100.jpg").rename(trash / "files/IMG_0100.jpg")
    told = f"[Trash Info]\nPath={folder / 'IMG_0100.jpg'}\nDeletionDate=2026-11-01T10:00:00\n"
    (trash / "info/IMG_0100.jpg.trashinfo").write_text(told)
    for number in range(2, 6):
        for frame in range(3):
            sidecar = folder / f"IMG_{number:02d}{frame:02d}.jpg.xmp"
            text = sidecar.read_text()
            rated = text.replace('xmp:Rating="', f'xmp:Rating="{frame + 3}" xmp:Was="', 1)
            assert rated != text
            put(sidecar, rated.encode())
    for frame in range(3):
        (folder / f"IMG_06{frame:02d}.jpg").unlink()


def facts(state: Path) -> list[tuple[str, int, str]]:
    """Return what the journal tells of people, without when it was noticed."""
    database = sqlite3.connect(state / "catalog.sqlite")
    rows = database.execute("SELECT kind, frame_id, payload FROM journal ORDER BY seq").fetchall()
    database.close()
    own = ("frame_arrived", "frame_rated", "frame_grouped", "rating_published", "taste_learned")
    return sorted((kind, frame, _lasting(json.loads(payload))) for kind, frame, payload in rows if kind not in own)


def _lasting(payload: Mapping[str, object]) -> str:
    """Return a payload without the number of another entry, which depends on the order of the writing."""
    return json.dumps({key: value for key, value in payload.items() if key != "of"}, sort_keys=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def rated(home: Path, *, scenes: int, side: int = 96) -> tuple[Path, Path]:
    """Return a shoot that has been rated, and the state folder."""
    folder, state = home / "pictures", home / "rated"
    make_shoot(folder, scenes=scenes, side=side)
    assert in_a_child(["rate", str(folder), "--state", str(state), "--jobs", "1"])
    return folder, state


def looks(state: Path, now_s: int) -> list[list[str]]:
    """Return the commands of two looks, two days apart."""
    return [["reconcile", "--state", str(state), "--as-of", str(each)] for each in (now_s, now_s + 2 * DAY_S)]


def storm(before: Path, now_s: int, *, kills: int, expected: list[tuple[str, int, str]]) -> None:
    """Kill looks at random moments until `kills` are done; each is begun again until it comes to its end."""
    chance = random.Random(20261121)
    state = before.with_name("stormy")
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(before, state)
    begun = time.monotonic()
    for command in looks(state, now_s):
        assert in_a_child(command)
    whole_s = (time.monotonic() - begun) / 2
    done = 0
    while done < kills:
        shutil.rmtree(state)
        shutil.copytree(before, state)
        for command in looks(state, now_s):
            while done < kills and not in_a_child(command, kill_after_s=chance.uniform(0, 1.1) * whole_s):
                done += 1
            assert in_a_child(command)
        assert facts(state) == expected


def test_no_fact_is_lost_or_told_twice_by_a_kill(home: Path) -> None:
    folder, before = rated(home, scenes=8)
    act(folder, home)
    now_s = int(time.time()) + 60
    calm = home / "calm"
    shutil.copytree(before, calm)
    for command in looks(calm, now_s):
        assert in_a_child(command)
    expected = facts(calm)
    kinds = [kind for kind, _, _ in expected]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "frame_lost": 5,
        "frame_moved": 2,
        "loss_confirmed": 5,
        "person_rated": 12,
    }
    storm(before, now_s, kills=KILLS, expected=expected)


def test_no_export_and_no_rating_within_a_file_is_lost_by_a_kill(home: Path) -> None:
    folder, before = rated(home, scenes=2, side=240)
    source = folder / "IMG_0000.jpg"
    (folder / "web").mkdir()
    data = source.read_bytes()
    with Image.open(source) as picture:
        exif = picture.getexif()
        picture.resize((96, 64)).save(folder / "web/IMG_0000.jpg", exif=exif, quality=80)
        exif[18246] = 4
    source.write_bytes(with_exif(data, exif.tobytes()))  # not a pixel is touched
    os.utime(source, (OLD_S + 1, OLD_S + 1))
    now_s = int(time.time()) + 60
    calm = home / "calm"
    shutil.copytree(before, calm)
    for command in looks(calm, now_s):
        assert in_a_child(command)
    expected = facts(calm)
    assert [kind for kind, _, _ in expected] == ["frame_changed", "frame_exported", "person_rated"]
    storm(before, now_s, kills=6, expected=expected)
