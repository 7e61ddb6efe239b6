"""The real udisks2 names a card, refuses to unmount one in use, and unmounts it when it is free."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desktop.screen import program
from tests.desktop.udisks_inside import UDEVD, UDISKSD, UUID

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def told():
    if os.geteuid() != 0:
        pytest.skip("needs root: mounts a card in a file")
    for name in ("unshare", "losetup", "mkfs.ext4", "udevadm", "dbus-daemon"):
        program(name)
    if not Path(UDISKSD).exists() or not any(Path(each).exists() for each in UDEVD):
        pytest.skip("needs udisksd and udevd: `make test-desktop` installs them")
    allowed = subprocess.run(["unshare", "--mount", "losetup", "--find"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("needs loop devices and a mount namespace of its own, which this computer does not give")
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", "tests.desktop.udisks_inside"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_card_has_its_name(told):
    assert (told["found"]["label"], told["found"]["uuid"], told["found"]["kind"]) == ("EOS_DIGITAL", UUID, "ext4")
    assert told["found"]["device"].startswith("/dev/loop")


def test_card_in_use_is_not_ejected_and_the_person_is_told_why(told):
    assert told["busy"].startswith("The card EOS_DIGITAL is still in use by another program.")
    assert told["mounted_while_busy"]


def test_free_card_is_ejected(told):
    assert not told["mounted_after"]
