"""What the worker does when it is asked, without the process around it: what is written, and what is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK
from safelight.services.publish import ON_CARD
from safelight.services.withdraw import TAKEN_BACK
from tests.app.worker import Bench, cache_of, here
from tests.faults.shoot import jpeg, put

DAY_S = 24 * 3600.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cache_of(tmp_path_factory)


@pytest.fixture
def bench(tmp_path: Path, models: Path) -> Iterator[Bench]:
    with here(tmp_path / "bench", models=models) as made:
        yield made


def test_one_run_stays_open_while_a_shoot_grows_and_is_taken_back_whole(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids[:2])
    first = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert (first.written, first.waiting) == (2, 2)
    bench.link.judge(ids[2:])
    second = bench.link.deliver(ids, run=first.run, to=[bench.folder], withhold=0.0)
    assert second.run == first.run
    assert (second.frames, second.written, second.waiting) == (4, 2, 0)  # all are counted, only the new ones written
    assert bench.withdraw(first.run) == 4
    assert not bench.sidecars()


def test_what_was_taken_back_is_not_written_again_by_itself(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    run = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0).run
    assert bench.withdraw(run) == 4
    put(bench.folder / "late.jpg", jpeg(77, side=320))
    ids = bench.take_in()
    bench.link.judge(ids)
    again = bench.link.deliver(ids, run=run, to=[bench.folder], withhold=0.0)
    assert again.run != run  # a run that was taken back takes no more writes: nobody could take them back
    assert list(bench.sidecars()) == ["late.jpg.xmp"]
    assert {frame.reason for frame in bench.parts.store.catalog.frames(ids)} == {TAKEN_BACK, ""}
    assert not again.failed


def test_an_older_run_can_be_taken_back_and_a_later_one_stays(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    older = bench.link.deliver(ids[:2], run=None, to=[bench.folder], withhold=0.0).run
    newer = bench.link.deliver(ids[2:], run=None, to=[bench.folder], withhold=0.0).run
    assert newer != older
    before = bench.sidecars()
    assert bench.withdraw(older) == 2
    assert len(bench.sidecars()) == 2 and bench.sidecars().items() < before.items()
    assert bench.withdraw(older) == -1  # once
    assert bench.withdraw(99) == -1  # no such run
    assert bench.withdraw() == 2


def test_withheld_frames_get_no_sidecar_and_show_no_star_until_their_shoot_rests(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=1.0)
    assert (delivered.withheld, delivered.frames, delivered.stars, delivered.bursts) == (4, 0, (0, 0, 0, 0, 0), 0)
    assert not delivered.failed and not bench.sidecars()
    assert {frame.reason for frame in bench.parts.store.catalog.frames(ids)} == {HELD_BACK}
    early = bench.link.reveal(withhold=1.0)
    assert (early.run, early.written, early.withheld) == (0, 0, 4)
    runs = bench.parts.store.receipts.last_run()
    assert runs is not None and runs.id == delivered.run  # to look is no run
    bench.parts.clock.sleep(1.5 * DAY_S)
    due = bench.link.reveal(withhold=1.0)
    assert (due.written, due.withheld, due.frames) == (4, 0, 4)
    assert len(bench.sidecars()) == 4
    assert due.run > delivered.run


def test_an_unreadable_frame_is_told_with_its_reason_and_the_rest_is_rated(bench: Bench) -> None:
    put(bench.folder / "broken.jpg", b"\xff\xd8\xff\xe0 no picture")
    ids = bench.take_in()
    bench.link.judge(ids)
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert delivered.written == 4
    ((path, reason),) = delivered.unreadable
    assert path.name == "broken.jpg" and reason


def test_a_sidecar_that_cannot_be_written_is_told_and_tried_again(bench: Bench) -> None:
    ids = bench.take_in()
    (bench.folder / "IMG_0000.jpg.xmp").symlink_to(bench.folder / "elsewhere.xmp")
    bench.link.judge(ids)
    first = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert first.written == 3 and first.frames == 4
    ((path, reason),) = first.failed
    assert path.name == "IMG_0000.jpg" and reason
    (bench.folder / "IMG_0000.jpg.xmp").unlink()
    second = bench.link.deliver(ids, run=first.run, to=[bench.folder], withhold=0.0)
    assert (second.written, second.failed) == (1, ())


def test_a_person_s_own_rating_stands_and_is_counted_as_kept(bench: Bench) -> None:
    put(bench.folder / "mine.jpg", jpeg(50, side=320, rating=4))
    ids = bench.take_in()
    bench.link.judge(ids)
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert (delivered.kept, delivered.written) == (1, 4)
    assert "mine.jpg.xmp" not in bench.sidecars()


def test_a_folder_that_has_just_gone_costs_its_own_frames_only(bench: Bench) -> None:
    (bench.folder / "gone").mkdir()
    put(bench.folder / "gone" / "a.jpg", jpeg(70, side=320))
    ids = bench.take_in()
    bench.link.judge(ids)
    (bench.folder / "gone" / "a.jpg").unlink()
    (bench.folder / "gone").rmdir()
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert delivered.written == 4
    assert bench.stages()["a.jpg"] == "ranked"


def test_frames_on_a_card_are_ranked_and_told_and_nothing_is_written_there(bench: Bench) -> None:
    bench.parts.volumes.roots.add(bench.folder)
    before = sorted(bench.folder.iterdir())
    ids = bench.take_in()
    bench.link.judge(ids)
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert (delivered.frames, delivered.on_card, delivered.written, sum(delivered.stars)) == (4, 4, 0, 4)
    assert not delivered.failed
    assert sorted(bench.folder.iterdir()) == before
    frames = list(bench.parts.store.catalog.frames(ids))
    assert {(frame.stage, frame.reason) for frame in frames} == {(Stage.RANKED, ON_CARD)}


def test_a_share_of_nothing_withholds_nothing_and_withheld_frames_are_counted_apart(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    bench.link.deliver(ids[:2], run=None, to=[bench.folder], withhold=1.0)
    both = bench.link.deliver(ids[2:], run=None, to=[bench.folder], withhold=0.0)
    assert (both.withheld, both.written) == (0, 2)
    all_told = bench.link.deliver(ids, run=both.run, to=[bench.folder], withhold=1.0)
    assert (all_told.withheld, all_told.frames, sum(all_told.stars)) == (2, 2, 2)


def test_each_frame_is_named_before_it_is_worked_on_and_none_afterwards(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    assert sorted(each for each in bench.link.at if each is not None) == ids
    assert bench.link.at[-1] is None


def test_what_is_at_work_is_told(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    assert bench.told[0] == ("Rating", 0, 4) and bench.told[-1] == ("Rating", 4, 4)
    bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert bench.told[-1] == ("Writing sidecars", 4, 4)


def test_a_card_that_is_pulled_between_ranking_and_writing_is_told_as_failed_or_waits(bench: Bench) -> None:
    ids = bench.take_in()
    bench.link.judge(ids)
    bench.folder.rename(bench.folder.with_name("pulled"))
    delivered = bench.link.deliver(ids, run=None, to=[bench.folder], withhold=0.0)
    assert delivered.written == 0 and delivered.frames == 4
    bench.folder.with_name("pulled").rename(bench.folder)
    assert bench.link.deliver(ids, run=delivered.run, to=[bench.folder], withhold=0.0).written == 4
