"""Cards and disks that fail: read-only, pulled, full, rotten, two at once; the card is never written to."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

import pytest

from safelight.app.clock import SystemClock
from safelight.cards.copying import forget
from safelight.cards.presence import cards_among
from safelight.errors import CardGone, NoRoom, TargetUnusable
from safelight.services.import_card import Underway
from safelight.storage.cards import open_cards
from safelight.storage.store import open_store
from safelight.watching.volumes import file_mounts
from tests.fakes import cards
from tests.fakes.cards import DAY, Importing, contents, fill, jpeg, raw, traces, write

ROOT = Path(__file__).resolve().parents[2]
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"


def run(*command: "str | Path") -> str:
    """Run a program as root, or skip the test where that is not possible here."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, env=os.environ | {"PATH": SBIN}
    )
    if done.returncode and re.search(
        r"permission denied|not permitted|unknown filesystem|no such device", done.stderr, re.I
    ):
        pytest.skip(f"{command[0]} is not possible here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def unmounted(place: Path) -> None:
    """Unmount; whoever looks at all mounts of the computer just now is waited for."""
    deadline = time.monotonic() + 10
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"{place} stays busy"
        time.sleep(0.05)


def once(root: Path, work: Path) -> list[str]:
    """Return the command that imports a card in a program of its own."""
    return [sys.executable, "-m", "tests.faults.importing", "once", str(root), str(work)]


class Volumes(Protocol):
    def __call__(self, name: str, *options: str, image: Path | None = None) -> Path: ...


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volumes]:
    """Return a way to mount a file system of our own; whatever is still mounted in the end is unmounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount disks")
    with ExitStack() as mounted:

        def mount(name: str, *options: str, image: Path | None = None) -> Path:
            place = tmp_path / name
            place.mkdir(exist_ok=True)
            run("mount", *options, image or "none", place)
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], capture_output=True, check=False)
            return place

        yield mount


def formatted(image: Path, maker: str = "mkfs.ext4", *options: str, megabytes: int = 24) -> Path:
    """Make a file that holds an empty file system, or skip where it cannot be made."""
    if shutil.which(maker, path=SBIN) is None:
        pytest.skip(f"needs {maker}")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    run(maker, *options, image)
    return image


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path / "Pictures")


def shot_card(image: Path, volume: Volumes, **how: int) -> Path:
    """Make the image of a card with frames on it, and unmount it again."""
    formatted(image, "mkfs.ext4", "-q", "-F", "-L", "EOS")
    place = volume("making", "-o", "loop", image=image)
    fill(place, **how)
    unmounted(place)
    return image


def test_a_read_only_card_is_imported_and_not_one_byte_of_its_volume_changes(tmp_path, volume, importing):
    image = shot_card(tmp_path / "card.img", volume)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    place = volume("EOS", "-o", "ro,noload,loop", image=image)
    found = cards_among([mount for mount in file_mounts() if mount.root == place])
    assert [(each.root, each.read_only) for each in found] == [(place, True)]
    assert importing.step(place).copied == 6
    assert importing.step(place).skipped == 6
    unmounted(place)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


def test_a_writable_card_that_keeps_times_of_access_keeps_them_all(tmp_path, volume, importing):
    place = volume("EOS", "-o", "rw,strictatime,loop", image=shot_card(tmp_path / "card.img", volume))
    before = traces(place)
    importing.backup = tmp_path / "Backup"
    assert importing.step(place).copied == 6
    assert importing.step(place).skipped == 6
    assert traces(place) == before
    assert list(place.iterdir())
    assert traces(place) != before  # looking at it as others do does leave a trace here


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_nothing_on_a_card_is_ever_opened_for_writing(tmp_path):
    root = tmp_path / "card"
    fill(root, frames=2)
    log = tmp_path / "calls"
    done = subprocess.run(
        ["strace", "-f", "-y", "-s", "0", "-e", "trace=%file,%desc", "-o", str(log), *once(root, tmp_path / "work")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr or "PTRACE" in done.stderr:
        pytest.skip("strace is not allowed here")
    assert json.loads(done.stdout)["copied"] == 4
    about = [line for line in log.read_text(errors="replace").splitlines() if str(root) in line]
    opened = [line for line in about if " open(" in line or " openat(" in line]
    assert len(opened) > 10
    assert not [line for line in opened if re.search("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND", line)]
    harmless = set(
        "open openat close read readv pread64 preadv preadv2 lseek fstat newfstatat stat lstat statx statfs fstatfs "
        "getdents64 fadvise64 fcntl ioctl readlink readlinkat access faccessat faccessat2 execve".split()
    )
    calls = {re.sub(r"^\d+\s+(?:<\.\.\. )?(\w+).*", r"\1", line) for line in about}
    assert calls - harmless == set()


def test_a_pulled_card_leaves_whole_frames_and_the_rest_follows(tmp_path, volume, importing):
    image = shot_card(tmp_path / "card.img", volume, frames=4)
    place = volume("EOS", "-o", "ro,noload,loop", image=image)

    class Pulled(list):
        def append(self, paths):
            super().append(paths)
            subprocess.run(["umount", "-l", str(place)], check=True)

    importing.arrived = Pulled()
    done = importing.step(place)
    assert isinstance(done.trouble, CardGone)
    assert (done.copied, done.whole, done.failed) == (2, False, ())
    assert sorted(contents(importing.folder)) == [f"{DAY}/IMG_0001.CR2", f"{DAY}/IMG_0001.JPG"]
    importing.arrived = []
    place = volume("EOS", "-o", "ro,noload,loop", image=image)
    done = importing.step(place)
    assert (done.copied, done.skipped, done.whole) == (6, 2, True)
    assert {Path(name).name: data for name, data in contents(importing.folder).items()} == {
        Path(name).name: data for name, data in contents(place).items()
    }


def injected(tmp_path: Path, root: Path, fault: str, path: Path) -> dict[str, object]:
    """Import in a program in which a call about `path` fails as told."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    done = subprocess.run(
        ["strace", "-f", "-qq", "-P", str(path), "-e", f"inject={fault}", "-o", str(tmp_path / "calls"),
         *once(root, tmp_path / "work")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr.lower():
        pytest.skip("strace is not allowed here")
    assert "INJECTED" in (tmp_path / "calls").read_text()
    return json.loads(done.stdout)


def test_a_bad_sector_costs_one_file(tmp_path):
    root = tmp_path / "card"
    bad = fill(root, frames=2)[1]
    told = injected(tmp_path, root, "readv:error=EIO:when=1", bad)
    assert (told["copied"], told["failed"], told["trouble"]) == (3, ["The card cannot read this file."], None)
    assert sorted(cards.contents(tmp_path / "work/Pictures")) == [
        f"{DAY}/IMG_0001.JPG",
        f"{DAY}/IMG_0002.CR2",
        f"{DAY}/IMG_0002.JPG",
    ]


def test_a_card_whose_device_vanishes_ends_the_import(tmp_path):
    root = tmp_path / "card"
    bad = fill(root, frames=3)[3]
    told = injected(tmp_path, root, "readv:error=ENODEV:when=1", bad)
    assert told["trouble"][0] == "CardGone"
    assert sorted(cards.contents(tmp_path / "work/Pictures")) == [f"{DAY}/IMG_0001.CR2", f"{DAY}/IMG_0001.JPG"]


def test_a_disk_that_fills_up_meanwhile_keeps_whole_frames_and_the_rest_follows(tmp_path, volume, importing):
    root = tmp_path / "card"
    fill(root, frames=6, size=200_000)
    importing.folder = volume("Pictures", "-t", "tmpfs", "-o", "size=8m")

    class Filling(list):
        def append(self, paths):
            super().append(paths)
            if len(self) == 2:
                fill_up(importing.folder / "ballast", leaving=120_000)

    importing.arrived = Filling()
    done = importing.step(root)
    assert isinstance(done.trouble, NoRoom)
    assert "full" in done.trouble.told
    pictures = [path.name for path in (importing.folder / DAY).iterdir()]
    assert sorted(pictures) == ["IMG_0001.CR2", "IMG_0001.JPG", "IMG_0002.CR2", "IMG_0002.JPG"]
    (importing.folder / "ballast").unlink()
    done = importing.step(root)
    assert (done.copied, done.skipped, done.whole) == (8, 4, True)
    assert len(os.listdir(importing.folder / DAY)) == 12


def fill_up(ballast: Path, *, leaving: int) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(65536))
    os.truncate(ballast, ballast.stat().st_size - leaving)


