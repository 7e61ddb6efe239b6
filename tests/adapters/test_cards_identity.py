"""Which card it is, which mounts are cards, and what is listed of one."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.cards.contents import CardOnDisk
from safelight.cards.identity import card_of
from safelight.cards.local_time import wall_s
from safelight.cards.presence import cards_among
from safelight.errors import CardGone
from tests.fakes.cards import card, fill, jpeg, noise, write


@dataclass(frozen=True)
class Mount:
    root: Path
    kind: str


def system(folder: Path, root: Path, *, udev: str = "", cid: str = "") -> Path:
    """Make what /run and /sys tell of the device that `root` is on."""
    device = root.stat().st_dev
    named = f"{os.major(device)}:{os.minor(device)}"
    write(folder / "run/udev/data" / f"b{named}", udev.encode())
    if cid:
        block = folder / "sys/devices/mmc0/block/mmcblk0"
        write(block / "device/cid", cid.encode() + b"\n")
        (block / "mmcblk0p1").mkdir()
        (folder / "sys/dev/block").mkdir(parents=True)
        (folder / "sys/dev/block" / named).symlink_to(block / "mmcblk0p1")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill(tmp_path / "EOS", frames=1)
    return tmp_path / "EOS"


def test_number_and_label_of_the_file_system_tell_a_card(tmp_path, root):
    told = "I:123\nE:ID_FS_UUID_ENC=9016-4EF8\nE:ID_FS_LABEL_ENC=EOS\\x20R5\\x20\\xc3\\xa9\n"
    found = card_of(root, system=system(tmp_path / "system", root, udev=told))
    assert (found.id, found.label, found.root) == ("volume 9016-4EF8 EOS R5 é", "EOS R5 é", root)
    assert found.device == root.stat().st_dev
    assert not found.read_only


def test_the_serial_number_of_the_card_itself_outlives_formatting(tmp_path, root):
    cid = "03534453433132388000abcdef012345"
    one = card_of(root, system=system(tmp_path / "one", root, udev="E:ID_FS_UUID_ENC=1111-1111", cid=cid))
    other = card_of(root, system=system(tmp_path / "other", root, udev="E:ID_FS_UUID_ENC=2222-2222", cid=cid))
    assert one.id == other.id == f"serial {cid}"


@pytest.mark.parametrize("udev", ["", "E:ID_FS_UUID_ENC=0000-0000\n", "E:ID_FS_UUID_ENC=\n", "nonsense\nE:\nE:=\n"])
def test_without_a_number_a_card_is_told_by_what_hardly_changes(tmp_path, root, udev):
    place = system(tmp_path / "system", root, udev=udev)
    first = card_of(root, system=place)
    assert first.id.startswith("folders ")
    assert first.label == "EOS"
    fill(root, frames=3, first=20, folder="101CANON")
    assert card_of(root, system=place).id == first.id
    fill(root, frames=1, folder="100NIKON")
    assert card_of(root, system=place).id != first.id


def test_a_device_node_of_that_name_tells_it_too(tmp_path, root):
    place = system(tmp_path / "system", root)
    (place / "dev/disk/by-uuid").mkdir(parents=True)
    (place / "dev/disk/by-label").mkdir(parents=True)
    try:
        os.mknod(place / "dev/disk/by-uuid/1234-ABCD", stat.S_IFBLK | 0o600, root.stat().st_dev)
        os.mknod(place / "dev/disk/by-label/NIKON\\x20D850", stat.S_IFBLK | 0o600, root.stat().st_dev)
    except PermissionError:
        pytest.skip("only root may make device nodes")
    found = card_of(root, system=place)
    assert (found.id, found.label) == ("volume 1234-ABCD NIKON D850", "NIKON D850")


def test_a_volume_without_dcim_and_a_link_of_that_name_are_no_card(tmp_path, root):
    (tmp_path / "stick").mkdir()
    assert card_of(tmp_path / "stick") is None
    assert card_of(tmp_path / "nowhere") is None
    (tmp_path / "stick" / "DCIM").symlink_to(root / "DCIM")
    assert card_of(tmp_path / "stick") is None


def test_cards_are_found_among_mounts_and_nothing_else_is_touched(root, tmp_path, monkeypatch):
    looked = []
    real = os.stat

    def watched(path, *arguments, **named):
        looked.append(str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", watched)
    server = tmp_path / "server"
    mounts = [
        Mount(root, "vfat"),
        Mount(root, "exfat"),  # covers the one before
        Mount(server, "nfs4"),
        Mount(server, "autofs"),
        Mount(server, "cifs"),
        Mount(server, "fuse.sshfs"),
        Mount(Path("/"), "ext4"),
    ]
    assert [found.root for found in cards_among(mounts)] == [root]
    assert looked
    assert not [path for path in looked if path.startswith(str(server))]


def test_a_listing_puts_pictures_first_and_passes_over_what_is_no_photograph(root):
    write(root / "DCIM/100CANON/AAA.MP4", noise(1, 10))
    write(root / "DCIM/.Trash/IMG_9.JPG", jpeg(9))
    write(root / "DCIM/100CANON/.hidden.JPG", jpeg(9))
    write(root / "PRIVATE/AVCHD/BDMV/STREAM/00001.MTS", noise(1, 10))
    write(root / "PRIVATE/AVCHD/BDMV/CLIPINF/00001.CPI", noise(1, 10))
    write(root / "Documents/IMG_7.JPG", jpeg(7))
    listing = CardOnDisk().listing(card(root))
    assert [frame.stem for frame in listing.frames] == ["IMG_0001", "AAA", "00001"]
    assert listing.left == ()


def test_a_card_that_is_gone_is_said(root):
    found = card(root)
    assert CardOnDisk().present(found)
    root.rename(root.with_name("elsewhere"))
    assert not CardOnDisk().present(found)
    with pytest.raises(CardGone, match="EOS"):
        CardOnDisk().listing(found)


def test_another_volume_in_the_place_of_a_card_is_not_the_card(root):
    found = card(root)
    assert not CardOnDisk().present(type(found)(found.id, found.label, root, found.device + 1, False))


def test_the_clock_on_the_wall_never_fails():
    assert abs(wall_s(1_777_777_777.5) - 1_777_777_777.5) <= 15 * 3600
    assert wall_s(1e30) == 1e30
