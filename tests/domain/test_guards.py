"""Bulk operations teach nothing. Each test shows what would be learned without its guard, by a history next to it."""

import pytest

from safelight.domain.actions import State
from tests.domain.pasts import tell

# Ten frames; b is thrown out of the burst a+b+c. What every history below adds to must not silence or double it.
CULL = """
0   shoot s a+b+c d+e f g h i j
1h  show a..j=3
2h  trash b
"""


def test_a_cull_within_a_burst_teaches():
    assert tell(CULL).said() == {"a>b", "c>b"}


# --- what is gone altogether ---


def test_a_missing_volume_is_not_a_cull():
    away = 'ignored="The_volume_is_not_there"'
    told = tell(f"0 shoot s a+b+c d e\n2h unlink a b d e {away}")
    assert told.said() == set()
    assert set(told.states("deleted").values()) == {State.NO_OPINION}
    assert told.action("deleted", "a").why_state == '"The_volume_is_not_there"'
    assert tell("0 shoot s a+b+c d e\n2h unlink a b").said() == {"c>a", "c>b"}


@pytest.mark.parametrize("why", ["copy", "card", "placeholder", "half", "tree"])
def test_what_the_disk_explains_is_no_opinion(why):
    """Byte-identical copies, a formatted card, cloud placeholders, a half of a pair: told by whoever saw the disk."""
    assert tell(f"0 shoot s a+b+c d e\n2h trash b ignored={why}").said() == set()
    assert tell("0 shoot s a+b+c d e\n2h trash b").said() == {"a>b", "c>b"}


def test_a_removed_shoot_is_not_a_cull():
    shoot = "0 shoot s a+b c d\n0 shoot t x+y z\n2h export a\n"
    told = tell(shoot + "20d unlink a..d")
    assert all(each.state is State.NO_OPINION for each in told.actions() if each.kind == "deleted")
    assert told.said() == {"a>c", "a>d"}  # the export stands: it was made among frames that were there ...
    assert all(each.actions == (told.action("exported", "a").id,) for each in told.comparisons())  # ... and no loss
    chosen = tell(shoot + "20d unlink b d")
    assert "a>b" in chosen.said()
    assert chosen.action("deleted", "d").id in chosen.between("a>d").actions


def test_a_small_shoot_that_went_altogether_is_not_a_cull():
    """Others lie in its folder, and one of its frames was exported: the export must not win over what went with it."""
    shoot = "0 shoot s a b c d in=/p\n0 shoot t x in=/p\n1h export a\n"
    assert tell(shoot + "2h trash a b c d").said() == set()
    assert {"a>b", "a>c"} <= tell(shoot + "2h trash a b c").said()


def test_a_tree_that_is_removed_bit_by_bit_is_not_a_cull():
    """A slow sync tool takes a few frames a day: at the end every frame is gone, and all of it was one campaign."""
    days = "\n".join(f"{day}d unlink f{2 * day - 1} f{2 * day}" for day in range(1, 6))
    shoot = "0 shoot s f1+f2+f3 f4+f5+f6 f7 f8 f9 f10\n"
    assert tell(f"{shoot}1h export f10\n{days}").said() == set()
    assert "f10>f7" in tell(f"{shoot}1h export f10\n1d unlink f7\n2d unlink f4").said()
    assert tell("0 shoot s f1+f2+f3 f4+f5+f6 f7 f8 f9 f10\n1d unlink f1 f2\n2d unlink f4").said() == {
        "f3>f1", "f3>f2", "f5>f4", "f6>f4",
    }  # fmt: skip


def test_a_cull_outlives_the_archiving_of_what_was_kept():
    archived = CULL + "\n30d unlink a c d e f g h i j"
    assert tell(archived).said() == {"a>b", "c>b"}
    assert tell(CULL + "\n3d unlink a c d e f g h i j").said() == set()  # too soon: both may be one tidying up


def test_a_removed_folder_of_a_shoot_is_not_a_cull():
    shoot = "0 shoot s a+b e f i\n0 shoot s c+d g in=/photos/s/sub\n1h export e\n"
    lost = {pair for pair in tell(shoot + "2d unlink c d g").said() if pair[-1] in "cdg"}
    assert lost == set()
    assert {"c>d", "e>g"} <= tell(shoot + "2d unlink d g").said()  # c is still there: somebody chose


