"""Half a minute of everything at once: afterwards catalog, sidecars and disk agree. `make soak` does it for longer."""

import os
from pathlib import Path

import pytest

from tests.soak import consistency
from tests.soak.consistency import Catalog
from tests.soak.growth import Sample, grown
from tests.soak.ledger import Ledger
from tests.soak.soak import Plan, soak
from tests.soak.traffic import Ground, Traffic

SECONDS = 25.0
SEED = int(os.environ.get("SAFELIGHT_SOAK_SEED", "7"))


def test_half_a_minute_of_mixed_traffic_and_kills_leaves_everything_consistent(tmp_path: Path) -> None:
    with soak(Plan.of(seconds=SECONDS, seed=SEED), tmp_path) as made:
        report = made.run()
    told = "\n".join([f"seed {SEED}: python -m tests.soak --seconds {SECONDS:.0f} --seed {SEED}", *report.notes])
    done = "\n".join(made.ledger.told[-400:])
    assert not report.problems, "\n".join([told, *report.problems[:40], done])


def test_the_same_seed_does_the_same_things(tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        roots = [tmp_path / name / "pictures"]
        roots[0].mkdir(parents=True)
        ledger = Ledger()
        ground = Ground(roots, tmp_path / name / "outside", tmp_path / name / "trash")
        traffic = Traffic(seed=5, ground=ground, ledger=ledger)
        for _ in range(60):
            traffic.step()
        traffic.rest()
        told.append([each.replace(str(tmp_path / name), "") for each in ledger.told])
        assert not consistency.changed(ledger)
        assert not list(consistency._disk(ledger, roots))
    assert told[0] == told[1]


@pytest.fixture
def empty() -> Catalog:
    return Catalog(frames={}, files={}, stars={}, damage="ok")


def test_what_does_not_agree_is_found(tmp_path: Path, empty: Catalog) -> None:
    path, ledger = tmp_path / "a.jpg", Ledger()
    path.write_bytes(b"a")
    ledger.add(path, b"a")
    (tmp_path / "b.jpg").write_bytes(b"b")
    (tmp_path / "a.jpg.xmp").write_bytes(b"nobody's")
    (tmp_path / ".safelight-0.tmp").touch()
    assert consistency.problems(empty, ledger, [tmp_path]) == [
        f"{tmp_path / 'b.jpg'} is there, and nobody put it there",
        f"{path} is not known",
        f"{path} never arrived",
    ]
    assert "receipt" in consistency.foreign(empty, ledger, [tmp_path])[0]
    assert consistency.leftovers([tmp_path]) == [tmp_path / ".safelight-0.tmp"]
    path.write_bytes(b"other")
    assert consistency.changed(ledger) == [f"{path} has other bytes"]


def test_growth_is_told_beyond_a_twentieth() -> None:
    warm = Sample(pss_kb=40_000, anonymous_kb=30_000, descriptors=20, threads=8)
    assert not grown(warm, Sample(60_000, 32_000, 21, 8))  # what is shared is nobody's leak
    assert "Memory" in grown(warm, Sample(40_000, 32_001, 20, 8))[0]
    assert "Descriptors" in grown(warm, Sample(40_000, 30_000, 22, 8))[0]
