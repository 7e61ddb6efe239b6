"""A photographer's shoots in memory: looks are made up, ranking, learning and the journal are the real ones."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp, FoundFile, Role, Stage
from safelight.domain.rating import Reference
from safelight.domain.records import Assessment, Rating
from safelight.domain.signature import signature
from safelight.services.correct import Correct
from safelight.services.learn import Learn
from safelight.services.rank import Rank
from safelight.services.replay import Replay, Replayed
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.fakes.pictures import PLAIN, FakeEncoder, at
from tests.fakes.taste import fake_basis

REFERENCE = Reference(tuple(each / 5 for each in range(-10, 11)))
DAY_S = 86_400.0
JUDGE = "fake/m1"


class Studio:
    """Shoots, stars, a person, and what is learned of them."""

    def __init__(
        self, store: SqliteStore | None = None, *, length: int = 588, start_s: float = 1_800_000_000.0
    ) -> None:
        """Make it over a store, by default one in memory; `length`: numbers in an embedding."""
        self._length = length
        self.store = store or SqliteStore(open_database(":memory:"))
        self.clock = FakeClock(start_s)
        self.assessments = self.store.assessments(JUDGE)
        self.learn = Learn(store=self.store, now=self.clock.now, basis=lambda _: fake_basis(length))
        self.correct = Correct(store=self.store, clock=self.clock)
        self._made = 0
        self._days: dict[str, int] = {}  # on which each shoot was taken

    def shoot(self, name: str, looks: Sequence[int], *, burst: int = 1) -> list[int]:
        """Take one moment of `burst` frames for each look (a seed), and let them be assessed; return the frames."""
        made = []
        for moment, look in enumerate(looks):
            for number in range(burst):
                made.append(self.take(name, look, moment, number))
        return made

    def take(self, name: str, look: int, moment: int, number: int) -> int:
        """Take one frame and let it be assessed."""
        self._made += 1
        path = Path(f"/pictures/{name}/{moment:02d}{number}-{self._made}.jpg")
        content = hashlib.sha256(bytes(path)).digest()[:16]
        coarse = np.random.default_rng(look).integers(0, 256, (14, 14, 3), dtype=np.uint8)
        thumb = np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1)
        seen = FakeEncoder().encode(thumb)
        day = self._days.setdefault(name, len(self._days))
        facts = replace(at(day * DAY_S + moment * 600.0 + number * 0.5), focal_mm=50.0)
        sharp = -4.0 - 0.3 * number - (look % 7) * 0.4
        measures = replace(PLAIN, focus=sharp, detail=sharp)
        vector = np.resize(seen.embedding, self._length).astype(np.float16)
        look_of = Assessment(content, facts, measures, vector, signature(thumb),
                             seen.quality, (look % 5 - 2) / 2, 6000, 4000)  # fmt: skip
        stamp = FileStamp(self._made, 1, self._made, 1)
        with self.store.transaction():
            frame_id = self.store.catalog.add_frame(path, arrived_s=self.clock.now())
            self.store.catalog.put_file(FoundFile(path, Role.IMAGE, stamp), frame_id=frame_id, content=content)
            self.store.catalog.set_content(frame_id, content, embedded=None)
            self.store.catalog.set_stage(frame_id, Stage.ASSESSED)
            self.assessments.put_assessment(look_of)
            self.tell(Kind.FRAME_ARRIVED, frame_id, files=[str(path)])
        return frame_id

    def rank(self, *, publish: bool = True, stages: Sequence[Stage] = (Stage.ASSESSED,)) -> dict[int, Rating]:
        """Give stars to what is assessed, by the present taste, and show them; return the ratings."""
        frames = list(self.store.catalog.frames(range(1, self._made + 1), *stages))
        rank = Rank(
            store=self.store,
            assessments=self.assessments,
            reference=REFERENCE,
            clock=self.clock,
            leaning=self.learn.leaning(),
        )
        rank.step(frames, stages=stages)
        ratings = {made.frame_id: made for made in self.store.ratings.ratings([frame.id for frame in frames])}
        if publish:
            with self.store.transaction():
                for frame_id, made in ratings.items():
                    self.store.catalog.set_stage(frame_id, Stage.PUBLISHED)
                    self.tell(Kind.RATING_PUBLISHED, frame_id, stars=made.stars)
        return ratings

    def tell(self, kind: str, frame_id: int | None = None, **payload: object) -> int:
        return self.store.journal.append(kind, at_s=self.clock.now(), frame_id=frame_id, **payload)

    def rate(self, frame_id: int, rating: int) -> int:
        """Let the person rate a frame."""
        with self.store.transaction():
            self.store.catalog.set_stage(frame_id, Stage.KEPT, "Your own rating stands.", given=rating)
            return self.tell(Kind.PERSON_RATED, frame_id, rating=rating, program="darktable", confidence=0.95)

    def edit(self, frame_id: int) -> None:
        """Let another program write other pixels into a frame's file; it was assessed again and not rated since."""
        frame = self.store.catalog.frame(frame_id)
        before = frame.content or b""
        seen = self.assessments.assessment(before)
        assert seen is not None
        content = hashlib.sha256(before).digest()[:16]
        sharper = replace(seen.measures, focus=seen.measures.focus + 1.5, detail=seen.measures.detail + 1.5)
        with self.store.transaction():
            self.assessments.put_assessment(
                replace(seen, content=content, measures=sharper, quality=seen.quality + 0.5)
            )
            found = FoundFile(frame.path, Role.IMAGE, FileStamp(frame_id, 2, frame_id, 1))
            self.store.catalog.put_file(found, frame_id=frame_id, content=content)
            self.store.catalog.set_content(frame_id, content, embedded=None)

    def delete(self, frame_id: int) -> int:
        """Let the person delete a frame; believed two days later."""
        path = self.store.catalog.frame(frame_id).path
        with self.store.transaction():
            self.store.catalog.mark_gone([path])
            return self.tell(Kind.FRAME_LOST, frame_id, how="trash", paths=[str(path)], confidence=0.95)

    def believe(self, *losses: tuple[int, int]) -> None:
        """Let two days pass and confirm losses (frame, entry); then let a week pass."""
        self.pass_days(2)
        with self.store.transaction():
            for frame_id, seq in losses:
                self.tell(Kind.LOSS_CONFIRMED, frame_id, of=seq)
        self.pass_days(8)

    def pass_days(self, days: float) -> None:
        self.clock.sleep(days * DAY_S)

    def replay(self, *, put: bool = False) -> Replayed:
        return Replay(store=self.store, learn=self.learn, reference=REFERENCE).step(put=put)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.store.journal.entries()]
