"""Syncthing: two real ones over the loopback, without discovery; and what it leaves on the disk, file by file.

The rated folder is one side; a person works on the other side, on another computer.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.shoot import encoded, exif, picture
from tests.interop.library import AFTER_UNDO_H, Library, brief, need, run

NAME = "IMG_0002.jpg"


def rename_into_place(path: Path, data: bytes, *, mtime_s: float | None = None) -> None:
    """Write a file as Syncthing does: under a hidden name, with the other side's time, then renamed."""
    hidden = path.with_name(f".syncthing.{path.name}.tmp")
    hidden.write_bytes(data)
    if mtime_s is not None:
        os.utime(hidden, (mtime_s, mtime_s))
    hidden.rename(path)


def test_the_same_bytes_renamed_into_place_tell_nothing(library: Library) -> None:
    for path in [*library.frames, *library.folder.glob("*.xmp")]:
        rename_into_place(path, path.read_bytes(), mtime_s=path.stat().st_mtime)
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_a_sync_that_deletes_and_creates_anew_loses_nothing(library: Library) -> None:
    data = (library.folder / NAME).read_bytes()
    (library.folder / NAME).unlink()
    (lost,) = library.reconcile()
    rename_into_place(library.folder / NAME, data)
    (back,) = library.reconcile(hours=1)
    assert (back.brief, back.payload["of"]) == (("frame_returned", NAME), lost.seq)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert [kind for kind, _ in library.believed() if kind == "deleted"] == []


def test_a_rating_that_arrives_by_renaming_a_sidecar_is_the_persons(library: Library) -> None:
    sidecar = library.folder / f"{NAME}.xmp"
    stars = library.other_stars(NAME)
    before = f'xmp:Rating="{library.stars(NAME)}"'.encode()
    assert before in sidecar.read_bytes()
    rename_into_place(sidecar, sidecar.read_bytes().replace(before, f'xmp:Rating="{stars}"'.encode()))
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)


def test_a_sidecar_in_conflict_says_nothing_of_the_frame(library: Library) -> None:
    """The winner of a conflict keeps the name; the loser is kept beside it and decides nothing."""
    text = (library.folder / f"{NAME}.xmp").read_text()
    loser = library.folder / f"{NAME}.sync-conflict-20260502-101500-ABCDEFG.xmp"
    loser.write_text(text.replace(f'xmp:Rating="{library.stars(NAME)}"', f'xmp:Rating="{library.other_stars(NAME)}"'))
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_a_photograph_in_conflict_is_no_opinion(library: Library) -> None:
    loser = library.folder / "IMG_0002.sync-conflict-20260502-101500-ABCDEFG.jpg"
    loser.write_bytes(encoded(picture(4, side=320).rotate(1), quality=80, exif=exif(2)))
    library.reconcile()
    library.rate()
    library.reconcile(hours=AFTER_UNDO_H)
    loser.unlink()
    library.reconcile(hours=30)
    library.reconcile(hours=60)
    told = [entry["kind"] for entry in library.journal() if entry["kind"] in {"person_rated", "frame_developed"}]
    assert told == []
    assert (library.folder / NAME).is_file()


