"""Copies that can be believed, and names that are never taken from anybody."""

import errno
import fcntl
import os
import threading
from pathlib import Path

import pytest

from safelight.cards import placing, reading
from safelight.cards.copying import CHUNK_BYTES, VerifiedCopier
from safelight.cards.troubles import not_read, not_written
from safelight.errors import CardGone, CopyFailed, CopyStopped, NoRoom, TargetUnusable
from tests.fakes.cards import mode, noise, write


def never() -> bool:
    return False


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 20 * CHUNK_BYTES + 7])
def test_a_copy_has_every_byte_and_the_times(tmp_path, target, size):
    source = write(tmp_path / "source", noise(1, size), mtime_s=1_500_000_000.5)
    copier = VerifiedCopier()
    copy = copier.copy(source, target / "new" / "folder", stop=never)
    assert copy.size == size
    placed = copier.place(copy, "IMG.JPG")
    assert placed == target / "new/folder/IMG.JPG"
    assert placed.read_bytes() == source.read_bytes()
    assert placed.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert os.listdir(target / "new/folder") == ["IMG.JPG"]
    assert copy.digest == copier.same(source, placed, stop=never)


def test_a_copy_is_for_the_person_and_not_to_be_run(tmp_path, target):
    source = write(tmp_path / "source", b"x")
    source.chmod(0o755)  # as every file on a FAT card
    before = os.umask(0o027)
    try:
        copier = VerifiedCopier()
        placed = copier.place(copier.copy(source, target, stop=never), "a")
    finally:
        os.umask(before)
    assert placed.stat().st_mode & 0o777 == 0o640


def test_a_byte_that_the_disk_gets_wrong_is_seen_and_the_copy_thrown_away(tmp_path, target):
    source = write(tmp_path / "source", noise(1, 3 * CHUNK_BYTES))

    def worn_out(descriptor, start, length):
        if os.fstat(descriptor).st_ino != source.stat().st_ino:
            os.pwrite(descriptor, b"\0", CHUNK_BYTES + 17)

    copier = VerifiedCopier(forget=worn_out)
    with pytest.raises(CopyFailed, match="not what the card holds"):
        copier.copy(source, target, stop=never)
    assert os.listdir(target) == []


def test_a_copy_that_lost_its_end_is_seen(tmp_path, target):
    source = write(tmp_path / "source", noise(1, 5000))

    def cut_off(descriptor, start, length):
        if os.fstat(descriptor).st_ino != source.stat().st_ino:
            os.ftruncate(descriptor, 4999)

    with pytest.raises(CopyFailed):
        VerifiedCopier(forget=cut_off).copy(source, target, stop=never)


def test_a_source_that_grows_meanwhile_is_not_believed(tmp_path, target):
    source = write(tmp_path / "source", noise(1, 2 * CHUNK_BYTES))
    asked = []

    def grow():
        if not asked:
            with source.open("ab") as file:
                file.write(b"more")
        asked.append(1)
        return False

    with pytest.raises(CopyFailed, match="changed while"):
        VerifiedCopier().copy(source, target, stop=grow)
    assert os.listdir(target) == []


@pytest.mark.parametrize("after", [0, 1, 4, 6])
def test_stopping_leaves_nothing(tmp_path, target, after):
    source = write(tmp_path / "source", noise(1, 4 * CHUNK_BYTES))
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > after

    with pytest.raises(CopyStopped):
        VerifiedCopier().copy(source, target, stop=stop)
    assert os.listdir(target) == []


def test_links_pipes_and_folders_are_not_copied(tmp_path, target):
    write(tmp_path / "real", b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "target", "gone"):
        with pytest.raises(CopyFailed):
            VerifiedCopier().copy(tmp_path / name, target, stop=never)
    assert os.listdir(target) == []


def test_descriptors_are_given_back(tmp_path, target):
    source = write(tmp_path / "source", noise(1, 10))
    copier = VerifiedCopier()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        copy = copier.copy(source, target, stop=never)
        copier.place(copy, f"{number}") if number % 2 else copier.discard(copy)
        with pytest.raises(CopyFailed):
            copier.copy(tmp_path / "gone", target, stop=never)
    assert len(os.listdir("/proc/self/fd")) == before
    assert sorted(os.listdir(target)) == ["1", "3"]


def test_discarding_what_has_its_name_keeps_it(tmp_path, target):
    copier = VerifiedCopier()
    copy = copier.copy(write(tmp_path / "source", b"x"), target, stop=never)
    copier.place(copy, "a")
    copier.discard(copy)
    assert os.listdir(target) == ["a"]


