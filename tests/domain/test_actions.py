"""What a person meant by what they did, and when it is believed, taken back or vetoed."""

import pytest

from safelight.domain.actions import ActionKind, State
from tests.domain.pasts import tell

SHOOT = "0 shoot s a+b c d e f g h\n1h show a..h=3\n"


@pytest.mark.parametrize(
    ("line", "kind", "frame", "stance", "reason"),
    [
        ("trash b", "deleted", "b", -1, "It went into the trash."),
        ("unlink b", "deleted", "b", -1, "It was deleted."),
        ("move c to=/p/best", "moved", "c", 1, "It was moved into the folder best."),
        ("edit c by=darktable", "edited", "c", 1, "It was edited in darktable."),
        ("edit c by=file", "edited", "c", 1, "It was edited."),
        ("export c", "exported", "c", 1, "A finished picture was made from it."),
        ("rate c=5", "rated", "c", 1, "You gave it 5 stars."),
        ("rate c=1", "rated", "c", -1, "You gave it 1 star."),
        ("rate c=-1", "rated", "c", -1, "You rejected it."),
        ("flag c=1", "flagged", "c", 1, "You picked it."),
        ("flag c=-1", "flagged", "c", -1, "You rejected it."),
    ],
)
def test_an_act_is_believed_with_a_reason(line, kind, frame, stance, reason):
    action = tell(SHOOT + "2h " + line).action(kind, frame)
    assert (action.state, action.stance, action.reason) == (State.BELIEVED, stance, reason)
    assert action.why_state.endswith(".")
    assert 0 < action.confidence <= 1


@pytest.mark.parametrize(
    ("line", "kind", "frame"),
    [
        ("rate c=3", "rated", "c"),  # what stood there from us
        ("rate c=none", "rated", "c"),
        ("flag c=0", "flagged", "c"),
        ("label c=Red", "labelled", "c"),
        ("label c=none", "labelled", "c"),
    ],
)
def test_an_act_that_says_nothing_of_the_picture_is_no_opinion(line, kind, frame):
    told = tell(SHOOT + "2h " + line)
    assert told.action(kind, frame).state is State.NO_OPINION
    assert told.said() == set()


def test_an_action_bears_the_number_of_its_fact_and_the_time_of_its_happening():
    told = tell("0 shoot s a b c\n5h rate a=5 happened=3h")
    action = told.action("rated", "a")
    assert told.entries()[action.id - 1].kind == "person_rated"
    assert (action.noted_s - action.at_s, action.value, action.shoot) == (7200.0, 5, "s")


# --- ratings beside the star that was shown ---


@pytest.mark.parametrize(
    ("shown", "rating", "stance"),
    [(3, 4, 1), (3, 5, 1), (2, 3, 1), (3, 2, -1), (5, 3, -1), (5, 4, 0), (2, -1, -1),
     (None, 4, 1), (None, 5, 1), (None, 3, 0), (None, 2, -1), (None, -1, -1)],
)  # fmt: skip
def test_a_rating_is_held_against_the_star_that_was_shown(shown, rating, stance):
    show = f"1h show a={shown}\n" if shown else ""
    assert tell(f"0 shoot s a b c\n{show}2h rate a={rating}").action("rated", "a").stance == stance


def test_the_star_counts_that_was_shown_then_and_not_later():
    told = tell("0 shoot s a b c\n1h show a=3\n2h rate a=4\n5h show a=4")
    assert told.action("rated", "a").state is State.BELIEVED
    before_us = tell("0 shoot s a b c\n5h show a=4\n6h rate a=4 happened=2h")
    assert before_us.action("rated", "a").stance == 1  # it was made blind


def test_only_the_newest_rating_stands():
    told = tell(SHOOT + "2h rate c=5\n3h rate c=2")
    assert [each.state for each in told.actions()] == [State.RETRACTED, State.BELIEVED]
    assert not {pair for pair in told.said() if pair.startswith("c")}
    cleared = tell(SHOOT + "2h rate c=5\n3h rate c=none")
    assert [each.state for each in cleared.actions()] == [State.RETRACTED, State.NO_OPINION]


def test_a_rating_that_another_program_repeats_counts_once():
    once, twice = tell(SHOOT + "2h rate c=5"), tell(SHOOT + "2h rate c=5\n3d rate c=5 by=digikam")
    assert [each.state for each in twice.actions()] == [State.BELIEVED, State.NO_OPINION]
    assert [(each.at_s, each.weight) for each in twice.comparisons()] == [
        (each.at_s, each.weight) for each in once.comparisons()
    ]


def test_a_group_rating_is_one_act():
    told = tell(SHOOT + "2h rate c=5 d=5 e=5 act=x\n2h rate f=5")
    acts = [each for each in told.actions() if each.kind is ActionKind.RATED]
    assert sorted(len(each.frame_ids) for each in acts) == [1, 3]


def test_a_frame_that_is_rated_again_leaves_its_act():
    told = tell(SHOOT + "2h rate c=5 d=5 e=5 act=x\n3h rate c=1")
    assert told.states("rated") == dict.fromkeys("cde", State.BELIEVED)
    assert sorted((each.state, len(each.frame_ids)) for each in told.actions()) == [
        (State.BELIEVED, 1), (State.BELIEVED, 2), (State.RETRACTED, 1),
    ]  # fmt: skip


