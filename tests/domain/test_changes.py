"""What happened to each path, whatever way the events came."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.changes import Appeared, Change, Modified, Moved, Vanished, differences, fold
from safelight.domain.frame import FileStamp


def stamp(number: int) -> FileStamp:
    return FileStamp(size=100 + number, mtime_ns=number, inode=number, device=1)


A, B, C = Path("/p/a.jpg"), Path("/p/b.jpg"), Path("/p/c.jpg")


def test_a_file_that_comes_and_goes_leaves_nothing() -> None:
    assert fold([Appeared(A, stamp(1)), Vanished(A, stamp(1))]) == ()


def test_a_save_by_rename_is_one_modification() -> None:
    swap = Path("/p/a.jpg.new")
    events = [Appeared(swap, stamp(2)), Vanished(A, stamp(1)), Moved(swap, A, stamp(2))]
    assert fold(events) == (Modified(A, stamp(2)),)


def test_a_deletion_and_an_appearance_of_the_same_inode_are_one_move() -> None:
    assert fold([Vanished(A, stamp(1)), Appeared(B, stamp(1))]) == (Moved(A, B, stamp(1)),)


def test_a_reused_inode_with_another_size_is_not_a_move() -> None:
    reused = FileStamp(size=999, mtime_ns=7, inode=1, device=1)
    assert fold([Vanished(A, stamp(1)), Appeared(B, reused)]) == (Appeared(B, reused), Vanished(A, stamp(1)))


def test_deletions_are_told_last() -> None:
    changes = fold([Vanished(C, stamp(3)), Appeared(A, stamp(1)), Modified(B, stamp(2))])
    assert [type(change) for change in changes] == [Appeared, Modified, Vanished]


def test_a_file_that_vanishes_and_comes_back_unchanged_is_no_change() -> None:
    assert fold([Vanished(A, stamp(1)), Appeared(A, stamp(1))]) == ()


FOLDERS = st.dictionaries(st.sampled_from([A, B, C]), st.integers(0, 2).map(stamp))


def applied(before: dict[Path, FileStamp], changes: tuple[Change, ...]) -> dict[Path, FileStamp]:
    now = dict(before)
    for change in changes:
        if isinstance(change, Vanished):
            del now[change.path]
        elif isinstance(change, Moved):
            now.pop(change.source, None)
            now[change.path] = change.stamp
        else:
            now[change.path] = change.stamp
    return now


@given(FOLDERS, FOLDERS)
def test_differences_lead_from_the_one_folder_to_the_other(
    before: dict[Path, FileStamp], after: dict[Path, FileStamp]
) -> None:
    changes = differences(before, after)
    assert applied(before, changes) == after
    paths = [change.path for change in changes]
    assert len(paths) == len(set(paths))


@given(FOLDERS, FOLDERS, FOLDERS)
def test_folding_two_batches_at_once_is_folding_their_difference(
    first: dict[Path, FileStamp], second: dict[Path, FileStamp], third: dict[Path, FileStamp]
) -> None:
    joined = fold([*differences(first, second), *differences(second, third)])
    assert applied(first, joined) == third
