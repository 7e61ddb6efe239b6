"""Holds catalog, sidecars and disk against what a person did; every difference is one sentence.

Read from outside: SQLite by itself, sidecars as bytes. So a mistake in the program's own reading cannot hide one.
"""

import json
import os
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from safelight.sidecars.writer import digest
from tests.soak.ledger import Ledger, Picture, pictures_below, rating_in, sidecar_of

_RATED = ("published", "kept")
_EXPLAINED = ("ranked", "unreadable", "derived")  # fine where a reason stands beside it


@dataclass
class Catalog:
    """What the program believes."""

    frames: Mapping[int, sqlite3.Row]
    files: Mapping[str, sqlite3.Row]  # by path, those that are there
    stars: Mapping[int, int]
    digests: set[bytes] = field(default_factory=set)  # of everything that it ever wrote
    planned: int = 0
    losses: Mapping[int, sqlite3.Row] = field(default_factory=dict)
    journal: Sequence[tuple[str, int | None, Mapping[str, object]]] = ()
    damage: str = ""

    @classmethod
    def read(cls, file: Path) -> "Catalog":
        """Read a catalog; another process may be writing to it."""
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=30.0)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN")
            rows = connection.execute
            return cls(
                frames={row["id"]: row for row in rows("SELECT * FROM frames")},
                files={os.fsdecode(row["path"]): row for row in rows("SELECT * FROM files WHERE gone = 0")},
                stars=dict(map(tuple, rows("SELECT frame_id, stars FROM ratings"))),
                digests={row["digest"] for row in rows("SELECT digest FROM receipts WHERE state != 'planned'")},
                planned=rows("SELECT count(*) FROM receipts WHERE state = 'planned'").fetchone()[0],
                losses={row["frame_id"]: row for row in rows("SELECT * FROM losses")},
                journal=[
                    (row["kind"], row["frame_id"], json.loads(row["payload"]))
                    for row in rows("SELECT * FROM journal ORDER BY seq")
                ],
                damage=rows("PRAGMA quick_check").fetchone()[0],
            )


def problems(catalog: Catalog, ledger: Ledger, folders: Iterable[Path]) -> list[str]:
    """Return what does not agree, in the `folders` that are watched and whose disks are there."""
    found = [] if catalog.damage == "ok" else [f"The catalog is damaged: {catalog.damage}"]
    if catalog.planned:
        found.append(f"{catalog.planned} sidecars are in doubt.")
    found += _disk(ledger, folders)
    for picture in ledger.pictures:
        if not ledger.is_away(picture.path):
            found += _living(picture, catalog) if picture.alive else _dead(picture, catalog)
    found += _strangers(catalog, ledger)
    found += _journal(catalog, ledger)
    return found


def _disk(ledger: Ledger, folders: Iterable[Path]) -> Iterator[str]:
    """Tell what is on the disk and should not be, or the other way round."""
    there = {path for folder in folders for path in pictures_below(folder)}
    expected = {each.path for each in ledger.alive()}
    yield from (f"{path} is not there: {_past(path, ledger)}" for path in sorted(expected - there))
    yield from (f"{path} is there, and nobody put it there" for path in sorted(there - expected))


def changed(ledger: Ledger) -> list[str]:
    """Return the originals whose bytes are not those that were copied."""
    alive = ledger.alive()
    return [
        f"{each.path} has other bytes"
        for each in alive
        if each.path.exists() and sha256(each.path.read_bytes()).hexdigest() != each.digest
    ]


def leftovers(folders: Iterable[Path]) -> list[Path]:
    """Return the temporary files of ours."""
    return sorted({path for folder in folders for path in folder.rglob(".safelight-*")})


def foreign(catalog: Catalog, ledger: Ledger, folders: Iterable[Path]) -> list[str]:
    """Return the sidecars that neither a person's program nor one of our receipts accounts for."""
    rated = [each for each in ledger.pictures if each.given is not None]
    theirs = {str(sidecar_of(place)) for each in rated for place in each.places}
    ours = catalog.digests
    return [
        f"{path} is neither a person's nor is there a receipt for its bytes"
        for folder in folders
        for path in sorted(folder.rglob("*.xmp"))
        if not path.name.startswith(".") and str(path) not in theirs and digest(path.read_bytes()) not in ours
    ]


def _living(picture: Picture, catalog: Catalog) -> Iterator[str]:
    """Tell what is wrong with a picture that is there."""
    path = picture.path
    file = catalog.files.get(str(path))
    if file is None:
        yield f"{path} is not known"
        return
    for place in map(str, picture.places):
        if place != str(path) and place in catalog.files:
            yield f"{path} is also believed to be at {place}"
    frame = catalog.frames[file["frame_id"]]
    if os.fsdecode(frame["path"]) != str(path):
        yield f"{path} belongs to a frame at {os.fsdecode(frame['path'])}"
    if frame["id"] in catalog.losses:
        yield f"{path} is held to be lost"
    yield from _rated(picture, frame, catalog)


