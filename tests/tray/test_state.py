"""How the lamp burns, what is said beside it, and how names and times are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.control.messages import Doing, Status, Trouble
from safelight.tray.state import Lamp, Light, light, tooltip
from safelight.tray.wording import count, lines, moment, one_line, progress, took
from tests.tray.statuses import NOW_S, ODD_NAME, busy, card, statuses

HOUR_S = 3600.0
DAY_S = 86400.0


@pytest.mark.parametrize(
    "status, burns",
    [
        (None, Light(Lamp.OFF)),
        (Status(state="starting"), Light(Lamp.DIM)),
        (Status(state="idle"), Light(Lamp.DIM)),
        (Status(state="idle", doing=(Doing(what="Reading a card"),)), Light(Lamp.LIT)),
        (Status(state="working"), Light(Lamp.LIT)),
        (Status(state="leased"), Light(Lamp.LIT)),
        (Status(state="waiting"), Light(Lamp.DIM)),
        (Status(state="paused", doing=(Doing(what="Copying"),)), Light(Lamp.OFF)),
        (Status(state="stopping"), Light(Lamp.OFF)),
        (Status(state="degraded"), Light(Lamp.DIM, marked=True)),
        (Status(state="idle", trouble=(Trouble(level="note", told="N."),)), Light(Lamp.DIM)),
        (Status(state="idle", trouble=(Trouble(level="bad", told="B."),)), Light(Lamp.DIM, marked=True)),
        (Status(state="idle", cards=(card(policy="ask", state="asking"),)), Light(Lamp.DIM, marked=True)),
        (Status(state="idle", cards=(card(state="failed"),)), Light(Lamp.DIM, marked=True)),
        (Status(state="idle", cards=(card(),)), Light(Lamp.DIM)),
        (busy(), Light(Lamp.LIT, marked=True)),
    ],
)
def test_the_lamp_burns_by_what_goes_on(status, burns):
    assert light(status) == burns


def test_a_click_that_failed_marks_the_lamp():
    assert light(None, note="Nothing was done.") == Light(Lamp.OFF, marked=True)
    assert light(Status(state="idle"), note="Nothing was done.").marked


def test_beside_the_lamp_stands_what_goes_on_and_the_worst():
    assert tooltip(busy(), now_s=NOW_S).splitlines() == [
        "Copying from EOS_DIGITAL: 300 of 412",
        "Rating: 120 of 300",
        "180 frames to be rated",
        "The disk of /archive is not here.",
    ]
    assert tooltip(None, now_s=NOW_S) == "Not running"


@given(status=st.none() | statuses)
def test_what_stands_beside_the_lamp_can_be_sent(status):
    assert tooltip(status, now_s=NOW_S).encode("utf-8")


def test_times_are_told_by_how_far_they_are(zone):
    zone("UTC")  # NOW_S is Monday, 24 November 2025, 16:00
    assert moment(NOW_S, now_s=NOW_S) == "16:00"
    assert moment(NOW_S + 14 * HOUR_S, now_s=NOW_S) == "Tue 06:00"
    assert moment(NOW_S - 3 * DAY_S, now_s=NOW_S) == "Fri 16:00"
    assert moment(NOW_S - 30 * DAY_S, now_s=NOW_S) == "25 Oct 16:00"
    assert moment(1e300, now_s=NOW_S) == "?"


@pytest.mark.parametrize(
    "seconds, said",
    [(-3, "0 s"), (0.4, "0 s"), (59, "59 s"), (60, "1 min"), (185, "3 min"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_durations_are_told_roughly(seconds, said):
    assert took(seconds) == said


def test_numbers_have_their_noun():
    assert [count(0, "frame"), count(1, "frame"), count(1204, "frame")] == ["0 frames", "1 frame", "1,204 frames"]
    assert [progress(3, 10), progress(12, 10), progress(3, 0), progress(0, 0)] == ["3 of 10", "10 of 10", "3", ""]


def test_a_name_becomes_one_line_that_can_be_sent():
    assert one_line(ODD_NAME) == "k\ufffdppchen_01 <b>R&D</b> \ufffdgpj\ufffd[31m"
    assert one_line("a" * 30 + "b" * 30, 21) == "a" * 10 + "…" + "b" * 10
    assert one_line("family \U0001f468\u200d\U0001f469") == "family \U0001f468\u200d\U0001f469"


@given(text=st.text(alphabet=st.characters(codec=None)), limit=st.integers(min_value=3, max_value=80))
def test_any_text_becomes_one_line_of_at_most_its_limit(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert "\0" not in line and "\n" not in line
    line.encode("utf-8")


@given(text=st.text(max_size=400))
def test_lines_lose_no_word(text):
    broken = lines(text, 30)
    assert all(len(line) <= 30 for line in broken)
    assert "".join("".join(broken).split()) == "".join(one_line(text, 2000).split())
