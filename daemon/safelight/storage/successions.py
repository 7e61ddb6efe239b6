"""Remembers which contents a bundle beside the embedded one has seen, and what was made when it took over.

What was made is true and not a cache: it follows from photographs that may be gone, and later tastes are computed from
it again. So it is kept whole, as numbers without pickle, under its digest.
"""

import hashlib
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import Basis, Bridge
from safelight.domain.judges import first_of, scale_of, second_of
from safelight.domain.succession import Succession, Tilt
from safelight.errors import StateError
from safelight.ports.successions import Unseen
from safelight.storage.codecs import known_file, words
from safelight.storage.database import Database

_BASIS = ("centre", "directions", "mean", "covariance", "ordinary_mean", "ordinary")
_STANDING = "('assessed', 'ranked', 'published', 'kept', 'derived')"
# A look of the first bundle, of any release: after an update it has seen nothing by its new name, and need not.
_BY_FIRST = "instr({0}.judge, '+') = 0 AND substr({0}.judge || ':', 1, length(?2) + 1) = ?2 || ':'"
_THERE = f"""
    frames.stage IN {_STANDING} AND EXISTS (SELECT 1 FROM files WHERE files.content = frames.content AND gone = 0)
"""
_UNSEEN = f"""
    FROM frames JOIN assessments AS seen ON seen.content = frames.content AND {_BY_FIRST.format("seen")}
    WHERE NOT EXISTS (SELECT 1 FROM assessments AS own WHERE own.content = frames.content AND own.judge = ?1)
    AND NOT EXISTS (SELECT 1 FROM passed_over WHERE passed_over.content = frames.content AND passed_over.judge = ?1)
    AND {_THERE}
"""  # in this order, as what was seen is told from the rest by one look into an index, and it is nearly all
_PASSED_OVER = f"""
    FROM frames JOIN passed_over ON passed_over.content = frames.content AND passed_over.judge = ?1
    WHERE passed_over.passing = ?2 AND {_THERE}
    AND NOT EXISTS (SELECT 1 FROM assessments AS own WHERE own.content = frames.content AND own.judge = ?1)
"""
# What the first bundle says of the content of the row `own`: its present release, or else the newest that has seen it.
_NEAREST = (
    f"FROM assessments AS one WHERE one.content = own.content AND {_BY_FIRST.format('one')}"
    " ORDER BY one.judge = ?3 DESC, one.rowid DESC LIMIT 1"
)


