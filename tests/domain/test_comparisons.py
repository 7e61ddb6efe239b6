"""Which frame was preferred to which: what counts, when it speaks, how much, and what never counts."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.actions import State
from safelight.domain.comparisons import LOSERS, PRAISED, SURVIVORS
from safelight.domain.preference import Kind
from tests.domain.pasts import tell

# --- within a burst ---


def test_kept_over_deleted_within_a_burst():
    told = tell("0 shoot s a+b+c d e\n2h trash b c")
    assert told.said() == {"a>b", "a>c"}
    one = told.between("a>b")
    assert (one.kind, one.shoot) == (Kind.BURST_DELETE, "s")
    assert one.weight == pytest.approx(0.7 * 0.95)
    assert {each.unit for each in told.comparisons()} == {one.unit}  # a burst counts as two at most: the fit's rule


def test_rejected_in_a_burst_is_like_deleted():
    assert tell("0 shoot s a+b c d\n2h flag b=-1").said() == {"a>b"}
    assert tell("0 shoot s a+b c d\n2h rate b=-1").said() == {"a>b"}


def test_never_the_survivor_of_one_burst_over_what_was_deleted_of_another():
    assert tell("0 shoot s a+b c+d e f\n2h trash b f").said() == {"a>b"}


def test_kept_counts_nothing():
    assert tell("0 shoot s a+b+c d e f\n1h show a..f=3").said() == set()


def test_no_comparisons_inside_a_series():
    assert tell("0 shoot s focus:a+b+c d e\n2h flag b=-1").said() == set()
    assert tell("0 shoot s a+b+c d e\n2h flag b=-1").said() == {"a>b", "c>b"}


def test_a_large_burst_gives_few_comparisons_for_each_deletion():
    told = tell("0 shoot s a1..a30+b1..b30 c\n2h trash b1..b30 every=30")
    assert set(Counter(each.loser for each in told.comparisons()).values()) == {3}


# --- a whole burst thrown away ---


@pytest.mark.parametrize(("burst", "best"), [("a*+b+c", "a"), ("a+b*+c", "b"), ("a+b+c*", "c")])
def test_a_dropped_burst_is_represented_by_its_best_frame(burst, best):
    shoot = f"0 shoot s {burst} d e f\n"
    told = tell(shoot + "2h trash a b c\n2h rate d=5")
    assert told.said() == {f"d>{best}", "d>e", "d>f"}
    one = told.between(f"d>{best}")
    assert (one.kind, one.unit) == (Kind.DROP_BURST, "burst-61")
    assert one.weight == pytest.approx(0.5 * 0.95 * 0.95)
    assert tell(shoot + "2h trash a b c").said() == set()


def test_a_dropped_burst_is_held_against_few_of_many_praised_frames():
    told = tell("0 shoot s a+b*+c d..l m..z\n2h trash a b c\n2h rate d..l=5")
    lost = [each for each in told.comparisons() if each.loser in (told.ids["a"], told.ids["b"], told.ids["c"])]
    assert {each.loser for each in lost} == {told.ids["b"]}
    assert len({each.winner for each in lost}) == len(lost) == PRAISED < 9


# --- what was thrown away beside a kept frame ---


@pytest.mark.parametrize("away", ["trash b", "flag b=-1"])
@pytest.mark.parametrize("burst", ["a*+b", "a+b*"])
def test_a_frame_thrown_away_beside_a_kept_one_says_nothing_of_other_bursts(burst, away):
    """The one that was kept of its moment may be the best of the shoot, and the other is nearly as good."""
    told = tell(f"0 shoot s {burst} c d e\n2h {away}\n2h trash d\n2h export c")
    of_the_moment = {pair for pair in told.said() if pair[0] in "ab" or pair[-1] in "ab"}
    assert of_the_moment == ({"a>b", "c>a"} if burst == "a*+b" else {"a>b"})
    assert "c>d" in told.said()  # a lone frame that went does say something
    alone = tell(f"0 shoot s a b c d e\n2h {away}\n2h trash d\n2h export c")
    assert {"c>b", "c>d"} <= alone.said()


@pytest.mark.parametrize("away", ["flag a=-1 b=-1", "flag a=-1\n2h trash b", "trash a\n2h flag b=-1"])
def test_a_burst_of_which_nothing_was_kept_does_say_something_of_the_others(away):
    told = tell(f"0 shoot s a+b c d e\n2h {away}\n2h export c")
    assert "c>a" in told.said()


def test_a_frame_rated_down_was_not_thrown_away():
    told = tell("0 shoot s a+b c d\n1h show a=4 b=4\n2h rate b=2\n2h export c")
    assert "c>b" in told.said()


# --- frames of which nothing was said ---


@pytest.mark.parametrize("winner", ["a", "b"])
def test_a_survivor_speaks_only_as_the_keeper_of_its_moment(winner):
    """Nor is a mate of the winner one: to leave the rest of a burst alone is no word against it."""
    told = tell(f"0 shoot s a+b c+d*+e f\n2h rate {winner}=5")
    assert told.said() == {f"{winner}>d", f"{winner}>f"}


# --- praised within a shoot ---

DAY_SHOOT = "0 shoot s a b c d e f g h\n1h show a..h=3\n"


@pytest.mark.parametrize(
    ("line", "kind", "weight"),
    [
        ("rate a=5", Kind.RATING, 1.0 * 0.95),
        ("flag a=1", Kind.RATING, 1.0 * 0.95),
        ("export a", Kind.EXPORT, 0.8 * 0.9),
        ("edit a sure=0.9", Kind.EDIT, 0.6 * 0.9),
        ("move a to=/p/best", Kind.SELECT, 0.6 * 0.9),
    ],
)
def test_praised_over_deleted_and_at_half_weight_over_the_unremarkable(line, kind, weight):
    told = tell(DAY_SHOOT + f"2h {line}\n2h trash b")
    over = told.between("a>b")
    assert (over.kind, over.weight) == (kind, pytest.approx(weight * 0.95))
    others = [each for each in told.comparisons() if each.loser != told.ids["b"]]
    assert len(others) == SURVIVORS
    assert [each.weight for each in others] == [pytest.approx(weight / 2)] * SURVIVORS


def test_what_a_person_acted_on_is_no_unremarkable_survivor():
    touched = "label b=Red c=Red d=Red e=Red\n2h rate f=none\n2h trash g unconfirmed\n2h unlink h ignored=card"
    assert tell(DAY_SHOOT + f"2h rate a=5\n2h {touched}").said() == set()


def test_a_frame_left_standing_with_as_many_stars_was_not_passed_over():
    told = tell("0 shoot s a b c\n1h show a=3 b=4 c=2\n2h rate a=4")
    assert told.said() == {"a>c"}


def test_a_frame_that_arrived_later_was_not_passed_over():
    told = tell("0 shoot s a b\n2h rate a=5\n3h shoot s c")
    assert told.said() == {"a>b"}


def test_one_frame_of_a_series_is_no_unremarkable_survivor():
    assert tell("0 shoot s a bracket:b+c+d\n2h rate a=5").said() == set()
    assert tell("0 shoot s a b+c+d\n2h rate a=5").said() == {"a>b"}


def test_the_last_word_counts():
    assert not {pair for pair in tell(DAY_SHOOT + "2h rate a=5\n3h trash a").said() if pair[0] == "a"}
    liked = tell(DAY_SHOOT + "2h flag a=-1\n3h edit a").said()
    assert liked and all(pair.startswith("a>") for pair in liked)


def test_an_export_outlives_its_file():
    said = tell(DAY_SHOOT + "2h export a\n20d trash a").said()
    assert len({pair for pair in said if pair[0] == "a"}) == SURVIVORS
    assert not {pair for pair in said if pair[2] == "a"}


def test_praised_and_rated_down():
    said = tell(DAY_SHOOT + "2h export a\n2h rate b=2").said()
    assert "a>b" in said and not {pair for pair in said if pair[0] == "b"}


# --- among a person's own ratings ---


def test_the_higher_rating_wins_and_the_gap_counts():
    told = tell("0 shoot s a b c d\n2h rate a=5 b=4 c=2 d=-1")
    assert told.said() == {"a>b", "a>c", "a>d", "b>c", "b>d", "c>d"}
    shares = {pair: told.between(pair).weight / 0.95**2 for pair in ("a>b", "b>c", "a>c", "c>d")}
    assert shares == {"a>b": pytest.approx(0.5), "b>c": pytest.approx(0.75), "a>c": 1, "c>d": pytest.approx(0.75)}


def test_equal_ratings_say_nothing():
    assert tell("0 shoot s a b c\n2h rate a=4 b=4 c=4").said() == set()


def test_history_from_before_is_compared_in_the_same_way_and_is_blind():
    told = tell("0 shoot s a b c imported=yes\n0 rate a=5 b=2 happened=0\n1h show a=3 b=3 c=3")
    assert told.said() == {"a>b", "a>c"}
    assert all(each.blind and each.shown == 0 for each in told.comparisons())


def test_a_rejected_frame_that_is_purged_still_loses_at_once():
    told = tell("0 shoot s a b c d\n2h rate a=5 b=-1\n3h trash b")
    assert "a>b" in told.said("4h") and "a>b" in told.said("2d") and "a>b" in told.said()


def test_the_frames_of_one_act_share_the_weight_of_one():
    text = "0 shoot s a b c d e f g h\n2h rate a=5\n"
    each_by_itself, at_once = tell(text + "2h rate b..e=2"), tell(text + "2h rate b..e=2 act=x")
    single = [each.weight for each in each_by_itself.comparisons() if each.loser in range(2, 6)]
    shared = [each.weight for each in at_once.comparisons() if each.loser in range(2, 6)]
    assert sum(shared) == pytest.approx(sum(single) / 4) and len(shared) == 4
    winners = tell("0 shoot s a b c d e f g h\n2h rate a..d=5 act=x")
    assert len({each.unit for each in winners.comparisons()}) == 1
    assert len({each.unit for each in tell("0 shoot s a b c d e f g h\n2h rate a..d=5").comparisons()}) == 4


# --- when it speaks ---


def test_ratings_speak_at_once():
    told = tell(DAY_SHOOT + "2h rate a=5 b=1")
    assert "a>b" in told.said("2h")
    assert len(told.said("2h")) == 1 + SURVIVORS


def test_work_speaks_after_a_day_of_quiet():
    told = tell(DAY_SHOOT + "2h edit a")
    assert told.said("25h") == set()
    assert len(told.said("27h")) == SURVIVORS
    assert tell(DAY_SHOOT + "2h edit a\n20h edit b").said("27h") == set()


def test_deletions_across_bursts_speak_after_a_week():
    told = tell("0 shoot s a+b c d e\n2h export c\n2h trash b d e")
    assert {"a>b"} <= told.said("2d") and not {"c>d", "c>e"} & told.said("2d")
    assert {"a>b", "c>d", "c>e"} <= told.said("8d")


def test_a_week_is_waited_for_after_the_deletion_and_not_after_the_praise():
    told = tell("0 shoot s a+b c d e f\n1h export c\n9d trash a b d")
    assert told.said("11d") & {"c>a", "c>b", "c>d"} == set()
    assert told.said("17d") & {"c>a", "c>b", "c>d"} == {"c>a", "c>d"}  # the burst by its best frame


def test_a_burst_speaks_after_a_day_of_quiet():
    told = tell("0 shoot s a+b c d e\n2h trash b\n20h label c=Red")
    assert told.said("30h") == set()
    assert told.said("45h") == {"a>b"}


def test_what_has_spoken_is_not_silenced_by_what_is_done_later():
    text = "0 shoot s a+b c d e f g h\n2h export c\n2h trash b d h\n"
    before = tell(text).said("10d")
    after = tell(text + "20d edit e").said("20d")
    assert {"a>b", "c>d", "c>h"} <= before & after


# --- the star that was shown ---


def test_what_was_shown_is_told_beside_each_comparison():
    told = tell("0 shoot s a+b c+d e\n1h show a=4 b=2 c=3\n2h trash b d")
    assert told.between("a>b").shown == pytest.approx(2 / 1.1)
    assert told.between("c>d").shown == 0
    assert not told.between("a>b").blind and not told.between("c>d").blind
    assert tell("0 shoot s a+b c d e\n2h trash b\n3h show a=4 b=2").between("a>b").blind


def test_a_star_that_was_taken_back_has_been_seen():
    told = tell("0 shoot s a+b c d e\n1h show a=4 b=2\n90m hide a b\n2h trash b")
    one = told.between("a>b")
    assert one.shown == 0 and not one.blind


# --- bounds ---


def test_a_large_shoot_gives_no_more_than_a_few_comparisons_for_each_praise():
    told = tell("0 shoot s f1..f2000\n2h rate f1..f500=5\n2h trash f501..f900 every=30")
    assert 0 < len(told.comparisons()) <= 500 * (LOSERS + SURVIVORS)
    assert set(Counter(each.winner for each in told.comparisons()).values()) == {LOSERS + SURVIVORS}


def test_one_more_action_changes_few_comparisons():
    text = "0 shoot s f1..f200\n2h rate f1..f20=5\n2h trash f21..f80 every=30\n"
    before, after = tell(text).said(), tell(text + "3h trash f150").said()
    assert len(before - after) <= 20
    assert {pair for pair in after - before if not pair.endswith(">f150")} <= {
        pair for pair in after if pair.split(">")[0] in {old.split(">")[0] for old in before - after}
    }


def test_frames_with_the_same_pixels_or_other_judges_are_not_compared():
    assert tell("0 shoot s a b\n2h rate a=5").said() == {"a>b"}
    assert tell("0 shoot s a\n0 shoot s b judge=another\n2h rate a=5").said() == set()
    twins = tell("0 shoot s a b\n2h rate a=5")
    for fact in twins.facts:
        if "content" in fact.payload:
            fact.payload["content"] = "00"
    assert twins.said() == set()


# --- properties ---

FRAMES = "abcdefghijkl"
NAMES = st.sampled_from(FRAMES)
ACT = st.one_of(
    st.tuples(st.just("trash"), NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("export"), NAMES),
    st.tuples(st.just("edit"), NAMES),
    st.builds(lambda frame, stars: ("rate", f"{frame}={stars}"), NAMES, st.sampled_from([-1, 1, 2, 4, 5, "none"])),
    st.builds(lambda frame, flag: ("flag", f"{frame}={flag}"), NAMES, st.sampled_from([-1, 0, 1])),
    st.builds(lambda frame: ("move", f"{frame} to=/p/best"), NAMES),
    st.builds(lambda one, other: ("rate", f"{one}=5 {other}=5 act=x"), NAMES, NAMES),
)
SHOOTS = "0 shoot s a+b+c d+e bracket:f+g h i\n0 shoot t j k+l\n1h show a..f=3 g=2 h=4 k=2\n"
PASTS = st.lists(st.tuples(st.integers(2, 1500), ACT), max_size=14)


def journal(acts, more=""):
    lines = [f"{hour}h {verb} {what}" for hour, (verb, what) in acts]
    return tell(SHOOTS + "\n".join(lines) + "\n" + more)


def _beside_a_kept_one(told, actions, comparison):
    """Tell whether a comparison across bursts rests on a loss in a burst of which another frame was never put down."""
    frames, loser = told.history.frames, told.history.frames[comparison.loser]
    because = [actions[action] for action in comparison.actions]
    lost = any(each.kind == "deleted" and comparison.loser in each.frame_ids for each in because)
    if loser.burst is None or loser.burst == frames[comparison.winner].burst or not lost:
        return False
    put_down = {of for each in actions.values() if each.kind == "deleted" or each.value == -1 for of in each.frame_ids}
    return any(past.burst == loser.burst and of not in put_down for of, past in frames.items())


def plain(told, comparisons):
    """Comparisons without the numbers of entries."""
    return sorted((told.named(each), each.kind, round(each.weight, 9), each.unit, each.shown) for each in comparisons)


@settings(max_examples=100, deadline=None)
@given(PASTS)
def test_comparisons_are_sound(acts):
    told = journal(acts)
    frames, actions = told.history.frames, {each.id: each for each in told.actions("90d")}
    pairs = Counter()
    for each in told.comparisons("90d"):
        winner, loser = frames[each.winner], frames[each.loser]
        assert winner.shoot == loser.shoot == each.shoot and each.winner != each.loser
        assert 0 < each.weight <= 1
        assert each.actions and all(actions[action].state is State.BELIEVED for action in each.actions)
        assert not (winner.set_kind and winner.burst == loser.burst)
        assert not _beside_a_kept_one(told, actions, each)
        pairs[frozenset((each.winner, each.loser))] += 1
    assert max(pairs.values(), default=1) == 1


@settings(max_examples=60, deadline=None)
@given(PASTS, st.randoms(use_true_random=False))
def test_acts_on_different_frames_at_one_time_may_be_written_in_any_order(acts, chance):
    by_frame = {what[0]: (verb, what) for _, (verb, what) in acts}  # one act a frame
    same_time = [(5, act) for act in by_frame.values() if "act=" not in act[1]]
    told = journal(same_time)
    chance.shuffle(same_time)
    again = journal(same_time)
    assert plain(told, told.comparisons()) == plain(again, again.comparisons())


@settings(max_examples=60, deadline=None)
@given(PASTS, st.integers(0, 13))
def test_a_veto_takes_away_what_rested_on_its_action_and_nothing_else(acts, place):
    by_frame = {what[0]: (hour, (verb, what)) for hour, (verb, what) in acts if "act=" not in what}
    chosen = sorted(by_frame.values())
    if not chosen:
        return
    told = journal(chosen)
    action = told.actions("90d")[place % len(told.actions("90d"))]
    name = next(name for name, frame_id in told.ids.items() if frame_id == action.frame_ids[0])
    vetoed = journal(chosen, f"80d veto {action.kind} {name}")
    before = [each for each in told.comparisons("90d") if action.id not in each.actions]
    assert plain(vetoed, vetoed.comparisons("90d")) == plain(told, before)


@settings(max_examples=60, deadline=None)
@given(
    PASTS,
    st.sampled_from("abcdefghi"),
    st.sampled_from([("unlink {}", "back {}"), ("move {} to=/p/x", "move {} to=/photos/s")]),
)
def test_what_is_taken_back_leaves_everything_as_it_was(acts, frame, there_and_back):
    others = [(hour, act) for hour, act in acts if act[1][0] != frame and f" {frame}=" not in act[1]]
    there, back = (line.format(frame) for line in there_and_back)
    never, undone = journal(others), journal(others, f"70d {there}\n71d {back}")
    states = {each.state for each in undone.actions("90d") if undone.ids[frame] in each.frame_ids}
    assert states == {State.RETRACTED, State.NO_OPINION}
    assert plain(never, never.comparisons("100d")) == plain(undone, undone.comparisons("100d"))


@settings(max_examples=40, deadline=None)
@given(PASTS)
def test_nothing_rests_on_the_deletion_of_a_shoot_that_went_at_once(acts):
    told = journal([(hour, act) for hour, act in acts if act[0] not in ("trash", "unlink")], "63d unlink a..l")
    deleted = {each.id for each in told.actions("90d") if each.kind == "deleted"}
    assert len(deleted) == len(FRAMES)
    assert all(deleted.isdisjoint(each.actions) for each in told.comparisons("90d"))


@settings(max_examples=25, deadline=None)
@given(PASTS)
def test_the_same_history_gives_the_same_comparisons(acts):
    told = journal(acts)
    assert told.comparisons("90d") == journal(acts).comparisons("90d")
