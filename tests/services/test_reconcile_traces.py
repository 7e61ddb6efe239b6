"""What reconciling makes of ratings, flags and edits by other programs: each is told once, ours never."""

import os
from pathlib import Path

import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp, Stage
from safelight.ports import TraceKind
from tests.services.library import Library

NAMES = ["shoot/a.jpg", "shoot/b.jpg", "shoot/c.jpg"]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    made = Library(tmp_path / "pictures")
    made.fill(*NAMES)
    return made


def test_a_rating_by_another_program_is_told_once_and_stands(library: Library) -> None:
    frame_id = library.frame(NAMES[0])
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.RATING, "5")
    library.reconcile()
    library.reconcile()
    (rated,) = library.facts()
    assert (rated.kind, rated.frame_id) == (Kind.PERSON_RATED, frame_id)
    assert rated.payload["rating"] == 5
    assert rated.payload["program"] == "darktable"
    assert rated.payload["confidence"] == 0.95
    assert rated.payload["happened_s"] == library.clock.now()
    assert "imported" not in rated.payload
    frame = library.store.catalog.frame(frame_id)
    assert (frame.stage, frame.given) == (Stage.KEPT, 5)
    assert frame.reason == "Your own rating stands: 5 stars."


def test_every_change_of_a_rating_is_told(library: Library) -> None:
    for value in ("5", "2", "", "2"):
        library.touch_sidecar(library.folder / NAMES[0], TraceKind.RATING, value)
        library.reconcile()
    assert [entry.payload["rating"] for entry in library.facts()] == [5, 2, None, 2]


def test_a_rating_that_another_program_repeats_is_told_once(library: Library) -> None:
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.RATING, "4", program="digikam")
    library.reconcile()
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.RATING, "4", program="darktable")
    library.reconcile()
    assert len(library.facts()) == 1


def test_our_own_write_is_no_fact(library: Library) -> None:
    sidecar = library.put(f"{NAMES[0]}.xmp", b"ours")
    with library.store.transaction():
        stamp = FileStamp.of(sidecar.stat())
        library.store.receipts.see(library.frame(NAMES[0]), {sidecar: stamp})
    before = library.traces.reads
    library.reconcile()
    assert library.traces.reads == before  # it is not even opened
    assert library.facts() == []


def test_ours_and_then_a_persons_is_a_fact(library: Library) -> None:
    sidecar = library.put(f"{NAMES[0]}.xmp", b"ours")
    with library.store.transaction():
        library.store.receipts.see(library.frame(NAMES[0]), {sidecar: FileStamp.of(sidecar.stat())})
    library.reconcile()
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.RATING, "1")
    library.reconcile()
    assert library.kinds() == ["person_rated"]


def test_a_half_written_sidecar_is_looked_at_again(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.touch_sidecar(image, TraceKind.RATING, "5")
    library.traces.busy.add(image)
    assert library.reconcile().busy == 1
    assert library.facts() == []
    library.traces.busy.clear()
    library.reconcile()
    assert library.kinds() == ["person_rated"]


def test_an_edit_is_told_with_its_program_and_settings(library: Library) -> None:
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.DEVELOP, "d1g3st")
    library.reconcile()
    (edited,) = library.facts()
    assert edited.kind == Kind.FRAME_DEVELOPED
    assert edited.payload["value"] == "d1g3st"
    assert edited.payload["confidence"] == 0.9
    library.touch_sidecar(library.folder / NAMES[0], TraceKind.DEVELOP, "another")
    library.reconcile()
    assert [entry.payload["value"] for entry in library.facts()] == ["d1g3st", "another"]