WAYS = {"renamed": (placing.renamed,), "linked": (placing.linked,), "reserved": (placing.reserved,)}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
def test_no_way_of_giving_a_name_takes_one_that_is_taken(target, ways):
    write(target / "new", b"new")
    write(target / "old", b"old")
    (target / "folder").mkdir()
    (target / "link").symlink_to(target / "nowhere")
    for taken in ("old", "folder", "link"):
        with pytest.raises(FileExistsError):
            placing.place(target / "new", target / taken, ways=ways)
    assert (target / "old").read_bytes() == b"old"
    placing.place(target / "new", target / "free", ways=ways)
    assert (target / "free").read_bytes() == b"new"
    assert not (target / "new").exists()


def test_where_one_way_is_not_possible_the_next_is_taken(target):
    def cannot(source, wanted):
        raise OSError(errno.EINVAL, "this file system cannot")

    write(target / "new", b"new")
    placing.place(target / "new", target / "name", ways=(cannot, placing.linked))
    assert os.listdir(target) == ["name"]
    with pytest.raises(OSError, match="cannot"):
        placing.place(target / "name", target / "other", ways=(cannot, cannot))


def test_two_that_want_one_name_at_once_both_keep_their_bytes(target):
    for name, ways in WAYS.items():
        for number in range(20):
            write(target / f"{name}-a", b"a")
            write(target / f"{name}-b", b"b")
            start, lost = threading.Barrier(2), []

            def run(own: str, wanted: Path, ways=ways, start=start, lost=lost):
                start.wait()
                try:
                    placing.place(target / own, wanted, ways=ways)
                except FileExistsError:
                    lost.append(own)

            wanted = target / f"{name} {number}"
            both = [threading.Thread(target=run, args=(f"{name}-{own}", wanted)) for own in "ab"]
            for each in both:
                each.start()
            for each in both:
                each.join()
            assert len(lost) == 1
            assert {(target / lost[0]).read_bytes(), wanted.read_bytes()} == {b"a", b"b"}


def test_what_a_killed_import_left_is_swept_and_what_another_writes_is_not(target):
    left = write(target / f"{placing.PREFIX}0011", b"half")
    name, descriptor = placing.temporary(target)
    (target / f"{placing.PREFIX}link").symlink_to(target)
    write(target / "IMG.JPG", b"x")
    assert VerifiedCopier().names(target) == ["IMG.JPG"]
    assert not left.exists()
    assert name.exists()
    os.close(descriptor)
    VerifiedCopier().names(target)
    assert not name.exists()


def test_folders_are_made_with_their_parents_and_a_file_in_the_way_is_said(tmp_path, target):
    placing.make_folder(target / "a/b/c")
    placing.make_folder(target / "a/b/c")
    assert (target / "a/b/c").is_dir()
    write(target / "file", b"x")
    with pytest.raises(TargetUnusable):
        VerifiedCopier().copy(write(tmp_path / "source", b"x"), target / "file" / "below", stop=never)
    with pytest.raises(TargetUnusable):
        VerifiedCopier().room(target / "file")
    with pytest.raises(TargetUnusable):
        VerifiedCopier().room(target / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(tmp_path, target):
    with mode(target, 0o500), pytest.raises(TargetUnusable, match="permission"):
        VerifiedCopier().copy(write(tmp_path / "source", b"x"), target, stop=never)


@pytest.mark.parametrize(
    ("number", "there", "kind"),
    [
        (errno.EIO, True, CopyFailed),
        (errno.EIO, False, CardGone),
        (errno.ENODEV, True, CardGone),
        (errno.EACCES, True, CopyFailed),
        (errno.ENOENT, True, CopyFailed),
    ],
)
def test_a_failed_read_is_one_bad_file_or_a_pulled_card(number, there, kind):
    assert type(not_read(OSError(number, "x"), Path("/card/a"), device_there=there)) is kind


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoRoom),
        (errno.EDQUOT, NoRoom),
        (errno.EROFS, TargetUnusable),
        (errno.EIO, TargetUnusable),
        (errno.EINVAL, CopyFailed),
        (errno.ENAMETOOLONG, CopyFailed),
    ],
)
def test_a_failed_write_ends_the_import_or_costs_one_file(number, kind):
    error = not_written(OSError(number, "x"), Path("/home/a/b"))
    assert type(error) is kind
    assert error.summary.endswith(".")
    assert error.hint.endswith(".")


def test_reading_leaves_no_time_of_access(tmp_path):
    path = write(tmp_path / "folder" / "a", b"x")
    os.utime(path, ns=(1, 2))
    os.utime(path.parent, ns=(1, 2))
    with reading.opened(path) as descriptor:
        assert os.read(descriptor, 1) == b"x"
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    assert [name for name, _ in reading.entries(path.parent)] == ["a"]
    assert path.stat().st_atime_ns == 1
    assert path.parent.stat().st_atime_ns == 1
