"""Opens the SQLite file that holds everything that is true, and brings its tables up to date.

WAL with full synchronisation: a commit that has returned survives a power cut, at a tenth of a millisecond. A schema
change is one more entry in MIGRATIONS, never an edit of an old one. Library exceptions stop here: whatever SQLite says
becomes a StateError that tells a person what to do.
Invariant: one process at a time writes (a file lock, freed by the kernel however the process ends).
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safelight import paths
from safelight.errors import StateBusy, StateError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, started_s REAL NOT NULL, finished_s REAL, undone_s REAL, folders TEXT NOT NULL
    );
    CREATE TABLE frames (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL,                -- the main file
        stage TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',   -- why it is unreadable, kept, or not yet published
        passing INTEGER NOT NULL DEFAULT 0,-- 1: what stands in the way may be gone the next time
        embedded INTEGER,                  -- the rating that the file itself carries
        given INTEGER,                     -- a person's rating, -1 (rejected) to 5, that stands
        content BLOB,                      -- identity of the file whose pixels were judged
        arrived_s REAL NOT NULL
    );
    CREATE INDEX frames_by_path ON frames (path);
    CREATE TABLE files (
        path BLOB PRIMARY KEY, folder BLOB NOT NULL, frame_id INTEGER NOT NULL REFERENCES frames (id),
        role TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
        device INTEGER NOT NULL, content BLOB NOT NULL, gone INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX files_by_folder ON files (folder);
    CREATE INDEX files_by_frame ON files (frame_id);
    CREATE INDEX files_by_content ON files (content);
    CREATE TABLE assessments (
        content BLOB NOT NULL, judge TEXT NOT NULL, facts TEXT NOT NULL, measures TEXT NOT NULL,
        embedding BLOB NOT NULL, signature BLOB NOT NULL, quality REAL NOT NULL, appeal REAL NOT NULL,
        width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, indexed INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (content, judge)
    );
    CREATE INDEX assessments_to_index ON assessments (indexed) WHERE indexed = 0;
    CREATE TABLE ratings (
        frame_id INTEGER PRIMARY KEY REFERENCES frames (id), judge TEXT NOT NULL, score REAL NOT NULL,
        stars INTEGER NOT NULL, contributions TEXT NOT NULL, shoot TEXT NOT NULL, burst TEXT, keeper INTEGER NOT NULL,
        set_kind TEXT, reason TEXT NOT NULL
    );
    CREATE INDEX ratings_by_burst ON ratings (burst) WHERE burst IS NOT NULL;
    CREATE TABLE receipts (
        id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs (id),
        frame_id INTEGER NOT NULL REFERENCES frames (id), path BLOB NOT NULL,
        before BLOB,                       -- what was there, compressed; NULL: nothing was there
        digest BLOB NOT NULL,              -- of the bytes that we wrote
        stars INTEGER NOT NULL, state TEXT NOT NULL, size INTEGER, mtime_ns INTEGER, inode INTEGER, device INTEGER
    );
    CREATE INDEX receipts_by_frame ON receipts (frame_id);
    CREATE INDEX receipts_by_run ON receipts (run_id, state);
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at_s REAL NOT NULL, kind TEXT NOT NULL, frame_id INTEGER,
        payload TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE standing (                -- the sidecars that held a frame's rating at our last look
        frame_id INTEGER NOT NULL REFERENCES frames (id), path BLOB NOT NULL, size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, device INTEGER NOT NULL, PRIMARY KEY (frame_id, path)
    ) WITHOUT ROWID;
    INSERT OR REPLACE INTO standing
        SELECT frame_id, path, size, mtime_ns, inode, device FROM receipts WHERE state = 'done' ORDER BY id;
    """,
    "CREATE INDEX journal_by_frame ON journal (frame_id, seq);",
    """
    CREATE TABLE volumes (                 -- what each rated folder lay on
        folder BLOB PRIMARY KEY, mount BLOB NOT NULL, device INTEGER NOT NULL, file_system TEXT NOT NULL,
        kind TEXT NOT NULL, card INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE looks (                   -- which files a frame's traces were read from
        frame_id INTEGER PRIMARY KEY REFERENCES frames (id), look BLOB NOT NULL
    );
    CREATE TABLE traces (
        frame_id INTEGER NOT NULL REFERENCES frames (id), number INTEGER NOT NULL, program TEXT NOT NULL,
        kind TEXT NOT NULL, value TEXT NOT NULL, confidence REAL NOT NULL, path BLOB NOT NULL, changed_s REAL NOT NULL,
        PRIMARY KEY (frame_id, number)
    ) WITHOUT ROWID;
    CREATE TABLE losses (                  -- frames that are not there; the journal tells of each
        frame_id INTEGER PRIMARY KEY REFERENCES frames (id), seq INTEGER NOT NULL, since_s REAL NOT NULL,
        path BLOB NOT NULL, final INTEGER NOT NULL
    );
    CREATE INDEX losses_open ON losses (final) WHERE final = 0;
    CREATE TABLE rereads (                 -- files written again, to be compared once they are assessed
        frame_id INTEGER NOT NULL REFERENCES frames (id), path BLOB NOT NULL, before BLOB NOT NULL,
        PRIMARY KEY (frame_id, path)
    ) WITHOUT ROWID;
    CREATE INDEX files_gone ON files (size) WHERE gone = 1;
    """,
    """
    CREATE TABLE tastes (                  -- AUTOINCREMENT: a version that was forgotten leaves its number unused
        version INTEGER PRIMARY KEY AUTOINCREMENT, made_s REAL NOT NULL,
        through INTEGER NOT NULL,          -- the journal entry up to which it was learned
        judge TEXT NOT NULL, basis TEXT NOT NULL, comparisons INTEGER NOT NULL, gate REAL NOT NULL,
        evidence TEXT NOT NULL,            -- digest of the comparisons
        digest TEXT NOT NULL,              -- of the numbers
        numbers BLOB                       -- compressed; NULL: let go of
    );
    CREATE TABLE taste_look (              -- how far the journal was read when there was last anything to learn
        id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL, next_s REAL, waiting INTEGER NOT NULL
    );
    CREATE TABLE unfinished (what TEXT PRIMARY KEY);  -- what the next process has to end
    CREATE INDEX journal_by_kind ON journal (kind, seq);
    CREATE INDEX ratings_by_shoot ON ratings (shoot);
    """,
    """
    CREATE TABLE cards (                   -- every card that was ever plugged in
        id TEXT PRIMARY KEY, label TEXT NOT NULL,
        policy TEXT,                       -- what the person wants done with it; NULL: not said yet
        first_s REAL NOT NULL, last_s REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE imports (                 -- every file that was copied from a card and verified
        content BLOB PRIMARY KEY,          -- identity of the content, as in files
        size INTEGER NOT NULL, digest BLOB NOT NULL,  -- of every byte
        card TEXT NOT NULL, source BLOB NOT NULL, path BLOB NOT NULL, backup BLOB, at_s REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE attempts (                -- frames in whose hands a worker died
        frame_id INTEGER PRIMARY KEY REFERENCES frames (id) ON DELETE CASCADE, kills INTEGER NOT NULL
    );
    CREATE INDEX frames_by_content ON frames (content) WHERE content IS NOT NULL;
    CREATE TABLE memos (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;  -- what the daemon keeps in mind
    """,
    """
    ALTER TABLE assessments ADD COLUMN faces TEXT;  -- NULL: nobody looked for faces
    CREATE TABLE successions (             -- bundles that have taken over from another, with what that took
        judge TEXT PRIMARY KEY, made_s REAL NOT NULL, digest TEXT NOT NULL, content BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE passed_over (             -- contents that a bundle could not look at
        content BLOB NOT NULL, judge TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (content, judge)
    ) WITHOUT ROWID;
    """,
    # 1: it was out of reach. What the judge sees of it after it has taken over is for searches alone.
    "ALTER TABLE passed_over ADD COLUMN passing INTEGER NOT NULL DEFAULT 0;",
)


