"""Remembers frames, their files, and how far each has come.

The queue of the program is the `stage` column: whatever kills the process, the next one asks which frames stand where
and goes on. Every write that belongs together is one transaction of the caller's.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from safelight.domain.frame import FoundFile, Stage
from safelight.domain.records import KnownFile, KnownFrame
from safelight.storage.codecs import blob, known_file, known_frame, words
from safelight.storage.database import Database

_MANY = 500  # values in one statement; SQLite takes at least 999


class Catalog:
    """The tables `frames` and `files`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def files_in(self, folder: Path) -> tuple[KnownFile, ...]:
        """Return the files known in exactly this folder that were there at the last look."""
        rows = self._database.rows("SELECT * FROM files WHERE folder = ? AND gone = 0", (blob(folder),))
        return tuple(known_file(row) for row in rows)

    def files_of(self, frame_id: int) -> tuple[KnownFile, ...]:
        """Return the files of a frame that were there at the last look, the main one first."""
        rows = self._database.rows(
            "SELECT files.* FROM files JOIN frames ON frames.id = frame_id"
            " WHERE frame_id = ? AND gone = 0 ORDER BY files.path != frames.path, files.path",
            (frame_id,),
        )
        return tuple(known_file(row) for row in rows)

    def with_content(self, content: bytes) -> tuple[KnownFile, ...]:
        """Return every file ever seen with this content, the oldest frame first."""
        rows = self._database.rows("SELECT * FROM files WHERE content = ? ORDER BY frame_id, path", (content,))
        return tuple(known_file(row) for row in rows)

    def homeless(self, content: bytes) -> int | None:
        """Return the oldest frame that was judged by this content and has no file left, None without one."""
        rows = self._database.rows(
            "SELECT id FROM frames WHERE content = ? AND NOT EXISTS"
            " (SELECT 1 FROM files WHERE frame_id = frames.id AND gone = 0) ORDER BY id LIMIT 1",
            (content,),
        )
        return int(rows[0]["id"]) if rows else None

    def folders(self, root: Path) -> tuple[Path, ...]:
        """Return the folders at and below `root` with files that were there at the last look."""
        return tuple(map(Path, self.folder_names(root)))

    def folder_names(self, root: Path) -> tuple[str, ...]:
        """Return the same as texts: to make ten thousand paths takes longer than to watch them."""
        start = blob(root).rstrip(b"/") + b"/"
        rows = self._database.rows(
            "SELECT DISTINCT folder FROM files WHERE (folder = ? OR (folder >= ? AND folder < ?)) AND gone = 0",
            (blob(root), start, start[:-1] + b"0"),  # 0 comes after the slash
        )
        return tuple(os.fsdecode(row["folder"]) for row in rows)

    def files_named(self, stems: Collection[str]) -> Iterator[KnownFile]:
        """Yield every file ever seen, also those that are gone, whose name without suffix is one of `stems`.

        `stems` are in lower case; names are compared so.
        """
        wanted = frozenset(stems)
        if not wanted:
            return
        # SQLite lowers letters of ASCII only and knows no suffix, so that all names are gone through here.
        plain = frozenset(stem.encode() for stem in wanted if stem.isascii())
        for (stored,) in self._database.rows("SELECT path FROM files"):
            bare = stored[stored.rfind(b"/") + 1 : stored.rfind(b".")]
            if bare and bare.isascii() and bare.lower() not in plain:
                continue  # the usual one, told at a glance: there may be 100,000 of them
            if os.fsdecode(os.path.splitext(os.path.basename(stored))[0]).lower() in wanted:
                (row,) = self._database.rows("SELECT * FROM files WHERE path = ?", (stored,))
                yield known_file(row)

    def gone_sizes(self) -> set[int]:
        """Return the sizes, in bytes, of all files that are gone."""
        return {row["size"] for row in self._database.rows("SELECT DISTINCT size FROM files WHERE gone = 1")}

    def frame(self, frame_id: int) -> KnownFrame:
        """Return one frame. Raises IndexError when there is none with this id."""
        return known_frame(self._database.rows("SELECT * FROM frames WHERE id = ?", (frame_id,))[0])

    def frame_at(self, path: Path) -> KnownFrame | None:
        """Return the frame that a file belongs to, None when the file is not known."""
        rows = self._database.rows(
            "SELECT frames.* FROM frames JOIN files ON frame_id = frames.id WHERE files.path = ?", (blob(path),)
        )
        return known_frame(rows[0]) if rows else None

    def frames(self, ids: Collection[int], *stages: Stage) -> Iterator[KnownFrame]:
        """Yield the frames with these ids (in these stages, if any are named), by id."""
        ordered = sorted(ids)
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            marks = ",".join("?" * len(some))
            for row in self._database.rows(f"SELECT * FROM frames WHERE id IN ({marks}) ORDER BY id", tuple(some)):
                found = known_frame(row)
                if not stages or found.stage in stages:
                    yield found

    def at_stage(self, stage: Stage) -> tuple[KnownFrame, ...]:
        """Return the frames at one stage that have a file left, by id."""
        rows = self._database.rows(
            "SELECT * FROM frames WHERE stage = ? AND EXISTS"
            " (SELECT 1 FROM files WHERE frame_id = frames.id AND gone = 0) ORDER BY id",
            (stage,),
        )
        return tuple(map(known_frame, rows))

    def frames_in(self, folder: Path, *stages: Stage) -> tuple[KnownFrame, ...]:
        """Return the frames that have a file in exactly this folder and stand at one of the stages."""
        rows = self._database.rows(
            "SELECT * FROM frames WHERE id IN (SELECT frame_id FROM files WHERE folder = ? AND gone = 0) ORDER BY id",
            (blob(folder),),
        )
        return tuple(found for found in map(known_frame, rows) if found.stage in stages)

    def counts(self) -> dict[Stage, int]:
        """Return how many frames stand at each stage, of those with a file left."""
        rows = self._database.rows(
            "SELECT stage, count(*) AS number FROM frames"
            " WHERE id IN (SELECT frame_id FROM files WHERE gone = 0) GROUP BY stage"
        )
        return {Stage(row["stage"]): row["number"] for row in rows}

    def below(self, folder: Path) -> tuple[int, ...]:
        """Return the ids of all frames with a file at or below a folder, also of those that are gone."""
        start = blob(folder).rstrip(b"/") + b"/"
        rows = self._database.rows(
            "SELECT DISTINCT frame_id FROM files WHERE folder = ? OR (folder >= ? AND folder < ?) ORDER BY frame_id",
            (blob(folder), start, start[:-1] + b"0"),  # 0 comes after the slash
        )
        return tuple(row["frame_id"] for row in rows)

    def with_reason(self, stage: Stage, reason: str) -> int:
        """Return how many frames with a file left stand at a stage for this very reason."""
        rows = self._database.rows(
            "SELECT count(*) FROM frames WHERE stage = ? AND reason = ?"
            " AND id IN (SELECT frame_id FROM files WHERE gone = 0)",
            (stage, words(reason)),
        )
        return int(rows[0][0])

    def all_ids(self, *stages: Stage) -> tuple[int, ...]:
        """Return the ids of all frames with a file left that stand at one of the stages."""
        marks = ",".join("?" * len(stages))
        query = (
            f"SELECT id FROM frames WHERE stage IN ({marks}) AND id IN (SELECT frame_id FROM files WHERE gone = 0)"
            " ORDER BY id"
        )
        return tuple(row["id"] for row in self._database.rows(query, tuple(stages)))

    def add_frame(self, main: Path, *, arrived_s: float) -> int:
        """Make a frame that has just arrived and return its id."""
        cursor = self._database.connection.execute(
            "INSERT INTO frames (path, stage, arrived_s) VALUES (?, ?, ?)", (blob(main), Stage.ARRIVED, arrived_s)
        )
        return int(cursor.lastrowid or 0)

    def put_file(self, file: FoundFile, *, frame_id: int, content: bytes) -> None:
        """Remember a file as it is now, as one of a frame's."""
        stamp = file.stamp
        self._database.connection.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                blob(file.path),
                blob(file.path.parent),
                frame_id,
                file.role,
                stamp.size,
                stamp.mtime_ns,
                stamp.inode,
                stamp.device,
                content,
            ),
        )

    def give_file(self, path: Path, *, frame_id: int) -> None:
        """Let a known file belong to another frame."""
        self._database.connection.execute("UPDATE files SET frame_id = ? WHERE path = ?", (frame_id, blob(path)))

    def mark_gone(self, paths: Iterable[Path]) -> None:
        """Remember that nothing is at these paths any more; what they were stays known."""
        self._database.connection.executemany(
            "UPDATE files SET gone = 1 WHERE path = ?", [(blob(path),) for path in paths]
        )

    def drop_file(self, path: Path) -> None:
        """Forget a path whose file is known at another path now."""
        self._database.connection.execute("DELETE FROM files WHERE path = ?", (blob(path),))

    def set_main(self, frame_id: int, path: Path) -> None:
        """Let another file stand for the frame."""
        self._database.connection.execute("UPDATE frames SET path = ? WHERE id = ?", (blob(path), frame_id))

    def set_content(self, frame_id: int, content: bytes, *, embedded: int | None) -> None:
        """Remember whose pixels the frame is judged by, and the rating that the file itself carries."""
        self._database.connection.execute(
            "UPDATE frames SET content = ?, embedded = ? WHERE id = ?", (content, embedded, frame_id)
        )

    def set_stage(
        self, frame_id: int, stage: Stage, reason: str = "", *, passing: bool = False, given: int | None = None
    ) -> None:
        """Move a frame on; `reason` is for people, `passing`: try again in the next run, `given`: a person's rating."""
        self._database.connection.execute(
            "UPDATE frames SET stage = ?, reason = ?, passing = ?, given = ? WHERE id = ?",
            (stage, words(reason), passing, given, frame_id),
        )
