"""What the conductor makes of hints, letters and failures, with real folders and a worker in memory."""

import errno
import shutil
from pathlib import Path

import pytest

from safelight.app.conductor import FIRST_BACKOFF_S
from safelight.app.letters import Asked, Bell, LeaseBegins, LeaseEnds
from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.errors import StateError
from safelight.ports.watching import Hint, Why
from safelight.services.withdraw import TAKEN_BACK
from tests.app.conducting import Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path / "pictures")


def test_a_copied_file_is_rated_within_two_seconds(daemon: Daemon) -> None:
    started_s = daemon.clock.now()
    daemon.put("a.jpg")
    while daemon.stage("a.jpg") is not Stage.PUBLISHED:
        daemon.conductor.read(daemon.box.take(0.0))
        daemon.conductor.step()
        daemon.clock.sleep(min(daemon.conductor.wait_s(), 0.1))
        assert daemon.clock.now() - started_s < 2.0


def test_a_burst_that_is_copied_slowly_is_ranked_as_a_whole(daemon: Daemon) -> None:
    for number in range(5):
        daemon.put(f"{number}.jpg")
        daemon.pass_time(30)
    daemon.settle_down()
    # The first frame cannot know that more will follow; from the second on the pauses are known.
    assert [len(ids) for ids in daemon.asked("deliver")] == [1, 4]


