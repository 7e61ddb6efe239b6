"""Loads what it takes to judge frames, and lets go of it again.

Decode workers start with the first request and end with the last, before anything else needs their memory. Imported
only when there is something to judge.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from safelight import paths
from safelight.app.settings import Settings
from safelight.decoding.exif import ExiftoolReader
from safelight.decoding.workers import WorkerPool
from safelight.domain.technical import MEASURES_VERSION
from safelight.errors import BundleError
from safelight.inference.encoder import BundleEncoder
from safelight.models.embedded import open_embedded
from safelight.models.reference import read_reference
from safelight.ports import Clock, Decoder, Examined, Refused, Request
from safelight.services.assess import Assess
from safelight.services.exports import Exports
from safelight.services.index import Index, Vectors
from safelight.services.rank import Leaning, Rank
from safelight.services.rereading import Rereading
from safelight.storage.store import SqliteStore
from safelight.watching.volumes import CardVolumes


class Judging:
    """The services that judge, over one loaded bundle; `judge` and `length` are what its vectors are known by."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: SqliteStore,
        clock: Clock,
        frames: int,
        at: Callable[[int | None], None] = lambda _: None,
        encoder: Callable[[Settings], BundleEncoder] | None = None,
    ) -> None:
        """Start the workers for so many frames, then load the bundle. Raises BundleError without a usable one.

        `at` is told the frame that is worked on from now on, None when it is no longer a single one.
        """
        self._at = at
        self._store = store
        self._clock = clock
        cards = CardVolumes()
        self._reader = ExiftoolReader(untouched=lambda path: cards.card_root(path) is not None)
        self._decoder = WorkerPool(jobs=settings.jobs)
        self._decoder.prepare(frames)  # while there is neither a model nor a thread that a fork would copy
        try:
            self._encoder = (encoder or open_encoder)(settings)
        except BundleError:
            self._decoder.close()
            raise
        self.judge = f"{self._encoder.bundle}/m{MEASURES_VERSION}"
        self.length = self._encoder.length
        self._assessments = store.assessments(self.judge)

    def assess(self, progress: Callable[[int], None]) -> Assess:
        """Return the service that looks at pixels."""
        return Assess(
            store=self._store,
            assessments=self._assessments,
            decoder=_Telling(self._decoder, self._at),
            encoder=self._encoder,
            reader=self._reader,
            clock=self._clock,
            progress=progress,
        )

    def rank(self, leaning: Leaning | None = None) -> Rank:
        """Return the service that gives stars, with what was learned of the person."""
        return Rank(
            store=self._store,
            assessments=self._assessments,
            reference=read_reference(),
            clock=self._clock,
            leaning=leaning,
        )

    def look_closer(self, ids: Collection[int]) -> None:
        """Find out what became of files that were written again, and which of these assessed frames are exports."""
        exports = Exports(store=self._store, assessments=self._assessments, clock=self._clock)
        if again := exports.step(ids):
            self.assess(lambda _: None).step(list(self._store.catalog.frames(again)))
        Rereading(store=self._store, assessments=self._assessments, clock=self._clock).step()

    def close(self) -> None:
        """End the workers and exiftool."""
        self._decoder.close()
        self._reader.close()


class _Telling:
    """A decoder (ports.Decoder) that says whose answer it gives before anything is done with it."""

    def __init__(self, decoder: Decoder, at: Callable[[int | None], None]) -> None:
        self._decoder = decoder
        self._at = at

    def examine(self, requests: Iterable[Request]) -> Iterator[Examined | Refused]:
        """Answer every request exactly once, in any order."""
        for answer in self._decoder.examine(requests):
            self._at(answer.key)
            yield answer
        self._at(None)

    def close(self) -> None:
        """End the workers."""
        self._decoder.close()


@contextmanager
def opened(*, settings: Settings, store: SqliteStore, clock: Clock, frames: int) -> Iterator[Judging]:
    """Load everything and end it on leaving. Raises BundleError without a usable bundle."""
    judging = Judging(settings=settings, store=store, clock=clock, frames=frames)
    try:
        yield judging
    finally:
        judging.close()


def open_index(*, settings: Settings, store: SqliteStore, judge: str, length: int) -> Index:
    """Return the service that fills the vectors of one judge."""
    folder = paths.vectors_folder(settings.state)
    opened = partial(_open_vectors, folder, judge=judge, length=length)
    return Index(store=store, assessments=store.assessments(judge), open_vectors=opened)


def open_encoder(settings: Settings) -> BundleEncoder:
    """Load the bundle in use. Raises BundleError when it cannot be used."""
    return open_embedded(cache=settings.models)


def _open_vectors(folder: Path, *, judge: str, length: int) -> Vectors:
    # Imported here: loading LanceDB costs seconds of processor time, and most runs do not need it.
    from safelight.storage.vectors import Vectors as LanceVectors

    return LanceVectors(folder, judge=judge, length=length)
