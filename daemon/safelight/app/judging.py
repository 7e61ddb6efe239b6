"""Loads what it takes to judge frames, and lets go of it again.

Decode workers start with the first request and end with the last, before anything else needs their memory. Imported
only when there is something to judge.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from safelight import paths
from safelight.app.bundle_word import MEMO, Word, copies, written
from safelight.app.looking_closer import Closer
from safelight.app.settings import Settings
from safelight.decoding.exif import ExiftoolReader
from safelight.decoding.workers import WorkerPool
from safelight.domain.frame import FileStamp
from safelight.domain.technical import MEASURES_VERSION
from safelight.errors import BundleError
from safelight.inference.encoder import BundleEncoder
from safelight.models import taste
from safelight.models.embedded import open_embedded
from safelight.models.reference import read_reference
from safelight.ports import Clock, Decoder, Examined, Refused, Request
from safelight.services.assess import Assess
from safelight.services.exports import Exports
from safelight.services.index import Index, Vectors
from safelight.services.look_again import LookAgain
from safelight.services.rank import Leaning, Rank
from safelight.services.rereading import Rereading
from safelight.services.sights import Sights
from safelight.services.succeed import Succeed
from safelight.storage.store import SqliteStore
from safelight.watching.volumes import CardVolumes

Stamp = Callable[[Path], FileStamp | None]


class Judging:
    """The services that judge, over the embedded bundle and what looks beside it."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: SqliteStore,
        clock: Clock,
        frames: int,
        at: Callable[[int | None], None] = lambda _: None,
        encoder: Callable[[Settings], BundleEncoder] | None = None,
        closer: Callable[[Settings, Callable[[BundleError], None]], Closer] | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Start the workers for so many frames, then load the bundles. Raises BundleError without the embedded one.

        `at` is told the frame that is worked on from now on, None when it is no longer a single one; `told` what a
        fetched bundle runs on, and what goes wrong with one, once, as sentences.
        """
        self._at, self._told = at, told
        self._store = store
        self._clock = clock
        self._troubles: list[str] = []
        cards = CardVolumes()
        self._reader = ExiftoolReader(untouched=lambda path: cards.card_root(path) is not None)
        self._copies = copies(settings)  # before any is read: word of others would be about what nobody has seen
        looks = closer(settings, self._trouble) if closer else Closer(settings=settings, say=self._trouble, tell=told)
        self._decoder = WorkerPool(jobs=settings.jobs, options=looks.decoding)
        self._decoder.prepare(frames)  # while there is neither a model nor a thread that a fork would copy
        try:
            self._encoder = (encoder or open_encoder)(settings)
        except BundleError:
            self._decoder.close()
            raise
        self._first = store.assessments(f"{self._encoder.bundle}/m{MEASURES_VERSION}")
        self._second = looks.second(store, self._first.judge)
        self._faces = looks.faces()
        self._again: LookAgain | None = None
        self._settings, self._looks = settings, looks
        self._note()

    @property
    def trouble(self) -> str:
        """Return what is wrong with a fetched bundle, as sentences; empty when all is well."""
        return " ".join(self._troubles)

    @property
    def tables(self) -> tuple[tuple[str, int], ...]:
        """Return every judge whose embeddings are kept for search, and how long these are."""
        first = (self._first.judge, self._encoder.length)
        return (first, (self._second.judge, self._second.length)) if self._second else (first,)

    def assess(self, progress: Callable[[int], None]) -> Assess:
        """Return the service that looks at pixels."""
        return Assess(
            store=self._store,
            assessments=self._first,
            # With a second bundle several frames are looked at at once: none in particular is to blame for a death.
            decoder=self._decoder if self._second else _Telling(self._decoder, self._at),
            sights=Sights(encoder=self._encoder, second=self._second, faces=self._faces),
            reader=self._reader,
            clock=self._clock,
            progress=progress,
            second=self._second,
        )

    def rank(self, leaning: Callable[[], Leaning | None] | None = None) -> Rank:
        """Return the service that gives stars.

        `leaning` loads what was learned of the person; it is asked when it is settled whose looks count.
        """
        counting = self._succeed().step()
        if self._second is not None:
            self._second.renew()  # it may have taken over just now, and is lent to more than this ranking
        return Rank(
            store=self._store,
            assessments=counting,
            reference=read_reference(),
            clock=self._clock,
            leaning=leaning() if leaning else None,
            grouping=self._first,
        )

    def look_again(
        self, *, stamp: Stamp, at_most: int, progress: Callable[[int], None] = lambda _: None, leave: bool = False
    ) -> bool:
        """Let the fetched bundle in use look at some of the library that it has not seen; tell whether there is more.

        It takes over when that was the last. `stamp` tells how a file is now, None when it is not to be had; `leave`:
        it takes over without the photographs that are out of reach, however many they are.
        """
        if self._second is None:
            return False
        if self._again is None:
            self._again = LookAgain(
                store=self._store, first=self._first, second=self._second, decoder=self._decoder, stamp=stamp
            )
        self._again.step(at_most=at_most, progress=progress)
        if not self._again.ended:
            return True
        self._again = None  # what is away now is tried again the next time
        self._succeed(leave=leave).step()
        self._second.renew()
        return False

    def look_closer(self, ids: Collection[int]) -> None:
        """Find out what became of files that were written again, and which of these assessed frames are exports."""
        exports = Exports(store=self._store, assessments=self._first, clock=self._clock)
        if again := exports.step(ids):
            self.assess(lambda _: None).step(list(self._store.catalog.frames(again)))
        Rereading(store=self._store, assessments=self._first, clock=self._clock).step()

    def close(self) -> None:
        """End the workers and exiftool."""
        self._note()  # a model may have failed meanwhile
        self._decoder.close()
        self._reader.close()

    def _succeed(self, *, leave: bool = False) -> Succeed:
        return Succeed(
            store=self._store,
            first=self._first,
            second=self._store.assessments(self._second.judge) if self._second else None,
            shipped=taste.open_basis,
            directions=self._second.directions if self._second else {},
            clock=self._clock,
            leave=leave,
        )

    def _trouble(self, error: BundleError) -> None:
        if error.told not in self._troubles:
            self._troubles.append(error.told)
            self._told(error.told)

    def _note(self) -> None:
        """Leave word for `status` of what the bundle in use runs on, and of what is wrong with it."""
        of_faces = self._looks.of_faces
        of_bundle = " ".join(each for each in self._troubles if each not in of_faces)
        word = Word(self._looks.provider, of_bundle, self._looks.fails, " ".join(of_faces))
        # A bundle that could not be read may have been away for a moment: then no copy is what the word is about.
        loaded = self._copies if self._looks.found else replace(self._copies, bundle_ns=0)
        noted = written(word, self._settings, loaded)
        if self._store.memos.get(MEMO) != noted:
            self._store.memos.put(MEMO, noted)


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
