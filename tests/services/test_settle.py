"""When what was noticed is certain: every way in which files arrive, in a time that a test moves."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.frame import FileStamp
from safelight.domain.stability import LONG_AGO_S, OPEN_CAP_S, REST_S, UNTOLD_QUIET_S
from safelight.ports.watching import Hint, Noticed
from safelight.services.settle import Settle, Settled
from tests.fakes.clock import FakeClock

FOLDER = Path("/photos/2024")
FILE = FOLDER / "IMG_0001.CR3"
BEFORE = {FOLDER: frozenset({FILE})}


class Disk:
    """A Scanner's look and a Writers, over files that are told to be there."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.files: dict[Path, FileStamp] = {}
        self.open: set[Path] = set()
        self.knows = True
        self.looks = 0

    def put(self, path: Path, size: int = 1, *, age_s: float = 0.0, held: bool = False, inode: int = 1) -> None:
        self.files[path] = FileStamp(size, int((self._clock.now() - age_s) * 1e9), inode, 1)
        (self.open.add if held else self.open.discard)(path)

    def take_away(self, path: Path) -> None:
        self.files.pop(path, None)

    def look(self, path: Path) -> FileStamp | None:
        self.looks += 1
        return self.files.get(path)

    def scan(self, folder: Path):
        raise AssertionError("settling scans nothing")

    def root(self, folder: Path) -> Path:
        raise AssertionError("settling scans nothing")

    def writing(self, path: Path) -> bool | None:
        return path in self.open if self.knows else None


class Room:
    def __init__(self, **options: object) -> None:
        self.clock = FakeClock()
        self.disk = Disk(self.clock)
        self.settle = Settle(scanner=self.disk, clock=self.clock, writers=self.disk, **options)  # type: ignore[arg-type]
        self.settled: list[Settled] = []

    def say(self, hint: Hint, path: Path = FILE) -> None:
        self.settle.take(Noticed(path, hint, self.clock.now()))
        self.step()

    def step(self) -> None:
        if settled := self.settle.step():
            self.settled.append(settled)

    def wait(self, seconds: float) -> None:
        """Let time pass, stepping whenever something is due."""
        end_s = self.clock.now() + seconds
        while (due_s := self.settle.due_s()) is not None and due_s <= end_s:
            self.clock.sleep(max(due_s - self.clock.now(), 0.0))
            self.step()
        self.clock.sleep(max(end_s - self.clock.now(), 0.0))

    @property
    def written(self) -> list[Path]:
        return [path for each in self.settled for files in each.written.values() for path in files]

    @property
    def gone(self) -> list[Path]:
        return [path for each in self.settled for files in each.gone.values() for path in files]


def test_a_closed_file_settles_in_well_under_a_second():
    room = Room()
    room.disk.put(FILE)
    room.say(Hint.STARTED)
    room.say(Hint.CLOSED)
    assert room.settle.busy() == {FOLDER}
    room.wait(0.5)
    assert [each.written for each in room.settled] == [BEFORE]
    assert room.settle.busy() == frozenset()
    assert room.settle.due_s() is None


def test_a_file_that_a_program_gives_its_time_after_closing_settles_with_that_time():
    room = Room()
    room.disk.put(FILE)
    room.say(Hint.CLOSED)
    room.wait(REST_S / 2)
    room.disk.put(FILE, age_s=86_400)
    room.wait(REST_S)
    assert room.written == []
    room.wait(REST_S)
    assert room.written == [FILE]


def test_a_copy_that_pauses_for_a_minute_is_not_settled_by_the_pause():
    room = Room()
    room.disk.put(FILE, 100, held=True)
    room.say(Hint.STARTED)
    for size in (200, 300):
        room.wait(60)
        room.disk.put(FILE, size, held=True)
    room.wait(60)
    assert room.written == []
    assert room.settle.busy() == {FOLDER}
    room.disk.put(FILE, 400)
    room.say(Hint.CLOSED)
    room.wait(1)
    assert room.written == [FILE]


def test_a_copy_that_pauses_for_a_minute_where_nobody_tells_of_a_closing():
    room = Room()
    room.disk.knows = False
    for size in (100, 200, 300):
        room.disk.put(FILE, size)
        room.say(Hint.STARTED)  # of a timed scan
        room.wait(60)
    assert room.written == []
    room.wait(UNTOLD_QUIET_S)
    assert room.written == [FILE]