def test_a_folder_filled_and_then_removed_held_no_selects():
    shoot = "0 shoot s a+b c+d e f\n"
    filled = shoot + "1h move b d to=/photos/s/sub\n"
    assert tell(filled + "2d unlink b d").said() == set()
    assert tell(filled).said() == {"b>c", "b>e", "b>f", "d>a", "d>e", "d>f"}
    assert tell(shoot + "2d unlink b d").said() == {"a>b", "c>d"}


# --- most of it at once ---


def test_nine_tenths_of_a_shoot_gone_is_not_a_cull():
    shoot = "0 shoot s f1+f2 f3+f4 f5+f6 f7+f8 f9+f10\n"
    assert tell(shoot + "2h unlink f2..f10").said() == set()
    assert "f1>f2" in tell(shoot + "2h unlink f2 f4 f6 f8 f9 f10").said()


def test_half_an_undo_does_not_turn_the_other_half_into_an_opinion():
    shoot = "0 shoot s f1+f2 f3+f4 f5+f6 f7+f8 f9+f10\n"
    assert tell(shoot + "2h trash f2..f10\n5h back f3 f5 f7").said() == set()
    assert {"f1>f2", "f3>f4"} <= tell(shoot + "2h trash f2 f4 f6\n5h back f6").said()


def test_a_small_shoot_may_lose_most_of_its_frames():
    assert tell("0 shoot s a+b+c+d\n2h trash b c d").said() == {"a>b", "a>c", "a>d"}


def test_a_fast_mass_delete_is_not_a_cull():
    shoot = "0 shoot s a1..a20+b1..b20\n"
    assert tell(shoot + "2h trash a1..a20 every=0.1").said() == set()
    by_hand = tell(shoot + "2h trash a1..a20 every=1.5")
    assert len(by_hand.said()) == 60  # three of those kept for each
    assert len(tell(shoot + "2h trash a1..a20 every=0.25").said()) == 60  # four a second
    assert len(tell("0 shoot s a1..a19+b1..b11\n2h trash a1..a19 every=0.1").said()) == 57  # seen at a glance
    assert len(tell("0 shoot s a1..a20+b1..b21\n2h trash a1..a20 every=0.1").said()) == 60  # less than half


def test_speed_is_only_told_from_known_times():
    """Deletions that nobody watched are all found at one moment: that says nothing of how fast they were made."""
    assert tell("0 shoot s a1..a20+b1..b20\n2h unlink a1..a20").said()


# --- our own opinion ---


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_deletion_of_exactly_our_low_stars_teaches_nothing(most):
    shoot = f"0 shoot s a+b c+d e+f g h i\n1h show a=5 c=4 e=4 g=5 h=5 b={most} d=1 f={most} i=1\n"
    told = tell(shoot + "2h trash b d f i\n2h export g")
    assert not {"a>b", "c>d", "e>f", "g>i"} & told.said()
    another = tell(shoot + "2h trash b d e i\n2h export g")
    assert {"a>b", "c>d", "f>e", "g>i"} <= another.said()


def test_our_low_stars_and_one_frame_spared_is_still_our_opinion():
    low = "f1..f12=2"
    shoot = f"0 shoot s f1+k1 f2+k2 f3..f12 k3..k9\n1h show {low} k1..k9=4\n"
    assert tell(shoot + "2h trash f1..f11").said() == set()
    assert tell(shoot + "2h trash f1..f8").said()


def test_low_stars_that_were_not_shown_are_not_our_opinion():
    blind = "0 shoot s a+b c+d e+f g h\n2h trash b d f"
    assert tell(blind).said() == {"a>b", "c>d", "e>f"}
    undone = "0 shoot s a+b c+d e+f g h\n1h show a=4 c=4 e=4 b=2 d=2 f=2\n90m hide a b c d e f\n2h trash b d f"
    assert tell(undone).said() == {"a>b", "c>d", "e>f"}


def test_the_blind_ones_among_a_cull_by_our_stars_still_teach():
    shoot = "0 shoot s a+b c+d e+f g+h\n1h show a=4 c=4 e=4 b=2 d=2 f=2\n"
    assert tell(shoot + "2h trash b d f h").said() == {"g>h"}


# --- series ---


