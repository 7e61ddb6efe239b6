"""What may happen to a computer while a bundle is fetched: killed, a full disk, a read-only one, two at once."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from safelight.app.bundle_shelf import State
from safelight.errors import BundleError
from tests.fakes.bundle_scene import NAME, VISION, contents, scene

__all__ = ["scene"]
ROOT = Path(__file__).resolve().parents[2]
FILES = contents()


@contextmanager
def child(scene):
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.bundle_child", scene.home, scene.hub.endpoint],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        scene.hub.go_on.set()
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=30)


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def arrived(scene):
    return scene.part.stat().st_size if scene.part.is_file() else 0


@contextmanager
def memory_disk(folder, size):
    """Mount a small disk in memory over a folder."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remounted(folder, options):
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def test_a_kill_loses_nothing_that_arrived(scene):
    scene.hub.stalls_after = 15_000
    with child(scene) as started:
        until(lambda: arrived(scene) == 15_000)
        started.send_signal(signal.SIGKILL)
        started.wait(30)
    assert next(each.state for each in scene.shelf.listed()) is State.UNFINISHED
    assert not (scene.bundles / NAME).exists() and list(scene.shelf.remains()) == [(NAME, 15_000)]
    scene.hub.stalls_after = None
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]}
    assert [(each.headers.get("range"), each.sent) for each in scene.hub.bodies()][-1] == ("bytes=15000-", 25_000)


def test_of_two_that_fetch_at_once_one_is_told_to_wait(scene):
    scene.hub.stalls_after = 15_000
    with child(scene) as started:
        until(lambda: arrived(scene) == 15_000)
        with pytest.raises(BundleError, match="at this moment"):
            scene.fetch()
        assert arrived(scene) == 15_000
        scene.hub.go_on.set()
        said, complained = started.communicate(timeout=30)
        assert (said, complained) == ("new\n", "")
    assert scene.installed() == {VISION: FILES[VISION]}
    assert len(scene.hub.bodies()) == 1
    assert not scene.fetch().new


def test_a_disk_that_becomes_full_keeps_what_arrived(scene):
    scene.describe(FILES, sums=False)
    scene.hub.announces = False  # so that nobody knows beforehand how much it will be
    with memory_disk(scene.bundles, "28k"):
        with pytest.raises(BundleError, match="became full") as caught:
            scene.fetch()
        assert "goes on from there" in caught.value.hint
        there = arrived(scene)
        assert 0 < there <= 28 << 10 and not (scene.bundles / NAME).exists()
        remounted(scene.bundles, "size=1m")
        with pytest.raises(BundleError, match="No sum of"):
            scene.fetch()
        assert scene.hub.bodies()[-1].headers["range"] == f"bytes={there}-"
        assert (scene.bundles / ".fetching" / NAME / VISION).read_bytes() == FILES[VISION]


def test_a_small_disk_is_seen_before_anything_is_fetched(scene):
    with memory_disk(scene.bundles, "28k"):
        with pytest.raises(BundleError, match="MB free"):
            scene.fetch()
        assert scene.hub.bodies() == []


def test_a_small_disk_is_seen_before_files_are_copied(scene, tmp_path):
    (tmp_path / "vision.onnx").write_bytes(FILES[VISION])
    with memory_disk(scene.bundles, "28k"):
        with pytest.raises(BundleError, match="MB free"):
            scene.fetch(folder=tmp_path)
        assert list(scene.shelf.remains()) == []


def test_a_full_disk_while_files_are_copied(scene, tmp_path):
    (tmp_path / "vision.onnx").write_bytes(FILES[VISION])
    scene.spare_bytes = -1 << 20  # as if another program filled it after a look at it
    with memory_disk(scene.bundles, "28k"):
        with pytest.raises(BundleError, match="became full"):
            scene.fetch(folder=tmp_path)
        assert list(scene.shelf.remains()) == [], "half a copy is of no use"


def test_a_read_only_folder_leaves_the_old_bundle_serving(scene):
    with memory_disk(scene.bundles, "1m"):
        scene.fetch()
        scene.describe({**FILES, VISION: os.urandom(40_000)})
        remounted(scene.bundles, "ro")
        with pytest.raises(BundleError, match="cannot be written") as caught:
            scene.fetch()
        assert "XDG_DATA_HOME" in caught.value.hint
        assert scene.installed() == {VISION: FILES[VISION]}
        assert next(each.state for each in scene.shelf.listed()) is State.INSTALLED


def test_a_folder_that_cannot_be_made(scene):
    scene.bundles.rmdir()
    scene.bundles.write_bytes(b"a file where the folder should be")
    with pytest.raises(BundleError, match="cannot be written"):
        scene.fetch()
    assert [each.state for each in scene.shelf.listed()] == [State.MISSING]