def test_a_file_held_open_for_ever_settles_at_the_cap():
    room = Room()
    room.disk.put(FILE, held=True)
    room.say(Hint.STARTED)
    room.wait(OPEN_CAP_S - 1)
    assert room.written == []
    room.wait(2)
    assert room.written == [FILE]
    assert room.disk.looks < 12  # and it was not asked about all the time


def test_a_file_closed_by_one_program_and_held_open_by_another_waits_for_both():
    room = Room()
    room.disk.put(FILE, held=True)
    room.say(Hint.CLOSED)
    room.wait(30)
    assert room.written == []
    room.disk.put(FILE, 2)
    room.say(Hint.CLOSED)
    room.wait(1)
    assert room.written == [FILE]


def test_a_file_closed_before_its_folder_was_watched_settles_at_once():
    room = Room()
    room.disk.put(FILE)
    room.say(Hint.STARTED)
    room.wait(0.5)
    assert room.written == [FILE]


def test_a_preallocated_file_filled_later_settles_when_it_is_full():
    room = Room()
    room.disk.put(FILE, 40_000_000, held=True)  # its whole size from the beginning
    room.say(Hint.STARTED)
    room.wait(45)
    room.disk.put(FILE, 40_000_000, held=True)  # filled: the same size, another time
    room.wait(45)
    assert room.written == []
    room.disk.put(FILE, 40_000_000)
    room.say(Hint.CLOSED)
    room.wait(1)
    assert room.written == [FILE]


def test_a_two_gigabyte_file_over_a_slow_link_settles_at_its_end():
    room = Room()
    for part in range(1, 257):  # 8 MB every 4 s
        room.disk.put(FILE, part * 8 << 20, held=True)
        if part == 1:
            room.say(Hint.STARTED)
        room.wait(4)
    assert room.written == []
    assert room.disk.looks < 40
    room.disk.put(FILE, 2 << 30)
    room.say(Hint.CLOSED)
    room.wait(1)
    assert room.written == [FILE]


def test_a_slow_link_where_nobody_tells_of_a_closing():
    room = Room()
    room.disk.knows = False
    for part in range(1, 257):
        room.disk.put(FILE, part * 8 << 20)
        if part % 15 == 1:
            room.say(Hint.STARTED)  # a timed scan each minute
        room.wait(4)
        assert room.written == []
    room.wait(UNTOLD_QUIET_S + 30)
    assert room.written == [FILE]


def test_an_atomic_rename_is_one_arrival():
    room = Room()
    room.disk.put(FILE)
    room.say(Hint.STARTED, FOLDER / "IMG_0001.CR3.tmp")
    room.say(Hint.CLOSED, FOLDER / "IMG_0001.CR3.tmp")
    room.say(Hint.GONE, FOLDER / "IMG_0001.CR3.tmp")
    room.say(Hint.ARRIVED)
    room.wait(1)
    assert room.written == [FILE]
    assert room.gone == []


def test_rsyncs_temporary_names_are_nobodys():
    room = Room()
    temporary = FOLDER / ".IMG_0001.CR3.Xy12Zz"
    room.disk.put(temporary)
    for hint in (Hint.STARTED, Hint.CLOSED, Hint.GONE):
        room.say(hint, temporary)
    assert room.settle.due_s() is None
    room.disk.put(FILE, age_s=86_400)
    room.say(Hint.ARRIVED)
    room.wait(1)
    assert room.written == [FILE]


def test_a_backup_save_as_vim_makes_it_is_no_deletion():
    room = Room()
    sidecar = FOLDER / "IMG_0001.xmp"
    room.disk.put(sidecar)
    room.disk.take_away(sidecar)
    room.say(Hint.GONE, sidecar)
    room.say(Hint.ARRIVED, FOLDER / "IMG_0001.xmp~")
    room.disk.put(sidecar, 2, inode=2)
    room.say(Hint.STARTED, sidecar)
    room.say(Hint.CLOSED, sidecar)
    room.say(Hint.GONE, FOLDER / "IMG_0001.xmp~")
    room.wait(1)
    assert room.written == [sidecar]
    assert room.gone == []


def test_a_file_is_gone_when_a_fresh_look_agrees():
    room = Room()
    room.say(Hint.GONE)
    assert room.settle.busy() == frozenset()
    room.wait(1)
    assert [each.gone for each in room.settled] == [BEFORE]