def test_the_confidence_of_a_fact_is_kept():
    assert tell(SHOOT + "2h edit c sure=0.3").action("edited", "c").confidence == 0.3
    assert tell(SHOOT + "2h trash b").action("deleted", "b").confidence == 0.95
    assert tell(SHOOT + "2h unlink b").action("deleted", "b").confidence == 0.6


# --- what may still be undone, and what was ---


def test_a_deletion_is_pending_until_its_undo_window_has_passed():
    told = tell(SHOOT + "2h trash b unconfirmed")
    assert told.action("deleted", "b").state is State.PENDING
    assert told.said() == set()
    assert tell(SHOOT + "2h trash b").action("deleted", "b").state is State.BELIEVED


def test_a_frame_that_comes_back_was_not_deleted_and_is_weakly_liked():
    told = tell(SHOOT + "2h trash b\n5d back b")
    assert told.action("deleted", "b").state is State.RETRACTED
    returned = told.action("returned", "b")
    assert (returned.state, returned.stance, returned.confidence) == (State.BELIEVED, 1, 0.3)
    assert returned.reason == "It was taken back out of the trash."
    assert "a>b" not in told.said()
    assert [each.weight for each in told.comparisons()] == [pytest.approx(0.6 * 0.5 * 0.3)] * 4


def test_a_file_that_was_only_away_is_not_liked_for_coming_back():
    """Programs save by renaming, sync tools replace: the file is away for a moment."""
    assert tell(SHOOT + "2h unlink b\n5d back b").said() == set()
    assert tell(SHOOT + "2h unlink b ignored=volume\n5d back b").said() == set()


def test_deleted_restored_and_deleted_again_is_deleted():
    assert "a>b" in tell(SHOOT + "2h trash b\n2d back b\n4d trash b").said()


def test_what_is_moved_back_was_not_chosen():
    told = tell(SHOOT + "2h move c to=/p/best\n5h move c to=/photos/s")
    assert [each.state for each in told.actions()] == [State.RETRACTED, State.NO_OPINION]
    assert told.said() == set()


def test_the_files_of_a_frame_move_as_one():
    told = tell("0 shoot s a..h\n2h move a to=/p/best")
    source = told.add(told.facts[-1].at_s, told.facts[-1].kind, "a", source="/photos/s/a.CR2", path="/p/best/a.CR2")
    assert told.action("moved", "a").state is State.NO_OPINION
    assert source.frame == "a" and len(told.said()) == 4


# --- late ---


def test_a_deletion_long_after_the_shoot_was_done_with_is_late():
    shoot = "0 shoot s a+b c+d e f\n1h trash b\n"
    told = tell(
        shoot + "40d trash d",
    )
    assert [(each.late) for each in told.actions()] == [False, True]
    kinds = {told.named(each): each.kind for each in told.comparisons("90d")}
    assert kinds == {"a>b": "burst_delete", "c>d": "late_delete"}
    busy = tell(shoot + "20d trash d")
    assert not any(each.late for each in busy.actions())


def test_work_on_a_shoot_keeps_it_from_falling_quiet():
    assert not tell("0 shoot s a+b c..h\n20d rate c=5\n45d trash b").action("deleted", "b").late
    assert tell("0 shoot s a+b c..h\n45d trash b").action("deleted", "b").late


# --- vetoes ---


@pytest.mark.parametrize(("frame", "gone"), [("b", {"a>b"}), ("d", {"e>d"})])
def test_a_vetoed_action_teaches_nothing_and_all_else_stays(frame, gone):
    text = "0 shoot s a+b c d e f g\n1h trash b d\n1h rate e=5\n"
    told, vetoed = tell(text), tell(text + f"5d veto deleted {frame}")
    assert {pair for pair in told.said() if pair.endswith(frame)} == gone
    assert vetoed.said() == told.said() - gone
    action = vetoed.action("deleted", frame)
    assert (action.state, action.standing) == (State.VETOED, State.BELIEVED)


def test_a_vetoed_inference_never_comes_back_from_the_next_scan():
    text = SHOOT + "2h rate c=5\n3h veto rated c\n"
    assert tell(text + "4h rate c=none\n5h rate c=5 by=digikam").said() == set()
    assert tell(text + "4h rate c=none\n5h rate c=4").said() != set()  # another word is another matter


def test_the_veto_of_a_group_rating_takes_all_of_it_out():
    text = SHOOT + "2h rate c=5 d=5 e=5 act=x\n"
    assert tell(text).said()
    assert tell(text + "3h veto rated d").said() == set()


def test_a_veto_of_what_was_no_opinion_changes_nothing():
    text = "0 shoot s f1+f2 f3+f4 f5+f6 f7+f8 f9+f10\n2h unlink f2..f10\n3d veto deleted f2"
    assert tell(text).said() == set()
    assert State.NO_OPINION in tell(text).states("deleted").values()
