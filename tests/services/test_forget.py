"""Forgetting: nothing of a frame is left in any file of the state folder, and the taste follows."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp
from safelight.ports import Trace, TraceKind
from safelight.services.forget import Forget
from safelight.storage.store import open_store
from safelight.storage.vectors import Vectors
from tests.services.studio import JUDGE, Studio


class Home:
    """A state folder on the disk with a person's shoots in it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        state.mkdir()
        self.store = open_store(state)
        self.studio = Studio(self.store)

    def forget(self) -> Forget:
        purge = self.store.purge(vectors=self.state / "vectors")
        return Forget(store=self.store, purge=purge, clock=self.studio.clock)

    def everything(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.state.rglob("*")) if path.is_file())

    def index(self) -> None:
        vectors = Vectors(self.state / "vectors", judge=JUDGE, length=588)
        rows = self.studio.assessments.to_index(1000)
        vectors.put(rows)
        with self.store.transaction():
            self.studio.assessments.mark_indexed([row.content for row in rows])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


def lived(home: Home) -> tuple[list[int], list[int]]:
    """Let two shoots be rated, learned from and indexed; return the frames of both."""
    studio = home.studio
    frames = studio.shoot("secret-place", range(6), burst=2)
    others = studio.shoot("garden", range(20, 26))
    studio.rank()
    for place, frame_id in enumerate([*frames, *others]):
        studio.rate(frame_id, 1 + place % 5)
    studio.learn.step(force=True)
    home.index()
    return frames, others


def known_by(home: Home, frame_ids: list[int]) -> list[bytes]:
    """Return all that a frame can be recognised by."""
    found: list[bytes] = []
    for frame in home.store.catalog.frames(frame_ids):
        content = frame.content or b""
        look = home.studio.assessments.assessment(content)
        assert look is not None
        vector = look.embedding
        found += [os.fsencode(frame.path.name), content, content.hex().encode(), content.hex()[:12].encode()]
        found += [vector.astype(np.float16).tobytes()[:64], vector.astype(np.float32).tobytes()[:64]]
    return found


def test_forgetting_leaves_no_trace_on_the_disk(home: Home) -> None:
    _, alone = lived(home)
    chosen = alone[:1]
    marks = known_by(home, chosen)
    before = home.everything()
    assert sum(mark in before for mark in marks) >= 5, "what is looked for can be found as long as it is there"
    numbers = home.store.tastes.last()
    assert numbers is not None
    home.forget().step(frozenset(chosen))
    after = home.everything()
    assert [mark for mark in marks if mark in after] == []
    home.store.close()
    assert [mark for mark in marks if mark in home.everything()] == []


def test_forgetting_a_shoot_leaves_nothing_of_its_folder(home: Home) -> None:
    frames, _ = lived(home)
    folder = Path("/pictures/secret-place")
    with home.store.transaction():
        home.store.receipts.start_run([folder], at_s=1.0)
        run_id = home.store.receipts.start_run([Path("/pictures")], at_s=2.0)
        path = folder / "x.jpg.xmp"
        home.store.receipts.plan(
            run_id=run_id, frame_id=frames[0], path=path, before=b"secret-word " * 9, digest=b"d" * 16, stars=3
        )
        home.store.receipts.see(frames[0], {path: FileStamp(1, 2, 3, 4)})
        trace = Trace("darktable", TraceKind.RATING, "5", 0.9, path, 1.0)
        home.store.sightings.put_traces(frames[0], b"look", [trace])
    ids = home.forget().find(str(folder), path=folder)
    assert sorted(ids) == sorted(frames)
    home.forget().step(ids)
    assert b"secret" not in home.everything()
    assert b"/pictures" in home.everything(), "the other shoot is as it was"


