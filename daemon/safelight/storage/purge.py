"""Removes what is remembered of frames for real: rows, names in other rows, and the bytes that rows leave behind.

Deleted rows stay readable in the free pages of a SQLite file and in its log until something overwrites them. So deleted
cells are zeroed, the file is rebuilt and the log cut off. The vectors are a cache and keep deleted rows in older files:
they are thrown away whole and filled again from what is left. A mark says that this is not finished, so that a process
killed in between is followed by one that ends it.
Invariant: after `overwrite` no file of the state folder holds a path, a name, a content or a number of these frames.
"""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.entries import Kind
from safelight.errors import StateError
from safelight.storage.codecs import blob, path_of, payload, words
from safelight.storage.database import Database

_MANY = 500  # values in one statement; SQLite takes at least 999
_FORGOTTEN = "(forgotten)"
_NAMED_BY = 12  # hexadecimal digits of a content in the name of a shoot or a burst


@dataclass(frozen=True, slots=True)
class _Traces:
    """By what a frame could be known from the rows of others."""

    ids: frozenset[int]
    paths: frozenset[str]
    names: frozenset[str]
    contents: frozenset[bytes]
    renamed: Mapping[str, str]  # shoots and bursts that were named after one of them


class SqlitePurge:
    """The Purge over one database and the vectors beside it."""

    def __init__(self, *, database: Database, vectors: Path) -> None:
        self._database = database
        self._vectors = vectors

    def frames(self, ids: Collection[int]) -> int:
        """Remove every row about these frames, in the caller's transaction; return the first entry that told of one.

        Versions of the taste that may have been learned from them go as well.
        """
        self._database.rows("PRAGMA secure_delete = ON")
        self._run("INSERT OR REPLACE INTO unfinished VALUES ('overwrite')")
        seqs = self._of(ids, "SELECT seq FROM journal WHERE frame_id IN ({})")
        first = min((row[0] for row in seqs if isinstance(row[0], int)), default=0)
        traces = self._traces(ids)
        for table in self._tables_of_frames():
            self._each(ids, f"DELETE FROM {table} WHERE frame_id IN ({{}})")
        self._each(ids, "DELETE FROM frames WHERE id IN ({})")
        self._forget_contents(traces)
        self._rewrite_journal(traces)
        self._rewrite_rest(traces)
        self._forget_tastes(first)
        return first

    def overwrite(self) -> None:
        """Let nothing of what was removed stay in the file, its log or the vectors; outside any transaction.

        Does nothing when nothing was removed. Raises StateError when another program is reading the catalog.
        """
        if not self._database.rows("SELECT 1 FROM unfinished WHERE what = 'overwrite'"):
            return
        shutil.rmtree(self._vectors, ignore_errors=True)
        with self._database.transaction():
            self._run("UPDATE assessments SET indexed = 0")
        self._database.rows("PRAGMA temp_store = FILE")  # the whole catalog goes through it
        self._database.rows("VACUUM")
        busy = self._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        self._database.rows("PRAGMA temp_store = MEMORY")
        if busy:
            raise StateError(
                "It is forgotten, but its bytes could not be overwritten: another program is reading the catalog.",
                hint="Run safelight learn when the other one has finished: that ends it.",
            )
        with self._database.transaction():
            self._run("DELETE FROM unfinished WHERE what = 'overwrite'")

    def _run(self, statement: str, values: Sequence[object] = ()) -> None:
        self._database.connection.execute(statement, tuple(values))

    def _of(self, ids: Collection[object], query: str) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query with one place `{}` for many values."""
        ordered = list(ids)
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            yield from self._database.rows(query.format(",".join("?" * len(some))), tuple(some))

    def _each(self, ids: Collection[object], statement: str) -> None:
        ordered = list(ids)
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            self._run(statement.format(",".join("?" * len(some))), some)

    def _tables_of_frames(self) -> list[str]:
        """Return every table with rows about frames, whichever migration made it."""
        rows = self._database.rows(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'frame_id'"
            " WHERE m.type = 'table' ORDER BY m.name"
        )
        return [row[0] for row in rows]

    def _traces(self, ids: Collection[int]) -> _Traces:
        files = list(self._of(ids, "SELECT path, content FROM files WHERE frame_id IN ({})"))
        frames = list(self._of(ids, "SELECT path, content FROM frames WHERE id IN ({})"))
        others = self._of(ids, "SELECT path FROM receipts WHERE frame_id IN ({})")
        told = [payload(row) for row in self._of(ids, "SELECT payload FROM journal WHERE frame_id IN ({})")]
        contents = {row[1] for row in (*files, *frames) if isinstance(row[1], bytes) and row[1]}
        contents |= {content for each in told if (content := _bytes(each.get("content")))}
        contents |= {row[0] for row in self._of(ids, "SELECT before FROM rereads WHERE frame_id IN ({})")
                     if isinstance(row[0], bytes)}  # fmt: skip
        paths = {str(path_of(row[0])) for row in (*files, *frames, *others) if isinstance(row[0], bytes)}
        paths |= {text for each in told for text in _texts(each) if text.startswith("/")}
        names = frozenset(path.rpartition("/")[2] for path in paths)
        return _Traces(frozenset(ids), frozenset(paths), names, frozenset(contents), _renamed(contents))

    def _forget_contents(self, traces: _Traces) -> None:
        """Remove what was seen in contents that no other frame has."""
        kept = {row[0] for row in self._of(traces.contents, "SELECT content FROM files WHERE content IN ({})")}
        kept |= {row[0] for row in self._of(traces.contents, "SELECT content FROM frames WHERE content IN ({})")}
        self._each(traces.contents - kept, "DELETE FROM assessments WHERE content IN ({})")
        self._each(traces.contents - kept, "DELETE FROM passed_over WHERE content IN ({})")
        self._run("DELETE FROM successions WHERE NOT EXISTS (SELECT 1 FROM assessments)")

    def _rewrite_journal(self, traces: _Traces) -> None:
        """Take paths, ids and names of the forgotten out of the entries about others, and vetoes of their acts."""
        seqs = {row["seq"] for row in self._database.rows("SELECT seq FROM journal")}
        changed: list[tuple[str, int]] = []
        vetoes: list[int] = []
        for row in self._database.rows("SELECT seq, kind, payload FROM journal"):
            before = payload(row)
            if row["kind"] == Kind.ACTION_VETOED and before.get("action") not in seqs:
                vetoes.append(row["seq"])
            after = {name: _cleaned(name, value, traces) for name, value in before.items()}
            if after != before:
                changed.append((json.dumps(after, sort_keys=True), row["seq"]))
        self._database.connection.executemany("UPDATE journal SET payload = ? WHERE seq = ?", changed)
        self._each(vetoes, "DELETE FROM journal WHERE seq IN ({})")

    def _rewrite_rest(self, traces: _Traces) -> None:
        for old, new in traces.renamed.items():
            self._run("UPDATE ratings SET shoot = ? WHERE shoot = ?", (new, old))
            self._run("UPDATE ratings SET burst = ? WHERE burst = ?", (new, old))
        for path in traces.paths:
            self._run("UPDATE frames SET reason = '' WHERE instr(reason, ?)", (words(Path(path).name),))
        folders = {folder for path in traces.paths for folder in Path(path).parents if folder != Path("/")}
        empty = {str(folder) for folder in folders if not self._has_files(folder)}
        for row in self._database.rows("SELECT id, folders FROM runs"):
            named = json.loads(row["folders"])
            if left := [folder for folder in named if folder not in empty]:
                named, changed = left, len(left) != len(named)
            else:
                named, changed = [], bool(named)
            if changed:
                self._run("UPDATE runs SET folders = ? WHERE id = ?", (json.dumps(named), row["id"]))
        self._each([blob(Path(folder)) for folder in empty], "DELETE FROM volumes WHERE folder IN ({})")

    def _has_files(self, folder: Path) -> bool:
        start = blob(folder) + b"/"
        query = "SELECT 1 FROM files WHERE folder = ? OR (folder >= ? AND folder < ?) LIMIT 1"
        return bool(self._database.rows(query, (blob(folder), start, start[:-1] + b"0")))

    def _forget_tastes(self, first: int) -> None:
        """Remove the versions that were learned after the first entry about a forgotten frame."""
        rows = self._database.rows("SELECT version FROM tastes WHERE through >= ?", (first,))
        gone = {row["version"] for row in rows}
        self._each(gone, "DELETE FROM tastes WHERE version IN ({})")
        told = self._database.rows("SELECT seq, payload FROM journal WHERE kind = ?", (Kind.TASTE_LEARNED,))
        seqs = [row["seq"] for row in told if _number(payload(row).get("through")) >= first]
        self._each(seqs, "DELETE FROM journal WHERE seq IN ({})")
        self._run("DELETE FROM taste_look")


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a payload."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _bytes(value: object) -> bytes:
    """Return the bytes of a hexadecimal text, b"" for anything else."""
    try:
        return bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        return b""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _cleaned(name: str, value: object, traces: _Traces) -> object:
    """Return a value of a payload without anything of the forgotten."""
    if isinstance(value, list):
        left = [each for each in value if not (name == "members" and each in traces.ids)]
        return [_cleaned("", each, traces) for each in left]
    if isinstance(value, dict):
        ids = {str(each) for each in traces.ids} if name == "contents" else set()
        return {key: each for key, each in value.items() if key not in ids}
    if not isinstance(value, str):
        return value
    if name in ("shoot", "burst"):
        return traces.renamed.get(value, value)
    if value in traces.paths:
        return _FORGOTTEN
    return _FORGOTTEN if name == "reason" and any(each in value for each in traces.names) else value


def _renamed(contents: Iterable[bytes]) -> dict[str, str]:
    """Return new names for shoots and bursts that bear the content of a forgotten frame, which others may be in."""
    renamed: dict[str, str] = {}
    for head in {content.hex()[:_NAMED_BY] for content in contents}:
        other = hashlib.sha256(f"forgotten {head}".encode()).hexdigest()[:_NAMED_BY]
        renamed |= {f"{kind}-{head}": f"{kind}-{other}" for kind in ("shoot", "burst")}
    return renamed
