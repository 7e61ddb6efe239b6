"""What the journal tells of a frame, and where its decisions belong when groups have changed since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.actions import ALONE, State, read_actions
from safelight.domain.comparisons import compare
from safelight.domain.entries import Entry, Kind
from safelight.domain.history import folder_of, read
from tests.domain.pasts import content, moment, tell


def test_the_star_that_was_shown_is_known_for_every_moment():
    told = tell("0 shoot s a b\n1h show a=3\n2h hide a\n3h show a=5")
    past = told.history.frames[told.ids["a"]]
    at = [past.shown_at(moment(text)) for text in ("30m", "1h", "90m", "2h", "4h")]
    assert at == [None, 3, 3, None, 5]
    assert [past.seen_by(moment(text)) for text in ("30m", "150m")] == [False, True]
    assert told.history.frames[told.ids["b"]].shown_at(moment("4h")) is None


def test_a_frame_is_told_with_all_that_is_known_of_it():
    told = tell("0 shoot s a+b c in=/photos/here\n1h trash a")
    past = told.history.frames[told.ids["a"]]
    assert (past.shoot, past.burst, past.folder) == ("s", f"burst-{content('a')}", "/photos/here")
    assert (past.content, past.judge, past.stars, past.order) == (content("a"), "judge", 3, 0)
    assert [fact.kind for fact in past.facts] == [Kind.FRAME_LOST, Kind.LOSS_CONFIRMED]
    assert told.history.frames[told.ids["c"]].burst is None


def test_a_folder_follows_its_moves():
    told = tell("0 shoot s a b\n1h move a to=/elsewhere")
    assert told.history.frames[told.ids["a"]].folder == "/elsewhere"


def test_what_came_later_is_not_read_when_looking_back():
    told = tell("0 shoot s a+b\n1h trash a\n5d rate b=5")
    assert len(read(told.entries(), until_s=moment("2d")).frames[told.ids["b"]].facts) == 0
    assert len(read(told.entries(), until_s=moment("5d")).frames[told.ids["b"]].facts) == 1


def test_a_journal_of_an_early_version_gives_no_evidence_and_does_not_crash():
    rated = [Entry(seq, float(seq), Kind.FRAME_RATED, seq, {"stars": 3, "score": 0.1}) for seq in (1, 2)]
    by_person = Entry(3, 3.0, Kind.PERSON_RATED, 1, {"rating": 5})
    lost = Entry(4, 4.0, Kind.FRAME_LOST, 2, {"how": "trash", "paths": ["/a"]})
    history = read([*rated, by_person, lost])
    actions = read_actions(history, now_s=1e9)
    assert [action.shoot for action in actions] == [None, None]
    assert {(action.state, action.why_state) for action in actions} == {(State.NO_OPINION, ALONE)}, "it does not count"
    assert compare(actions, history, now_s=1e9) == ()
    assert history.frames[1].stars == 3


@pytest.mark.parametrize("content", ["no digits", "abc", "", 7, ["aa"]])
def test_a_content_that_is_no_digest_is_not_told(content):
    """Whoever looks frames up by it trusts that it can be read."""
    placed = Entry(2, 2.0, Kind.FRAME_GROUPED, 1, {"content": content, "shoot": "s"})
    for before, known in (({}, None), ({"content": "aa" * 16}, "aa" * 16)):
        first = Entry(1, 1.0, Kind.FRAME_RATED, 1, {"stars": 3, "shoot": "s", **before})
        assert read([first, placed]).frames[1].content == known


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    "shoot burst set keeper order stars score content judge files path source of how ignored rating flag label act "
    "happened_s confidence reason action through to program value imported".split()
)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from([*Kind, "unheard_of"]),
        st.none() | st.integers(1, 4),
        st.dictionaries(FIELDS, JSON, max_size=6),
        st.floats(0, 1e7),
    ),
    max_size=12,
)


@given(ENTRIES)
def test_no_entry_whatever_it_holds_makes_reading_fail(drawn):
    entries = [Entry(seq, at_s, kind, frame, told) for seq, (kind, frame, told, at_s) in enumerate(drawn, 1)]
    history = read(entries)
    for each in compare(read_actions(history, now_s=1e9), history, now_s=1e9):
        assert 0 < each.weight <= 1


# --- groups that have changed ---


def test_the_kept_frame_of_a_burst_stays_beside_the_deleted_one_when_it_is_grouped_anew():
    """Once `a` is gone, a late frame regroups the shoot: `b` alone, under a new name of the shoot."""
    before = "0 shoot s a+b c d\n2h trash a\n"
    told = tell(before + "3d shoot late e\n3d regroup late b c d")
    assert told.said() == tell(before).said() == {"b>a"}
    assert told.history.frames[told.ids["a"]].shoot == "late"


def test_a_burst_whose_first_frame_is_gone_is_not_a_burst_thrown_away():
    told = tell("0 shoot s a+b+x c d\n2h trash a x\n2h export c\n3d shoot late e\n3d regroup late b c d")
    lost = [each for each in told.comparisons() if told.named(each)[2] in "ax"]
    assert {(told.named(each), each.kind) for each in lost} == {("b>a", "burst_delete"), ("b>x", "burst_delete")}
    assert "c>a" in tell("0 shoot s a+x b c d\n2h trash a x\n2h export c").said()


def test_a_shoot_that_was_parted_keeps_the_part_that_still_bears_its_name():
    told = tell("0 shoot s a+b c d\n2h trash a\n3d regroup new d")
    assert told.history.frames[told.ids["a"]].shoot == "s"
    assert told.said() == {"b>a"}


def test_a_frame_that_joined_a_burst_after_the_choice_was_not_chosen():
    told = tell("0 shoot s a+b c\n2h trash a\n3d shoot s e\n3d regroup s b+e c")
    assert told.said() == {"b>a"}


def test_a_deleted_frame_stays_where_it_was_deleted():
    assert tell("0 shoot s a+b c d\n2h trash a\n3d regroup s a b c d").said() == {"b>a"}


def test_a_frame_that_came_late_into_a_burst_was_not_kept():
    told = tell("0 shoot s a+b c\n2h trash a\n3d shoot s e")
    rated = told.facts[-1].payload
    assert rated["burst"] is None
    rated["burst"] = f"burst-{content('a')}"
    assert told.said() == {"b>a"}


# --- what was rolled back ---


def test_a_rolled_back_stretch_does_not_count():
    text = "0 shoot s a+b c+d e+f\n1h trash b\n3d mark first\n4d trash d\n6d mark second\n7d rollback first\n8d trash f"
    assert tell(text).said() == {"a>b", "e>f"}


def test_going_forward_again_brings_back_what_counted_then():
    text = (
        "0 shoot s a+b c+d e+f g\n1h trash b\n3d mark first\n4d trash d\n6d mark second\n7d rollback first\n8d trash f"
    )
    assert tell(text + "\n10d rollback second").said() == {"a>b", "c>d"}
    assert tell(text + "\n10d mark third\n11d rollback second\n12d rollback third").said() == {"a>b", "e>f"}


@pytest.mark.parametrize(("path", "folder"), [("/a/b.jpg", "/a"), ("/b.jpg", "/"), ("", None), (None, None), (3, None)])
def test_the_folder_of_a_path(path, folder):
    assert folder_of(path) == folder