class SqliteSuccessions:
    """The tables `successions` and `passed_over`, and what they say of `assessments`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def get(self, judge: str) -> Succession | None:
        """Return what was made when this judge took over, None before that. Raises StateError when it is damaged."""
        rows = self._database.rows("SELECT digest, content FROM successions WHERE judge = ?", (judge,))
        if not rows:
            return None
        try:
            return _read(rows[0]["content"], rows[0]["digest"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise StateError(
                f"What the bundle of {judge} took over cannot be read: {error}.",
                hint="Run safelight models use embedded, or restore the state folder from a backup.",
            ) from error

    def has(self, judge: str) -> bool:
        """Tell whether this judge has ever taken over."""
        return bool(self._database.rows("SELECT 1 FROM successions WHERE judge = ?", (judge,)))

    def put(self, judge: str, made: Succession, *, at_s: float) -> str:
        """Remember what was made and return its digest, hexadecimal."""
        content = _written(made)
        digest = hashlib.sha256(content).hexdigest()
        self._database.connection.execute(
            "INSERT OR REPLACE INTO successions VALUES (?, ?, ?, ?)", (judge, at_s, digest, content)
        )
        return digest

    def judges(self) -> tuple[str, ...]:
        """Return every judge that could not look at some content."""
        return tuple(str(row[0]) for row in self._database.rows("SELECT DISTINCT judge FROM passed_over ORDER BY 1"))

    def unseen(self, judge: str, *, limit: int) -> tuple[Unseen, ...]:
        """Return contents that the first judge has seen and this one has not tried to, the newest taken first."""
        rows = self._database.rows(
            f"SELECT DISTINCT frames.content AS content {_UNSEEN}"
            " ORDER BY json_extract(seen.facts, '$.taken_s') DESC, frames.id DESC LIMIT ?3",
            (judge, scale_of(judge), limit),
        )
        return tuple(self._held(row["content"]) for row in rows)

    def count_unseen(self, judge: str) -> int:
        """Return how many these are."""
        query = f"SELECT count(DISTINCT frames.content) {_UNSEEN}"
        return int(self._database.rows(query, (judge, scale_of(judge)))[0][0])

    def seen_before(self, content: bytes, judge: str) -> NDArray[np.float16] | None:
        """Return the embedding by the same model beside another release of the first bundle, None without one."""
        rows = self._database.rows(
            "SELECT embedding FROM assessments WHERE content = ?1 AND judge <> ?2"
            " AND substr(judge, 1, length(?3)) = ?3 ORDER BY rowid DESC LIMIT 1",
            (content, judge, second_of(judge)),
        )
        return np.frombuffer(rows[0]["embedding"], np.float16) if rows else None

    def out_of_reach(self, judge: str) -> Iterator[Unseen]:
        """Yield contents that this judge has not seen because no file that holds them could be reached."""
        query = (
            "SELECT * FROM files WHERE gone = 0 AND content IN (SELECT frames.content"
            f" {_PASSED_OVER}) ORDER BY content, frame_id, path"
        )
        for _, rows in groupby(self._database.rows(query, (judge, 1)), itemgetter("content")):
            yield _unseen(rows)

    def count_out_of_reach(self, judge: str) -> int:
        """Return how many these are."""
        return int(self._database.rows(f"SELECT count(DISTINCT frames.content) {_PASSED_OVER}", (judge, 1))[0][0])

    def count_seen(self, judge: str) -> int:
        """Return how many contents this judge has seen, of files that are there or were."""
        return int(self._database.rows("SELECT count(*) FROM assessments WHERE judge = ?", (judge,))[0][0])

    def count_seen_there(self, judge: str) -> int:
        """Return how many contents this judge has seen, of files that are there."""
        query = (
            "SELECT count(DISTINCT frames.content) FROM frames JOIN assessments AS own"
            f" ON own.content = frames.content AND own.judge = ? WHERE {_THERE}"
        )
        return int(self._database.rows(query, (judge,))[0][0])

    def count_passed_over(self, judge: str) -> int:
        """Return how many contents this judge can never look at, of files that are there."""
        return int(self._database.rows(f"SELECT count(DISTINCT frames.content) {_PASSED_OVER}", (judge, 0))[0][0])

    def pass_over(self, content: bytes, judge: str, reason: str, *, passing: bool = False) -> None:
        """Remember that a content cannot be looked at: never, or (`passing`) while it is out of reach."""
        self._database.connection.execute(
            "INSERT OR REPLACE INTO passed_over VALUES (?, ?, ?, ?)", (content, judge, words(reason), passing)
        )

    def leave_unseen(self, judge: str, reason: str) -> None:
        """Remember that all contents that this judge has not seen stay as the first judge saw them, here or gone."""
        self._database.connection.execute(
            "INSERT OR IGNORE INTO passed_over SELECT DISTINCT seen.content, ?1, ?3, 1 FROM assessments AS seen"
            f" WHERE {_BY_FIRST.format('seen')} AND NOT EXISTS"
            " (SELECT 1 FROM assessments AS own WHERE own.content = seen.content AND own.judge = ?1)",
            (judge, scale_of(judge), words(reason)),
        )

    def reached(self, content: bytes, judge: str) -> None:
        """Remember that a content is no longer out of reach, unless this judge took over without it."""
        self._database.connection.execute(
            "DELETE FROM passed_over WHERE content = ?1 AND judge = ?2"
            " AND NOT EXISTS (SELECT 1 FROM successions WHERE judge = ?2)",
            (content, judge),
        )

    def pairs(self, judge: str, *, limit: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return embeddings by the first judge and by this one, of up to `limit` contents that both have seen.

        Contents are named by digests, so the first ones by name are a sample that does not depend on when they came.
        """
        rows = self._database.rows(
            f"SELECT (SELECT one.embedding {_NEAREST}), own.embedding FROM assessments AS own"
            f" WHERE own.judge = ?1 AND EXISTS (SELECT 1 {_NEAREST}) ORDER BY own.content LIMIT ?4",
            (judge, scale_of(judge), first_of(judge), limit),
        )
        return _rows([row[0] for row in rows]), _rows([row[1] for row in rows])

    def heads(self, judge: str) -> Iterator[tuple[bytes, NDArray[np.float16], float, float]]:
        """Yield content, embedding by this judge, and quality and appeal by the first judge, for all it saw."""
        contents = [row[0] for row in self._database.rows("SELECT content FROM assessments WHERE judge = ?", (judge,))]
        for content in contents:
            rows = self._database.rows(
                f"SELECT own.embedding, (SELECT one.quality {_NEAREST}), (SELECT one.appeal {_NEAREST})"
                " FROM assessments AS own WHERE own.judge = ?1 AND own.content = ?4",
                (judge, scale_of(judge), first_of(judge), content),
            )
            for embedding, quality, appeal in rows:
                if quality is not None:
                    yield content, np.frombuffer(embedding, np.float16), quality, appeal

    def set_heads(self, judge: str, content: bytes, *, quality: float, appeal: float) -> None:
        """Replace what this judge says of quality and appeal."""
        self._database.connection.execute(
            "UPDATE assessments SET quality = ?, appeal = ?, indexed = 0 WHERE content = ? AND judge = ?",
            (quality, appeal, content, judge),
        )

    def _held(self, content: bytes) -> Unseen:
        query = "SELECT * FROM files WHERE content = ? AND gone = 0 ORDER BY frame_id, path"
        return _unseen(self._database.rows(query, (content,)), content)