def test_a_shoot_is_known_by_its_name_and_a_file_by_its_path(home: Home) -> None:
    frames, _ = lived(home)
    made = home.store.ratings.rating(frames[0])
    assert made is not None
    assert home.forget().find(made.shoot, path=Path("/elsewhere") / made.shoot) == frozenset(frames)
    path = home.store.catalog.frame(frames[3]).path
    assert home.forget().find(str(path), path=path) == {frames[3]}
    assert home.forget().find("nothing", path=Path("/nothing")) == frozenset()


def test_what_arrived_before_a_date_is_forgotten(home: Home) -> None:
    studio = home.studio
    old = studio.shoot("old", range(3))
    studio.pass_days(10)
    moment_s = studio.clock.now()
    new = studio.shoot("new", range(5, 8))
    assert home.forget().before(moment_s) == frozenset(old)
    home.forget().step(frozenset(old))
    assert [frame.id for frame in home.store.catalog.frames([*old, *new])] == new


def test_the_taste_follows_what_is_left(home: Home) -> None:
    """Forgetting half of a life leaves the taste of somebody who never lived it."""
    frames, _ = lived(home)
    home.forget().step(frozenset(frames))
    learned = home.studio.learn.step(force=True)
    other = Studio()
    garden = other.shoot("secret-place", range(6), burst=2)
    assert garden
    others = other.shoot("garden", range(20, 26))
    other.rank()
    for place, frame_id in enumerate([*frames, *others]):
        if frame_id in others:
            other.rate(frame_id, 1 + place % 5)
    alone = other.learn.step(force=True)
    assert learned.version is not None and alone.version is not None
    assert learned.version.comparisons == alone.version.comparisons > 0
    assert (learned.version.evidence, learned.version.digest) == (alone.version.evidence, alone.version.digest)
    assert learned.version.version == 2, "the number of a forgotten version is not given again"


def test_after_forgetting_a_replay_finds_nothing_amiss(home: Home) -> None:
    frames, _ = lived(home)
    home.forget().step(frozenset(frames[:2]))
    home.studio.learn.step(force=True)
    home.studio.shoot("later", range(40, 46))
    home.studio.rank()
    replayed = home.studio.replay()
    assert replayed.differences == []
    assert (replayed.ratings, replayed.tastes) == (6, 1)
    assert replayed.delivered > 0


def test_a_copy_keeps_what_was_seen_in_it(home: Home) -> None:
    frames, _ = lived(home)
    content = home.store.catalog.frame(frames[0]).content or b""
    with home.store.transaction():
        copy = home.store.catalog.add_frame(Path("/pictures/copy.jpg"), arrived_s=1.0)
        home.store.catalog.set_content(copy, content, embedded=None)
    home.forget().step(frozenset(frames[:1]))
    assert home.studio.assessments.assessment(content) is not None


def test_a_veto_of_something_forgotten_goes_too(home: Home) -> None:
    frames, _ = lived(home)
    action = home.studio.correct.actions()[0]
    home.studio.correct.veto(action.id)
    home.forget().step(frozenset(frames))
    kinds = [entry.kind for entry in home.store.journal.entries()]
    assert Kind.ACTION_VETOED not in kinds
    assert kinds.count(Kind.EVIDENCE_FORGOTTEN) == 1


def test_what_a_kill_left_of_forgetting_is_ended_by_the_next_command(home: Home) -> None:
    _, alone = lived(home)
    marks = known_by(home, alone[:1])
    purge: Any = home.store.purge(vectors=home.state / "vectors")
    with home.store.transaction():
        purge.frames(frozenset(alone[:1]))
    shutil.copytree(home.state, home.state.parent / "killed")  # as a kill right here would leave it
    left = Home.__new__(Home)
    left.state = home.state.parent / "killed"
    left.store = open_store(left.state)
    left.studio = Studio(left.store)
    assert any(mark in left.everything() for mark in marks)
    left.forget().step(frozenset())
    assert [mark for mark in marks if mark in left.everything()] == []


def test_the_catalog_is_not_rewritten_when_nothing_was_forgotten(home: Home) -> None:
    lived(home)
    home.forget().step(frozenset())
    assert (home.state / "vectors").exists()
    assert home.store.tastes.last() is not None
