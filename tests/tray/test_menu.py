"""The menu for every state of the daemon, and whatever names it is given."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.control.messages import Doing, Status, Trouble, Watched
from safelight.tray.entries import Ask, Entry, Open, Pause, Plain
from safelight.tray.menu import menu
from tests.tray.statuses import NOW_S, ODD_NAME, busy, card, shoot, statuses


def flat(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        yield from flat(entry.children)


def shown(status: Status | None, **more) -> tuple[Entry, ...]:
    return menu(status, **({"now_s": NOW_S} | more))


def labels(entries: tuple[Entry, ...]) -> list[str]:
    return ["—" if entry.line else entry.label for entry in entries]


def one(entries: tuple[Entry, ...], label: str) -> Entry:
    found = [entry for entry in flat(entries) if entry.label == label]
    assert len(found) == 1, (label, labels(tuple(flat(entries))))
    return found[0]


def test_without_a_daemon_it_can_be_started():
    assert labels(shown(None)) == ["Safelight is not running", "Start Safelight", "—", "Settings", "Hide this icon"]
    assert one(shown(None), "Start Safelight").act is Plain.START


def test_one_of_everything_stands_in_the_order_of_what_is_most_wanted():
    assert labels(shown(busy())) == [
        "Copying from EOS_DIGITAL: 300 of 412",
        "Rating: 120 of 300",
        "180 frames to be rated",
        "⚠ The disk of /archive is not here.",
        "—",
        "EOS_DIGITAL: what should be done?",
        "—",
        "Shoot 1 · 412 frames",
        "Shoot 2 · 412 frames",
        "Shoot 3 · 412 frames",
        "Earlier shoots",
        "—",
        "Pause for an hour",
        "Pause until tomorrow",
        "—",
        "Taste: learned from 1,204 decisions of yours",
        "—",
        "Settings",
        "Quit Safelight",
    ]


@pytest.mark.parametrize(
    "status, said",
    [
        (Status(state="starting"), ["Starting"]),
        (Status(state="idle"), ["Idle, no folder is watched yet"]),
        (Status(state="idle", watched=(Watched(folder="/a", state="watched"),)), ["Idle, watching 1 folder"]),
        (
            Status(state="idle", watched=(Watched(folder="/a", state="watched"), Watched(folder="/b", state="absent"))),
            ["Idle, watching 1 folder"],
        ),
        (Status(state="working", doing=(Doing(what="Learning"),)), ["Learning"]),
        (Status(state="working", doing=(Doing(what="Looking for changes", done=7),)), ["Looking for changes: 7"]),
        (Status(state="working"), ["Working"]),
        (
            Status(state="waiting", why="The battery is at 22 %.", waiting=1),
            ["Waiting", "The battery is at 22 %.", "1 frame to be rated"],
        ),
        (
            Status(state="paused", paused_until_s=NOW_S, why="Paused until Sunday 06:00."),
            ["Paused until Sunday 06:00."],
        ),
        (
            Status(state="paused", why="Paused by hand.", doing=(Doing(what="Copying", done=1, total=2),)),
            ["Paused by hand.", "Copying: 1 of 2"],
        ),
        (
            Status(state="waiting", why="On battery, at 22 %.", doing=(Doing(what="Copying", done=1, total=2),)),
            ["Waiting", "On battery, at 22 %.", "Copying: 1 of 2"],
        ),
        (Status(state="leased"), ["Another Safelight command is at work"]),
        (
            Status(state="degraded", why="The worker ended three times."),
            ["Not all is working", "The worker ended three times."],
        ),
        (Status(state="stopping"), ["Stopping"]),
    ],
)
def test_every_state_is_said(status, said):
    assert labels(shown(status))[: len(said) + 1] == [*said, "—"]


def test_pause_says_until_when_and_can_be_ended(zone):
    zone("UTC")
    entries = shown(Status(state="paused", paused_until_s=NOW_S + 3600))
    assert labels(entries)[:3] == ["Paused until 17:00", "—", "Resume"]
    assert one(entries, "Resume").act == Ask("resume", failing="Work was not taken up again.")
    assert labels(shown(Status(state="paused", paused_until_s=0.0)))[0] == "Paused"
    assert one(entries, "Pause for an hour").act is Pause.HOUR
    assert one(entries, "Pause until tomorrow").act is Pause.TOMORROW
    assert "Resume" not in labels(shown(Status(state="idle")))


def test_a_card_that_asks_offers_the_three_answers():
    asking = one(
        shown(Status(state="idle", cards=(card(policy="ask", state="asking"),))), "EOS_DIGITAL: what should be done?"
    )
    assert labels(asking.children) == ["Import and rate", "Only rate", "Ignore", "—", "Open", "Eject"]
    assert [dict(entry.act.arguments) for entry in asking.children[:3]] == [
        {"card": "ABCD-1234", "policy": "import"},
        {"card": "ABCD-1234", "policy": "rate"},
        {"card": "ABCD-1234", "policy": "ignore"},
    ]
    assert {entry.act.command for entry in asking.children[:3]} == {"card"}
    assert [entry.chosen for entry in asking.children[:3]] == [None, None, None]


def test_a_card_shows_what_was_chosen_for_it():
    found = shown(Status(state="idle", cards=(card(policy="rate"),)))[2]
    assert found.label == "EOS_DIGITAL: done, safe to remove"
    assert [(entry.label, entry.chosen) for entry in found.children[:3]] == [
        ("Import and rate", False),
        ("Only rate", True),
        ("Ignore", False),
    ]


@pytest.mark.parametrize(
    "given, label",
    [
        ({"state": "copying", "done": 120, "total": 412}, "EOS_DIGITAL: copying 120 of 412"),
        ({"state": "copying"}, "EOS_DIGITAL: copying"),
        ({"state": "reading", "done": 12, "total": 412}, "EOS_DIGITAL: looking at 12 of 412 frames"),
        ({"state": "reading"}, "EOS_DIGITAL: being looked at"),
        ({"state": "done", "safe_to_remove": False}, "EOS_DIGITAL: done"),
        ({"state": "failed", "told": "The disk is full."}, "EOS_DIGITAL: failed"),
        ({"state": "ignored", "policy": "ignore"}, "EOS_DIGITAL: ignored"),
        ({"state": "waiting"}, "EOS_DIGITAL: waiting"),
        ({"label": ""}, "EOS_DIGITAL: done, safe to remove"),
        ({"label": "", "root": "/"}, "Card: done, safe to remove"),
    ],
)
def test_a_card_says_how_it_stands(given, label):
    assert label in labels(shown(Status(state="idle", cards=(card(**given),))))


def test_a_card_that_is_being_copied_cannot_be_ejected():
    busy_card = Status(state="working", cards=(card(state="copying", safe_to_remove=False),))
    assert not one(shown(busy_card), "Eject").enabled
    done = one(shown(Status(state="idle", cards=(card(),))), "Eject")
    assert done.act.command == "eject" and dict(done.act.arguments) == {"root": "/media/anna/EOS_DIGITAL"}


def test_a_shoot_can_be_opened_rated_again_and_undone():
    found = one(shown(Status(state="idle", shoots=(shoot(7, withheld=30),))), "Shoot 7 · 412 frames").children
    assert labels(found)[1:3] == [
        "37 five-star, 118 one- or two-star, 64 bursts",
        "30 frames left unrated on purpose, to measure",
    ]
    assert labels(found)[0].startswith("Rated ") and labels(found)[0].endswith(", in 3 min")
    assert one(found, "Open folder").act == Open("/pictures/shoot 7")
    assert one(found, "Rate again").act.command == "rerate"
    assert dict(one(found, "Rate again").act.arguments) == {"folder": "/pictures/shoot 7"}
    assert dict(one(found, "Undo").act.arguments) == {"run": 7} and one(found, "Undo").act.command == "undo"


def test_a_shoot_that_was_undone_is_not_undone_again():
    found = shown(Status(state="idle", shoots=(shoot(undone=True),)))
    assert one(found, "Shoot 1 · 412 frames · undone")
    assert not one(found, "Ratings were taken back").enabled
    assert not [entry for entry in flat(found) if entry.label == "Undo"]


def test_all_shoots_can_be_reached():
    found = shown(Status(state="idle", shoots=tuple(shoot(number) for number in range(1, 11))))
    undone = {dict(entry.act.arguments)["run"] for entry in flat(found) if entry.label == "Undo"}
    assert undone == set(range(1, 11))
    assert len([entry for entry in found if entry.key.startswith("shoot:")]) == 3


def test_odd_names_are_shown_and_their_bytes_kept():
    folder = f"/pictures/{ODD_NAME}"
    found = shown(Status(state="idle", shoots=(shoot(name=ODD_NAME, folder=folder),)))
    label = next(entry.label for entry in found if entry.key.startswith("shoot:"))
    assert label == "k\ufffdppchen_01 <b>R&D</b> \ufffdgpj\ufffd[31m · 412 frames"
    assert one(found, "Open folder").act == Open(folder)


def test_a_name_of_255_bytes_leaves_the_menu_narrow():
    found = shown(Status(state="idle", shoots=(shoot(name="a" * 120 + "b" * 135),)))
    label = next(entry.label for entry in found if entry.key.startswith("shoot:"))
    assert label.startswith("aaa") and "…" in label and "bbb" in label and len(label) < 60


def test_a_folder_that_is_no_path_is_neither_opened_nor_rated():
    found = shown(Status(state="idle", shoots=(shoot(folder="--help"),)))
    assert not one(found, "Open folder").enabled and not one(found, "Rate again").enabled


def test_the_worst_finding_is_told_whole():
    long = "The folder /home/anna/Pictures/Archive is on a disk that has not been here for some weeks now."
    status = Status(
        state="idle",
        trouble=(Trouble(level="bad", told=long, hint="Connect the disk."), Trouble(level="note", told="B.")),
    )
    worst = next(entry for entry in shown(status) if entry.key == "trouble")
    assert worst.label == "⚠ The folder /home/anna/Pictures/Archive is on a disk that …"
    below = labels(worst.children)
    assert " ".join(below[:2]) == long
    assert below[2:] == ["Connect the disk.", "1 more finding: 'safelight doctor' lists all"]


def test_what_went_wrong_on_a_click_stands_on_top_and_goes_when_clicked():
    first = shown(Status(state="idle"), note="The card could not be ejected. A program still uses it: gthumb.")[0]
    assert first.label == "The card could not be ejected. A program still uses it:"
    assert first.act is Plain.DISMISS


def test_a_long_line_of_taste_is_told_whole():
    taste = "Taste: from 1,204 decisions, 71 % of your choices foreseen (68 to 74)."
    found = [entry.label for entry in shown(Status(state="idle", taste=taste)) if entry.key.startswith("taste")]
    assert len(found) == 2 and " ".join(found) == taste


def test_settings_and_quit_are_always_there():
    for status in (None, busy(), Status(state="stopping")):
        assert [entry.act for entry in shown(status)[-2:]] == [Plain.SETTINGS, Plain.QUIT]


@given(status=st.none() | statuses, note=st.text(max_size=200), now_s=st.floats(min_value=0, max_value=1e12))
def test_any_status_makes_a_menu_that_can_be_sent(status, note, now_s):
    entries = list(flat(menu(status, now_s=now_s, note=note)))
    keys = [entry.key for entry in entries]
    assert len(set(keys)) == len(keys)
    for entry in entries:
        entry.label.encode("utf-8")
        assert entry.line or (entry.label and len(entry.label) <= 110), entry
        assert entry.label.isprintable() or {"\u200c", "\u200d"} & set(entry.label)
        assert not (entry.line and entry.enabled)