# SQLite checks the structure of its file and not what is in the cells: a text may not be one any more.
_FAILURES = (sqlite3.Error, UnicodeDecodeError)


class Database:
    """One connection and its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do everything inside or nothing of it. Raises StateError when SQLite cannot."""
        try:
            with self.connection:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
        except _FAILURES as error:
            raise _spoken(error) from error

    def rows(self, statement: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return the rows of one query. Raises StateError when SQLite cannot."""
        try:
            return self.connection.execute(statement, values).fetchall()
        except _FAILURES as error:
            raise _spoken(error) from error

    def close(self) -> None:
        """Close the connection; SQLite folds its log into the file."""
        self.connection.close()


def open_database(file: Path | str) -> Database:
    """Open or make the catalog at `file` (":memory:" for none on disk) with tables up to date.

    Raises StateError when it is damaged, not writable, or was written by a newer Safelight.
    """
    try:
        connection = sqlite3.connect(file, timeout=10.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        version = _version(connection)
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
        )
        _migrate(connection, version)
    except _FAILURES as error:
        raise _spoken(error, Path(file)) from error
    return Database(connection)


def _version(connection: sqlite3.Connection) -> int:
    """Return how many migrations a file has had, before anything is written to it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise StateError(
            "The catalog was written by a newer Safelight than this one.",
            hint="Update Safelight, or give another state folder with --state.",
        )
    return version


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.OperationalError:
            connection.rollback()
            if _version(connection) < number:  # else another process has just done the same
                raise


def damaged(file: Path | None = None) -> StateError:
    """Return what is said of a catalog that does not hold what was written into it."""
    return StateError(
        f"Safelight's catalog {file or ''} is damaged.".replace("  ", " "),
        hint="Move it away and rate again; ratings that are in sidecars stay there.",
    )


def _spoken(error: Exception, file: Path | None = None) -> StateError:
    text = str(error)
    if "full" in text:
        return StateError(
            "The disk that holds Safelight's state folder is full.",
            hint="Free some space and run again: it goes on where it stopped.",
        )
    if "I/O error" in text:  # also what a full disk in memory answers
        return StateError(
            "The disk that holds Safelight's state folder is full or reports an error.",
            hint="Free some space or check the disk, then run again: it goes on where it stopped.",
        )
    if any(words in text for words in ("malformed", "not a database", "decode")):  # the last: a text that is none
        return damaged(file)
    if "locked" in text:
        return StateError("Another program holds Safelight's catalog.", hint="Wait for it to finish, then try again.")
    return StateError(f"Safelight's catalog cannot be used: {text}.", hint="See that the state folder is writable.")


def make_folder(state: Path) -> None:
    """Make the state folder, for its owner alone. Raises StateError when it cannot be made."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable(state, error) from error


def _unusable(state: Path, error: OSError) -> StateError:
    return StateError(
        f"The state folder {state} cannot be used: {error.strerror}.",
        hint="Make it writable, or name another with --state.",
        path=state,
    )


@contextmanager
def writing(state: Path) -> Iterator[int]:
    """Hold the state folder (made if missing) against other writers. Raises StateError when another one has it.

    Yields the descriptor that the lock belongs to: a process that inherits it holds the folder as well until it ends.
    """
    make_folder(state)
    try:
        descriptor = os.open(paths.lock_file(state), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(state, error) from error
    try:
        _claim(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


def _claim(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StateBusy(
            "Another safelight is at work with this state folder.", hint="Wait until it has finished, then run again."
        ) from error