def test_a_part_of_a_bracket_deleted_is_no_opinion():
    told = tell("0 shoot s bracket:a+b+c d e f g\n2h trash a c\n2h export d")
    assert not {"b>a", "b>c", "d>a", "d>c"} & told.said()
    assert told.states("deleted") == {"a": State.NO_OPINION, "c": State.NO_OPINION}
    whole = tell("0 shoot s bracket:a+b+c d e f g\n2h trash a b c\n2h export d")
    assert len({"d>a", "d>b", "d>c"} & whole.said()) == 1
    assert set(whole.states("deleted").values()) == {State.BELIEVED}


# --- choosing, or filing and delivering ---


def test_a_cull_is_not_unlearned_when_the_rest_is_filed_away():
    shoot = "0 shoot s a+b+c d e f g h\n2h trash b c\n"
    assert tell(shoot).said("500d") == {"a>b", "a>c"}
    assert tell(shoot + "30d move a d e f g h to=/store/s").said("500d") == {"a>b", "a>c"}
    assert tell(shoot + "3h move a d e f g h to=/store/s").said("500d") == {"a>b", "a>c"}


def test_a_moved_shoot_is_archived_not_liked():
    archived = tell("0 shoot s a+b c d e f\n2h trash b\n2d move a c d e f to=/store/s")
    assert archived.said() == {"a>b"}
    assert archived.action("moved", "c").state is State.NO_OPINION
    shoot = "0 shoot s a..f\n2h trash b\n"
    assert tell(shoot + "2d move a c d e f to=/store/s").said() == set()
    assert {"c>b", "c>d"} <= tell(shoot + "2d move c to=/photos/best").said()


def test_too_many_to_be_a_selection():
    shoot = "0 shoot s a..f\n"
    assert tell(shoot + "2h move a b c to=/photos/best").said() == set()
    assert tell(shoot + "2h move a b to=/photos/best").said()


def test_a_folder_moved_away_as_a_whole_is_filed():
    shoot = "0 shoot s a b c d e f g h in=/photos/s\n"
    both = shoot + "1h move a b to=/photos/s/cam2\n"
    told = tell(both + "2d move a b to=/store/cam2")
    assert told.action("moved", "a").state is State.NO_OPINION
    assert tell(both + "2d move a to=/store/best").action("moved", "a").state is State.BELIEVED


def test_sorting_a_shoot_into_folders_is_no_choice():
    shoot = "0 shoot s a..f g..i\n"
    assert tell(shoot + "2h move a b to=/p/anna\n2h move c d to=/p/ben\n2h move e f to=/p/carl").said() == set()
    assert tell(shoot + "2h move a b to=/p/anna").said()


@pytest.mark.parametrize("name", ["rejects", "Archive 2024", "backup", "to delete", "Papierkorb"])
def test_a_folder_for_what_nobody_wants_is_no_selection(name):
    place = name.replace(" ", "_") if name != "to delete" else "delete"
    assert tell(f"0 shoot s a..f\n2h move a to=/photos/s/{place}").said() == set()
    assert tell("0 shoot s a..f\n2h move a to=/photos/s/best").said()


def test_a_new_name_says_nothing():
    told = tell("0 shoot s a..f\n2h move a to=/photos/s as=anna.jpg")
    assert told.said() == set()
    assert told.action("moved", "a").state is State.NO_OPINION


def test_a_preset_on_every_frame_is_no_opinion():
    shoot = "0 shoot s a..h x+y z\n1h trash y z\n"
    assert tell(shoot + "2h edit a..h x").said() == {"x>y"}
    assert "a>z" in tell(shoot + "2h edit a..c").said()


def test_a_delivery_of_all_that_is_left_does_not_say_that_what_is_left_is_liked():
    shoot = "0 shoot s a..f g..l\n1h trash g..l\n"
    assert tell(shoot + "2d export a..f").said() == set()
    assert "a>g" in tell(shoot + "2d export a b").said()


def test_a_selection_of_exactly_our_high_stars_teaches_nothing():
    shoot = "0 shoot s a..l\n1h show a..c=5 d..l=3\n"
    assert tell(shoot + "2h export a b c").said() == set()
    assert tell(shoot + "2h export a b d").said()


def test_a_mass_restore_is_a_mistake_put_right():
    shoot = "0 shoot s a..l\n2h trash a..e\n"
    restored = tell(shoot + "3h back a..e")
    assert restored.said() == set()
    assert set(restored.states("returned").values()) == {State.NO_OPINION}
    assert tell(shoot + "3h back a").states("returned")["a"] is State.BELIEVED
