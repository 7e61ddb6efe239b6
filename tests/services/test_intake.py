"""What a scan makes of folders: arrivals, moves, copies, changes, and files that are still being written."""

import os
from pathlib import Path

import pytest

from safelight.domain.frame import Stage
from safelight.errors import FolderError
from safelight.services.intake import STILL_CHANGING, Arrivals, Intake
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes.clock import FakeClock

OLD_S = 1_700_000_000


class Bench:
    """A folder, a catalog in memory, and the intake between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SqliteStore(open_database(":memory:"))
        self.clock = FakeClock()
        self.scanner = DiskScanner()

    def put(self, name: str, content: bytes = b"", *, age_s: float = 1000.0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content or name.encode())
        moment = self.clock.now() - age_s
        os.utime(path, (moment, moment))
        return path

    def take_in(self) -> Arrivals:
        intake = Intake(scanner=self.scanner, identifier=ContentIdentifier(), store=self.store, clock=self.clock)
        return intake.take_in([self.folder])

    def names(self, arrivals: Arrivals) -> list[str]:
        return [frame.path.name for frame in self.store.catalog.frames(arrivals.frames)]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.store.journal.entries()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "shoot")


def test_each_frame_arrives_once(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.put("a.nef")
    bench.put("sub/b.jpg")
    assert bench.names(bench.take_in()) == ["a.nef", "b.jpg"]
    again = bench.take_in()
    assert bench.names(again) == ["a.nef", "b.jpg"]
    assert bench.kinds() == ["frame_arrived", "frame_arrived"]


def test_a_renamed_file_keeps_its_frame(bench: Bench) -> None:
    path = bench.put("a.jpg")
    (before,) = bench.take_in().frames
    path.rename(path.with_name("z.jpg"))
    (after,) = bench.take_in().frames
    assert before == after
    assert bench.store.catalog.frame(after).path.name == "z.jpg"


@pytest.mark.parametrize("target", ["0/a.jpg", "z/a.jpg"])
def test_a_file_moved_to_another_folder_keeps_its_frame(bench: Bench, target: str) -> None:
    path = bench.put("m/a.jpg")
    (before,) = bench.take_in().frames
    new = bench.folder / target
    new.parent.mkdir()
    path.rename(new)
    assert list(bench.take_in().frames) == [before]


def test_a_copy_is_a_frame_of_its_own(bench: Bench) -> None:
    bench.put("a.jpg", b"same")
    bench.take_in()
    bench.put("b.jpg", b"same")
    assert len(bench.take_in().frames) == 2


def test_a_moved_frame_is_published_again_at_its_new_place(bench: Bench) -> None:
    path = bench.put("a.jpg")
    (frame_id,) = bench.take_in().frames
    bench.store.catalog.set_stage(frame_id, Stage.PUBLISHED)
    path.rename(path.with_name("z.jpg"))
    bench.take_in()
    assert bench.store.catalog.frame(frame_id).stage is Stage.RANKED


def test_a_changed_file_is_assessed_again(bench: Bench) -> None:
    bench.put("a.jpg", b"one")
    (frame_id,) = bench.take_in().frames
    bench.store.catalog.set_stage(frame_id, Stage.PUBLISHED)
    bench.put("a.jpg", b"two", age_s=500.0)
    assert list(bench.take_in().frames) == [frame_id]
    assert bench.store.catalog.frame(frame_id).stage is Stage.ARRIVED


def test_a_file_restored_with_its_time_is_not_assessed_again(bench: Bench) -> None:
    path = bench.put("a.jpg", b"one")
    (frame_id,) = bench.take_in().frames
    bench.store.catalog.set_stage(frame_id, Stage.PUBLISHED)
    copy = bench.put("b.tmp", b"one")
    copy.replace(path)
    bench.take_in()
    assert bench.store.catalog.frame(frame_id).stage is Stage.PUBLISHED


def test_a_jpeg_that_comes_after_its_raw_joins_its_frame(bench: Bench) -> None:
    bench.put("a.nef")
    (frame_id,) = bench.take_in().frames
    bench.put("a.jpg")
    assert list(bench.take_in().frames) == [frame_id]
    assert len(bench.store.catalog.files_of(frame_id)) == 2


def test_a_deleted_file_leaves_the_scope_and_stays_known(bench: Bench) -> None:
    path = bench.put("a.jpg")
    (frame_id,) = bench.take_in().frames
    path.unlink()
    assert not bench.take_in().frames
    assert bench.store.catalog.frame(frame_id).stage is Stage.ARRIVED


def test_a_file_written_a_moment_ago_is_looked_at_again_before_it_is_believed(bench: Bench) -> None:
    bench.put("a.jpg", age_s=0.1)
    bench.put("b.jpg", age_s=0.2)
    assert bench.names(bench.take_in()) == ["a.jpg", "b.jpg"]
    assert 2.0 <= bench.clock.slept_s < 5.0


def test_a_file_that_is_still_being_written_is_named_and_left_for_the_next_run(bench: Bench) -> None:
    path = bench.put("a.jpg", age_s=0.0)

    class Growing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            with path.open("ab") as file:
                file.write(b"more")

    bench.clock = Growing(bench.clock.now())
    arrivals = bench.take_in()
    assert not arrivals.frames
    assert [(each.path, each.reason) for each in arrivals.not_looked] == [(path, STILL_CHANGING)]


def test_a_dangling_link_is_named_with_its_reason(bench: Bench) -> None:
    bench.put("a.jpg")
    (bench.folder / "gone.jpg").symlink_to("nowhere.jpg")
    (passed,) = bench.take_in().not_looked
    assert passed.path.name == "gone.jpg"
    assert "does not exist" in passed.reason


def test_a_link_out_of_the_folder_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"x")
    bench.put("a.jpg")
    (bench.folder / "way").symlink_to(outside)
    (bench.folder / "b.jpg").symlink_to(outside / "secret.jpg")
    arrivals = bench.take_in()
    assert bench.names(arrivals) == ["a.jpg"]
    assert [each.path.name for each in arrivals.not_looked] == ["b.jpg"]


def test_a_folder_named_like_a_picture_is_looked_into(bench: Bench) -> None:
    bench.put("x.jpg/inside.jpg")
    assert bench.names(bench.take_in()) == ["inside.jpg"]


def test_a_pipe_named_like_a_picture_does_not_hang_the_scan(bench: Bench) -> None:
    bench.put("a.jpg")
    os.mkfifo(bench.folder / "pipe.jpg")
    arrivals = bench.take_in()
    assert bench.names(arrivals) == ["a.jpg"]
    assert "pipe" in arrivals.not_looked[0].reason


@pytest.mark.parametrize("raw", [b"caf\xe9.jpg", "\U0001f4f7.jpg".encode(), b"a\nb.jpg", b"-rf '\".jpg"])
def test_odd_names_survive_the_catalog(bench: Bench, raw: bytes) -> None:
    bench.folder.mkdir()
    path = bench.folder / os.fsdecode(raw)
    path.write_bytes(b"x")
    os.utime(path, (OLD_S, OLD_S))
    bench.take_in()
    assert [
        bytes(frame.path.name, "utf-8", "surrogateescape")
        for frame in bench.store.catalog.frames(bench.take_in().frames)
    ] == [raw]


def test_a_missing_folder_is_said_in_one_sentence(bench: Bench) -> None:
    with pytest.raises(FolderError, match="There is no folder"):
        bench.take_in()


def test_a_file_given_as_a_folder_is_said(bench: Bench) -> None:
    bench.folder = bench.put("a.jpg")
    with pytest.raises(FolderError, match="is a file"):
        bench.take_in()
