"""Remembers every sidecar that we wrote, what it replaced, and in which run.

A receipt is planned before the file is touched and done after, so that a process killed between the two finds on its
next start what it may have written. What was there before is kept, compressed, for undo. Apart from that proof it
remembers how a frame's sidecars looked when they last held its rating: they move along with their pictures, and others
edit them, without being our writing.
Invariant: a file is ours exactly as long as its bytes still have the digest of a done receipt.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.domain.records import Receipt, Run
from safelight.storage.codecs import blob, path_of, whole
from safelight.storage.database import Database


class Receipts:
    """The tables `receipts`, `runs` and `standing`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def start_run(self, folders: Sequence[Path], *, at_s: float) -> int:
        """Make a run and return its id."""
        cursor = self._database.connection.execute(
            "INSERT INTO runs (started_s, folders) VALUES (?, ?)", (at_s, json.dumps([str(each) for each in folders]))
        )
        return int(cursor.lastrowid or 0)

    def finish_run(self, run_id: int, *, at_s: float) -> None:
        """Remember that a run came to its end."""
        self._database.connection.execute("UPDATE runs SET finished_s = ? WHERE id = ?", (at_s, run_id))

    def rated_folders(self) -> tuple[Path, ...]:
        """Return every folder that a run was ever asked to rate, without those inside others, in order."""
        rows = self._database.rows("SELECT DISTINCT folders FROM runs")
        folders = {Path(name) for row in rows for name in _names(row)}
        outer = (folder for folder in folders if folders.isdisjoint(folder.parents))
        return tuple(sorted(outer, key=blob))

    def run(self, run_id: int) -> Run | None:
        """Return one run, None when there is none with this id."""
        rows = self._database.rows("SELECT * FROM runs WHERE id = ?", (run_id,))
        return _run(rows[0]) if rows else None

    def last_run(self) -> Run | None:
        """Return the newest run, None before the first."""
        rows = self._database.rows("SELECT * FROM runs ORDER BY id DESC LIMIT 1")
        return _run(rows[0]) if rows else None

    def run_to_undo(self) -> Run | None:
        """Return the newest run with writes that still stand, None when there is nothing to take back."""
        rows = self._database.rows(
            "SELECT * FROM runs WHERE undone_s IS NULL AND id IN (SELECT run_id FROM receipts WHERE state = 'done')"
            " ORDER BY id DESC LIMIT 1"
        )
        return _run(rows[0]) if rows else None

    def mark_undone(self, run_id: int, *, at_s: float) -> None:
        """Remember that a run was taken back."""
        self._database.connection.execute("UPDATE runs SET undone_s = ? WHERE id = ?", (at_s, run_id))

    def plan(self, *, run_id: int, frame_id: int, path: Path, before: bytes | None, digest: bytes, stars: int) -> int:
        """Remember what is about to be written and return the receipt's id."""
        cursor = self._database.connection.execute(
            "INSERT INTO receipts (run_id, frame_id, path, before, digest, stars, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 'planned')",
            (run_id, frame_id, blob(path), None if before is None else zlib.compress(before), digest, stars),
        )
        return int(cursor.lastrowid or 0)

    def done(self, receipt_id: int, stamp: FileStamp) -> None:
        """Remember that the bytes of a receipt are on the disk."""
        self._database.connection.execute(
            "UPDATE receipts SET state = 'done', size = ?, mtime_ns = ?, inode = ?, device = ? WHERE id = ?",
            (stamp.size, stamp.mtime_ns, stamp.inode, stamp.device, receipt_id),
        )

    def close(self, ids: Iterable[int], state: str) -> None:
        """End receipts: `undone`, or `void` when nothing was written."""
        self._database.connection.executemany(
            "UPDATE receipts SET state = ? WHERE id = ?", [(state, receipt_id) for receipt_id in ids]
        )

    def planned(self) -> tuple[Receipt, ...]:
        """Return what a process that was killed may or may not have written."""
        return self._receipts("state = 'planned'", ())

    def of_run(self, run_id: int) -> tuple[Receipt, ...]:
        """Return a run's writes, the last first."""
        return self._receipts("run_id = ? AND state = 'done'", (run_id,))

    def stamps(self, frame_id: int) -> dict[Path, FileStamp]:
        """Return the sidecars that held a frame's rating after our last look, whoever wrote them, and their stamps."""
        rows = self._database.rows(
            "SELECT path, size, mtime_ns, inode, device FROM standing WHERE frame_id = ? ORDER BY path", (frame_id,)
        )
        return {
            path_of(row["path"]): FileStamp(row["size"], row["mtime_ns"], row["inode"], row["device"]) for row in rows
        }

    def stamps_in(self, folder: Path) -> dict[Path, FileStamp]:
        """Return what `stamps` returns for all frames with a file in exactly this folder."""
        rows = self._database.rows(
            "SELECT path, size, mtime_ns, inode, device FROM standing WHERE frame_id IN"
            " (SELECT frame_id FROM files WHERE folder = ? AND gone = 0)",
            (blob(folder),),
        )
        return {
            path_of(row["path"]): FileStamp(row["size"], row["mtime_ns"], row["inode"], row["device"]) for row in rows
        }

    def see(self, frame_id: int, stamps: Mapping[Path, FileStamp]) -> None:
        """Remember which sidecars hold a frame's rating and how they look; in place of what was known."""
        self._database.connection.execute("DELETE FROM standing WHERE frame_id = ?", (frame_id,))
        self._database.connection.executemany(
            "INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?)",
            [
                (frame_id, blob(path), stamp.size, stamp.mtime_ns, stamp.inode, stamp.device)
                for path, stamp in stamps.items()
            ],
        )

    def _receipts(self, where: str, values: tuple[object, ...]) -> tuple[Receipt, ...]:
        rows = self._database.rows(f"SELECT * FROM receipts WHERE {where} ORDER BY id DESC", values)
        return tuple(map(_receipt, rows))


@whole
def _receipt(row: sqlite3.Row) -> Receipt:
    stamp = None if row["size"] is None else FileStamp(row["size"], row["mtime_ns"], row["inode"], row["device"])
    before = None if row["before"] is None else zlib.decompress(row["before"])
    path = path_of(row["path"])
    return Receipt(
        row["id"], row["run_id"], row["frame_id"], path, before, row["digest"], row["stars"], row["state"], stamp
    )


@whole
def _run(row: sqlite3.Row) -> Run:
    return Run(row["id"], row["started_s"], row["finished_s"], row["undone_s"], tuple(json.loads(row["folders"])))


@whole
def _names(row: sqlite3.Row) -> tuple[str, ...]:
    return tuple(json.loads(row["folders"]))