def test_a_flag_and_a_label_are_told_and_so_is_their_end(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.touch_sidecar(image, TraceKind.FLAG, "-1")
    library.touch_sidecar(image, TraceKind.LABEL, "Red")
    library.reconcile()
    library.traces.take_back(image, TraceKind.FLAG)
    library.traces.take_back(image, TraceKind.LABEL)
    library.put(f"{NAMES[0]}.xmp", b"neither")
    library.reconcile()
    said = [(entry.kind, entry.payload.get("flag"), entry.payload.get("label")) for entry in library.facts()]
    assert sorted(said, key=str) == sorted(
        [
            ("person_flagged", -1, None),
            ("person_labelled", None, "Red"),
            ("person_flagged", 0, None),
            ("person_labelled", None, None),
        ],
        key=str,
    )


def test_a_rating_that_was_set_back_to_ours_is_told(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.touch_sidecar(image, TraceKind.RATING, "5")
    library.reconcile()
    library.traces.take_back(image, TraceKind.RATING)
    library.put(f"{NAMES[0]}.xmp", b"as ours again")
    library.reconcile()
    library.reconcile()
    assert [entry.payload["rating"] for entry in library.facts()] == [5, None]  # no stars of ours are known here


def test_a_sidecar_that_was_damaged_takes_nothing_back(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.touch_sidecar(image, TraceKind.FLAG, "1")
    library.reconcile()
    library.traces.damage(image.with_name(f"{image.name}.xmp"))
    library.put(f"{NAMES[0]}.xmp", b"damaged")
    library.reconcile()
    library.put(f"{NAMES[0]}.xmp", b"damaged again")
    library.reconcile()
    assert library.kinds() == [Kind.PERSON_FLAGGED]


def test_a_sidecar_that_is_gone_takes_nothing_back(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.touch_sidecar(image, TraceKind.FLAG, "1")
    library.reconcile()
    library.traces.take_back(image, TraceKind.FLAG)
    image.with_name(f"{image.name}.xmp").unlink()
    library.reconcile()
    assert library.kinds() == ["person_flagged"]


def test_one_rating_of_several_frames_is_one_act(library: Library) -> None:
    for name in NAMES[:2]:
        image = library.folder / name
        path = image.with_name(f"{image.name}.xmp")
        library.traces.leave(image, TraceKind.RATING, "3", companion=path, changed_s=library.clock.now())
        path.write_text("group")
    library.touch_sidecar(library.folder / NAMES[2], TraceKind.RATING, "3")  # ten seconds later
    library.reconcile()
    acts = [entry.payload.get("act") for entry in library.facts()]
    assert acts[0] is not None
    assert acts == [acts[0], acts[0], None]


def test_what_was_there_before_safelight_is_imported_once(tmp_path: Path) -> None:
    library = Library(tmp_path / "pictures")
    image = library.put("a.jpg")
    library.touch_sidecar(image, TraceKind.RATING, "4")
    library.touch_sidecar(image, TraceKind.DEVELOP, "old")
    frames = library.rate()[:0]
    assert frames == []
    with library.store.transaction():
        library.store.forget_content(b"")
    library.service().read_past(library.rate())
    assert {entry.kind for entry in library.facts()} == {"person_rated", "frame_developed"}
    library.reconcile()
    assert len(library.facts()) == 2


def test_the_past_of_a_frame_that_was_never_shown_is_blind(tmp_path: Path) -> None:
    library = Library(tmp_path / "pictures")
    image = library.put("a.jpg")
    library.touch_sidecar(image, TraceKind.RATING, "4")
    library.take_in()
    library.reconcile([library.folder])
    (rated,) = library.facts()
    assert rated.payload["imported"] is True
    library.touch_sidecar(image, TraceKind.RATING, "2")
    library.reconcile([library.folder])
    assert "imported" not in library.facts()[-1].payload


def test_a_file_managers_rating_changes_no_byte_and_is_seen(library: Library) -> None:
    image = library.folder / NAMES[0]
    library.traces.leave(image, TraceKind.RATING, "4", program="file manager", companion=image)
    os.chmod(image, 0o640)  # moves the time of change, as an attribute does
    library.reconcile()
    assert library.kinds() == ["person_rated"]


def test_settings_of_other_programs_belong_to_their_frame(library: Library) -> None:
    image = library.folder / NAMES[0]
    path = image.with_name("a.jpg.pp3")
    path.write_text("[Version]")
    library.traces.leave(image, TraceKind.DEVELOP, "x", program="rawtherapee", companion=path)
    library.reconcile()
    assert [entry.payload["program"] for entry in library.facts()] == ["rawtherapee"]


def test_capture_ones_settings_lie_in_a_folder_of_their_own(library: Library) -> None:
    image = library.folder / NAMES[0]
    path = library.put("shoot/CaptureOne/Settings153/a.jpg.cos")
    library.traces.leave(image, TraceKind.DEVELOP, "x", program="capture one", companion=path)
    library.reconcile()
    assert [entry.payload["program"] for entry in library.facts()] == ["capture one"]


def test_a_rating_moves_along_and_is_not_told_again(library: Library) -> None:
    image = library.folder / NAMES[0]
    sidecar = library.touch_sidecar(image, TraceKind.RATING, "5")
    library.reconcile()
    new = image.with_name("z.jpg")
    image.rename(new)
    sidecar.rename(new.with_name("z.jpg.xmp"))
    trace = next(iter(library.traces.left.pop(image).values()))
    library.traces.leave(new, trace.kind, trace.value, companion=new.with_name("z.jpg.xmp"))
    library.reconcile()
    assert library.kinds() == ["person_rated", "frame_moved"]