def _unseen(rows: Iterable[sqlite3.Row], content: bytes = b"") -> Unseen:
    files = [known_file(row) for row in rows]
    return Unseen(content or files[0].content, tuple((file.path, file.stamp) for file in files))


def _rows(blobs: list[bytes]) -> NDArray[np.float16]:
    length = len(blobs[0]) if blobs else 0
    return np.array([np.frombuffer(each, np.float16) for each in blobs if len(each) == length])


def _written(made: Succession) -> bytes:
    basis, bridge = made.basis, made.basis.bridge
    values: dict[str, NDArray[np.float64]] = {name: np.asarray(getattr(basis, name), np.float64) for name in _BASIS}
    values["slope"] = np.array(basis.slope)
    if bridge is not None:
        values |= {"bridge_directions": bridge.directions, "bridge_offset": bridge.offset}
    for name, tilt in made.tilts.items():
        values |= {f"tilt_{name}": tilt.direction, f"tilt_{name}_scale": np.array([tilt.mean, tilt.deviation])}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in sorted(values.items()):
            part = io.BytesIO()
            np.save(part, value, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _read(content: bytes, digest: str) -> Succession:
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("it is not what was written")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        found = {name: np.asarray(stored[name], np.float64) for name in stored.files}
    bridge = Bridge(found["bridge_directions"], found["bridge_offset"]) if "bridge_offset" in found else None
    tilts = {
        name.removeprefix("tilt_"): Tilt(value, *map(float, found[f"{name}_scale"]))
        for name, value in found.items()
        if name.startswith("tilt_") and not name.endswith("_scale")
    }
    basis = Basis(
        centre=found["centre"],
        directions=found["directions"],
        slope=float(found["slope"]),
        mean=found["mean"],
        covariance=found["covariance"],
        ordinary_mean=found["ordinary_mean"],
        ordinary=found["ordinary"],
        digest=digest,
        bridge=bridge,
    )
    return Succession(basis, tilts)
