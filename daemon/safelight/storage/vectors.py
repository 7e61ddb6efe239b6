"""Keeps embeddings, measures and facts in LanceDB, for search; a cache of the catalog that can be filled again.

Rows go in by many at a time, because every addition makes files: ten thousand single rows made gigabytes. Importing
LanceDB costs seconds of processor time, so whoever rates waits with it until there are enough rows to pay for it.
A table that cannot be opened (a torn newest version after a power cut) goes back a version, or starts again empty.
What searches is apart, in `vectors_reading`: it writes nothing.
Invariant: every row names the judge that made it; rows of two judges are never in one table.
"""

import datetime
import hashlib
import shutil
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import IvfSq

from safelight.domain.records import Assessment
from safelight.errors import StateError
from safelight.storage.vectors_index import INDEXED_FROM, VECTOR, to_build

CACHE_BYTES = 16 << 20  # unbounded, LanceDB's caches grew by 839 MB in 2,000 additions
ROWS_AT_ONCE = 1024
FAILURES = (OSError, RuntimeError, ValueError)  # what LanceDB raises


class Vectors:
    """The vectors of one judge in a LanceDB folder, opened or made; `count` tells whether rows were lost."""

    def __init__(self, folder: Path, *, judge: str, length: int, indexed_from: int = INDEXED_FROM) -> None:
        """Open the table, which gets an index from so many rows. Raises StateError when the folder cannot be used."""
        self._folder = folder
        self._judge = judge
        self._length = length
        self._indexed_from = indexed_from
        self._name = table_name(judge)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._session = lancedb.Session(metadata_cache_size_bytes=CACHE_BYTES, index_cache_size_bytes=CACHE_BYTES)
            self._table = self._opened()
        except FAILURES as error:
            raise unusable(folder, error) from error

    def put(self, rows: Sequence[Assessment]) -> None:
        """Add rows, or replace those of the same content. Raises StateError when they cannot be written."""
        try:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                batch = self._batch(rows[start : start + ROWS_AT_ONCE])
                merge = self._table.merge_insert("content").when_matched_update_all().when_not_matched_insert_all()
                merge.execute(batch)
        except FAILURES as error:
            raise unusable(self._folder, error) from error

    def compact(self) -> None:
        """Merge small files, drop old versions, and see that a large table has an index over all of its rows.

        The folder stays about as large as its rows. Building costs about 0.3 ms of processor time a row.
        """
        try:
            if to_build(self._table, indexed_from=self._indexed_from):
                self._table.create_index(VECTOR, config=IvfSq(distance_type="cosine"))
            with warnings.catch_warnings():
                # It warns that other readers of old versions would fail; the lock of the state folder rules them out.
                warnings.simplefilter("ignore", UserWarning)
                self._table.optimize(cleanup_older_than=datetime.timedelta(0), delete_unverified=True)
        except FAILURES as error:
            raise unusable(self._folder, error) from error

    def count(self) -> int:
        """Return the number of rows."""
        return int(self._table.count_rows())

    def _opened(self) -> Any:
        """Open the table, healing it if its newest versions are torn."""
        database = lancedb.connect(self._folder, session=self._session)
        if not (self._folder / f"{self._name}.lance").exists():
            return database.create_table(self._name, schema=self._schema())
        for manifest in self._manifests():
            if _whole(manifest):
                with suppress(*FAILURES):
                    table = database.open_table(self._name)
                    table.count_rows()
                    return table
            manifest.unlink()
        shutil.rmtree(self._folder / f"{self._name}.lance")
        return database.create_table(self._name, schema=self._schema())

    def _manifests(self) -> list[Path]:
        """Return the version files, the newest first: LanceDB numbers them downwards."""
        return sorted((self._folder / f"{self._name}.lance" / "_versions").glob("*.manifest"))

    def _schema(self) -> pa.Schema:
        numbers = [(name, pa.float32()) for name in _NUMBERS]
        return pa.schema(
            [
                ("content", pa.string()),
                ("judge", pa.string()),
                ("vector", pa.list_(pa.float16(), self._length)),
                *[(name, pa.string()) for name in _TEXTS],
                ("taken_s", pa.float64()),
                *numbers,
            ]
        )

    def _batch(self, rows: Sequence[Assessment]) -> pa.Table:
        vectors = pa.array(np.concatenate([row.embedding for row in rows]), pa.float16())
        columns: dict[str, Any] = {
            "content": [row.content.hex() for row in rows],
            "judge": [self._judge] * len(rows),
            "vector": pa.FixedSizeListArray.from_arrays(vectors, self._length),
            "taken_s": [row.facts.taken_s for row in rows],
        }
        columns |= {name: [getattr(row.facts, name) for row in rows] for name in _TEXTS}
        columns |= {name: [_number(row, name) for row in rows] for name in _NUMBERS}
        return pa.table(columns, schema=self._schema())


def table_name(judge: str) -> str:
    """Return the name of the table that holds the vectors of a judge."""
    return f"vectors_{hashlib.sha256(judge.encode()).hexdigest()[:16]}"


def opened_table(folder: Path, judge: str, *, cache_bytes: int) -> Any:
    """Open a judge's table as it is, to read it. Raises one of FAILURES when there is none or it cannot be opened."""
    if not (folder / f"{table_name(judge)}.lance").is_dir():  # connecting would make the folder
        raise FileNotFoundError(folder)
    session = lancedb.Session(metadata_cache_size_bytes=cache_bytes, index_cache_size_bytes=cache_bytes)
    at_once = datetime.timedelta(0)  # every question is asked of the newest version
    connection = lancedb.connect(folder, session=session, read_consistency_interval=at_once)
    return connection.open_table(table_name(judge))


def _whole(manifest: Path) -> bool:
    """Tell whether a version file was written to its end: Lance files end with these four letters."""
    return manifest.read_bytes()[-4:] == b"LANC"


_TEXTS = ("make", "camera", "lens")
_FACTS = ("focal_mm", "aperture_f", "shutter_s", "iso", "latitude_deg", "longitude_deg")
_JUDGED = ("quality", "appeal")
_MEASURES = ("focus", "motion", "exposure", "noise", "contrast")
_NUMBERS = (*_FACTS, *_JUDGED, *_MEASURES)


def _number(row: Assessment, name: str) -> float | None:
    if name in _FACTS:
        value = getattr(row.facts, name)
        return None if value is None else float(value)
    source = row if name in _JUDGED else row.measures
    return float(getattr(source, name))


def unusable(folder: Path, error: Exception) -> StateError:
    """Return what is said of a folder of vectors that cannot be used."""
    return StateError(
        f"The vectors in {folder} cannot be used: {type(error).__name__}.",
        hint="They are only a cache: free some space or remove that folder, and it is filled again.",
        path=folder,
    )
