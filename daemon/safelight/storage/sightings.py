"""Remembers what was seen of the disk beside frames and files: volumes, traces of editors, losses.

One digest a frame says whether anything beside it has changed since its traces were read, so that an unchanged library
costs a comparison a frame and no file is opened. Rows are written in the caller's transaction, with the journal entries
that they follow from.
Invariant: a row is written together with the entries that tell of it, so that no fact is told twice or not at all.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from safelight.domain.records import Loss, Reread
from safelight.ports.traces import Trace, TraceKind, VolumeIdentity
from safelight.storage.codecs import blob, path_of, whole
from safelight.storage.database import Database


class Sightings:
    """The tables `volumes`, `looks`, `traces`, `losses` and `rereads`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def volumes(self) -> dict[Path, tuple[VolumeIdentity, bool]]:
        """Return the volume that each folder lay on, and whether it was a card."""
        rows = self._database.rows("SELECT * FROM volumes ORDER BY folder")
        return {path_of(row["folder"]): (_volume(row), bool(row["card"])) for row in rows}

    def put_volume(self, folder: Path, volume: VolumeIdentity, *, card: bool) -> None:
        """Remember which volume a folder lies on."""
        # As text: an identity of a file system has 64 bits without a sign, one more than SQLite's numbers.
        values = (blob(folder), blob(volume.mount), volume.device, str(volume.file_system), volume.kind, card)
        self._database.connection.execute("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?, ?, ?, ?)", values)

    def looks(self, folder: Path) -> dict[int, bytes]:
        """Return for the frames in exactly this folder the digest of the files that their traces were read from."""
        rows = self._database.rows(
            "SELECT frame_id, look FROM looks WHERE frame_id IN"
            " (SELECT frame_id FROM files WHERE folder = ? AND gone = 0)",
            (blob(folder),),
        )
        return {row["frame_id"]: row["look"] for row in rows}

    def traces(self, frame_id: int) -> tuple[Trace, ...]:
        """Return a frame's traces as last read."""
        rows = self._database.rows("SELECT * FROM traces WHERE frame_id = ? ORDER BY number", (frame_id,))
        return tuple(map(_trace, rows))

    def put_traces(self, frame_id: int, look: bytes, traces: Iterable[Trace]) -> None:
        """Remember a frame's traces and the digest of the files they were read from, in place of what was known."""
        connection = self._database.connection
        connection.execute("INSERT OR REPLACE INTO looks VALUES (?, ?)", (frame_id, look))
        connection.execute("DELETE FROM traces WHERE frame_id = ?", (frame_id,))
        connection.executemany(
            "INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    frame_id,
                    number,
                    each.program,
                    each.kind,
                    each.value,
                    each.confidence,
                    blob(each.path),
                    each.changed_s,
                )
                for number, each in enumerate(traces)
            ],
        )

    def has_looked(self, frame_id: int) -> bool:
        """Tell whether a frame's traces have ever been read."""
        return bool(self._database.rows("SELECT 1 FROM looks WHERE frame_id = ?", (frame_id,)))

    def losses(self) -> tuple[Loss, ...]:
        """Return all losses that are not final."""
        return tuple(map(_loss, self._database.rows("SELECT * FROM losses WHERE final = 0 ORDER BY frame_id")))

    def loss(self, frame_id: int) -> Loss | None:
        """Return the loss of a frame that is not there, None for one that is."""
        rows = self._database.rows("SELECT * FROM losses WHERE frame_id = ?", (frame_id,))
        return _loss(rows[0]) if rows else None

    def put_loss(self, loss: Loss) -> None:
        """Remember that a frame is not there, in place of what was known of it."""
        values = (loss.frame_id, loss.seq, loss.since_s, blob(loss.path), loss.final)
        self._database.connection.execute("INSERT OR REPLACE INTO losses VALUES (?, ?, ?, ?, ?)", values)

    def end_loss(self, frame_id: int) -> None:
        """Forget a loss: the frame is back."""
        self._database.connection.execute("DELETE FROM losses WHERE frame_id = ?", (frame_id,))

    def rereads(self) -> tuple[Reread, ...]:
        """Return the files that were written again and not compared yet."""
        return tuple(map(_reread, self._database.rows("SELECT * FROM rereads ORDER BY frame_id, path")))

    def put_reread(self, reread: Reread) -> None:
        """Remember to compare a file, unless that is remembered already: the oldest content counts."""
        values = (reread.frame_id, blob(reread.path), reread.before)
        self._database.connection.execute("INSERT OR IGNORE INTO rereads VALUES (?, ?, ?)", values)

    def end_reread(self, reread: Reread) -> None:
        """Forget a comparison that is done or will never be possible."""
        values = (reread.frame_id, blob(reread.path))
        self._database.connection.execute("DELETE FROM rereads WHERE frame_id = ? AND path = ?", values)


@whole
def _volume(row: sqlite3.Row) -> VolumeIdentity:
    return VolumeIdentity(path_of(row["mount"]), row["device"], int(row["file_system"]), row["kind"])


@whole
def _trace(row: sqlite3.Row) -> Trace:
    kind = TraceKind(row["kind"])
    return Trace(row["program"], kind, row["value"], row["confidence"], path_of(row["path"]), row["changed_s"])


@whole
def _loss(row: sqlite3.Row) -> Loss:
    return Loss(row["frame_id"], row["seq"], row["since_s"], path_of(row["path"]), bool(row["final"]))


@whole
def _reread(row: sqlite3.Row) -> Reread:
    return Reread(row["frame_id"], path_of(row["path"]), row["before"])
