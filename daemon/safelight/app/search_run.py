"""Answers a search: gets the vector that is asked for, and lets it be found in the embeddings of whoever fits.

A photograph that is known is asked for by its embedding in the catalog, so that nothing is decoded and no model is
loaded; one that is not known, or not as it is now, is looked at once and not remembered. Words need a bundle with a
text tower, and photographs that this very bundle has looked at.
Invariant: nothing is written but an empty catalog where there is none, so a search may run beside anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import paths
from safelight.app import wiring
from safelight.app.bundle_in_use import installed, read_in_use
from safelight.app.search_choice import in_order, of_words, refuse_embedded
from safelight.app.settings import EMBEDDED, Settings
from safelight.app.wiring import Parts
from safelight.domain.frame import FileStamp
from safelight.domain.judges import embedder_of
from safelight.domain.records import KnownFrame
from safelight.domain.wanted import Wanted
from safelight.errors import BundleError, FolderError, OutOfReach, SafelightError
from safelight.ports import TextEncoder
from safelight.ports.search import JudgeRows, NearestVectors
from safelight.services.search import Asked, Found, Search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A command asks once. So many rows compared one by one from the catalog take about 2.5 s of processor time; the vectors
# take 2.8 s and four times the memory until their first answer comes, most of it for loading LanceDB (measured).
_ONCE_UP_TO = 150_000

OpenText = Callable[[Settings, str], TextEncoder]
Look = Callable[[Settings, str, Path], "NDArray[np.float32]"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a person wants to see what is found."""

    limit: int = 20
    wanted: Wanted = field(default_factory=Wanted)
    every: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What was found, and whose embeddings were searched; `left` photographs that judge has not looked at yet."""

    judge: str
    found: Found
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Question:
    query: NDArray[np.float32]
    but: int | None = None
    burst: str | None = None


def similar(file: Path, *, terms: Terms, parts: Parts, look: Look | None = None) -> Answered:
    """Find photographs like `file`, which may be one of the library or any other.

    `look` (settings, judge, file) makes an embedding of a file that is not known; where the bundle of a judge cannot
    look, the next judge is asked. Raises SearchError when nothing can be searched, FolderError for a folder that there
    is not, Unreadable for a file that is no photograph, BundleError when no bundle can look at it.
    """
    judges = in_order(parts.store.judge_rows(), read_in_use(parts.settings))
    _refuse_no_folder(terms.wanted.below, parts)
    frame = _known(file, parts)
    content = frame.content if frame else parts.identifier.content(wiring.absolute(file))
    refusals: list[SafelightError] = []
    for each in judges:
        try:
            query = _like(file, content, each.judge, parts, look or _look)
        except (BundleError, OutOfReach) as error:  # another judge may know what is out of reach just now
            refusals.append(error)
            continue
        rating = parts.store.ratings.rating(frame.id) if frame else None
        question = _Question(query, frame.id if frame else None, rating.burst if rating else None)
        return _answered(each, question, terms, parts)
    raise refusals[0]


def by_words(words: str, *, terms: Terms, parts: Parts, open_text: OpenText | None = None) -> Answered:
    """Find photographs as words describe them.

    `open_text` (settings, judge) loads what turns words into vectors. Raises BundleError when the bundle in use is
    missing or knows no words, SearchError when it has seen nothing, FolderError for a folder that there is not.
    """
    if parts.settings.bundle == EMBEDDED:
        raise refuse_embedded()
    chosen = of_words(parts.store.judge_rows(), installed(parts.settings))
    _refuse_no_folder(terms.wanted.below, parts)
    encoder = (open_text or _open_text)(parts.settings, chosen.judge)
    return _answered(chosen, _Question(encoder.embed([words])[0]), terms, parts)


def _refuse_no_folder(below: Path | None, parts: Parts) -> None:
    """Raise FolderError for a folder that is not there, unless photographs are known that lay there at the last look.

    They may be on a disk that is not plugged in.
    """
    if below is None:
        return
    try:
        parts.scanner.root(below)
    except FolderError:
        if not parts.store.catalog.folder_names(below):
            raise


def _answered(chosen: JudgeRows, question: _Question, terms: Terms, parts: Parts) -> Answered:
    search = Search(
        rows=parts.store.search_rows(chosen.judge),
        open_vectors=_opener(chosen.judge, parts.settings),
        exact_up_to=_ONCE_UP_TO,
    )
    asked = Asked(
        query=question.query,
        limit=terms.limit,
        wanted=terms.wanted,
        every=terms.every,
        but=question.but,
        burst=question.burst,
    )
    most = max(each.rows for each in parts.store.judge_rows())
    return Answered(chosen.judge, search.find(asked), most - chosen.rows)


def _like(file: Path, content: bytes | None, judge: str, parts: Parts, look: Look) -> NDArray[np.float32]:
    """Return the embedding of a file by a judge: as it is known, or else after a look at it."""
    import numpy as np

    for page in parts.store.search_rows(judge).those([content] if content else [], facts=False):
        query: NDArray[np.float32] = page.embeddings[0].astype(np.float32)
        return query
    return look(parts.settings, judge, wiring.absolute(file))


def _known(file: Path, parts: Parts) -> KnownFrame | None:
    """Return the frame of a file, None when it is not known or was written again since; a file may be out of reach."""
    path = wiring.absolute(file)
    frame = parts.store.catalog.frame_at(path)
    if frame is None:
        return None
    known = {each.path: each.stamp for each in parts.store.catalog.files_of(frame.id)}
    try:
        stamp = FileStamp.of(path.lstat())
    except OSError:
        return frame
    same = path in known and (stamp.size, stamp.mtime_ns) == (known[path].size, known[path].mtime_ns)
    return frame if same else None


def _opener(judge: str, settings: Settings) -> Callable[[], NearestVectors]:
    def opened() -> NearestVectors:
        # Imported here: loading LanceDB costs seconds of processor time, and small libraries do not need it.
        from safelight.storage.vectors_reading import VectorsReader

        return VectorsReader(paths.vectors_folder(settings.state), judge=judge)

    return opened


def _look(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
    from safelight.app.search_look import embedding_of

    return embedding_of(file, judge=judge, settings=settings)


def _open_text(settings: Settings, judge: str) -> TextEncoder:
    from safelight.inference.text_encoder import open_text

    return open_text(settings.bundles / settings.bundle, bundle=embedder_of(judge))
