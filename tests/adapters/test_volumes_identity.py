"""One volume is told from another in the same place, from the mount table and from the file system itself."""

import os
import subprocess
from pathlib import Path

import pytest

from safelight.watching.volumes import MountedVolumes, file_mounts, mounts

TABLE = r"""22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
24 22 0:40 / /net rw shared:13 - autofs systemd-1 rw
25 22 8:1 / /media/ann/MY\040CARD\134 rw - exfat /dev/sda1 rw
26 22 8:17 / /media/ann/DISK rw master:1 propagate_from:2 - fuseblk /dev/sdb1 rw
27 26 0:99 / /media/ann/DISK rw - tmpfs none rw
broken line
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


def test_the_mount_table_is_read_with_its_escapes(table):
    assert [(str(mount.root), mount.kind) for mount in mounts(table)] == [
        ("/", "ext4"),
        ("/proc", "proc"),
        ("/net", "autofs"),
        ("/media/ann/MY CARD\\", "exfat"),
        ("/media/ann/DISK", "fuseblk"),
        ("/media/ann/DISK", "tmpfs"),
    ]


def test_what_holds_no_files_is_left_out_and_an_automount_point_is_never_touched(table):
    assert {mount.kind for mount in file_mounts(table)} == {"ext4", "exfat", "fuseblk", "tmpfs"}


def test_a_missing_or_hostile_table_is_an_empty_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert mounts(tmp_path / "gone") == mounts(tmp_path / "pipe") == ()


def test_the_identity_names_the_mount_around_a_path(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / {tmp_path} rw - xfs b rw\n")
    found = MountedVolumes(table=table).identity(tmp_path)
    assert found is not None
    assert (found.mount, found.kind) == (tmp_path, "xfs")
    assert (found.device, found.file_system) == (os.stat(tmp_path).st_dev, os.statvfs(tmp_path).f_fsid)
    above = MountedVolumes(table=table).identity(tmp_path.parent)
    assert above is not None
    assert (above.mount, above.kind) == (Path("/"), "ext4")


def test_a_path_that_is_gone_has_the_identity_of_the_folder_that_is_left(tmp_path):
    volumes = MountedVolumes()
    assert volumes.identity(tmp_path / "no/such/folder/a.jpg") == volumes.identity(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    assert volumes.identity(tmp_path / "file/below") == volumes.identity(tmp_path)


def test_without_a_mount_table_the_mount_is_found_by_looking(tmp_path):
    found = MountedVolumes(table=tmp_path / "gone").identity(tmp_path)
    assert found is not None
    assert os.path.ismount(found.mount)
    assert tmp_path.is_relative_to(found.mount)


def test_impossible_names_have_no_identity():
    assert MountedVolumes().identity(Path("/a\0b")) is None


def test_the_same_volume_is_the_same_each_time(tmp_path):
    assert MountedVolumes().identity(tmp_path) == MountedVolumes().identity(tmp_path)


@pytest.fixture
def mountable(tmp_path):
    """Yield a folder on which a tmpfs can be mounted, or skip."""
    place = tmp_path / "stick"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("may not mount here")
    yield place
    while os.path.ismount(place):
        subprocess.run(["umount", place], check=True)


def test_an_unmounted_volume_and_another_in_its_place_are_told_from_the_first(mountable):
    volumes = MountedVolumes()
    first = volumes.identity(mountable / "shoot")
    assert first is not None
    assert (first.mount, first.kind) == (mountable, "tmpfs")
    subprocess.run(["umount", mountable], check=True)
    below = volumes.identity(mountable / "shoot")
    assert below is not None
    assert below.mount != mountable
    subprocess.run(["mount", "-t", "tmpfs", "none", mountable], check=True)
    other = volumes.identity(mountable / "shoot")
    assert other is not None
    assert other.mount == mountable
    assert (other.device, other.file_system) != (first.device, first.file_system) or other.file_system == 0
