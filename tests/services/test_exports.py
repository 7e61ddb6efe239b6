"""What is made of pictures that were made from known frames, and of files that were written again."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight.domain.entries import Entry, Kind
from safelight.domain.frame import Stage
from safelight.ports import Examined, Refused, Request
from safelight.services.assess import Assess
from safelight.services.exports import Exports
from safelight.services.forget import Forget
from safelight.services.rereading import Rereading
from safelight.services.sights import Sights
from tests.fakes.pictures import FakeDecoder, FakeEncoder, FakeReader, at
from tests.services.library import Library


class Darkroom(FakeDecoder):
    """A decoder that sees a picture a little darker where it was developed anew."""

    def __init__(self) -> None:
        super().__init__()
        self.developed: set[str] = set()

    def examine(self, requests: Iterable[Request]) -> Iterator[Examined | Refused]:
        for answer in super().examine(requests):
            if isinstance(answer, Examined) and answer.source.name in self.developed:
                darker = (answer.thumb * 0.8).astype(np.uint8)
                yield replace(answer, thumb=darker, width_px=1500, height_px=1000)
            else:
                yield answer


class Desk(Library):
    """A library whose pictures are scripted: `look` names what a file shows."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.decoder = Darkroom()
        self.assessments = self.store.assessments("fake/m1")

    def shoot(self, name: str, *, look: int, age_s: float = 1000.0, **facts: object) -> Path:
        """Put a picture that shows `look`, taken at its minute of the shoot."""
        path = self.put(name, f"{name} {look} {age_s} {facts}".encode("utf-8", "surrogateescape"), age_s=age_s)
        self.decoder.looks[path.name] = look
        self.decoder.facts[path.name] = replace(at(look * 60), **facts)
        return path

    def develop(self, name: str, *, look: int, **facts: object) -> Path:
        """Put a picture that was made from one that shows `look`, a moment ago."""
        self.decoder.developed.add(Path(name).name)
        return self.shoot(name, look=look, age_s=20.0, **facts)

    def judge(self, ids: list[int] | None = None) -> None:
        """Do what `rate` does between taking in and ranking; or what `reconcile` does with `ids`."""
        chosen = self.take_in() if ids is None else ids
        self._assess(chosen)
        if again := Exports(store=self.store, assessments=self.assessments, clock=self.clock).step(chosen):
            self._assess(list(again))
        Rereading(store=self.store, assessments=self.assessments, clock=self.clock).step()

    def _assess(self, ids: list[int]) -> None:
        Assess(
            store=self.store,
            assessments=self.assessments,
            decoder=self.decoder,
            sights=Sights(encoder=FakeEncoder()),
            reader=FakeReader(),
            clock=self.clock,
        ).step(list(self.store.catalog.frames(ids, Stage.ARRIVED)))

    def publish(self) -> None:
        """Let every frame that is judged stand with a star of ours."""
        with self.store.transaction():
            self.store.receipts.start_run([self.folder], at_s=self.clock.now())
            for frame in self.store.catalog.at_stage(Stage.ASSESSED):
                self.store.catalog.set_stage(frame.id, Stage.PUBLISHED)
                self.store.journal.append("rating_published", at_s=self.clock.now(), frame_id=frame.id, stars=3)
        self.clock.sleep(100.0)

    def exports(self) -> list[Entry]:
        return self.facts(Kind.FRAME_EXPORTED)

    def stage(self, name: str) -> Stage:
        return self.store.catalog.frame(self.frame(name)).stage


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "pictures")
    for number in range(3):
        made.shoot(f"shoot/IMG_{number}.jpg", look=number)
    made.judge()
    made.publish()
    return made


MADE = ["shoot/IMG_1-2.jpg", "shoot/IMG_1_01.jpg", "export/img_1.jpg", "web/best IMG_1 (web).jpg"]


