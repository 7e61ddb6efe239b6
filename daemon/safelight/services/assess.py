"""Assesses frames: one decode each gives facts, measures and an embedding, kept in the catalog.

Decoding runs in workers; their answers are looked at by the models one by one and remembered some at a time, so a kill
costs at most the last few looks. A content that has been assessed before (a moved file, a copy) is not looked at again.
Invariant: a frame that cannot be judged becomes unreadable with a reason; it never gets numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts, Role, Stage
from safelight.domain.framing import apart, sources
from safelight.domain.names import role_of
from safelight.domain.records import Assessment, KnownFile, KnownFrame
from safelight.domain.series import filled, worth_asking
from safelight.domain.signature import signature
from safelight.errors import OutOfReach
from safelight.ports import Assessments, Clock, Decoder, Examined, FactsReader, Refused, Request, Store
from safelight.services.second_look import NO_ANSWER, SecondLook
from safelight.services.sights import Sight, Sights

_TOGETHER = 32  # answers remembered in one transaction


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """One answer of the decoder and what was made of it."""

    examined: Examined
    assessment: Assessment
    paths: tuple[Path, ...]  # of the frame's files
    beside: NDArray[np.float16] | None  # the embedding by a further bundle


_Answer = _Looked | Refused


class Assess:
    """Looks at the pixels of frames that have arrived."""

    def __init__(
        self,
        *,
        store: Store,
        assessments: Assessments,
        decoder: Decoder,
        sights: Sights,
        reader: FactsReader,
        clock: Clock,
        progress: Callable[[int], None] = lambda _: None,
        second: SecondLook | None = None,
    ) -> None:
        """`sights` is what the models say; `second` keeps what a further bundle says beside the first."""
        self._store = store
        self._assessments = assessments
        self._decoder = decoder
        self._sights = sights
        self._reader = reader
        self._clock = clock
        self._progress = progress
        self._second = second

    def step(self, frames: Sequence[KnownFrame]) -> tuple[int, ...]:
        """Assess frames; return the ids of frames that were found to be two exposures and parted (assessed as well)."""
        parted: list[int] = []
        todo = list(frames)
        seen: list[bytes] = []
        while todo:
            fresh: list[int] = []
            batch: list[_Answer] = []
            asked: dict[int, tuple[KnownFile, ...]] = {}
            for sight in self._sights.of(self._decoder.examine(self._requests(todo, asked))):
                key = sight.key if isinstance(sight, Refused) else sight.examined.key
                files = asked.pop(key)
                batch.append(sight if isinstance(sight, Refused) else self._looked(sight, files))
                self._progress(1)
                if len(batch) >= _TOGETHER:
                    self._remember(batch, fresh, seen)
            self._remember(batch, fresh, seen)
            parted.extend(fresh)
            todo = list(self._store.catalog.frames(fresh))
        self._ask_rapid_runs(seen)
        return tuple(parted)

    def _requests(self, frames: Sequence[KnownFrame], asked: dict[int, tuple[KnownFile, ...]]) -> Iterator[Request]:
        """Yield what has to be decoded and note its files in `asked`; frames of known content move on at once."""
        for frame in frames:
            files = self._store.catalog.files_of(frame.id)
            if not files:  # thrown away as it arrived: it stays as it is, and is looked at should it come back
                self._progress(1)
                continue
            ordered = sources([file.path for file in files], {file.path: file.role is Role.RAW for file in files})
            content = next((file.content for file in files if file.path == ordered[0]), b"") if ordered else b""
            # Several files are opened all the same: their capture times tell whether they are one exposure.
            alone = len(ordered) == 1
            known = self._assessments.assessment(content) if alone and content else None
            if known is not None and known.judge == self._assessments.judge:  # not an older release
                with self._store.transaction():
                    self._move_on(frame.id, content, known.facts.rating)
                self._progress(1)
                continue
            asked[frame.id] = files
            yield Request(frame.id, ordered)

    def _remember(self, batch: list[_Answer], parted: list[int], seen: list[bytes]) -> None:
        """Write down what some answers told; empties the batch."""
        made = self._with_raw_facts([answer for answer in batch if isinstance(answer, _Looked)])
        beside = self._beside(made)
        refused = [answer for answer in batch if isinstance(answer, Refused)]
        with self._store.transaction():
            for each in refused:
                passing = isinstance(each.error, OutOfReach)
                self._store.catalog.set_stage(each.key, Stage.UNREADABLE, each.error.told, passing=passing)
            for looked in made:
                self._assessments.put_assessment(looked.assessment)
                self._move_on(looked.examined.key, looked.assessment.content, looked.assessment.facts.rating)
                seen.append(looked.assessment.content)
                parted.extend(self._part(looked))
            for second, look in beside:
                second.put(look)
            for looked in made:
                self._pass_over(looked)
        batch.clear()

    def _looked(self, sight: Sight, files: Sequence[KnownFile]) -> _Looked:
        answer = sight.examined
        contents = {file.path: file.content for file in files}
        first = sources(list(contents), {file.path: file.role is Role.RAW for file in files})[0]
        assessment = Assessment(
            # Readable now, though not when it arrived: the next scan finds out what it is.
            content=contents[first] or b"unidentified " + bytes(answer.source),
            facts=answer.facts,
            measures=answer.measures,
            embedding=sight.encoded.embedding.astype(np.float16),
            signature=signature(answer.thumb),
            quality=sight.encoded.quality,
            appeal=sight.encoded.appeal,
            width_px=answer.width_px,
            height_px=answer.height_px,
            faces=sight.faces,
            judge=self._assessments.judge,
        )
        # A batch of previews would be a hundred megabytes.
        return _Looked(
            replace(answer, preview=None, closeup=None, squares={}), assessment, tuple(contents), sight.beside
        )

    def _beside(self, made: Sequence[_Looked]) -> list[tuple[SecondLook, Assessment]]:
        """Return what the further bundle says of frames, where there is one and it saw them."""
        second = self._second
        if second is None:
            return []
        return [(second, second.beside(each.assessment, each.beside)) for each in made if each.beside is not None]

    def _pass_over(self, looked: _Looked) -> None:
        """Remember a frame to which a further bundle that works has no answer, lest it counts as unseen."""
        if self._second is not None and looked.beside is None and not self._second.failed:
            self._store.successions.pass_over(looked.assessment.content, self._second.judge, NO_ANSWER)

    def _with_raw_facts(self, made: Sequence[_Looked]) -> list[_Looked]:
        """Let exiftool tell of what the decoder cannot read facts from: RAW, and time hidden in maker notes."""
        asked = [looked.examined.source for looked in made if _hidden(looked.examined)]
        told = self._reader.read(asked) if asked else {}
        return [_filled(looked, told.get(looked.examined.source)) for looked in made]

    def _ask_rapid_runs(self, contents: Sequence[bytes]) -> None:
        """Read the maker notes of rapid runs, where a bracket or a focus stack is possible."""
        looks = [look for content in contents if (look := self._assessments.assessment(content)) is not None]
        chosen = [looks[position] for position in worth_asking([look.facts for look in looks])]
        for start in range(0, len(chosen), _TOGETHER):
            some = chosen[start : start + _TOGETHER]
            paths = {
                file.path: look
                for look in some
                for file in self._store.catalog.with_content(look.content)[:1]
                if not file.gone
            }
            told = self._reader.read(paths)
            with self._store.transaction():
                for path, facts in told.items():
                    self._assessments.put_facts(paths[path].content, filled(paths[path].facts, facts))

    def _move_on(self, frame_id: int, content: bytes, embedded: int | None) -> None:
        self._store.catalog.set_content(frame_id, content, embedded=embedded)
        self._store.catalog.set_stage(frame_id, Stage.ASSESSED)

    def _part(self, looked: _Looked) -> list[int]:
        """Give files that were taken at another time than the frame a frame of their own."""
        examined, fresh = looked.examined, []
        for path in looked.paths:
            other_s = examined.other_taken_s.get(path)
            if path == examined.source or not apart(looked.assessment.facts.taken_s, other_s):
                continue
            now_s = self._clock.now()
            frame_id = self._store.catalog.add_frame(path, arrived_s=now_s)
            self._store.catalog.give_file(path, frame_id=frame_id)
            self._store.catalog.set_main(examined.key, examined.source)
            self._store.journal.append("frame_parted", at_s=now_s, frame_id=frame_id, source=examined.key)
            fresh.append(frame_id)
        return fresh


def _filled(looked: _Looked, told: CaptureFacts | None) -> _Looked:
    if told is None:
        return looked
    assessment = replace(looked.assessment, facts=filled(looked.assessment.facts, told))
    return replace(looked, assessment=assessment)


def _hidden(examined: Examined) -> bool:
    facts = examined.facts
    return role_of(examined.source.name) is Role.RAW or (facts.taken_s is None and facts.has_maker_notes)
