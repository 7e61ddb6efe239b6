"""The small parts of watching: the mount table, suspend, who has a file open, and what waits to be heard."""

import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from safelight.ports.watching import Hint, Missed, Noticed, Why
from safelight.watching.folders import looked_into
from safelight.watching.inbox import Inbox
from safelight.watching.lane import Lane
from safelight.watching.mount_table import MountTable, kind_at, tells_nothing
from safelight.watching.mount_table import mounted as mounts_of
from safelight.watching.suspend import SuspendTeller
from safelight.watching.volumes import Mount
from safelight.watching.writers import LeaseWriters
from tests.adapters.watched import mount, mounted, need_root, unmount, wait_until

TABLE = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:50 / /home/me/Pictures/my\040nas rw - nfs4 server:/photos rw
31 22 7:1 / /media/EOS\134DIGITAL rw - vfat /dev/loop1 rw
32 22 0:60 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
33 22 0:61 / /mnt/cloud rw - fuse.rclone drive: rw
half a line
"""


def test_the_table_tells_on_what_kind_of_file_system_a_path_lies(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    mounts = mounts_of(table)
    kinds = {
        "/home/me/Pictures/my nas/2024/x.jpg": "nfs4",
        "/home/me/Pictures": "ext4",
        "/media/EOS\\DIGITAL/DCIM": "vfat",
        "/mnt/cloud": "fuse.rclone",
    }
    assert {path: kind_at(Path(path), mounts) for path in kinds} == kinds
    assert mounts_of(tmp_path / "missing") == {}


@pytest.mark.parametrize(
    ("kind", "silent"),
    [
        *((kind, True) for kind in ("nfs4", "cifs", "9p", "fuse.sshfs", "virtiofs")),
        *((kind, False) for kind in ("ext4", "btrfs", "vfat", "fuseblk", "tmpfs", "")),
    ],
)
def test_which_file_systems_tell_nothing(kind, silent):
    assert tells_nothing(kind) is silent


def test_the_kernel_tells_of_mounts_and_unmounts(tmp_path):
    need_root()
    place = tmp_path / "a card"
    place.mkdir()
    told = []
    table = MountTable(changed=lambda appeared, gone: told.append((appeared, gone)))
    table.start()
    try:
        with mounted(place):
            wait_until(lambda: any(Mount(place, "tmpfs") in appeared for appeared, _ in told))
            unmount(place)
            wait_until(lambda: any(Mount(place, "tmpfs") in gone for _, gone in told))
            told.clear()
            mount(place)  # another volume in the same place is told, too
            wait_until(lambda: any(Mount(place, "tmpfs") in appeared for appeared, _ in told))
    finally:
        table.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "safelight-mounts"]


def test_a_sleep_is_told_once_and_a_clock_that_jumps_is_none():
    asleep, awake = [100.0], [90.0]
    teller = SuspendTeller(with_sleep=lambda: asleep[0], without_sleep=lambda: awake[0])
    assert not teller.slept()
    asleep[0], awake[0] = 105.0, 95.0
    assert not teller.slept()
    asleep[0], awake[0] = 3710.0, 100.0
    assert teller.slept()
    assert not teller.slept()


def test_the_real_clocks_say_that_this_machine_did_not_just_sleep():
    assert not SuspendTeller().slept()


class TestWhoHasAFileOpen:
    def test_a_file_that_is_open_for_writing(self, tmp_path):
        path = tmp_path / "1.jpg"
        with path.open("wb"):
            assert LeaseWriters().writing(path) is True
        assert LeaseWriters().writing(path) is False

    def test_a_file_that_another_program_writes(self, tmp_path):
        path = tmp_path / "1.jpg"
        program = f"f = open({str(path)!r}, 'wb'); print(flush=True); input()"
        other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert other.stdout is not None
            other.stdout.readline()
            assert LeaseWriters().writing(path) is True
        finally:
            other.communicate(b"\n", timeout=30)
        assert LeaseWriters().writing(path) is False

    def test_a_reader_is_no_writer(self, tmp_path):
        path = tmp_path / "1.jpg"
        path.write_bytes(b"1")
        with path.open("rb"):
            assert LeaseWriters().writing(path) is False

    def test_a_file_that_is_mapped_for_writing_after_its_closing(self, tmp_path):
        path = tmp_path / "1.jpg"
        path.write_bytes(b"1" * 4096)
        with path.open("r+b") as file:
            mapped = mmap.mmap(file.fileno(), 0)
        assert LeaseWriters().writing(path) is True
        mapped.close()
        assert LeaseWriters().writing(path) is False

    def test_what_cannot_be_known(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "link.jpg").symlink_to(tmp_path / "missing")
        for name in ("pipe.jpg", "link.jpg", "missing.jpg", "nul\0.jpg"):
            assert LeaseWriters().writing(tmp_path / name) is None, name

    def test_asking_breaks_nobodys_opening_and_ends_no_program(self, tmp_path):
        path = tmp_path / "1.jpg"
        path.write_bytes(b"1")
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                LeaseWriters().writing(path)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(200):
                path.write_bytes(b"2")
        finally:
            stop.set()
            asking.join()
        assert path.read_bytes() == b"2"


class TestInbox:
    def said(self, *said, most=50_000):
        woken = []
        inbox = Inbox(wake=lambda: woken.append(1), most=most)
        for each in said:
            inbox(each)
        return inbox, len(woken)

    def test_of_one_path_the_last_hint_counts(self):
        first, second = Path("/p/1.jpg"), Path("/p/2.jpg")
        inbox, woken = self.said(
            Noticed(first, Hint.STARTED, 1.0), Noticed(second, Hint.CLOSED, 2.0), Noticed(first, Hint.CLOSED, 3.0)
        )
        assert inbox.take() == ([Noticed(second, Hint.CLOSED, 2.0), Noticed(first, Hint.CLOSED, 3.0)], [])
        assert inbox.take() == ([], [])
        assert woken == 1

    def test_too_many_hints_become_folders_to_scan(self):
        hints = [Noticed(Path(f"/p/{number % 7}/{number}.jpg"), Hint.CLOSED, 1.0) for number in range(101)]
        inbox, _ = self.said(Missed(Path("/p"), Why.UNMOUNTED), *hints, most=100)
        noticed, missed = inbox.take()
        assert noticed == []
        assert missed == [
            Missed(Path("/p"), Why.UNMOUNTED),
            *(Missed(Path(f"/p/{number}"), Why.OVERFLOW) for number in range(7)),
        ]

    def test_too_many_folders_become_the_folders_above(self):
        hints = [Noticed(Path(f"/p/{number // 50}/{number}/1.jpg"), Hint.CLOSED, 1.0) for number in range(301)]
        inbox, _ = self.said(*hints, most=300)
        _, missed = inbox.take()
        assert {each.folder for each in missed} == {Path(f"/p/{number}") for number in range(7)}


def test_a_lane_runs_one_thing_after_another_when_it_is_due():
    done, end = [], threading.Event()
    lane = Lane(name="test")
    lane.put(end.set, after_s=0.06)
    lane.put(lambda: done.append("later"), after_s=0.03)
    lane.put(lambda: done.append("first"))
    lane.put(lambda: done.append("never"), after_s=3600)
    assert end.wait(10)
    lane.close()
    assert done == ["first", "later"]


@pytest.mark.parametrize(
    ("inside", "name", "watched"),
    [
        ("2024", "01", True),
        ("2024", ".thumbnails", False),
        ("2024", "@eaDir", False),
        ("2024", "x.lrdata", False),
        ("2024", "CaptureOne", True),
        ("CaptureOne", "Settings131", True),
        ("CaptureOne", "Cache", False),
    ],
)
def test_folders_are_watched_as_they_are_scanned(inside, name, watched):
    assert looked_into(inside, name) is watched


def test_watching_imports_nothing_heavy():
    code = (
        "import sys, safelight.watching.watcher, safelight.watching.inbox, safelight.services.settle;"
        "print([name for name in ('numpy', 'PIL', 'onnxruntime', 'lancedb', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