def test_a_half_received_photograph_is_not_looked_at(library: Library) -> None:
    data = (library.folder / NAME).read_bytes()
    (library.folder / f".syncthing.{NAME}.tmp").write_bytes(data[: len(data) // 2])
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert len(library.rate().records) == len(library.frames)


# --- two real ones ----------------------------------------------------------------------------------------------------


@dataclass
class Side:
    """One Syncthing: its settings, its folder, how to speak to it."""

    settings: Path
    folder: Path
    device: str
    key: str
    gui: int
    listens: int

    def ask(self, path: str) -> dict[str, object]:
        """Ask its REST interface."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.gui}{path}", headers={"X-API-Key": self.key})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            told = json.load(answer)
        assert isinstance(told, dict)
        return told

    def scan(self) -> None:
        """Let it look at its folder now."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.gui}/rest/db/scan?folder=shoot", headers={"X-API-Key": self.key}, method="POST"
        )
        urllib.request.urlopen(asked, timeout=30).close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def prepared(settings: Path, folder: Path) -> Side:
    """Make keys and settings; nothing is announced, relayed, updated or reported."""
    run(
        "syncthing",
        "generate",
        "--no-default-folder",
        f"--home={settings}",
        environment=os.environ | {"HOME": str(settings)},
    )
    tree = ElementTree.parse(settings / "config.xml")
    device = tree.find("device")
    key = tree.find("gui/apikey")
    assert device is not None and key is not None
    return Side(settings, folder, device.attrib["id"], key.text or "", free_port(), free_port())


def configure(side: Side, other: Side) -> None:
    """Write the settings of one side, so that it shares its folder with the other and with nobody else."""
    (side.settings / "config.xml").write_text(f"""<configuration version="36">
    <folder id="shoot" label="shoot" path="{side.folder}" type="sendreceive" rescanIntervalS="3600"
        fsWatcherEnabled="false" ignorePerms="true" autoNormalize="true">
      <filesystemType>basic</filesystemType><device id="{side.device}"/><device id="{other.device}"/>
    </folder>
    <device id="{side.device}" name="here"><address>dynamic</address></device>
    <device id="{other.device}" name="there"><address>tcp://127.0.0.1:{other.listens}</address></device>
    <gui enabled="true" tls="false"><address>127.0.0.1:{side.gui}</address><apikey>{side.key}</apikey></gui>
    <options><listenAddress>tcp://127.0.0.1:{side.listens}</listenAddress>
      <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
      <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><startBrowser>false</startBrowser>
      <urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>
      <reconnectionIntervalS>1</reconnectionIntervalS></options></configuration>""")


@pytest.fixture
def pair(library: Library) -> Iterator[tuple[Library, Side, Side]]:
    """Return a rated shoot and the two sides that keep it the same; both run."""
    need("syncthing")
    there = library.base / "there"
    there.mkdir()
    sides = [prepared(library.base / "st-here", library.folder), prepared(library.base / "st-there", there)]
    configure(sides[0], sides[1])
    configure(sides[1], sides[0])
    for side in sides:
        (side.folder / ".stfolder").mkdir(exist_ok=True)
    children = [
        subprocess.Popen(
            ["syncthing", "serve", "--no-browser", "--no-restart", "--no-upgrade", f"--home={side.settings}"],
            env=os.environ | {"HOME": str(side.settings), "STNODEFAULTFOLDER": "1", "STNOUPGRADE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for side in sides
    ]
    try:
        settle(sides)
        yield library, sides[0], sides[1]
    finally:
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            child.wait(30)


def settle(sides: list[Side], *, within_s: float = 60.0) -> None:
    """Wait until both sides hold the same files."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            for side in sides:
                side.scan()
        except OSError:
            time.sleep(0.3)
            continue
        if _content(sides[0].folder) == _content(sides[1].folder):
            return
        time.sleep(0.3)
    pytest.fail("the two sides did not come to the same")


def _content(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def test_sharing_a_shoot_by_syncthing_tells_nothing(pair: tuple[Library, Side, Side]) -> None:
    library, _, there = pair
    assert len(list(there.folder.glob("*.jpg"))) == len(library.frames)
    assert library.reconcile(hours=AFTER_UNDO_H) == []


def test_a_deletion_and_a_rating_on_the_other_side_arrive_by_syncthing(pair: tuple[Library, Side, Side]) -> None:
    library, here, there = pair
    rated = "IMG_0101.jpg"
    stars = library.other_stars(rated)
    (there.folder / NAME).unlink()
    sidecar = there.folder / f"{rated}.xmp"
    sidecar.write_text(sidecar.read_text().replace(f'xmp:Rating="{library.stars(rated)}"', f'xmp:Rating="{stars}"'))
    settle([there, here])
    assert brief(library.reconcile()) == [("frame_lost", NAME), ("person_rated", rated)]
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("loss_confirmed", NAME)]
    assert library.believed() == [("deleted", (NAME,)), ("rated", (rated,))]


def test_a_rename_on_the_other_side_arrives_by_syncthing_as_a_rename(pair: tuple[Library, Side, Side]) -> None:
    library, here, there = pair
    (there.folder / NAME).rename(there.folder / "garden.jpg")
    settle([there, here])
    assert (library.folder / "garden.jpg").is_file()
    assert brief(library.reconcile(hours=AFTER_UNDO_H)) == [("frame_moved", NAME)]
    assert library.believed() == []