def _rated(picture: Picture, frame: sqlite3.Row, catalog: Catalog) -> Iterator[str]:
    path, stage = picture.path, frame["stage"]
    if stage not in (*_RATED, *_EXPLAINED):
        yield f"{path} is still {stage}"
    elif stage in _EXPLAINED and not frame["reason"]:
        yield f"{path} is {stage} without a reason"
    if not picture.readable and stage != "unreadable":
        yield f"{path} cannot be read and is {stage}"
    if picture.readable and stage == "unreadable":
        yield f"{path} can be read and is unreadable: {frame['reason']}"
    sidecar = sidecar_of(path)
    shown = rating_in(sidecar.read_bytes()) if sidecar.exists() else None
    if picture.given is not None:
        yield from _persons(picture, frame, shown, there=sidecar.exists())
    elif stage == "kept":
        yield f"{path} is held to be rated by a person: {frame['reason']}"
    elif stage == "published" and shown != catalog.stars.get(frame["id"]):
        yield f"{path} has {shown} in its sidecar and {catalog.stars.get(frame['id'])} stars in the catalog"


def _persons(picture: Picture, frame: sqlite3.Row, shown: int | None, *, there: bool) -> Iterator[str]:
    """Tell what is wrong with what a person rated. Its sidecar may have been left where the picture was."""
    if there and shown != picture.given:
        yield f"{picture.path} was rated {picture.given} by a person and has {shown}"
    if frame["stage"] != "kept" or frame["given"] != picture.given:
        yield (
            f"{picture.path} was rated {picture.given} by a person and is {frame['stage']},"
            f" given {frame['given']}: {frame['reason']}"
        )


def _dead(picture: Picture, catalog: Catalog) -> Iterator[str]:
    """Tell what is wrong with a picture that was deleted."""
    for place in map(str, picture.places):
        if place in catalog.files:
            yield f"{place} is believed to be there, and was deleted"


def _strangers(catalog: Catalog, ledger: Ledger) -> Iterator[str]:
    known = ledger.by_place()
    yield from (f"{path} is known, and never was" for path in catalog.files if path not in known)


def _journal(catalog: Catalog, ledger: Ledger) -> Iterator[str]:
    """Tell what was written down twice, or is not true."""
    known = ledger.by_place()
    arrived: Counter[int] = Counter()
    lost: defaultdict[int, list[str]] = defaultdict(list)
    told: dict[int, object] = {}
    for kind, frame_id, payload in catalog.journal:
        if kind == "frame_arrived":
            names = payload["files"]
            assert isinstance(names, list)
            arrived.update(id(known[name]) for name in names if name in known)
        elif kind == "loss_confirmed":
            yield f"The loss of frame {frame_id} is believed before its time"
        elif kind == "frame_lost":
            paths = payload["paths"]
            assert isinstance(paths, list)
            for path in paths:
                lost[id(known[path])].append(str(payload.get("ignored") or payload["how"]))
        elif kind in ("rating_published", "rating_undone", "person_rated") and frame_id is not None:
            now = (kind, payload.get("stars"))
            if kind == "rating_published" and told.get(frame_id) == now:
                yield f"Frame {frame_id} got the same {now[1]} stars twice"
            told[frame_id] = now
    for picture in ledger.pictures:
        yield from _counted(picture, arrived[id(picture)], lost[id(picture)])


def _counted(picture: Picture, arrived: int, lost: Sequence[str]) -> Iterator[str]:
    # What is thrown away before it was read even once is not recognised when it is brought back.
    if arrived > 1 + picture.copied + picture.deleted:
        yield f"{picture.path} arrived {arrived} times"
    if picture.alive and not arrived:
        yield f"{picture.path} never arrived"
    # A look that sees only one end of a move takes the loss back at the next: no opinion is read from the two.
    moved = len(picture.places) - 1
    if len(lost) > picture.deleted + picture.copied + moved:
        yield f"{picture.path} was deleted {picture.deleted} times and told as lost {len(lost)} times: {lost}"


def passing_losses(catalog: Catalog) -> int:
    """Return how many losses were taken back: deletions that were undone, and moves of which one end was seen first."""
    return sum(kind == "frame_returned" for kind, _, _ in catalog.journal)


def _past(path: Path, ledger: Ledger) -> str:
    return "; ".join(each for each in ledger.told if path.name in each)[-300:]