def test_a_backup_disk_that_fills_up_costs_second_copies_only(tmp_path, volume, importing):
    root = tmp_path / "card"
    fill(root, frames=3, size=100_000)
    importing.backup = volume("Backup", "-t", "tmpfs", "-o", "size=4m")

    class Filling(list):
        def append(self, paths):
            super().append(paths)
            if len(self) == 1:
                fill_up(importing.backup / "ballast", leaving=20_000)

    importing.arrived = Filling()
    done = importing.step(root)
    assert (done.copied, done.trouble, done.without_backup) == (6, None, 4)
    assert isinstance(done.backup_trouble, NoRoom)
    (importing.backup / "ballast").unlink()
    done = importing.step(root)
    assert (done.copied, done.whole) == (0, True)
    assert contents(importing.backup) == contents(importing.folder)


def test_a_disk_that_turns_read_only_is_said(tmp_path, volume, importing):
    root = tmp_path / "card"
    fill(root, frames=2)
    importing.folder = volume("Pictures", "-t", "tmpfs", "-o", "size=4m,ro")
    done = importing.again(cards.card(root))
    assert isinstance(done.trouble, TargetUnusable)
    assert "read-only" in done.trouble.told


def test_rot_on_the_disk_is_found_while_the_card_still_has_the_file(tmp_path, volume, importing):
    root = tmp_path / "card"
    source = fill(root, frames=1, raws=False)[0]
    write(source, jpeg(1, size=3_000_000))
    image = formatted(tmp_path / "disk.img", "mkfs.ext4", "-q", "-F")
    importing.folder = volume("Pictures", "-o", "loop", image=image)
    mark = source.read_bytes()[1_500_000:1_500_064]
    rotten = []

    def rot(descriptor, start, length):
        """Change one byte below the file system, then throw the file out of memory as always."""
        with image.open("r+b") as disk:
            whole = disk.read()
            if (at := whole.find(mark)) >= 0 and os.fstat(descriptor).st_ino != source.stat().st_ino:
                disk.seek(at + 5)
                disk.write(bytes([whole[at + 5] ^ 1]))
                disk.flush()
                os.fsync(disk.fileno())
                rotten.append(at)
        forget(descriptor, start, length)

    importing.copier = cards.VerifiedCopier(forget=rot)
    done = importing.again(cards.card(root))
    assert rotten  # the copy was on the disk when it was asked for
    assert [failed.reason for failed in done.failed] == [
        "What was read back is not what the card holds; the copy was thrown away."
    ]
    assert [path for path in importing.folder.rglob("*") if path.is_file()] == []
    importing.copier = cards.VerifiedCopier()
    assert importing.again(cards.card(root)).whole


