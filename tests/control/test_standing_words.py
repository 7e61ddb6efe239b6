"""What the command line says of a daemon, and how it reads moments and spans of time."""

import os
import time
from datetime import datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.cli.standing_words import headline, paragraphs
from safelight.cli.times import Duration, coming
from safelight.control.messages import CardSeen, Doing, ShootDone, Status, Trouble, Watched

STATES = ("starting", "idle", "working", "paused", "waiting", "leased", "degraded", "stopping")


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_words(state: str) -> None:
    said = headline(Status(state=state, why="The battery is at 12 %."))
    assert said.startswith("Safelight ") and said.endswith(" The battery is at 12 %.")


def test_what_is_done_and_how_far_is_one_line() -> None:
    status = Status(
        state="working", doing=(Doing(what="Rating", done=1200, total=2000), Doing(what="Copying from EOS")), waiting=1
    )
    assert headline(status) == "Safelight is at work: Rating 1,200 of 2,000, Copying from EOS, 1 frame waiting."


def test_everything_is_told_with_names_made_safe() -> None:
    odd = os.fsdecode(b"\x1b[31mred\xff\n")
    status = Status(
        state="idle",
        watched=(
            Watched(folder=f"/{odd}", state="watched", directories=1),
            Watched(folder="/nas", state="scanned"),
            Watched(folder="/usb", state="absent", told="It is not plugged in."),
        ),
        cards=(
            CardSeen(card="id", label=odd, root="/m", policy="import", state="copying", done=4, total=9,
                     safe_to_remove=False),
            CardSeen(card="id", label="", root="/m", policy="ask", state="asking", told="412 frames."),
        ),
        shoots=(
            ShootDone(run=4, name=odd, folder="/p", at_s=0.0, frames=412, five=37, low=118, bursts=64, seconds=180.0),
            ShootDone(run=3, name="b", folder="/p", at_s=0, frames=1, five=0, low=1, bursts=1, seconds=1, undone=True),
        ),
        taste="Version 3, leaning on you by 40 %.",
        trouble=(Trouble(level="bad", told=odd, hint="Look at it."),),
    )  # fmt: skip
    lines = paragraphs(status)
    assert all(line.isprintable() for line in lines)
    said = "\n".join(lines)
    for part in (
        r"/\x1b[31mred\udcff\n (1 folder)",
        "/nas: looked at now and then",
        "/usb: It is not plugged in.",
        "is being copied, 4 of 9; do not remove it",
        "id waits for your answer. 412 frames.",
        ": 412 frames, 37 five-star, 118 one- or two-star, 64 bursts (run 4)",
        "1 frame, 0 five-star, 1 one- or two-star, 1 burst (taken back)",
        "Version 3, leaning on you by 40 %.",
        "Look at it.",
    ):
        assert part in said


def test_a_pause_says_until_when() -> None:
    at_s = datetime(2026, 5, 1, 18, 30).timestamp()
    told = "Safelight is paused until 2026-05-01 18:30."
    assert headline(Status(state="paused", paused_until_s=at_s)) == told
    assert headline(Status(state="paused", paused_until_s=at_s, why="Paused until 18:30.")) == told
    assert headline(Status(state="paused", paused_until_s=0)) == "Safelight is paused until 'safelight resume'."


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30m", 1800), ("1h", 3600), ("1h30m", 5400), (" 2D ", 172_800), ("90s", 90), ("366d", 31_622_400)],
)
def test_spans_of_time(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0m", "h", "30", "1.5h", "-1h", "30m1h", "367d", "9999d", "1 h", "١h", "1h" * 99])
def test_what_is_no_span_is_one_sentence(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no span of time"):
        Duration().convert(text, None, None)


@given(st.floats(min_value=1e9, max_value=2e9), st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_the_next_one(now_s: float, hour: int, minute: int) -> None:
    found = coming(f"{hour}:{minute:02}", now_s=now_s)
    assert 0 < found - now_s <= 25 * 3600  # a day may have 25 hours
    local = time.localtime(found)
    assert (local.tm_hour, local.tm_min, local.tm_sec) == (hour, minute, 0)


@given(st.floats(min_value=1e9, max_value=2e9))
def test_tomorrow_begins_at_midnight(now_s: float) -> None:
    found = coming("tomorrow", now_s=now_s)
    assert 0 < found - now_s <= 25 * 3600
    assert time.localtime(found)[3:6] == (0, 0, 0)


def test_another_text_is_no_coming_time() -> None:
    assert [coming(text, now_s=1e9) for text in ("24:00", "7:5", "noon", "2026-05-01", "18:30:10", "٣:00")] == [
        None
    ] * 6
