"""Finds the exports among new frames: pictures that were made from a frame that is known.

An export says that its frame was worth the work, and is no frame of its own: it is not rated and gets no sidecar. It
is found by the source that it names, or by a name within its name together with its looks. A JPEG that an editor wrote
beside its RAW came in as the RAW's companion, and is parted from it here. Cameras that write RAW and JPEG into two
folders make pairs that look exactly like exports, so what came together needs an editor's own word for it.
Invariant: a frame becomes an export in the transaction that tells of it, so each is told once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.domain.derivation import cosine, looks_like, same_pixels
from safelight.domain.entries import Kind
from safelight.domain.frame import Role, Stage
from safelight.domain.lineage import is_editor, names, possible_sources
from safelight.domain.records import Assessment, KnownFile, KnownFrame
from safelight.ports import Assessments, Clock, Store

_SURE = {"derived_from": 0.95, "looks": 0.8}


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A frame that a new one may have been made from."""

    frame: KnownFrame
    file: KnownFile
    seen: Assessment
    how: str


class Exports:
    """Looks for the sources of new frames."""

    def __init__(self, *, store: Store, assessments: Assessments, clock: Clock) -> None:
        self._store = store
        self._assessments = assessments
        self._clock = clock

    def step(self, ids: Collection[int]) -> tuple[int, ...]:
        """Find the exports among these frames, which have just been assessed.

        Returns the frames that have lost the file they were judged by, an export, and have to be assessed again.
        """
        again = [frame.id for frame in self._store.catalog.frames(ids, Stage.ASSESSED) if self._part(frame)]
        fresh = {frame.id: frame for frame in self._store.catalog.frames(ids, Stage.ASSESSED)}
        seen = {key: look for key, frame in fresh.items() if (look := self._look(frame)) is not None}
        named = self._named({key: fresh[key] for key in seen}, seen)
        for key in sorted(seen):
            sources = self._sources(fresh[key], seen[key], named.get(key, ()))
            if sources:
                best = max(sources, key=lambda source: (source.how == "derived_from", cosine(source.seen, seen[key])))
                self._tell(fresh[key], best)
        return tuple(again)

    def _look(self, frame: KnownFrame) -> Assessment | None:
        return self._assessments.assessment(frame.content) if frame.content else None

    def _named(
        self, fresh: Mapping[int, KnownFrame], seen: Mapping[int, Assessment]
    ) -> Mapping[int, Sequence[KnownFile]]:
        """Return the files of other frames whose names stand within the new ones' names, or that these name."""
        wanted: dict[str, list[int]] = {}
        for key, frame in fresh.items():
            said = seen[key].facts.derived_from
            stems = possible_sources(frame.path.stem)
            for stem in {*stems, *(possible_sources(said.rpartition("/")[2].rpartition(".")[0])[:1] if said else ())}:
                wanted.setdefault(stem, []).append(key)
        found: dict[int, list[KnownFile]] = {}
        for file in self._store.catalog.files_named(wanted):
            for key in wanted[file.path.stem.lower()]:
                if file.frame_id != key:
                    found.setdefault(key, []).append(file)
        return found

    def _sources(self, frame: KnownFrame, seen: Assessment, named: Iterable[KnownFile]) -> list[_Source]:
        found = []
        made = self._file(frame)
        for file in named:
            other = self._store.catalog.frame(file.frame_id)
            look = self._look(other)
            if made is None or look is None or other.stage is Stage.DERIVED or same_pixels(look, seen):
                continue
            if names(seen.facts.derived_from, file.path.name):
                found.append(_Source(other, file, look, "derived_from"))
            elif looks_like(look, seen) and _is_later(made, other, seen):
                found.append(_Source(other, file, look, "looks"))
        return found

    def _file(self, frame: KnownFrame) -> KnownFile | None:
        files = self._store.catalog.files_of(frame.id)
        return next((file for file in files if file.content == frame.content), files[0] if files else None)

    def _part(self, frame: KnownFrame) -> bool:
        """Give a JPEG that an editor wrote beside its RAW a frame of its own; tell whether it was one."""
        files = self._store.catalog.files_of(frame.id)
        raw = next((file for file in files if file.role is Role.RAW), None)
        made = next((file for file in files if file.role is Role.IMAGE and file.content == frame.content), None)
        seen = self._look(frame)
        if raw is None or made is None or seen is None or not is_editor(seen.facts.software):
            return False
        now_s = self._clock.now()
        with self._store.transaction():
            fresh = self._store.catalog.add_frame(made.path, arrived_s=now_s)
            self._store.catalog.give_file(made.path, frame_id=fresh)
            self._store.catalog.set_content(fresh, made.content, embedded=seen.facts.rating)
            self._store.catalog.set_main(frame.id, raw.path)
            self._store.catalog.set_stage(frame.id, Stage.ARRIVED)
            self._store.journal.append(Kind.FRAME_PARTED, at_s=now_s, frame_id=fresh, source=frame.id)
            self._write(fresh, made, frame, raw, "derived_from")
        return True

    def _tell(self, frame: KnownFrame, source: _Source) -> None:
        made = self._file(frame)
        assert made is not None
        with self._store.transaction():
            self._write(frame.id, made, source.frame, source.file, source.how)

    def _write(self, fresh: int, made: KnownFile, source: KnownFrame, file: KnownFile, how: str) -> None:
        self._store.catalog.set_stage(fresh, Stage.DERIVED, f"An export of {file.path.name}, which is rated.")
        unseen = self._store.journal.last(source.id, Kind.RATING_PUBLISHED) is None
        more = {"imported": True} if unseen else {}
        self._store.journal.append(
            Kind.FRAME_EXPORTED,
            at_s=self._clock.now(),
            frame_id=source.id,
            path=str(made.path),
            how=how,
            confidence=_SURE[how],
            happened_s=made.stamp.mtime_ns / 1e9,
            reason=f"It was exported to {made.path.name}.",
            **more,
        )


def _is_later(made: KnownFile, other: KnownFrame, seen: Assessment) -> bool:
    """Tell whether a file was made after a frame was there: RAW and JPEG of a camera may lie in two folders."""
    return is_editor(seen.facts.software) or made.stamp.mtime_ns / 1e9 > other.arrived_s
