"""A small catalog for searches, and vectors that are compared in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts, FileStamp, FoundFile, Role, SetKind, Stage
from safelight.domain.records import Assessment, Rating
from safelight.domain.wanted import Wanted
from safelight.errors import StateError
from safelight.ports.search import Near
from safelight.storage.store import SqliteStore
from tests.fakes.pictures import PLAIN

JUDGE = "fake:000000000000:fp32/m1"
LENGTH = 16


def vector(*numbers: float) -> NDArray[np.float32]:
    """Return a vector of length 1 that begins with these numbers."""
    made = np.zeros(LENGTH, np.float32)
    made[: len(numbers)] = numbers
    return made / np.linalg.norm(made)


def angled(degrees: float) -> NDArray[np.float32]:
    """Return a vector at an angle to vector(1)."""
    return vector(float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees))))


def looked_at(content: bytes, embedding: NDArray[np.float32], facts: CaptureFacts, judge: str = JUDGE) -> Assessment:
    """Return what a judge saw."""
    return Assessment(
        content, facts, PLAIN, embedding.astype(np.float16), np.zeros(4, np.uint8), 0.0, 0.0, 6000, 4000, judge
    )


@dataclass
class Shelf:
    """Frames put into a store, one call each."""

    store: SqliteStore
    judge: str = JUDGE
    frames: dict[str, int] = field(default_factory=dict)

    def put(
        self,
        name: str,
        embedding: NDArray[np.float32],
        *,
        facts: CaptureFacts | None = None,
        stars: int = 3,
        stage: Stage = Stage.PUBLISHED,
        given: int | None = None,
        burst: str | None = None,
        keeper: bool = True,
        folder: str = "/pictures",
        gone: bool = False,
        content: bytes | None = None,
        indexed: bool = False,
    ) -> int:
        """Put a frame with one file and what was seen in it; return its id."""
        content = content or name.encode().ljust(16, b"\0")
        path = Path(folder) / name
        catalog, looks = self.store.catalog, self.store.assessments(self.judge)
        with self.store.transaction():
            frame_id = catalog.add_frame(path, arrived_s=0.0)
            found = FoundFile(path, Role.IMAGE, FileStamp(1, 1, frame_id, 1))
            catalog.put_file(found, frame_id=frame_id, content=content)
            catalog.set_content(frame_id, content, embedded=None)
            catalog.set_stage(frame_id, stage, given=given)
            looks.put_assessment(looked_at(content, embedding, facts or CaptureFacts(), self.judge))
            rating = Rating(frame_id, 0.0, stars, (), "shoot", burst, keeper, SetKind.FOCUS if burst else None, "why")
            self.store.ratings.put_rating(rating, judge=self.judge)
            if gone:
                catalog.mark_gone([path])
            if indexed:
                looks.mark_indexed([content])
        self.frames[name] = frame_id
        return frame_id


@dataclass
class FakeVectors:
    """Vectors in memory (ports.NearestVectors); `blind` are overlooked until more than so many rows are asked for."""

    rows: dict[bytes, tuple[NDArray[np.float32], CaptureFacts]] = field(default_factory=dict)
    blind: Collection[bytes] = ()
    sees_above: int = 0
    fails: int = 0  # this many questions are answered by an error
    asked: list[int] = field(default_factory=list)

    def count(self) -> int:
        return len(self.rows)

    def nearest(self, query: NDArray[np.float32], *, limit: int, wanted: Wanted) -> list[Near]:
        self.asked.append(limit)
        if self.fails:
            self.fails -= 1
            raise StateError("The vectors cannot be read.")
        seen = {each: row for each, row in self.rows.items() if each not in self.blind or limit > self.sees_above}
        near = [Near(each, float(row @ query)) for each, (row, facts) in seen.items() if wanted.facts_fit(facts)]
        return sorted(near, key=lambda each: -each.similarity)[:limit]


def names(matches: Sequence[object]) -> list[str]:
    """Return the names of the files of matches."""
    return [match.shown.path.name for match in matches]  # type: ignore[attr-defined]
