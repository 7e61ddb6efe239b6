"""What doctor finds wrong with the folders that the settings name."""

import os
import subprocess
from pathlib import Path

import pytest

from safelight.app import configuration, health_folders
from safelight.app.finding import Level
from safelight.app.folder_contents import contents
from safelight.app.health_folders import FolderHealth
from safelight.app.health_settings import settings_findings


def table(tmp_path, *mounts):
    file = tmp_path / "mountinfo"
    rows = [f"{number} 1 0:{number} / {root} rw - {kind} source rw\n" for number, (root, kind) in enumerate(mounts, 20)]
    file.write_text("".join(rows))
    return file


def found(tmp_path, text, *, mounts=(("/", "ext4"),), watches="8192\n", pictures=True):
    if pictures:
        (tmp_path / "Pictures").mkdir(exist_ok=True)
    limit = tmp_path / "limit"
    limit.write_text(watches)
    read = configuration.parse(text, file=tmp_path / "settings.toml", environ={"HOME": str(tmp_path)})
    health = FolderHealth(read, table=table(tmp_path, *mounts), limit=limit)
    return {each.name: each for each in health.findings()}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def watching(*folders):
    return f"[watch]\nfolders = [{', '.join(f'{str(each)!r}' for each in folders)}]\n"


def test_a_folder_in_order(tmp_path, folder):
    each = found(tmp_path, watching(folder))
    assert each[f"Folder {folder}"].level is Level.OK
    assert {finding.level for finding in each.values()} == {Level.OK}


def test_nothing_set_is_no_fault(tmp_path):
    each = found(tmp_path, "", pictures=False)
    assert {finding.level for finding in each.values()} == {Level.OK}
    assert "setup" in each["Watched folders"].hint


def test_a_missing_folder_is_waited_for(tmp_path, folder):
    folder.rmdir()
    finding = found(tmp_path, watching(folder))[f"Folder {folder}"]
    assert (finding.level, "as soon as it is" in finding.told) == (Level.NOTE, True)
    assert f"safelight watch remove {folder}" in finding.hint


def test_a_file_in_its_place(tmp_path, folder):
    folder.rmdir()
    folder.write_bytes(b"")
    assert found(tmp_path, watching(folder))[f"Folder {folder}"].level is Level.BAD


def test_a_folder_inside_another(tmp_path, folder):
    (folder / "trip").mkdir()
    (tmp_path / "link").symlink_to(folder)
    each = found(tmp_path, watching(folder / "trip", folder, tmp_path / "link"))
    assert each[f"Folder {folder / 'trip'}"].told == f"is a part of {folder}, which is watched as well"
    assert each[f"Folder {folder}"].level is Level.OK
    assert each[f"Folder {tmp_path / 'link'}"].level is Level.NOTE  # the same folder by another name
    assert each["Watches"].told.startswith("3 directories")  # counted once: photos, trip, Pictures


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_drive_is_looked_at_on_a_timer(tmp_path, folder, kind):
    each = found(tmp_path, watching(folder) + "network_seconds = 30\n", mounts=(("/", "ext4"), (str(folder), kind)))
    assert each[f"Folder {folder}"].told.startswith(f"on {kind}, which does not tell of changes: looked at every 30 s")
    assert each["Watches"].told.startswith("1 directories")  # of the import folder alone


def test_too_few_watches_names_the_line_that_gives_more(tmp_path, folder):
    for number in range(9):
        (folder / f"{number}").mkdir()
    finding = found(tmp_path, watching(folder), watches="10\n")["Watches"]
    assert finding.level is Level.NOTE
    assert finding.told.startswith("11 directories to watch, 10 allowed")
    assert "fs.inotify.max_user_watches=524288 > /etc/sysctl.d/60-safelight.conf" in finding.hint
    assert found(tmp_path, watching(folder), watches="100\n")["Watches"].level is Level.OK


