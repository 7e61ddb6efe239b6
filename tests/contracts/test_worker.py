"""What the conductor relies on, of the real worker and of the fake that stands for it in the conductor's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.domain.withholding import HELD_BACK
from safelight.errors import WorkerError
from tests.app.worker import Bench, cache_of, working
from tests.fakes.worker import FakeWorkerLink


@pytest.fixture(params=["real", "fake"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with working(tmp_path / "bench", models=cache_of(tmp_path_factory)) as made:
        if request.param == "fake":
            made.link = FakeWorkerLink(store=made.parts.store, clock=made.parts.clock)
        yield made


def test_frames_go_from_arrived_to_published_in_one_run(bench: Bench) -> None:
    link, ids = bench.link, bench.take_in()
    assert not link.alive and link.degraded == ""
    assert (link.judge([]).frames, link.deliver([], run=5, to=[]).run) == (0, 5)
    assert link.judge(ids[:2]).frames == 2
    assert link.alive
    assert sorted(bench.stages().values()) == ["arrived", "arrived", "assessed", "assessed"]
    run = link.open_run([bench.folder])
    first = link.deliver(ids, run=run, to=[bench.folder], withhold=0.0)
    assert (first.run, first.frames, first.written, first.waiting, sum(first.stars)) == (run, 2, 2, 2, 2)
    assert link.judge(ids).frames == 4
    second = link.deliver(ids, run=run, to=[bench.folder], withhold=0.0)
    assert (second.run, second.frames, second.written, second.waiting) == (run, 4, 2, 0)
    assert set(bench.stages().values()) == {"published"}
    with bench.parts.store.transaction():
        bench.parts.store.receipts.mark_undone(run, at_s=bench.parts.clock.now())
    assert link.deliver(ids, run=run, to=[bench.folder], withhold=0.0).run > run
    link.close()
    assert not link.alive and link.idle()


def test_what_is_withheld_stays_ranked_with_its_reason(bench: Bench) -> None:
    link, ids = bench.link, bench.take_in()
    link.judge(ids)
    delivered = link.deliver(ids, run=None, to=[bench.folder], withhold=1.0)
    assert (delivered.withheld, delivered.frames, delivered.written) == (4, 0, 0)
    assert {frame.reason for frame in bench.parts.store.catalog.frames(ids)} == {HELD_BACK}
    assert link.reveal(withhold=1.0).written == 0
    link.stop()
    with pytest.raises(WorkerError):
        link.judge(ids)
