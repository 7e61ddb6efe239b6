"""Importing a card, with real files: what is copied, where to, what is skipped, and what is never touched."""

import os
from pathlib import Path

import pytest

from safelight.domain.frame import CaptureFacts, FoundFile, Role
from safelight.errors import CardGone, CopyFailed, NoRoom, TargetUnusable
from safelight.storage.cards import SqliteImports
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.watching.identity import ContentIdentifier
from safelight.watching.scan import DiskScanner
from tests.fakes import cards
from tests.fakes.cards import DAY, Importing, contents, fill, jpeg, noise, raw, traces, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty card."""
    (tmp_path / "card" / "DCIM").mkdir(parents=True)
    return tmp_path / "card"


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path / "Pictures")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_frames_go_where_the_template_says_with_every_byte_and_their_times(root, importing):
    sources = fill(root, frames=3)
    done = importing.step(root)
    assert names(importing.folder) == sorted(f"{DAY}/{path.name}" for path in sources)
    for source in sources:
        copy = importing.folder / DAY / source.name
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert (done.frames, done.copied, done.skipped, done.failed, done.trouble) == (3, 6, 0, (), None)
    assert done.whole
    assert done.bytes == sum(path.stat().st_size for path in sources)
    assert done.folders == (importing.folder / DAY,)


def test_the_card_is_left_untouched(root, importing):
    fill(root)
    bytes_before = contents(root)
    before = traces(root)
    done = importing.step(root)
    assert done.copied == 6
    assert traces(root) == before
    assert contents(root) == bytes_before


def test_each_frame_is_told_when_all_of_its_files_are_there(root, importing):
    fill(root, frames=2)
    seen = []

    def arrived(paths):
        seen.append([(path.name, path.stat().st_size > 0) for path in paths])

    importing.arrived = type("Told", (), {"append": staticmethod(arrived)})()
    importing.step(root)
    assert seen == [[(f"IMG_000{n}.JPG", True), (f"IMG_000{n}.CR2", True)] for n in (1, 2)]


def test_companions_share_folder_and_stem_with_their_frame(root, importing):
    folder = root / "DCIM/100CANON"
    write(folder / "IMG_0001.JPG", jpeg(1))
    write(folder / "IMG_0001.CR2", raw(1, taken=None, camera=None))
    write(folder / "IMG_0001.WAV", noise(1, 500), mtime_s=1_600_000_000)
    write(folder / "IMG_0001.CR2.xmp", b"<x/>", mtime_s=1_600_000_000)
    write(folder / "img_0001.thm", noise(2, 100))
    importing.step(root)
    assert names(importing.folder) == sorted(
        f"{DAY}/{name}" for name in ("IMG_0001.JPG", "IMG_0001.CR2", "IMG_0001.WAV", "IMG_0001.CR2.xmp", "IMG_0001.thm")
    )
    assert [len(paths) for paths in importing.arrived] == [5]


def test_films_are_copied_last_into_the_folder_of_the_only_camera_and_are_no_arrivals(root, importing):
    fill(root, frames=1, raws=False)
    write(root / "DCIM/100CANON/AAA_0001.MP4", noise(1, 9000), mtime_s=1_777_600_000)
    write(root / "PRIVATE/M4ROOT/CLIP/C0001.MP4", noise(2, 9000), mtime_s=1_777_600_000)
    write(root / "PRIVATE/M4ROOT/CLIP/C0001M01.XML", noise(3, 50), mtime_s=1_777_600_000)
    write(root / "PRIVATE/M4ROOT/THMBNL/C0001T01.JPG", jpeg(9))
    done = importing.step(root)
    assert names(importing.folder) == [
        f"{DAY}/AAA_0001.MP4",
        f"{DAY}/C0001.MP4",
        f"{DAY}/C0001M01.XML",
        f"{DAY}/IMG_0001.JPG",
    ]
    assert [[path.name for path in paths] for paths in importing.arrived] == [["IMG_0001.JPG"]]
    assert (done.frames, done.films, done.by_file_time) == (1, 2, 2)


def test_a_film_finds_its_camera_when_the_pictures_were_imported_before(root, importing):
    fill(root, frames=2)
    importing.step(root)
    write(root / "DCIM/100CANON/MVI_0009.MP4", noise(1, 9000), mtime_s=1_777_600_000)
    importing.step(root)
    assert (importing.folder / DAY / "MVI_0009.MP4").exists()


def test_on_a_card_of_two_cameras_a_film_is_nobodys(root, importing):
    fill(root, frames=1)
    write(root / "DCIM/101OTHER/P1.JPG", jpeg(2, camera="DC-G9"))
    write(root / "DCIM/101OTHER/MVI_0009.MP4", noise(1, 9000), mtime_s=1_777_600_000)
    importing.step(root)
    assert (importing.folder / "2026/2026-05-01 Unknown camera/MVI_0009.MP4").exists()


def test_what_was_imported_before_is_skipped_even_when_it_was_renamed(root, importing):
    sources = fill(root)
    importing.step(root)
    for number, path in enumerate(sources):
        path.rename(path.with_name(f"RENAMED{number // 2}{path.suffix}"))
    before = names(importing.folder)
    done = importing.step(root)
    assert (done.copied, done.skipped) == (0, 6)
    assert done.whole
    assert names(importing.folder) == before


def test_what_the_person_deleted_after_the_import_does_not_come_back(root, importing):
    fill(root)
    importing.step(root)
    (importing.folder / DAY / "IMG_0002.JPG").unlink()
    done = importing.step(root)
    assert done.copied == 0
    assert not (importing.folder / DAY / "IMG_0002.JPG").exists()


def test_another_picture_of_the_same_name_is_imported_after_the_counter_started_again(root, importing):
    first = fill(root, frames=1)
    importing.step(root)
    for path, made in zip(first, (jpeg(77), raw(77)), strict=True):
        write(path, made)  # the very same name, size and time
    done = importing.step(root)
    assert (done.copied, done.skipped) == (2, 0)
    assert names(importing.folder) == [
        f"{DAY}/IMG_0001 (2).CR2",
        f"{DAY}/IMG_0001 (2).JPG",
        f"{DAY}/IMG_0001.CR2",
        f"{DAY}/IMG_0001.JPG",
    ]


def test_a_name_that_another_file_has_is_never_overwritten(root, importing):
    fill(root, frames=1)
    theirs = write(importing.folder / DAY / "IMG_0001.CR2", b"a person's own")
    importing.step(root)
    assert theirs.read_bytes() == b"a person's own"
    assert names(importing.folder) == [f"{DAY}/IMG_0001 (2).CR2", f"{DAY}/IMG_0001 (2).JPG", f"{DAY}/IMG_0001.CR2"]


def test_a_frame_does_not_pair_with_a_stranger_of_its_stem(root, importing):
    fill(root, frames=1, raws=False)
    write(importing.folder / DAY / "IMG_0001.NEF", b"of another camera")
    importing.step(root)
    assert names(importing.folder) == [f"{DAY}/IMG_0001 (2).JPG", f"{DAY}/IMG_0001.NEF"]


def test_a_link_in_the_place_of_a_name_is_not_written_through(root, importing, tmp_path):
    fill(root, frames=1, raws=False)
    victim = write(tmp_path / "victim", b"precious")
    (importing.folder / DAY).mkdir(parents=True)
    (importing.folder / DAY / "IMG_0001.JPG").symlink_to(victim)
    importing.step(root)
    assert victim.read_bytes() == b"precious"
    assert (importing.folder / DAY / "IMG_0001 (2).JPG").read_bytes() == jpeg(1)


def test_frames_of_one_name_in_two_folders_of_the_card_stay_apart(root, importing):
    fill(root, frames=1)
    write(root / "DCIM/101CANON/IMG_0001.JPG", jpeg(50))
    write(root / "DCIM/101CANON/IMG_0001.CR2", raw(50))
    importing.step(root)
    folder = importing.folder / DAY
    assert (folder / "IMG_0001.JPG").read_bytes() == jpeg(1)
    assert (folder / "IMG_0001.CR2").read_bytes() == raw(1)
    assert (folder / "IMG_0001 (2).JPG").read_bytes() == jpeg(50)
    assert (folder / "IMG_0001 (2).CR2").read_bytes() == raw(50)


def test_what_a_person_copied_there_by_hand_is_taken_for_done(root, importing):
    sources = fill(root, frames=2)
    for source in sources:
        write(importing.folder / DAY / source.name, source.read_bytes())
    inodes = {path.name: path.stat().st_ino for path in (importing.folder / DAY).iterdir()}
    done = importing.step(root)
    assert done.bytes == 0
    assert {path.name: path.stat().st_ino for path in (importing.folder / DAY).iterdir()} == inodes
    assert importing.step(root).skipped == 4


def test_what_the_library_has_by_another_importer_is_not_copied_again(root, importing, tmp_path):
    sources = fill(root, frames=2)
    database = open_database(":memory:")
    store, importing.imports = SqliteStore(database), SqliteImports(database=database)
    elsewhere = write(tmp_path / "library" / "wedding.jpg", sources[0].read_bytes())
    with store.transaction():
        for path in (elsewhere, sources[2]):  # the second one is known where it lies: on the card itself
            found = FoundFile(path, Role.IMAGE, DiskScanner().look(path))
            content = ContentIdentifier().content(path)
            store.catalog.put_file(found, frame_id=store.catalog.add_frame(path, arrived_s=0.0), content=content)
    done = importing.step(root)
    assert (done.copied, done.skipped) == (3, 1)
    assert names(importing.folder) == [f"{DAY}/IMG_0001.CR2", f"{DAY}/IMG_0002.CR2", f"{DAY}/IMG_0002.JPG"]


def test_a_late_companion_goes_to_the_name_that_its_frame_got(root, importing):
    write(importing.folder / DAY / "IMG_0001.JPG", b"a stranger")
    fill(root, frames=1, raws=False)
    importing.step(root)
    write(root / "DCIM/100CANON/IMG_0001.WAV", noise(1, 500))
    done = importing.step(root)
    assert done.copied == 1
    assert names(importing.folder) == [
        f"{DAY}/IMG_0001 (2).JPG",
        f"{DAY}/IMG_0001 (2).WAV",
        f"{DAY}/IMG_0001.JPG",
    ]


def test_a_frame_without_a_date_goes_by_the_time_of_its_file_and_that_is_said(root, importing):
    write(root / "DCIM/100X/A1.JPG", jpeg(1, taken=None), mtime_s=1_700_000_000)
    write(root / "DCIM/100X/A2.JPG", jpeg(2, taken="0000:00:00 00:00:00"), mtime_s=1_700_000_000)
    done = importing.step(root)
    assert names(importing.folder) == [
        "2023/2023-11-14 Unknown camera/A1.JPG",
        "2023/2023-11-14 Unknown camera/A2.JPG",
    ]
    assert (done.by_file_time, done.by_import_day) == (2, 0)


def test_a_camera_whose_clock_was_never_set_gives_the_day_of_the_import(root, importing):
    write(
        root / "DCIM/100X/A1.JPG", jpeg(1, taken="    :  :     :  :  "), mtime_s=315_532_800
    )  # 1980-01-01, FAT's first
    done = importing.step(root)
    assert names(importing.folder) == ["2027/2027-01-15 Unknown camera/A1.JPG"]
    assert (done.by_file_time, done.by_import_day) == (0, 1)


def test_the_second_reader_is_asked_only_for_what_the_first_did_not_tell(root, importing):
    fill(root, frames=2, raws=False)
    write(root / "DCIM/100CANON/IMG_0003.HEIC", noise(3, 4000))
    slow = cards.SlowReader({"IMG_0003.HEIC": CaptureFacts(taken_s=1_777_000_000.0, camera="iPhone 15")})
    importing.readers = (*importing.readers, slow)
    importing.step(root)
    assert set(slow.asked) == {"IMG_0003.HEIC"}
    assert (importing.folder / "2026/2026-04-24 iPhone 15/IMG_0003.HEIC").exists()


def test_a_bad_field_of_the_camera_cannot_leave_the_import_folder(root, importing):
    write(root / "DCIM/100X/A1.JPG", jpeg(1, camera="../../../etc/x"))
    write(root / "DCIM/100X/A2.JPG", jpeg(2, camera="....."))
    importing.step(root)
    assert names(importing.folder) == ["2026/2026-05-01 Unknown camera/A2.JPG", "2026/2026-05-01 _.._.._etc_x/A1.JPG"]
    assert sorted(path.name for path in importing.folder.parent.iterdir()) == ["Pictures", "card"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"caf\xe9.JPG", id="not UTF-8"),
        pytest.param(b"two\nlines.JPG", id="newline"),
        pytest.param(b"<b>&amp;%n{name}.JPG", id="markup and braces"),
        pytest.param(b"x" * 251 + b".JPG", id="255 bytes"),
        pytest.param(b"-rf --help.JPG", id="dashes"),
        pytest.param("日本語 🎞.JPG".encode(), id="wide letters"),
    ],
)
def test_odd_names_are_copied(root, importing, name):
    folder = root / "DCIM/100X"
    folder.mkdir()
    for extension in (b".JPG", b".CR2"):
        source = os.path.join(os.fsencode(folder), name.replace(b".JPG", extension))
        Path(os.fsdecode(source)).write_bytes(jpeg(1) if extension == b".JPG" else raw(1))
    done = importing.step(root)
    assert (done.failed, done.copied) == ((), 2)
    kept = [os.fsencode(path.name) for path in sorted((importing.folder / DAY).iterdir())]
    wanted = name.replace(b"\n", b"_")
    assert kept == sorted([wanted, wanted.replace(b".JPG", b".CR2")])
    assert importing.step(root).skipped == 2


def test_the_longest_name_leaves_room_for_a_number(root, importing):
    name = "é" * 125 + "x.JPG"
    for folder in ("100X", "101X"):
        write(root / "DCIM" / folder / name, jpeg(int(folder[:3])))
    done = importing.step(root)
    assert (done.failed, done.copied) == ((), 2)
    assert names(importing.folder) == sorted([f"{DAY}/{name}", f"{DAY}/{'é' * 123} (2).JPG"])


def test_links_and_pipes_on_a_card_are_left_and_said(root, importing, tmp_path):
    fill(root, frames=1, raws=False)
    secret = write(tmp_path / "secret.jpg", jpeg(9))
    (root / "DCIM/100CANON/IMG_0002.JPG").symlink_to(secret)
    os.mkfifo(root / "DCIM/100CANON/IMG_0003.JPG")
    (root / "DCIM/200LINK").symlink_to(tmp_path)
    done = importing.step(root)
    assert names(importing.folder) == [f"{DAY}/IMG_0001.JPG"]
    assert sorted(failed.path.name for failed in done.failed) == ["IMG_0002.JPG", "IMG_0003.JPG"]
    assert not done.whole


def test_files_that_belong_to_nothing_are_left_and_named(root, importing):
    fill(root, frames=1)
    write(root / "DCIM/CANONMSC/M0100.CTG", noise(1, 50))
    write(root / "DCIM/100CANON/._IMG_0001.JPG", noise(1, 50))
    write(root / "NIKON001.DSC", noise(1, 50))
    done = importing.step(root)
    assert [path.name for path in done.left] == ["M0100.CTG"]
    assert done.copied == 2
    assert done.whole


def test_a_second_copy_of_everything_is_verified_beside_the_first(root, importing, tmp_path):
    importing.backup = tmp_path / "Backup"
    fill(root)
    done = importing.step(root)
    assert contents(importing.backup) == contents(importing.folder)
    assert len(contents(importing.backup)) == 6
    assert (done.without_backup, done.backup_trouble) == (0, None)


def test_a_backup_folder_that_is_not_there_costs_only_the_second_copies_and_they_follow(root, importing, tmp_path):
    fill(root, frames=2)
    importing.folder.mkdir()
    importing.backup = tmp_path / "Backup"
    done = importing.again(cards.card(root))
    assert (done.copied, done.without_backup, done.trouble) == (4, 4, None)
    assert isinstance(done.backup_trouble, TargetUnusable)
    assert not done.whole
    done = importing.step(root)  # which makes the folder
    assert (done.copied, done.without_backup, done.whole) == (0, 0, True)
    assert contents(importing.backup) == contents(importing.folder)
    assert len(contents(importing.backup)) == 4


def test_a_backup_that_was_not_wanted_at_the_import_is_not_made_later(root, importing, tmp_path):
    fill(root, frames=1)
    importing.step(root)
    importing.backup = tmp_path / "Backup"
    assert importing.step(root).skipped == 2
    assert contents(importing.backup) == {}


def test_an_import_folder_that_is_not_there_is_not_made(root, importing):
    fill(root, frames=1)
    done = importing.again(cards.card(root))
    assert isinstance(done.trouble, TargetUnusable)
    assert not importing.folder.exists()


class TightCopier(cards.VerifiedCopier):
    """A copier on disks with little room."""

    def __init__(self, free: int, total: int = 10**12) -> None:
        super().__init__()
        self.free, self.total = free, total

    def room(self, folder):
        room = super().room(folder)
        return type(room)(room.device, self.free, self.total, room.block)


@pytest.mark.parametrize(
    ("spare", "backup", "copied", "seconds_missing"),
    [
        pytest.param(6 * 12_288, False, 6, 0, id="it just fits"),
        pytest.param(6 * 12_288 - 30_000, False, 0, 0, id="it does not"),
        pytest.param(12 * 12_288, True, 6, 0, id="twice fits"),
        pytest.param(7 * 12_288, True, 6, 6, id="only once fits"),
    ],
)
def test_room_is_checked_first_for_both_copies_and_a_reserve(
    root, importing, tmp_path, spare, backup, copied, seconds_missing
):
    fill(root)
    importing.copier = TightCopier((1 << 30) + spare)
    importing.backup = tmp_path / "Backup" if backup else None
    done = importing.step(root)
    assert (done.copied, done.without_backup) == (copied, seconds_missing)
    assert len(names(importing.folder)) == copied
    if not copied:
        assert isinstance(done.trouble, NoRoom)
        assert "to spare" in done.trouble.summary
        assert importing.arrived == []


def test_stopping_ends_between_bytes_and_leaves_whole_frames_only(root, importing):
    fill(root, frames=4)
    importing.arrived = type("Told", (), {"append": staticmethod(lambda paths: setattr(importing, "stopped", True))})()
    done = importing.step(root)
    assert done.stopped
    assert done.trouble is None
    assert names(importing.folder) == [f"{DAY}/IMG_0001.CR2", f"{DAY}/IMG_0001.JPG"]
    importing.stopped = False
    importing.arrived = []
    assert importing.step(root).copied == 6


def test_progress_counts_files_and_bytes(root, importing):
    sources = fill(root, frames=2)
    importing.step(root)
    total = sum(path.stat().st_size for path in sources)
    assert [(told.files, told.of_files, told.of_bytes) for told in importing.told] == [(n, 4, total) for n in (0, 2, 4)]
    assert importing.told[-1].bytes == total


class FailingCopier(cards.VerifiedCopier):
    """A copier that fails for some names."""

    def __init__(self, *bad: str) -> None:
        super().__init__()
        self.bad = bad

    def copy(self, source, folder, *, stop):
        if source.name in self.bad:
            raise CopyFailed("The card cannot read this file.", path=source)
        return super().copy(source, folder, stop=stop)


def test_a_bad_file_costs_itself_and_is_tried_again_beside_its_frame(root, importing):
    fill(root, frames=2)
    importing.copier = FailingCopier("IMG_0001.CR2")
    done = importing.step(root)
    assert (done.copied, [failed.path.name for failed in done.failed], done.whole) == (3, ["IMG_0001.CR2"], False)
    moved = importing.folder / "Wedding"
    (importing.folder / DAY).rename(moved)
    importing.copier = FailingCopier()
    done = importing.step(root)
    assert (done.copied, done.whole) == (1, True)
    assert (importing.folder / DAY / "IMG_0001.CR2").exists()  # its frame was moved away: by the template


def test_one_bad_card_file_does_not_end_the_import_of_a_name_that_vanished(root, importing):
    sources = fill(root, frames=3, raws=False)

    class Deleting(cards.VerifiedCopier):
        def copy(self, source, folder, *, stop):
            sources[1].unlink(missing_ok=True)  # another program deletes on the card
            return super().copy(source, folder, stop=stop)

    importing.copier = Deleting()
    done = importing.step(root)
    assert done.copied == 2
    assert [failed.path.name for failed in done.failed] == ["IMG_0002.JPG"]
    assert done.trouble is None


def test_names_that_differ_only_in_case_are_taken_for_taken(root, importing):
    fill(root, frames=1, raws=False)
    write(importing.folder / DAY / "img_0001.jpg", b"another")
    importing.step(root)
    assert names(importing.folder) == [f"{DAY}/IMG_0001 (2).JPG", f"{DAY}/img_0001.jpg"]


def test_a_name_taken_at_the_last_moment_is_evaded(root, importing):
    fill(root, frames=1, raws=False)

    class Raced(cards.VerifiedCopier):
        def copy(self, source, folder, *, stop):
            made = super().copy(source, folder, stop=stop)
            (folder / source.name).write_bytes(b"another program was faster")
            return made

    importing.copier = Raced()
    assert importing.step(root).copied == 1
    assert (importing.folder / DAY / "IMG_0001.JPG").read_bytes() == b"another program was faster"
    assert (importing.folder / DAY / "IMG_0001 (2).JPG").read_bytes() == jpeg(1)


def test_a_stem_that_another_card_is_about_to_take_is_left_to_it(root, importing):
    fill(root, frames=1)
    assert importing.underway.claim(importing.folder / DAY, "img_0001")
    importing.step(root)
    assert names(importing.folder) == [f"{DAY}/IMG_0001 (2).CR2", f"{DAY}/IMG_0001 (2).JPG"]
    importing.underway.release(importing.folder / DAY, "IMG_0001")
    fill(root, frames=1, folder="101CANON", raws=False)
    write(root / "DCIM/101CANON/IMG_0001.JPG", jpeg(60))
    importing.step(root)
    assert (importing.folder / DAY / "IMG_0001.JPG").read_bytes() == jpeg(60)


def test_a_card_that_is_pulled_before_a_file_is_opened_is_no_bad_file(root, importing):
    fill(root, frames=2)

    class Pulled(cards.VerifiedCopier):
        def copy(self, source, folder, *, stop):
            if source.name == "IMG_0002.JPG":
                root.rename(root.with_name("in the pocket"))
            return super().copy(source, folder, stop=stop)

    importing.copier = Pulled()
    done = importing.step(root)
    assert isinstance(done.trouble, CardGone)
    assert (done.copied, done.failed) == (2, ())
    assert names(importing.folder) == [f"{DAY}/IMG_0001.CR2", f"{DAY}/IMG_0001.JPG"]