@pytest.mark.parametrize("name", MADE)
def test_a_picture_that_is_named_after_a_frame_and_looks_like_it_is_an_export(desk: Desk, name: str) -> None:
    desk.develop(name, look=1)
    desk.judge(desk.reconcile().to_judge)
    (told,) = desk.exports()
    assert told.frame_id == desk.frame("shoot/IMG_1.jpg")
    assert told.payload["path"] == str(desk.folder / name)
    assert (told.payload["how"], told.payload["confidence"]) == ("looks", 0.8)
    assert "imported" not in told.payload
    frame = desk.store.catalog.frame(desk.frame(name))
    assert (frame.stage, frame.reason) == (Stage.DERIVED, "An export of IMG_1.jpg, which is rated.")
    desk.judge()
    desk.judge(desk.reconcile().to_judge)
    assert len(desk.exports()) == 1


def test_the_export_of_a_frame_whose_name_is_no_text_is_told_and_can_be_forgotten(desk: Desk) -> None:
    """Such a name stands in the sentence about the export; both ended every `rate` of the library once."""
    source, made = os.fsdecode(b"shoot/caf\xe9.jpg"), os.fsdecode(b"out/caf\xe9-2.jpg")
    desk.shoot(source, look=9)
    desk.judge()
    desk.publish()
    desk.develop(made, look=9)
    desk.judge(desk.reconcile().to_judge)
    (told,) = desk.exports()
    assert told.payload["path"] == str(desk.folder / made)
    frame, reason = desk.frame(made), "An export of caf\\udce9.jpg, which is rated."
    assert desk.store.catalog.frame(frame).reason == reason
    assert desk.store.catalog.with_reason(Stage.DERIVED, reason) == 1
    purge = desk.store.purge(vectors=desk.folder.parent / "vectors")
    Forget(store=desk.store, purge=purge, clock=desk.clock).step(frozenset({desk.frame(source)}))
    assert desk.store.catalog.frame(frame).reason == ""


def test_an_export_that_names_its_source_need_not_look_like_it(desk: Desk) -> None:
    desk.develop("out/poster.jpg", look=77, derived_from="IMG_2.jpg")
    desk.judge()
    (told,) = desk.exports()
    assert (told.frame_id, told.payload["how"]) == (desk.frame("shoot/IMG_2.jpg"), "derived_from")
    assert told.payload["confidence"] == 0.95


def test_another_picture_of_the_same_name_is_no_export(desk: Desk) -> None:
    desk.shoot("later/IMG_1.jpg", look=50, age_s=20.0)
    desk.judge(desk.reconcile().to_judge)
    assert desk.exports() == []
    assert desk.stage("later/IMG_1.jpg") is Stage.ASSESSED


def test_a_picture_of_the_same_view_at_another_time_is_no_export(desk: Desk) -> None:
    desk.develop("later/IMG_1.jpg", look=1, taken_s=1_700_009_000.0)
    desk.judge()
    assert desk.exports() == []


def test_a_copy_is_no_export(desk: Desk) -> None:
    desk.shoot("backup/IMG_1.jpg", look=1, age_s=20.0, rating=None)
    desk.judge()
    assert desk.exports() == []


