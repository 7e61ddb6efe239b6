"""The vectors in LanceDB: a cache that stays small, heals, and can be filled again."""

from pathlib import Path

import numpy as np
import pytest

from safelight.domain.frame import CaptureFacts
from safelight.domain.records import Assessment
from safelight.services.index import Index
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from safelight.storage.vectors import Vectors
from tests.fakes.pictures import PLAIN

LENGTH = 1280
JUDGE = "judge/m1"


def rows(numbers: range) -> list[Assessment]:
    rng = np.random.default_rng(0)
    return [
        Assessment(
            number.to_bytes(16, "big"),
            CaptureFacts(camera=f"camera {number}", iso=100.0),
            PLAIN,
            rng.normal(size=LENGTH).astype(np.float16),
            np.zeros(4, np.uint8),
            0.0,
            0.0,
            6000,
            4000,
        )
        for number in numbers
    ]


def opened(folder: Path) -> Vectors:
    return Vectors(folder, judge=JUDGE, length=LENGTH)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_rows_of_the_same_content_are_replaced(tmp_path: Path) -> None:
    vectors = opened(tmp_path)
    vectors.put(rows(range(5)))
    vectors.put(rows(range(3, 8)))
    assert vectors.count() == 8


def test_judges_are_kept_apart(tmp_path: Path) -> None:
    opened(tmp_path).put(rows(range(5)))
    assert Vectors(tmp_path, judge="another", length=LENGTH).count() == 0


def test_the_folder_stays_within_one_and_a_half_times_its_data(tmp_path: Path) -> None:
    vectors = opened(tmp_path)
    for start in range(0, 4000, 500):
        vectors.put(rows(range(start, start + 500)))
    vectors.compact()
    assert vectors.count() == 4000
    assert size(tmp_path) <= 1.5 * 4000 * 2 * LENGTH


@pytest.mark.parametrize("damage", [b"", b"\0" * 500])
def test_a_torn_newest_version_is_healed(tmp_path: Path, damage: bytes) -> None:
    vectors = opened(tmp_path)
    vectors.put(rows(range(100)))
    vectors.put(rows(range(100, 150)))
    newest = min(next(tmp_path.glob("*.lance")).glob("_versions/*.manifest"))
    newest.write_bytes(damage)
    healed = opened(tmp_path)
    assert healed.count() < 150
    healed.put(rows(range(150)))
    assert healed.count() == 150


def test_a_table_without_any_whole_version_starts_again(tmp_path: Path) -> None:
    opened(tmp_path).put(rows(range(10)))
    for manifest in next(tmp_path.glob("*.lance")).glob("_versions/*.manifest"):
        manifest.write_bytes(b"")
    healed = opened(tmp_path)
    assert healed.count() == 0
    healed.put(rows(range(10)))
    assert healed.count() == 10


def test_what_was_lost_is_filled_again_from_the_catalog(tmp_path: Path) -> None:
    store = SqliteStore(open_database(":memory:"))
    assessments = store.assessments(JUDGE)
    with store.transaction():
        for row in rows(range(40)):
            assessments.put_assessment(row)
    index = Index(store=store, assessments=assessments, open_vectors=lambda: opened(tmp_path))
    assert index.step(at_least=50) == 0
    assert index.step(at_least=40) == 40
    for manifest in next(tmp_path.glob("*.lance")).glob("_versions/*.manifest"):
        manifest.write_bytes(b"")
    with store.transaction():
        assessments.put_assessment(rows(range(41))[40])
    assert index.step(at_least=1) == 41
    assert opened(tmp_path).count() == 41
