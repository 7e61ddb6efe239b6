"""cp, rsync and mv at work on the folder while Safelight looks at it again and again."""

import itertools
import subprocess
import time

import pytest

from tests.interop.library import AFTER_UNDO_H, Library, need

SLOWLY = 'for f in "$1"/*; do cp -p "$f" "$2"/; sleep 0.03; done'
TO_AND_FRO = (
    'i=0; while [ $i -lt 30 ]; do mv "$1"/IMG_0002.jpg "$1"/t.jpg; mv "$1"/t.jpg "$1"/IMG_0002.jpg; i=$((i+1)); done'
)


def looks_until_done(library: Library, child: "subprocess.Popen[bytes]") -> int:
    """Reconcile until the other program is done; return how often."""
    for count in itertools.count(1):
        status, _, errors = library.program.run("reconcile", "--state", library.base / "state")
        assert status == 0, errors
        if child.poll() is not None:
            assert child.returncode == 0
            return count
    raise AssertionError


def test_photographs_copied_by_cp_while_we_look_tell_nothing(library: Library) -> None:
    library.run("cp", "-a", library.folder, library.base / "card")
    for number, path in enumerate(sorted((library.base / "card").glob("*.jpg"))):
        path.rename(path.with_name(f"NEW_{number:04d}.jpg"))
        with path.with_name(f"NEW_{number:04d}.jpg").open("ab") as file:
            file.write(b"\0" * (number + 1))
    for path in (library.base / "card").glob("*.xmp"):
        path.unlink()
    child = subprocess.Popen(["sh", "-ec", SLOWLY, "sh", str(library.base / "card"), str(library.folder)])
    looks_until_done(library, child)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.actions() == []
    assert {record["stage"] for record in library.rate().records} == {"published"}
    assert library.reconcile(hours=2 * AFTER_UNDO_H) == []


def test_a_shoot_refreshed_by_rsync_while_we_look_loses_nothing(library: Library) -> None:
    need("rsync")
    library.run("cp", "-a", library.folder, library.base / "backup")
    command = 'i=0; while [ $i -lt 8 ]; do rsync -a --ignore-times "$1"/ "$2"/; i=$((i+1)); done'
    child = subprocess.Popen(["sh", "-ec", command, "sh", str(library.base / "backup"), str(library.folder)])
    looks_until_done(library, child)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.actions() == []


def test_a_frame_that_mv_takes_to_and_fro_while_we_look_is_never_deleted(library: Library) -> None:
    child = subprocess.Popen(["sh", "-ec", TO_AND_FRO, "sh", str(library.folder)])
    looks_until_done(library, child)
    library.reconcile()
    library.reconcile(hours=AFTER_UNDO_H)
    assert library.believed() == []
    assert [record["stage"] for record in library.rate().records] == ["published"] * len(library.frames)


def test_a_sidecar_half_written_while_we_look_is_not_a_cleared_rating(library: Library) -> None:
    path = library.folder / "IMG_0002.jpg.xmp"
    whole = path.read_text()
    stars = library.other_stars("IMG_0002.jpg")
    rated = whole.replace(f'xmp:Rating="{library.stars("IMG_0002.jpg")}"', f'xmp:Rating="{stars}"')
    with path.open("w") as file:  # in place, as darktable and exiv2 do it
        file.write(rated[:300])
        file.flush()
        assert library.reconcile() == []
        time.sleep(0.01)
        file.write(rated[300:])
    (fact,) = library.reconcile()
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", "IMG_0002.jpg"), stars)


@pytest.mark.parametrize("size", [0, 100])
def test_a_photograph_truncated_while_we_look_is_no_edit(library: Library, size: int) -> None:
    path = library.folder / "IMG_0002.jpg"
    data = path.read_bytes()
    path.write_bytes(data[:size])
    assert library.reconcile() == []
    path.write_bytes(data)
    assert library.reconcile(hours=AFTER_UNDO_H) == []
    assert library.rate().by_name[path.name]["stage"] == "published"