def test_a_disk_without_cases_links_and_safe_renames_overwrites_nothing(tmp_path, volume, importing):
    image = formatted(tmp_path / "disk.img", "mkfs.exfat")
    if shutil.which("mount.exfat-fuse", path=SBIN) is None:
        pytest.skip("needs exfat-fuse")
    loop = run("losetup", "-f", "--show", image).strip()
    place = tmp_path / "Pictures"
    place.mkdir()
    try:
        run("mount.exfat-fuse", loop, place)
        root = tmp_path / "card"
        fill(root, frames=2)
        theirs = write(place / DAY / "img_0001.jpg", b"theirs")
        done = importing.again(cards.card(root))
        assert (done.failed, done.trouble, done.copied) == ((), None, 4)
        assert theirs.read_bytes() == b"theirs"
        assert sorted(os.listdir(place / DAY)) == [
            "IMG_0001 (2).CR2", "IMG_0001 (2).JPG", "IMG_0002.CR2", "IMG_0002.JPG", "img_0001.jpg",
        ]  # fmt: skip
        assert importing.again(cards.card(root)).skipped == 4
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)
        subprocess.run(["losetup", "-d", loop], capture_output=True, check=False, env=os.environ | {"PATH": SBIN})


def both(tmp_path: Path, *roots: Path) -> list[Importing]:
    """Import cards at the same time, each in a thread of its own, into one folder."""
    state, folder, underway = tmp_path / "state", tmp_path / "Pictures", Underway()
    state.mkdir()
    folder.mkdir()
    open_store(state).close()
    start, done = threading.Barrier(len(roots)), {}

    def run_one(root: Path) -> None:
        with open_cards(state) as (_, imports):
            one = Importing(folder, imports=imports, underway=underway, clock=SystemClock())
            start.wait()
            done[root] = (one, one.step(root))

    threads = [threading.Thread(target=run_one, args=(root,)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(done[root][1].whole for root in roots)
    return [done[root] for root in roots]


def test_two_cards_with_frames_of_the_same_names_do_not_mix(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    fill(one, frames=8)
    for number in range(1, 9):
        write(other / "DCIM/100CANON" / f"IMG_{number:04d}.JPG", jpeg(100 + number))
        write(other / "DCIM/100CANON" / f"IMG_{number:04d}.CR2", raw(100 + number))
    both(tmp_path, one, other)
    folder = tmp_path / "Pictures" / DAY
    assert len(os.listdir(folder)) == 32
    wanted = {
        (path.with_suffix(".JPG").read_bytes(), path.with_suffix(".CR2").read_bytes())
        for root in (one, other)
        for path in (root / "DCIM/100CANON").glob("*.JPG")
    }
    found = {(path.read_bytes(), path.with_suffix(".CR2").read_bytes()) for path in folder.glob("*.JPG")}
    assert found == wanted


def test_two_cards_of_a_camera_that_writes_to_both_are_copied_once(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    fill(one, frames=10)
    shutil.copytree(one, other)
    done = [outcome for _, outcome in both(tmp_path, one, other)]
    assert sum(outcome.copied for outcome in done) == 20
    assert sum(outcome.skipped for outcome in done) == 20
    assert len(os.listdir(tmp_path / "Pictures" / DAY)) == 20


def test_waiting_for_another_card_ends_when_told_to(tmp_path):
    root = tmp_path / "card"
    fill(root, frames=1)
    one = Importing(tmp_path / "Pictures")
    with one.underway.holding([b"another content"], lambda: False):
        assert one.step(root).copied == 2
    fill(root, frames=1, first=2)
    held = [cards.ContentIdentifier().content(root / "DCIM/100CANON/IMG_0002.JPG")]
    with one.underway.holding(held, lambda: False):
        one.stopped = True
        assert one.step(root).stopped


def test_reading_a_card_of_another_owner_still_works():
    if os.geteuid() != 0:
        pytest.skip("only root may become someone else")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        fill(root, frames=1)
        assert read_by_nobody(root / "DCIM/100CANON") == "IMG_0001.CR2 100\n"


def read_by_nobody(folder: Path) -> str:
    """Read the first file of a folder as a user who owns nothing."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from safelight.cards.reading import opened, entries\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "folder = Path(sys.argv[1])\n"
        "names = [name for name, _ in entries(folder)]\n"
        "with opened(folder / names[0]) as file: print(names[0], len(os.read(file, 100)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def test_a_half_of_the_card_that_cannot_be_listed_is_said(tmp_path, importing):
    if os.geteuid() == 0:
        pytest.skip("root may list everything")
    root = tmp_path / "card"
    fill(root, frames=1)
    with cards.mode(root / "DCIM/100CANON", 0o000):
        done = importing.step(root)
    assert not done.whole