def test_raw_and_jpeg_of_one_camera_in_two_folders_are_no_export(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures")
    desk.shoot("RAW/IMG_1.nef", look=1)
    desk.develop("JPG/IMG_1.jpg", look=1, software="Ver.1.10")
    desk.judge()
    assert desk.exports() == []
    assert desk.stage("JPG/IMG_1.jpg") is Stage.ASSESSED


def test_an_export_from_before_safelight_is_told_as_imported(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures")
    desk.shoot("IMG_1.nef", look=1)
    desk.develop("out/IMG_1.jpg", look=1, software="darktable 4.2.1")
    desk.judge()
    (told,) = desk.exports()
    assert told.payload["imported"] is True


@pytest.mark.parametrize(("software", "found"), [("RawTherapee 5.9", 1), ("ILCE-7M3 v4.01", 0)])
def test_a_jpeg_by_an_editor_beside_its_raw_is_parted_from_it(tmp_path: Path, software: str, found: int) -> None:
    desk = Desk(tmp_path / "pictures")
    desk.shoot("IMG_1.nef", look=1)
    desk.judge()
    desk.publish()
    raw = desk.frame("IMG_1.nef")
    before = desk.store.catalog.frame(raw).content
    desk.develop("IMG_1.jpg", look=1, software=software)
    desk.judge(desk.reconcile().to_judge)
    assert len(desk.exports()) == found
    assert (desk.frame("IMG_1.jpg") != raw) == bool(found)
    assert (desk.store.catalog.frame(raw).content == before) == bool(found)
    assert desk.store.catalog.frame(raw).stage is Stage.ASSESSED
    desk.judge()
    assert len(desk.exports()) == found


def test_a_kill_between_taking_in_and_looking_loses_no_export(desk: Desk) -> None:
    desk.develop("export/IMG_1.jpg", look=1)
    assert len(desk.reconcile().to_judge) == 1
    again = desk.reconcile().to_judge
    desk._assess(again)  # and killed before anything was made of it
    desk.judge(desk.reconcile().to_judge)
    assert len(desk.exports()) == 1
    assert desk.reconcile().to_judge == []


def test_a_deleted_export_is_no_opinion(desk: Desk) -> None:
    path = desk.develop("export/IMG_1.jpg", look=1)
    desk.put("export/other.xmp")
    desk.judge()
    path.unlink()
    desk.reconcile()
    assert desk.facts(Kind.FRAME_LOST)[0].payload["ignored"] == "It was an export of another frame."


def test_new_pictures_of_other_names_are_not_looked_at(desk: Desk) -> None:
    desk.shoot("shoot/DSC_9.jpg", look=9)
    assert desk.reconcile().to_judge == []


def test_a_rating_written_into_the_file_is_told_once(desk: Desk) -> None:
    frame_id = desk.frame("shoot/IMG_1.jpg")
    desk.shoot("shoot/IMG_1.jpg", look=1, age_s=20.0, rating=4)
    desk.judge(desk.reconcile().to_judge)
    (rated,) = desk.facts(Kind.PERSON_RATED)
    assert (rated.frame_id, rated.payload["rating"], rated.payload["program"]) == (frame_id, 4, "file")
    assert rated.payload["happened_s"] == pytest.approx((desk.folder / "shoot/IMG_1.jpg").stat().st_mtime)
    desk.judge(desk.reconcile().to_judge)
    assert desk.store.sightings.rereads() == ()
    assert desk.kinds() == ["frame_changed", "person_rated"]


def test_a_picture_edited_in_place_is_told(desk: Desk) -> None:
    desk.develop("shoot/IMG_1.jpg", look=1)
    desk.judge(desk.reconcile().to_judge)
    (edited,) = desk.facts(Kind.FRAME_DEVELOPED)
    assert (edited.payload["program"], edited.payload["confidence"]) == ("file", 0.6)


def test_a_name_that_is_used_again_is_no_edit(desk: Desk) -> None:
    desk.shoot("shoot/IMG_1.jpg", look=60, age_s=20.0)
    desk.judge(desk.reconcile().to_judge)
    assert desk.kinds() == ["frame_changed"]


def test_a_jpeg_of_the_camera_that_joins_its_raw_is_no_edit(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "pictures")
    desk.shoot("IMG_1.nef", look=1)
    desk.judge()
    desk.publish()
    desk.develop("IMG_1.jpg", look=1, software="Ver.1.10")
    desk.judge()
    assert desk.facts(Kind.FRAME_DEVELOPED) == []


def test_what_was_written_twice_before_a_look_is_compared_with_what_it_was_at_first(desk: Desk) -> None:
    desk.shoot("shoot/IMG_1.jpg", look=1, age_s=20.0, rating=4)
    desk.reconcile()
    desk.shoot("shoot/IMG_1.jpg", look=1, age_s=10.0, rating=2)
    desk.judge(desk.reconcile().to_judge)
    assert [entry.payload["rating"] for entry in desk.facts(Kind.PERSON_RATED)] == [2]
