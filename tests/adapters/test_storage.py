"""The catalog in SQLite: what is durable, what is refused, what comes back as it was."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.entries import Kind
from safelight.domain.frame import CaptureFacts, SetKind
from safelight.domain.records import Assessment, Rating, TasteLook, TasteVersion
from safelight.domain.score import Contribution, Part
from safelight.errors import StateError
from safelight.storage.database import MIGRATIONS, open_database, writing
from safelight.storage.store import SqliteStore, open_store
from tests.fakes.pictures import PLAIN


@pytest.fixture
def store() -> SqliteStore:
    return SqliteStore(open_database(":memory:"))


def looked(content: bytes = b"c" * 16, **facts: object) -> Assessment:
    vector = np.linspace(-1, 1, 8).astype(np.float16)
    return Assessment(content, CaptureFacts(**facts), PLAIN, vector, np.arange(5, dtype=np.uint8), 0.25, -1.5, 60, 40)  # type: ignore[arg-type]


def test_an_assessment_comes_back_as_it_was(store: SqliteStore) -> None:
    made = looked(taken_s=12.5, subsecond=True, camera="Ünï", bracketing=False, iso=100.0)
    assessments = store.assessments("judge/m1")
    with store.transaction():
        assessments.put_assessment(made)
    back = assessments.assessment(made.content)
    assert back is not None
    assert (back.measures, back.quality, back.appeal) == (made.measures, made.quality, made.appeal)
    assert (back.facts.taken_s, back.facts.subsecond, back.facts.camera) == (12.5, True, "Ünï")
    assert np.array_equal(back.embedding, made.embedding)
    assert np.array_equal(back.signature, made.signature)


def test_what_one_judge_saw_is_not_told_to_another(store: SqliteStore) -> None:
    with store.transaction():
        store.assessments("one").put_assessment(looked())
    assert store.assessments("other").assessment(b"c" * 16) is None


@given(st.floats(-5, 5), st.integers(1, 5), st.booleans(), st.sampled_from([None, *SetKind]), st.text(max_size=20))
def test_a_rating_comes_back_as_it_was(
    value: float, stars: int, keeper: bool, kind: SetKind | None, reason: str
) -> None:
    store = SqliteStore(open_database(":memory:"))
    reason = reason.encode("utf-8", "ignore").decode()
    with store.transaction():
        frame_id = store.catalog.add_frame(Path("/a.jpg"), arrived_s=0.0)
        terms = (Contribution(Part.TECHNICAL, "focus", value), Contribution(Part.APPEAL, "appeal", -value))
        made = Rating(frame_id, value, stars, terms, "shoot", "burst", keeper, kind, reason)
        store.ratings.put_rating(made, judge="j")
    assert store.ratings.rating(frame_id) == made


def test_the_library_counts_one_score_a_burst(store: SqliteStore) -> None:
    with store.transaction():
        frames = [("b", True), ("b", False), (None, True), ("set", True), ("set", True)]
        for number, (burst, keeper) in enumerate(frames):
            frame_id = store.catalog.add_frame(Path(f"/{number}.jpg"), arrived_s=0.0)
            made = Rating(frame_id, float(number), 3, (), "shoot", burst, keeper, None, "")
            store.ratings.put_rating(made, judge="j")
    assert store.ratings.library_scores("j") in ([0.0, 2.0, 3.0], [0.0, 2.0, 4.0])
    assert store.ratings.library_scores("other judge") == []


def test_a_failed_transaction_leaves_nothing(store: SqliteStore) -> None:
    def interrupted() -> None:
        with store.transaction():
            store.catalog.add_frame(Path("/a.jpg"), arrived_s=0.0)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert store.catalog.counts() == {}
    assert list(store.journal.entries()) == []


def test_a_second_writer_is_told_in_one_sentence(tmp_path: Path) -> None:
    with writing(tmp_path), pytest.raises(StateError, match="Another safelight"), writing(tmp_path):
        pass


def test_the_lock_is_free_again_after_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib; from safelight.storage.database import writing\n"
        "with writing(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9
    with writing(tmp_path):
        pass


def test_a_damaged_catalog_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(StateError, match="damaged"):
        open_store(tmp_path)


@pytest.mark.parametrize("payload", ["garbage", "[]", "7", "null"])
def test_a_damaged_journal_is_said_in_one_sentence(tmp_path: Path, payload: str) -> None:
    store = open_store(tmp_path)
    with store.transaction():
        frame = store.catalog.add_frame(Path("/a.jpg"), arrived_s=0.0)
        store.journal.append(Kind.FRAME_ARRIVED, at_s=0.0, frame_id=frame, files=["/a.jpg"])
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("UPDATE journal SET payload = ?", (payload,))
    purge = store.purge(vectors=tmp_path / "vectors")
    with pytest.raises(StateError, match="damaged"):
        list(store.journal.entries())
    with pytest.raises(StateError, match="damaged"):
        store.journal.last(frame, Kind.FRAME_ARRIVED)
    with pytest.raises(StateError, match="damaged"), store.transaction():
        purge.frames([frame])
    assert store.catalog.frame(frame).path == Path("/a.jpg")


def test_numbers_that_are_damaged_are_let_go_of_and_other_damage_is_said(tmp_path: Path) -> None:
    """They follow from the journal: a taste that cannot be read is no reason to lose everything else."""
    store = open_store(tmp_path)
    with store.transaction():
        store.tastes.put(TasteVersion(1, 1.0, 1, "judge", "basis", 3, 0.5, "evidence", "digest", b"numbers"))
        store.tastes.put_look(TasteLook(1, 2.0, 0))
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("UPDATE tastes SET numbers = substr(numbers, 1, 9)")
    assert (last := store.tastes.last()) is not None and (last.numbers, last.gate) == (None, 0.5)
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.executescript("UPDATE tastes SET gate = 'x'; UPDATE taste_look SET next_s = 'x'")
    with pytest.raises(StateError, match="damaged"):
        store.tastes.last()
    with pytest.raises(StateError, match="damaged"):
        store.tastes.look()


def test_a_catalog_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite"
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StateError, match="newer"):
        open_store(tmp_path)
    assert file.read_bytes() == before


def test_a_commit_survives_a_kill_right_after_it(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib; from safelight.storage.store import open_store\n"
        "store = open_store(pathlib.Path(sys.argv[1]))\n"
        "with store.transaction(): store.catalog.add_frame(pathlib.Path('/a.jpg'), arrived_s=0.0)\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, env=os.environ)
    assert open_store(tmp_path).catalog.frame(1).path == Path("/a.jpg")