def test_a_file_that_is_there_again_is_not_gone():
    room = Room()
    room.say(Hint.GONE)
    room.wait(REST_S / 2)
    room.disk.put(FILE)
    room.wait(2)
    assert room.gone == []
    assert room.written == [FILE]


def test_a_hard_link_tells_no_closing_and_settles_soon():
    for knows in (True, False):
        room = Room()
        room.disk.knows = knows
        room.disk.put(FILE, age_s=LONG_AGO_S + 1)
        room.say(Hint.STARTED)
        room.wait(1)
        assert room.written == [FILE]


def test_folders_that_came_and_went_are_told_by_their_tops():
    room = Room()
    for name in ("a/b", "a", "c/d"):
        room.say(Hint.FOLDER, FOLDER / name)
    for name in ("e", "e/f", "g"):
        room.say(Hint.FOLDER_GONE, FOLDER / name)
    room.say(Hint.FOLDER, FOLDER / "g")  # another in its place
    room.wait(1)
    (settled,) = room.settled
    assert settled.folders == (FOLDER / "a", FOLDER / "c/d", FOLDER / "g")
    assert settled.lost_folders == (FOLDER / "e",)


def test_settings_of_capture_one_belong_to_the_folder_of_the_pictures():
    room = Room()
    settings = FOLDER / "CaptureOne/Settings131/IMG_0001.CR3.cos"
    room.disk.put(settings)
    room.say(Hint.CLOSED, settings)
    room.wait(1)
    assert room.settled[0].written == {FOLDER: frozenset({settings})}


def test_a_clock_that_is_set_back_holds_nothing_up():
    room = Room()
    room.disk.put(FILE)
    room.say(Hint.CLOSED)
    room.clock.sleep(-7200)
    assert room.settle.due_s() == room.clock.now()
    room.wait(1)
    assert room.written == [FILE]


def test_a_hint_from_before_the_clock_was_set_back_is_due_now():
    room = Room()
    room.disk.put(FILE)
    noticed = Noticed(FILE, Hint.CLOSED, room.clock.now() + 7200)
    room.settle.take(noticed)
    room.wait(1)
    assert room.written == [FILE]


def test_a_clock_that_jumps_ahead_settles_no_file_that_is_still_being_copied():
    room = Room()
    room.disk.knows = False
    room.disk.put(FILE)
    room.say(Hint.STARTED)
    room.wait(30)
    room.clock.sleep(86_400)
    room.step()
    room.wait(30)
    assert room.written == []


def test_a_storm_is_held_in_bounded_room_and_its_folder_scanned():
    room = Room(most=1000)
    for number in range(50_000):
        room.settle.take(Noticed(FOLDER / f"{number % 3}/{number}.jpg", Hint.CLOSED, room.clock.now()))
    assert len(room.settle._files) <= 1000
    room.wait(1)
    assert {folder for each in room.settled for folder in each.folders} == {FOLDER / f"{number}" for number in range(3)}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.floats(0.01, 40.0)),
            st.tuples(st.just("write"), st.booleans()),
            st.tuples(st.just("take away"), st.just(0)),
            st.tuples(st.just("hint"), st.sampled_from([Hint.STARTED, Hint.CLOSED, Hint.ARRIVED, Hint.GONE])),
        ),
        max_size=30,
    )
)
def test_whatever_happens_the_last_word_is_what_is_there(steps):
    room, size = Room(), 1
    for what, value in steps:
        if what == "wait":
            room.wait(value)
        elif what == "write":
            size += 1
            room.disk.put(FILE, size, held=bool(value))
            room.settle.take(Noticed(FILE, Hint.STARTED, room.clock.now()))
        elif what == "take away":
            room.disk.take_away(FILE)
            room.settle.take(Noticed(FILE, Hint.GONE, room.clock.now()))
        else:
            room.settle.take(Noticed(FILE, value, room.clock.now()))
    noticed = any(what != "wait" for what, _ in steps)
    room.wait(2 * OPEN_CAP_S)
    assert room.settle.due_s() is None
    if noticed:
        last = room.settled[-1]
        assert bool(last.written) is (FILE in room.disk.files)
        assert bool(last.gone) is (FILE not in room.disk.files)
