"""Numbers of entries: the same for the same key, never given twice, and what has changed between two menus."""

from hypothesis import given
from hypothesis import strategies as st

from safelight.tray.entries import Entry, Plain, separator
from safelight.tray.menu import menu
from safelight.tray.numbering import Numbering
from tests.tray.statuses import NOW_S, busy, statuses


def numbers(numbering: Numbering) -> list[int]:
    return [row.number for row in numbering.rows()]


def test_a_line_that_counts_on_keeps_its_number():
    numbering = Numbering()
    assert numbering.take([Entry("a", "Rating: 1 of 9"), Entry("b", "Quit", Plain.QUIT)]).shape
    before = numbers(numbering)
    difference = numbering.take([Entry("a", "Rating: 2 of 9"), Entry("b", "Quit", Plain.QUIT)])
    assert not difference.shape
    assert [(number, values["label"]) for number, values in difference.values] == [(before[1], "Rating: 2 of 9")]
    assert numbers(numbering) == before


def test_nothing_new_is_nothing_to_tell():
    numbering = Numbering()
    numbering.take(menu(busy(), now_s=NOW_S))
    assert not numbering.take(menu(busy(), now_s=NOW_S))


def test_a_number_is_never_given_to_another_entry():
    numbering = Numbering()
    numbering.take([Entry("undo 1", "Undo", Plain.QUIT)])
    first = numbers(numbering)[1]
    numbering.take([Entry("undo 2", "Undo", Plain.QUIT)])
    assert numbering.row(first) is None
    numbering.take([Entry("undo 1", "Undo", Plain.QUIT)])
    assert first not in numbers(numbering)


def test_an_entry_that_becomes_a_menu_of_its_own_is_another_shape():
    numbering = Numbering()
    numbering.take([Entry("a", "Card", Plain.QUIT)])
    assert numbering.take([Entry("a", "Card", children=(Entry("b", "Eject"),))]).shape


def test_entries_that_change_places_are_another_shape():
    numbering = Numbering()
    numbering.take([Entry("a", "A"), separator("x"), Entry("b", "B")])
    assert numbering.take([Entry("b", "B"), separator("x"), Entry("a", "A")]).shape


def test_an_underscore_is_shown_and_marks_no_letter():
    numbering = Numbering()
    numbering.take([Entry("a", "IMG_0001__x")])
    assert [row.values.get("label") for row in numbering.rows()] == [None, "IMG__0001____x"]


def test_numbers_of_what_is_gone_are_not_kept():
    numbering = Numbering()
    for turn in range(100):
        numbering.take([Entry(f"shoot {turn}", "Shoot")])
    assert len(numbering._numbers) == 1 and len(list(numbering.rows())) == 2


@given(st.lists(st.none() | statuses, min_size=2, max_size=3))
def test_what_is_told_is_enough_to_show_the_new_menu(turns):
    numbering = Numbering()
    shown: dict[int, dict] = {}
    for status in turns:
        difference = numbering.take(menu(status, now_s=NOW_S))
        if difference.shape:
            shown = {row.number: dict(row.values) for row in numbering.rows()}
        for number, values in difference.values:
            shown[number] = dict(values)
        assert shown == {row.number: row.values for row in numbering.rows()}
