"""Keeps embeddings, measures and facts in LanceDB, for search; a cache of the catalog that can be filled again.

Rows go in by many at a time, because every addition makes files: ten thousand single rows made gigabytes. Importing
LanceDB costs seconds of processor time, so whoever rates waits with it until there are enough rows to pay for it.
A table that cannot be opened (a torn newest version after a power cut) goes back a version, or starts again empty.
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

from safelight.domain.records import Assessment
from safelight.errors import StateError

CACHE_BYTES = 16 << 20  # unbounded, LanceDB's caches grew by 839 MB in 2,000 additions
ROWS_AT_ONCE = 1024


class Vectors:
    """The vectors of one judge in a LanceDB folder, opened or made; `count` tells whether rows were lost."""

    def __init__(self, folder: Path, *, judge: str, length: int) -> None:
        """Open the table. Raises StateError when the folder cannot be used."""
        self._folder = folder
        self._judge = judge
        self._length = length
        self._name = f"vectors_{hashlib.sha256(judge.encode()).hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._session = lancedb.Session(metadata_cache_size_bytes=CACHE_BYTES, index_cache_size_bytes=CACHE_BYTES)
            self._table = self._opened()
        except (OSError, RuntimeError, ValueError) as error:
            raise _unusable(folder, error) from error

    def put(self, rows: Sequence[Assessment]) -> None:
        """Add rows, or replace those of the same content. Raises StateError when they cannot be written."""
        try:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                batch = self._batch(rows[start : start + ROWS_AT_ONCE])
                merge = self._table.merge_insert("content").when_matched_update_all().when_not_matched_insert_all()
                merge.execute(batch)
        except (OSError, RuntimeError, ValueError) as error:
            raise _unusable(self._folder, error) from error

    def compact(self) -> None:
        """Merge small files and drop old versions, so that the folder stays about as large as its rows."""
        try:
            with warnings.catch_warnings():
                # It warns that other readers of old versions would fail; the lock of the state folder rules them out.
                warnings.simplefilter("ignore", UserWarning)
                self._table.optimize(cleanup_older_than=datetime.timedelta(0), delete_unverified=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise _unusable(self._folder, error) from error

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
                with suppress(OSError, RuntimeError, ValueError):
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


def _unusable(folder: Path, error: Exception) -> StateError:
    return StateError(
        f"The vectors in {folder} cannot be used: {type(error).__name__}.",
        hint="They are only a cache: free some space or remove that folder, and it is filled again.",
        path=folder,
    )