def test_a_shoot_grows_and_is_told_once_more(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.put("b.jpg")
    daemon.settle_down()
    assert [(shoot.run, shoot.frames) for shoot in daemon.told] == [(1, 1), (1, 2)]
    assert [shoot.frames for shoot in daemon.kept] == [2]


def test_an_hour_later_it_is_another_shoot(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.clock.sleep(3600.0)
    daemon.put("b.jpg")
    daemon.settle_down()
    assert [(shoot.run, shoot.frames) for shoot in daemon.told] == [(1, 1), (2, 1)]


def test_what_was_taken_back_does_not_grow(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.shoots.mark_undone(1)
    daemon.put("b.jpg")
    daemon.settle_down()
    assert [(shoot.run, shoot.undone) for shoot in daemon.kept] == [(2, False), (1, True)]


def test_paused_it_takes_in_and_rates_nothing(daemon: Daemon) -> None:
    daemon.why = "Paused until you resume it."
    daemon.put("a.jpg")
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.ARRIVED
    assert daemon.worker.calls == []
    assert daemon.board.status.waiting == 1
    assert daemon.board.status.state == "paused"
    daemon.why = ""
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_what_was_missed_is_found_by_a_scan(daemon: Daemon) -> None:
    daemon.library.put("one/a.jpg")
    daemon.library.put("two/deep/b.jpg")
    daemon.miss(daemon.folder)
    daemon.settle_down()
    assert daemon.stage("one/a.jpg") is daemon.stage("two/deep/b.jpg") is Stage.PUBLISHED


def test_a_folder_that_comes_whole_is_taken_in(daemon: Daemon) -> None:
    daemon.library.put("shoot/a.jpg")
    daemon.notice(daemon.folder / "shoot", Hint.FOLDER)
    daemon.settle_down()
    assert daemon.stage("shoot/a.jpg") is Stage.PUBLISHED


def test_a_file_still_being_written_when_it_is_found_by_a_scan_is_waited_for(daemon: Daemon) -> None:
    path = daemon.library.put("a.jpg", age_s=0.0)
    daemon.miss(daemon.folder)
    daemon.conductor.read(daemon.box.take(0.0))
    daemon.conductor.step()
    assert daemon.stage("a.jpg") is None
    path.write_bytes(b"more of it")
    daemon.touch(path)
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_a_deletion_is_a_fact_a_moment_later(daemon: Daemon) -> None:
    for name in ("a.jpg", "b.jpg"):
        daemon.put(name)
    daemon.settle_down()
    (daemon.folder / "a.jpg").unlink()
    daemon.notice(daemon.folder / "a.jpg", Hint.GONE)
    daemon.settle_down()
    assert [entry.kind for entry in daemon.store.journal.entries(Kind.FRAME_LOST)] == [Kind.FRAME_LOST]
    assert daemon.asked("learn") == []
    daemon.clock.sleep(60.0)  # of rest, because one cull is many deletions
    daemon.settle_down()
    assert daemon.asked("learn") == [False]


def test_a_move_between_folders_is_no_loss(daemon: Daemon) -> None:
    daemon.put("one/a.jpg")
    daemon.put("one/b.jpg")
    daemon.settle_down()
    (daemon.folder / "two").mkdir()
    (daemon.folder / "one/a.jpg").rename(daemon.folder / "two/a.jpg")
    daemon.notice(daemon.folder / "one/a.jpg", Hint.GONE)
    daemon.notice(daemon.folder / "two/a.jpg", Hint.ARRIVED)
    daemon.settle_down()
    facts = [entry.kind for entry in daemon.store.journal.entries(Kind.FRAME_LOST, Kind.FRAME_MOVED)]
    assert facts == [Kind.FRAME_MOVED]
    assert daemon.stage("two/a.jpg") is Stage.PUBLISHED


def test_unmount_is_not_a_cull(daemon: Daemon) -> None:
    for name in ("a.jpg", "b.jpg"):
        daemon.put(name)
    daemon.settle_down()
    for path in daemon.folder.iterdir():
        path.unlink()
    daemon.library.mounts.mount(daemon.folder, device=9)
    daemon.miss(daemon.folder, Why.UNMOUNTED)
    daemon.settle_down()
    daemon.miss(daemon.folder, Why.TIMER)
    daemon.settle_down()
    assert list(daemon.store.journal.entries(Kind.FRAME_LOST)) == []
    assert daemon.folder in daemon.arrival.absent


def test_a_watched_folder_that_is_deleted_is_waited_for(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    shutil.rmtree(daemon.folder)
    daemon.miss(daemon.folder, Why.ROOT_GONE)
    daemon.settle_down()
    assert daemon.folder in daemon.arrival.absent
    daemon.library.put("b.jpg")
    daemon.miss(daemon.folder, Why.ROOT_BACK)
    daemon.settle_down()
    assert daemon.stage("b.jpg") is Stage.PUBLISHED
    assert daemon.arrival.absent == {}


def test_another_disk_in_the_same_place_is_rated_and_takes_nothing_from_the_first(daemon: Daemon) -> None:
    daemon.put("a.jpg", b"first disk")
    daemon.settle_down()
    daemon.library.mounts.mount(daemon.folder, device=9, file_system=9)
    (daemon.folder / "a.jpg").write_bytes(b"another disk")
    daemon.miss(daemon.folder, Why.MOUNTED)
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED
    assert list(daemon.store.journal.entries(Kind.FRAME_LOST, Kind.FRAME_CHANGED)) == []
    assert len(daemon.asked("judge")) == 2


def test_a_failure_is_shown_and_tried_again_later(daemon: Daemon) -> None:
    daemon.worker.failures = [StateError("The disk is full.", hint="Free some space.")]
    daemon.put("a.jpg")
    daemon.settle_down(most_s=FIRST_BACKOFF_S + 60)
    assert daemon.stage("a.jpg") is Stage.PUBLISHED
    seen = [status.trouble[0].told for status in daemon.statuses if status.trouble]
    assert "The disk is full." in seen
    assert daemon.board.status.trouble == ()


def test_while_lent_nothing_is_done_and_afterwards_all_of_it(daemon: Daemon) -> None:
    begins = LeaseBegins()
    daemon.box.put(begins)
    daemon.settle_down()
    assert begins.free.done()
    daemon.put("a.jpg")
    daemon.settle_down()
    assert daemon.stage("a.jpg") is None
    daemon.free = False  # the command has closed its connection and not yet ended
    daemon.box.put(LeaseEnds())
    daemon.conductor.read(daemon.box.take(0.0))
    assert not daemon.conductor.step()
    daemon.free = True
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_a_killed_daemon_goes_on_where_it_stopped(daemon: Daemon) -> None:
    daemon.why = "Paused."
    daemon.put("a.jpg")
    daemon.settle_down()
    again = Daemon(daemon.folder.parent / "other")
    again.store, again.parts = daemon.store, daemon.parts
    daemon.why = ""
    daemon.delivery._gatherings.clear()  # what the dead one had in mind
    daemon.delivery.recall()
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_frames_outside_of_the_watched_folders_are_left_alone(daemon: Daemon) -> None:
    elsewhere = daemon.folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.jpg").write_bytes(b"x")
    daemon.library.take_in(elsewhere)
    daemon.delivery.recall()
    daemon.settle_down()
    assert daemon.worker.calls == []


def test_what_was_there_before_is_left_alone_where_that_was_chosen(daemon: Daemon) -> None:
    old = daemon.library.put("old.jpg")
    daemon.roots.left.add(old)
    daemon.library.put("new.jpg")
    daemon.miss(daemon.folder, Why.STARTED)
    daemon.settle_down()
    assert daemon.stage("old.jpg") is None
    assert daemon.stage("new.jpg") is Stage.PUBLISHED


def test_a_card_is_ranked_and_nothing_is_written(daemon: Daemon, tmp_path: Path) -> None:
    card = tmp_path / "card"
    (card / "DCIM").mkdir(parents=True)
    (card / "DCIM/a.jpg").write_bytes(b"a")
    daemon.library.cards.roots.add(card)
    daemon.worker.on_cards.append(card)
    daemon.arrival.take_tree(card)
    daemon.settle_down()
    assert daemon.on_cards == [(card, 1)]
    assert daemon.told == []


def test_a_card_that_is_pulled_is_let_go_of(daemon: Daemon, tmp_path: Path) -> None:
    card = tmp_path / "card"
    (card / "DCIM").mkdir(parents=True)
    (card / "DCIM/a.jpg").write_bytes(b"a")
    daemon.library.cards.roots.add(card)
    daemon.why = "Paused."
    daemon.arrival.take_tree(card)
    daemon.settle_down()
    assert daemon.delivery.waiting == 1
    daemon.delivery.drop(card)
    daemon.why = ""
    daemon.settle_down()
    assert daemon.worker.calls == []


def test_a_place_that_is_held_is_judged_and_not_ranked(daemon: Daemon) -> None:
    daemon.delivery.hold(daemon.folder, on=True)
    daemon.put("a.jpg")
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.ASSESSED
    daemon.delivery.hold(daemon.folder, on=False)
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_requests_and_bells_are_passed_on_at_once(daemon: Daemon) -> None:
    asked = Asked("pause", {})
    daemon.box.put(asked)
    daemon.box.put(Bell.NIGHTLY)
    daemon.conductor.read(daemon.box.take(0.0))
    assert daemon.letters == [asked]
    assert daemon.bells == [Bell.NIGHTLY]


def test_every_step_tells_that_the_thread_is_alive(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    before = daemon.beats
    daemon.settle_down()
    assert daemon.beats > before


def test_idle_it_waits_for_minutes(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.clock.sleep(60.0)
    daemon.settle_down()
    assert daemon.conductor.wait_s() >= 60.0
    assert daemon.board.status.state == "idle"
    assert daemon.board.status.doing == ()


def test_frames_are_judged_while_more_keep_arriving(daemon: Daemon) -> None:
    for number in range(12):
        daemon.put(f"{number}.jpg")
        for _ in range(4):
            daemon.conductor.read(daemon.box.take(0.0))
            daemon.conductor.step()
            daemon.clock.sleep(0.1)
    assert len(daemon.asked("judge")) > 2
    daemon.settle_down()
    assert len(daemon.told) == 1


def test_a_file_held_open_beside_them_keeps_nobody_awake(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    slow = daemon.library.put("slow.jpg", age_s=0.0)
    daemon.notice(slow, Hint.STARTED)
    waits = []
    for _ in range(40):
        daemon.conductor.read(daemon.box.take(0.0))
        while daemon.conductor.step():
            pass
        waits.append(daemon.conductor.wait_s())
        daemon.clock.sleep(max(waits[-1], 0.01))
    assert daemon.stage("a.jpg") is Stage.PUBLISHED
    assert waits.count(0.0) < 5


def test_learning_that_is_due_waits_for_a_held_shoot_without_spinning(daemon: Daemon) -> None:
    daemon.delivery.hold(daemon.folder, on=True)
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.upkeep.person_acted()
    daemon.clock.sleep(120.0)
    daemon.settle_down()
    assert daemon.conductor.wait_s() > 60.0
    assert daemon.asked("learn") == []


def test_without_a_worker_it_goes_on_taking_in(daemon: Daemon) -> None:
    daemon.worker.failures = [StateError("The model is missing.", hint="Fetch it.")] * 3
    daemon.put("a.jpg")
    daemon.pass_time(30)
    daemon.put("b.jpg")
    daemon.pass_time(30)
    assert daemon.stage("b.jpg") is Stage.ARRIVED
    assert daemon.board.status.state == "degraded"
    assert len(daemon.asked("judge")) == 1


def test_a_clock_that_is_set_back_lets_nothing_wait_for_hours(daemon: Daemon) -> None:
    daemon.worker.failures = [StateError("The disk is full.", hint="Free some space.")]
    daemon.put("a.jpg")
    daemon.notice(daemon.folder / "gone.jpg", Hint.GONE)
    daemon.pass_time(20)
    daemon.clock.sleep(-7200.0)
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_a_clock_that_jumps_ahead_makes_no_opinion(daemon: Daemon) -> None:
    for name in ("a.jpg", "b.jpg"):
        daemon.put(name)
    daemon.settle_down()
    daemon.clock.sleep(30 * 24 * 3600.0)
    daemon.miss(daemon.folder, Why.RESUMED)
    daemon.settle_down()
    assert [entry.kind for entry in daemon.store.journal.entries(Kind.FRAME_LOST, Kind.LOSS_CONFIRMED)] == []


def test_beside_busy_programs_half_of_the_time_is_theirs(daemon: Daemon) -> None:
    daemon.slowly = True
    daemon.worker.during = lambda name: daemon.clock.sleep(2.0) if name == "judge" else None
    for number in range(40):
        daemon.library.put(f"{number}.jpg")
    daemon.miss(daemon.folder)
    started_s = daemon.clock.now()
    daemon.settle_down()
    slices = len(daemon.asked("judge"))
    assert slices == 3
    assert daemon.clock.now() - started_s >= 2 * 2.0 * (slices - 1)
    assert daemon.stage("39.jpg") is Stage.PUBLISHED


def test_work_goes_on_as_soon_as_a_busy_machine_may_be_used(daemon: Daemon) -> None:
    daemon.why = "Other programs need the computer: work goes on when they are done."
    daemon.changes_s = daemon.clock.now() + 4.0
    daemon.put("a.jpg")
    daemon.pass_time(30)
    assert 0.0 < daemon.conductor.wait_s() <= 1.05


def test_nobody_wakes_for_a_busy_machine_while_nothing_waits(daemon: Daemon) -> None:
    daemon.why = "On battery."
    daemon.changes_s = daemon.clock.now() + 4.0
    assert daemon.conductor.wait_s() > 60.0


def test_a_system_that_refuses_open_files_does_not_end_the_daemon(daemon: Daemon) -> None:
    daemon.worker.failures = [OSError(errno.EMFILE, "Too many open files")]
    daemon.put("a.jpg")
    daemon.pass_time(20)
    assert daemon.board.status.state == "degraded" and "Too many open files" in daemon.board.status.why
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED
    assert daemon.board.status.trouble == ()


def test_a_letter_that_cannot_be_dealt_with_keeps_nobody_from_the_next(daemon: Daemon) -> None:
    asked = Asked("resume")
    daemon.failing = [StateError("The disk is full.", hint="Free some space.")]
    daemon.conductor.read([Bell.HOURLY, asked])
    assert daemon.letters == [asked]
    assert daemon.board.status.trouble[0].told == "The disk is full."
    daemon.settle_down()
    assert daemon.board.status.trouble == ()


def test_what_was_only_learned_from_is_not_rated_where_the_past_is_left_alone(daemon: Daemon) -> None:
    for name in ("left.jpg", "wanted.jpg"):
        path = daemon.library.put(name)
        (frame_id,) = daemon.library.take_in(path.parent)[-1:]
        daemon.store.journal.append(Kind.FRAME_ARRIVED, at_s=0.0, frame_id=frame_id, files=[str(path)], imported=True)
        daemon.store.catalog.set_stage(frame_id, Stage.ASSESSED)
        if name == "left.jpg":
            daemon.roots.left.add(path)
    daemon.delivery.recall()
    daemon.miss(daemon.folder)
    daemon.settle_down()
    assert daemon.stage("left.jpg") is Stage.ASSESSED
    assert daemon.stage("wanted.jpg") is Stage.PUBLISHED


@pytest.mark.parametrize("stage", [Stage.ASSESSED, Stage.RANKED])
def test_a_frame_whose_disk_went_before_its_stars_gets_them_when_it_is_back(daemon: Daemon, stage: Stage) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    frame_id = daemon.library.frame("a.jpg")
    daemon.store.catalog.set_stage(frame_id, stage)  # looked at, perhaps ranked, and then its disk was gone
    daemon.miss(daemon.folder, Why.MOUNTED)
    daemon.settle_down()
    assert daemon.stage("a.jpg") is Stage.PUBLISHED


def test_a_frame_whose_sidecar_was_taken_back_or_cannot_be_written_is_not_tried_at_every_look(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    for reason in (TAKEN_BACK, "The disk is full."):
        daemon.store.catalog.set_stage(daemon.library.frame("a.jpg"), Stage.RANKED, reason)
        daemon.miss(daemon.folder, Why.TIMER)
        daemon.settle_down()
        assert daemon.stage("a.jpg") is Stage.RANKED


def test_a_tethered_camera_gets_its_stars_in_between(daemon: Daemon) -> None:
    for number in range(60):
        daemon.put(f"{number:02d}.jpg")
        end_s = daemon.clock.now() + 9.0
        while daemon.clock.now() < end_s:
            daemon.conductor.read(daemon.box.take(0.0))
            while daemon.conductor.step():
                pass
            daemon.clock.sleep(min(max(daemon.conductor.wait_s(), 0.05), 1.0))
    assert daemon.stage("02.jpg") is Stage.PUBLISHED
    assert len(daemon.asked("deliver")) >= 2


def test_idle_it_tells_often_enough_that_it_lives(daemon: Daemon) -> None:
    daemon.put("a.jpg")
    daemon.settle_down()
    daemon.clock.sleep(120.0)
    daemon.settle_down()
    assert daemon.conductor.wait_s() <= 150.0  # half of what the unit allows
