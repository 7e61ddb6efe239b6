"""Sidecars on a disk: written in one step or not at all, and taken back byte for byte."""

import contextlib
import errno
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy, SidecarRefused, SidecarUnwritable
from safelight.sidecars.files import Disk, hard_link, load
from safelight.sidecars.markup import LIMIT_BYTES
from safelight.sidecars.writer import Write, apply, digest, flush, plan, sweep, undo
from safelight.sidecars.xmp import merge, read

RATING = OurRating(4, 0.7312, "Sharpest of 5", "0.1.0")
OTHER = OurRating(2, 0.1, "Soft", "0.1.0")
STEPS = ["create", "write", "sync", "put in place"]


class Trouble(Disk):
    """A disk that fails at one step, or does something else right before it."""

    def __init__(self, step, action, **kwargs):
        super().__init__(**kwargs)
        self._step = step
        self._action = action

    def _meet(self, step):
        if step == self._step:
            self._action()

    def create(self, path, mode):
        self._meet("create")
        return super().create(path, mode)

    def write(self, descriptor, data):
        if self._step == "write":
            super().write(descriptor, data[: len(data) // 2])
        self._meet("write")
        super().write(descriptor, data)

    def sync(self, descriptor):
        self._meet("sync")
        super().sync(descriptor)

    def replace(self, source, target):
        self._meet("put in place")
        super().replace(source, target)

    def place(self, source, target):
        self._meet("put in place")
        super().place(source, target)


def failing(step, number):
    def fail():
        raise OSError(number, os.strerror(number))

    return Trouble(step, fail)


@pytest.fixture
def sidecar(tmp_path):
    path = tmp_path / "IMG_1.CR2.xmp"
    path.write_bytes(old_bytes())
    return path


def old_bytes():
    """A sidecar of another program, without an opinion."""
    ours = merge(None, OTHER).replace(b"urn:safelight:xmp:1.0/", b"http://someone.else/")
    return ours.replace(b'xmp:Rating="2"', b'xmp:Rating="0"')


def only(path):
    return [each.name for each in path.parent.iterdir()] == [path.name]


def written(path, rating=RATING, **kwargs):
    (write,) = plan([load(path)], rating).writes
    return write, apply(write, **kwargs)


def test_new_sidecar_is_written_read_back_and_undone(tmp_path):
    path = tmp_path / "IMG_1.CR2.xmp"
    write, proof = written(path)
    assert write.before is None
    assert only(path)
    assert proof.digest == digest(path.read_bytes())
    assert proof.stamp == load(path).stamp
    assert plan([load(path)], RATING).writes == ()
    assert undo(path, None, proof.digest)
    assert not path.exists()


def test_existing_sidecar_is_replaced_and_restored(sidecar):
    before = sidecar.read_bytes()
    write, proof = written(sidecar)
    assert write.before == before
    assert read(sidecar.read_bytes()).rating == 4
    assert only(sidecar)
    assert undo(sidecar, before, proof.digest)
    assert sidecar.read_bytes() == before
    assert only(sidecar)


def test_nothing_is_written_when_nothing_changes(sidecar):
    written(sidecar)
    stamp = load(sidecar).stamp
    assert plan([load(sidecar)], RATING).writes == ()
    assert load(sidecar).stamp == stamp


def test_a_persons_rating_is_never_planned_over(sidecar, tmp_path):
    sidecar.write_bytes(old_bytes().replace(b'xmp:Rating="0"', b'xmp:Rating="3"'))
    planned = plan([load(sidecar), load(tmp_path / "IMG_1.xmp")], RATING)
    assert planned.opinion is Opinion.PERSON
    assert planned.writes == ()
    assert planned.facts[0].rating == 3


def test_two_sidecars_of_a_frame_come_to_agree(sidecar, tmp_path):
    other = tmp_path / "IMG_1.xmp"
    other.write_bytes(merge(None, OTHER))
    planned = plan([load(sidecar), load(other)], RATING)
    assert planned.opinion is Opinion.OURS
    for write in planned.writes:
        apply(write)
    assert read(sidecar.read_bytes()).rating == read(other.read_bytes()).rating == 4


def test_one_half_written_sidecar_holds_back_the_frame(sidecar, tmp_path):
    other = tmp_path / "IMG_1.xmp"
    other.write_bytes(old_bytes()[:100])
    with pytest.raises(SidecarBusy) as caught:
        plan([load(sidecar), load(other)], RATING)
    assert caught.value.path == other


@pytest.mark.parametrize("name", ["IMG_1.CR2", "IMG_1.JPG", "IMG_1.xmp.jpg", "xmp", ".xmp", "IMG_1.xmp~", "IMG_1"])
def test_an_original_is_never_written_over(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"original")
    with pytest.raises(SidecarRefused, match="Only sidecars"):
        apply(Write(path, b"original", b"rating"))
    with pytest.raises(SidecarRefused, match="Only sidecars"):
        undo(path, None, digest(b"original"))
    with pytest.raises(SidecarRefused, match="Only sidecars"):
        undo(path, b"older", digest(b"original"))
    assert path.read_bytes() == b"original"
    assert only(path)


# Failures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission"),
        (errno.EIO, "error"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_disk_trouble_leaves_the_old_content_and_no_leftovers(sidecar, step, number, hint, exists):
    before = sidecar.read_bytes() if exists else None
    if not exists:
        sidecar.unlink()
    (write,) = plan([load(sidecar)], RATING).writes
    with pytest.raises(SidecarUnwritable) as caught:
        apply(write, files=failing(step, number))
    assert hint in caught.value.hint
    assert caught.value.path == sidecar
    assert load(sidecar).data == before
    assert len(list(sidecar.parent.iterdir())) == exists


def test_full_disk(tmp_path):
    """The real thing, on a small memory disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small memory disk is not permitted here")
    try:
        path = disk / "IMG_1.CR2.xmp"
        path.write_bytes(old_bytes())
        (write,) = plan([load(path)], RATING).writes
        with contextlib.suppress(OSError):
            (disk / "filler").write_bytes(b"x" * 128 * 1024)
        with pytest.raises(SidecarUnwritable, match="written") as caught:
            apply(write)
        assert "full" in caught.value.hint
        assert path.read_bytes() == old_bytes()
        assert sorted(os.listdir(disk)) == ["IMG_1.CR2.xmp", "filler"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_read_only_folder(sidecar):
    if os.geteuid() == 0:
        pytest.skip("root may write in a read-only folder; the failing disk above stands in")
    sidecar.parent.chmod(0o555)
    try:
        with pytest.raises(SidecarUnwritable, match="written"):
            written(sidecar)
    finally:
        sidecar.parent.chmod(0o755)


@pytest.mark.parametrize("step", [*STEPS, None])
@pytest.mark.parametrize("exists", [True, False])
def test_kill_at_any_step_leaves_the_old_or_the_new_sidecar(sidecar, step, exists):
    before = sidecar.read_bytes() if exists else None
    if not exists:
        sidecar.unlink()
    (write,) = plan([load(sidecar)], RATING).writes
    child = os.fork()
    if child == 0:
        apply(write, files=Trouble(step, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == (step is not None)
    assert load(sidecar).data == (write.after if step is None else before)
    leftovers = [name for name in os.listdir(sidecar.parent) if name != sidecar.name]
    assert len(leftovers) == (step in STEPS[1:])
    assert all(name.startswith(".safelight-") and name.endswith(".tmp") for name in leftovers)
    assert sweep(sidecar.parent, older_than_s=60, now_s=sidecar.parent.stat().st_mtime + 120) == len(leftovers)
    apply(plan([load(sidecar)], RATING).writes[0]) if step else None
    assert load(sidecar).data == write.after


# Others at the same file ----------------------------------------------------------------------------------------------


def test_sidecar_changed_before_the_write_is_left_alone(sidecar):
    (write,) = plan([load(sidecar)], RATING).writes
    sidecar.write_bytes(b"theirs")
    with pytest.raises(SidecarBusy):
        apply(write)
    assert sidecar.read_bytes() == b"theirs"
    assert only(sidecar)


@pytest.mark.parametrize("step", ["create", "write", "sync"])
@pytest.mark.parametrize("exists", [True, False])
def test_sidecar_changed_during_the_write_is_left_alone(sidecar, step, exists):
    if not exists:
        sidecar.unlink()
    (write,) = plan([load(sidecar)], RATING).writes
    with pytest.raises(SidecarBusy):
        apply(write, files=Trouble(step, lambda: sidecar.write_bytes(b"theirs")))
    assert sidecar.read_bytes() == b"theirs"
    assert only(sidecar)


def test_sidecar_that_appears_at_the_last_moment_is_not_replaced(sidecar):
    sidecar.unlink()
    (write,) = plan([load(sidecar)], RATING).writes
    with pytest.raises(SidecarBusy, match="appeared"):
        apply(write, files=Trouble("put in place", lambda: sidecar.write_bytes(b"theirs")))
    assert sidecar.read_bytes() == b"theirs"
    assert only(sidecar)


def test_sidecar_that_vanishes_is_not_made_anew(sidecar):
    (write,) = plan([load(sidecar)], RATING).writes
    sidecar.unlink()
    with pytest.raises(SidecarBusy):
        apply(write)
    assert os.listdir(sidecar.parent) == []


def cannot(source, target):
    raise OSError(errno.EPERM, "no such thing on this file system")


@pytest.mark.parametrize("ways", [(cannot, hard_link), (cannot, cannot), (hard_link,), ()])
def test_new_sidecar_without_hard_links_never_replaces_one(tmp_path, ways):
    path = tmp_path / "IMG_1.CR2.xmp"
    write, _ = written(path, files=Disk(ways=ways))
    assert path.read_bytes() == write.after
    assert only(path)
    again = tmp_path / "IMG_2.CR2.xmp"
    (write,) = plan([load(again)], RATING).writes
    with pytest.raises(SidecarBusy):
        apply(write, files=Trouble("put in place", lambda: again.write_bytes(b"theirs"), ways=ways))
    assert again.read_bytes() == b"theirs"


def test_undo_leaves_what_is_no_longer_ours(sidecar):
    before = sidecar.read_bytes()
    _, proof = written(sidecar)
    edited = sidecar.read_bytes().replace(b'xmp:Rating="4"', b'xmp:Rating="5"')
    sidecar.write_bytes(edited)
    assert not undo(sidecar, before, proof.digest)
    assert not undo(sidecar, None, proof.digest)
    assert sidecar.read_bytes() == edited
    sidecar.unlink()
    assert not undo(sidecar, before, proof.digest)
    assert not sidecar.exists()


# What is in the sidecar's place ---------------------------------------------------------------------------------------


def test_symlinked_sidecar_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(old_bytes())
    path = tmp_path / "IMG_1.CR2.xmp"
    path.symlink_to(victim)
    with pytest.raises(SidecarUnwritable) as caught:
        load(path)
    assert "link" in caught.value.hint
    for before in (None, old_bytes()):
        with pytest.raises(SidecarUnwritable):
            apply(Write(path, before, merge(None, RATING)))
    with pytest.raises(SidecarUnwritable):
        undo(path, None, digest(old_bytes()))
    assert path.is_symlink()
    assert victim.read_bytes() == old_bytes()


def test_dangling_link_is_not_written_through(tmp_path):
    path = tmp_path / "IMG_1.CR2.xmp"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(SidecarUnwritable):
        apply(Write(path, None, merge(None, RATING)))
    assert not (tmp_path / "nowhere").exists()


def test_link_swapped_in_at_the_last_moment_is_not_followed(sidecar, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (write,) = plan([load(sidecar)], RATING).writes

    def swap():
        sidecar.unlink()
        sidecar.symlink_to(victim)

    with contextlib.suppress(SidecarUnwritable):
        apply(write, files=Trouble("put in place", swap))
    assert victim.read_bytes() == b"precious"


def test_pipe_folder_and_socket_named_xmp_do_not_hang(tmp_path):
    pipe, folder, end = tmp_path / "a.xmp", tmp_path / "b.xmp", tmp_path / "c.xmp"
    os.mkfifo(pipe)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(tmp_path):
        server.bind(end.name)
    for path in (pipe, folder, end):
        with pytest.raises(SidecarUnwritable):
            load(path)


def test_huge_sidecar_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "IMG_1.CR2.xmp"
    with path.open("wb") as file:
        file.truncate(LIMIT_BYTES + 1)
    with pytest.raises(SidecarRefused, match="16 MB") as caught:
        load(path)
    assert caught.value.path == path


def test_name_that_is_too_long_once_xmp_is_added(tmp_path):
    path = tmp_path / ("x" * 250 + ".CR2.xmp")
    with pytest.raises(SidecarUnwritable) as caught:
        load(path)
    assert "shorter" in caught.value.hint


def test_longest_name_that_fits_is_written(tmp_path):
    path = tmp_path / ("x" * 247 + ".CR2.xmp"[:8])
    assert len(path.name) == 255
    written(path)
    assert read(path.read_bytes()).rating == 4


def test_folder_that_vanished(tmp_path):
    path = tmp_path / "gone" / "IMG_1.CR2.xmp"
    with pytest.raises(SidecarUnwritable) as caught:
        written(path)
    assert "gone" in caught.value.hint
    with pytest.raises(SidecarUnwritable):
        flush(path.parent)


def test_name_that_is_not_utf8(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe\n'.CR2.xmp")
    written(path)
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff\xfe\n'.CR2.xmp"]


# What a write keeps ---------------------------------------------------------------------------------------------------


def test_mode_of_the_old_sidecar_is_kept(sidecar):
    sidecar.chmod(0o640)
    written(sidecar)
    assert stat.S_IMODE(sidecar.stat().st_mode) == 0o640


def test_new_sidecar_takes_the_pictures_permissions_without_execution(tmp_path):
    image = tmp_path / "IMG_1.CR2"
    image.write_bytes(b"raw")
    for mode, expected in ((0o777, 0o666), (0o644, 0o644), (0o444, 0o644)):
        image.chmod(mode)
        path = tmp_path / f"{mode:o}.xmp"
        written(path, image=image)
        assert stat.S_IMODE(path.stat().st_mode) == expected


def test_owner_is_kept(sidecar, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(sidecar, 12345, 54321)
    written(sidecar)
    assert (sidecar.stat().st_uid, sidecar.stat().st_gid) == (12345, 54321)
    fresh = tmp_path / "IMG_2.xmp"
    written(fresh, image=sidecar)
    assert fresh.stat().st_uid == 12345


def test_extended_attributes_are_kept(sidecar):
    try:
        os.setxattr(sidecar, "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    written(sidecar)
    assert os.getxattr(sidecar, "user.note") == b"mine"


def test_other_names_of_the_old_sidecar_keep_its_content(sidecar, tmp_path):
    backup = tmp_path / "backup"
    os.link(sidecar, backup)
    written(sidecar)
    assert backup.read_bytes() == old_bytes()


# Leftovers ------------------------------------------------------------------------------------------------------------


def test_sweep_removes_only_our_old_temporaries(tmp_path):
    ours = tmp_path / f".safelight-{'a' * 32}.tmp"
    others = [".safelight-notes.tmp", ".safelight-.tmp", "x.tmp", f".safelight-{'b' * 32}.tmp.xmp", "IMG_1.CR2"]
    for path in (ours, *(tmp_path / name for name in others)):
        path.write_bytes(b"x")
    (tmp_path / f".safelight-{'c' * 32}.tmp").mkdir()
    (tmp_path / f".safelight-{'d' * 32}.tmp").symlink_to(ours)
    made = ours.stat().st_mtime
    assert sweep(tmp_path, older_than_s=60, now_s=made + 30) == 0
    assert sweep(tmp_path, older_than_s=60, now_s=made + 90) == 1
    assert not ours.exists()
    assert len(os.listdir(tmp_path)) == len(others) + 2
    assert sweep(tmp_path / "gone", older_than_s=60, now_s=made) == 0


def test_flush_of_a_folder(sidecar):
    flush(sidecar.parent)


def test_importing_the_sidecar_layer_loads_nothing_heavy():
    code = "import sys, safelight.sidecars.writer as w; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "numpy" not in loaded
    assert "lancedb" not in loaded
