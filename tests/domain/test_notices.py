"""What a person is told: whole sentences that say what the numbers say, whatever a name holds."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain import notices
from safelight.domain.notices import ANSWERS, LONGEST_NAME, Press, Rated, Topic, Urgency, counted, duration, shown

RATED = Rated(frames=412, seconds=180, five=37, low=118, bursts=64)
OUTCOME = "412 frames rated in 3 min: 37 five-star, 118 one- or two-star, 64 bursts."


def test_shoot_that_is_rated():
    told = notices.shoot_done(key="shoot:1", name="2026-11-21", rated=RATED)
    assert (told.title, told.body) == ("Rated: 2026-11-21", OUTCOME)
    assert [button.label for button in told.buttons] == ["Open folder", "Undo", "Pause"]
    assert (told.by_click, told.topic, told.progress, told.waits) == (Press.OPEN, Topic.SHOOT, False, False)


def test_card_that_is_done_can_be_removed_and_ejected():
    told = notices.card_done(key="card:1", label="EOS_DIGITAL", rated=RATED)
    assert told.body == f"{OUTCOME} Safe to remove."
    assert [button.label for button in told.buttons] == ["Open folder", "Eject", "Undo"]


def test_card_that_is_still_needed_is_not_said_to_be_safe():
    told = notices.card_done(key="card:1", label="EOS_DIGITAL", rated=RATED, safe=False, failed=2)
    assert told.body == f"{OUTCOME} 2 files could not be copied. Do not format the card yet."
    assert "Safe" not in told.body


def test_new_card_is_a_question_with_three_answers_that_waits():
    told = notices.card_question(key="card:1", label="EOS_DIGITAL", frames=412)
    assert [button.label for button in told.buttons] == ["Import and rate", "Only rate", "Ignore"]
    assert [str(button.press) for button in ANSWERS] == ["import", "rate", "ignore"]
    assert told.waits and told.by_click is None and told.instead
    assert told.body.startswith("It holds 412 frames. What should be done with it?")
    assert notices.card_question(key="card:1", label="EOS_DIGITAL").body.startswith("What should")


def test_blind_slice_is_said_in_plain_words():
    many = notices.shoot_done(key="s", name="x", rated=Rated(412, 180, withheld=23)).body
    one = notices.shoot_done(key="s", name="x", rated=Rated(412, 180, withheld=1)).body
    why = "what you choose unaided shows how good the ratings are."
    assert many == (
        f"412 frames rated in 3 min. 23 frames get no stars until the folder has been quiet for a day: {why}"
    )
    assert f"1 frame gets no stars until the folder has been quiet for a day: {why}" in one


def test_what_failed_is_said():
    told = notices.shoot_done(key="s", name="x", rated=Rated(3, 2, unreadable=1, unwritten=2)).body
    assert told == (
        "3 frames rated in 2 s. 1 frame could not be read and stays unrated. "
        "2 sidecars could not be written, which is tried again."
    )
    two = notices.shoot_done(key="s", name="x", rated=Rated(3, 2, unreadable=2)).body
    assert "2 frames could not be read and stay unrated." in two


@pytest.mark.parametrize(
    ("rated", "told"),
    [
        (Rated(1, 0.2), "1 frame rated in 1 s."),
        (Rated(1, 0.2, five=1, bursts=1), "1 frame rated in 1 s: 1 five-star, 1 burst."),
        (Rated(12_000, 4000, low=1200), "12,000 frames rated in 1 h 7 min: 1,200 one- or two-star."),
    ],
)
def test_numbers_that_are_nought_are_left_out(rated, told):
    assert notices.outcome(rated) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "1 s"),
        (8.4, "8 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (180, "3 min"),
        (3570, "1 h"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (90_000, "25 h"),
    ],
)
def test_time_is_told_as_a_person_says_it(seconds, told):
    assert duration(seconds) == told


def test_growing_shoot_and_copying_are_mere_progress():
    growing = notices.shoot_growing(key="s", name="2026-11-21", done=128, total=412)
    copying = notices.card_copying(key="c", label="EOS_DIGITAL", done=0, total=0)
    assert growing.progress and copying.progress
    assert growing.urgency is copying.urgency is Urgency.LOW
    assert (growing.title, growing.body) == ("Rating 2026-11-21", "128 of 412 frames.")
    assert copying.body == "0 files so far. Please leave the card in."


def test_undone_ejected_and_trouble():
    undone = notices.shoot_undone(key="s", name="x", frames=1)
    assert undone.body == "The ratings of 1 frame were taken back. Ratings of your own were left alone."
    assert notices.card_ejected(key="c", label="EOS_DIGITAL").body == "It can be taken out now."
    told = notices.trouble(key="t", summary="The folder is gone.", hint="Plug the disk in.", bad=False)
    assert (told.body, told.urgency, told.topic) == (
        "The folder is gone. Plug the disk in.",
        Urgency.LOW,
        Topic.TROUBLE,
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("café 写真", "café 写真"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\ud800", "\\ud800"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
def test_odd_names_are_readable(name, told):
    assert shown(name) == told


def test_long_name_keeps_its_beginning_and_its_end():
    told = shown("2026-11-21 " + "x" * 230 + " IMG_0001.CR3")
    assert told.startswith("2026-11-21 ") and told.endswith(" IMG_0001.CR3") and "…" in told
    assert len(told) <= LONGEST_NAME


@given(st.binary(max_size=255))
def test_every_name_of_a_file_becomes_one_printable_line(name):
    told = shown(os.fsdecode(name))
    assert told.isprintable() and len(told) <= LONGEST_NAME
    told.encode("utf-8")


@given(st.integers(0, 10**6))
def test_only_one_is_singular(number):
    assert counted(number, "frame").endswith("frame") == (number == 1)