def test_the_advice_is_enough_for_a_large_library(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(
        health_folders, "contents", lambda *_, **__: contents(folder).__class__(directories=400_000, whole=False)
    )
    finding = found(tmp_path, watching(folder))["Watches"]
    assert "at least 800,000 directories" in finding.told
    assert "max_user_watches=2097152 " in finding.hint


def test_a_backup_inside_a_watched_folder_would_be_rated_twice(tmp_path, folder):
    (tmp_path / "elsewhere").mkdir()
    inside = found(tmp_path, watching(folder) + f"[cards]\nbackup_folder = '{folder}/backup'\n")["Backup folder"]
    assert (inside.level, "rated twice" in inside.told) == (Level.BAD, True)
    same = found(tmp_path, f"[cards]\nbackup_folder = '{tmp_path}/elsewhere'\n")["Backup folder"]
    assert (same.level, "same disk" in same.told) == (Level.NOTE, True)


def test_an_import_folder_that_cannot_be_made(tmp_path, folder):
    (folder / "file").write_bytes(b"")
    assert found(tmp_path, f"[cards]\nimport_folder = '{folder}/file/in'\n")["Import folder"].level is Level.BAD
    assert found(tmp_path, f"[cards]\nimport_folder = '{folder}/new/in'\n")["Import folder"].level is Level.OK


def test_a_server_that_does_not_answer_keeps_nobody_waiting(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(health_folders, "ANSWER_S", 0.05)
    waiting = __import__("threading").Event()

    def hanging(path):
        if path == folder:
            waiting.wait(20)
        return real(path)

    real = health_folders.standing
    monkeypatch.setattr(health_folders, "standing", hanging)
    try:
        finding = found(tmp_path, watching(folder))[f"Folder {folder}"]
    finally:
        waiting.set()
    assert (finding.level, "does not answer" in finding.told) == (Level.BAD, True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def mounted(tmp_path):
    """Return a function that mounts a small disk in memory, unmounted at the end."""
    places = []

    def mount(name, options="size=1m"):
        place = tmp_path / name
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"this machine does not let root mount: {done.stderr.decode().strip()}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)


@needs_root
def test_a_folder_on_a_card(tmp_path, mounted):
    card = mounted("card")
    (card / "DCIM").mkdir()
    assert "memory card" in found(tmp_path, watching(card / "DCIM"))[f"Folder {card / 'DCIM'}"].told
    assert found(tmp_path, f"[cards]\nimport_folder = '{card}/in'\n")["Import folder"].level is Level.BAD


@needs_root
def test_a_read_only_disk(tmp_path, mounted):
    disk = mounted("disk", "ro,size=1m")
    finding = found(tmp_path, watching(disk))[f"Folder {disk}"]
    assert (finding.level, "sidecars cannot be written" in finding.told) == (Level.NOTE, True)
    assert found(tmp_path, f"[cards]\nimport_folder = '{disk}/in'\n")["Import folder"].level is Level.BAD


def test_counting_follows_no_link_and_knows_what_is_skipped(tmp_path, folder):
    for name in ("a.jpg", "a.CR3", "b.jpg", "notes.txt", "b.jpg.xmp", ".c.jpg.x7", "thumbs/d.jpg", "in/e.nef"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (folder / "in/round").symlink_to(folder)
    assert contents(folder) == contents(folder, outside=["/nowhere"])
    assert (contents(folder).photographs, contents(folder).directories, contents(folder).whole) == (3, 2, True)
    assert contents(folder, outside=[str(folder / "in")]).directories == 1
    assert not contents(folder, most_names=3).whole
    assert contents(Path("/nowhere")).photographs == 0


def test_a_broken_file_is_one_finding(tmp_path):
    (tmp_path / ".config/safelight").mkdir(parents=True)
    (tmp_path / ".config/safelight/settings.toml").write_text("[work]\njobs = 2\n")
    read, told = settings_findings({"HOME": str(tmp_path)})
    assert read is not None
    assert {each.name: each.told for each in told}["work.jobs"] == "2 (settings.toml line 2)"
    (tmp_path / ".config/safelight/settings.toml").write_text("[work]\njobs = 'two'\n")
    read, told = settings_findings({"HOME": str(tmp_path)})
    assert (read, [each.level for each in told]) == (None, [Level.BAD])
    assert "line 2" in told[0].told
