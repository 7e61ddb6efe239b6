"""Turns domain values into what a column can hold, and back.

Paths are stored as the bytes of the file name; numbers of an embedding as 16-bit floats (the cosine of two frames
changes by less than 1e-3); facts as JSON, which a person can read with the sqlite3 program.
Invariant: decode(encode(x)) == x for every value that a service can hand in, but for names within sentences (`words`).
"""

import json
import os
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TypeVar

from safelight.domain.frame import CaptureFacts, FileStamp, Role, SetKind, Stage
from safelight.domain.records import Assessment, KnownFile, KnownFrame, Rating
from safelight.domain.score import Contribution, Part
from safelight.storage.database import damaged

Made = TypeVar("Made")


def whole(build: Callable[[sqlite3.Row], Made]) -> Callable[[sqlite3.Row], Made]:
    """Let a function that builds from a row raise StateError for a row that nobody can have written."""

    @wraps(build)
    def checked(row: sqlite3.Row) -> Made:
        try:
            return build(row)
        except (ValueError, TypeError, KeyError, IndexError, zlib.error) as error:
            raise damaged() from error

    return checked


def blob(path: Path) -> bytes:
    """Return the bytes of a file name."""
    return os.fsencode(path)


def words(text: str) -> str:
    """Return a sentence for people as a text column can hold it.

    A sentence may name a file, and file names are bytes: those that are not UTF-8 are shown as they are when printed.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def path_of(stored: bytes) -> Path:
    """Return the path whose bytes were stored."""
    return Path(os.fsdecode(stored))


@whole
def known_file(row: sqlite3.Row) -> KnownFile:
    """Build from a row of `files`."""
    stamp = FileStamp(row["size"], row["mtime_ns"], row["inode"], row["device"])
    return KnownFile(path_of(row["path"]), row["frame_id"], Role(row["role"]), stamp, row["content"], bool(row["gone"]))


@whole
def known_frame(row: sqlite3.Row) -> KnownFrame:
    """Build from a row of `frames`."""
    return KnownFrame(
        id=row["id"],
        path=path_of(row["path"]),
        stage=Stage(row["stage"]),
        reason=row["reason"],
        passing=bool(row["passing"]),
        embedded=row["embedded"],
        given=row["given"],
        content=row["content"],
        arrived_s=row["arrived_s"],
    )


@whole
def payload(row: sqlite3.Row) -> dict[str, object]:
    """Build from the payload of a row of `journal`."""
    told = json.loads(row["payload"])
    if not isinstance(told, dict):
        raise TypeError(row["payload"])
    return told


def facts_text(facts: CaptureFacts) -> str:
    """Encode capture facts; what is not told is left out."""
    told = {name: value for name, value in asdict(facts).items() if value is not None and value is not False}
    return json.dumps(told)


@whole
def assessment(row: sqlite3.Row) -> Assessment:
    """Build from a row of `assessments`."""
    # Imported here because a run with nothing to judge never needs numpy, a third of its start-up cost.
    import numpy as np

    from safelight.domain.faces import Face
    from safelight.domain.technical import Measures

    return Assessment(
        content=row["content"],
        facts=CaptureFacts(**json.loads(row["facts"])),
        measures=Measures.from_dict(json.loads(row["measures"])),
        embedding=np.frombuffer(row["embedding"], np.float16),
        signature=np.frombuffer(row["signature"], np.uint8),
        quality=row["quality"],
        appeal=row["appeal"],
        width_px=row["width_px"],
        height_px=row["height_px"],
        judge=row["judge"],
        faces=None if row["faces"] is None else tuple(Face(**each) for each in json.loads(row["faces"])),
    )


ASSESSMENT_COLUMNS = (
    "content, judge, facts, measures, embedding, signature, quality, appeal, width_px, height_px, faces"
)


def assessment_values(made: Assessment, judge: str) -> tuple[object, ...]:
    """Return the values of a row of `assessments`, in the order of `ASSESSMENT_COLUMNS`."""
    return (
        made.content,
        judge,
        facts_text(made.facts),
        json.dumps(made.measures.as_dict()),
        made.embedding.astype("float16").tobytes(),
        made.signature.tobytes(),
        made.quality,
        made.appeal,
        made.width_px,
        made.height_px,
        None if made.faces is None else json.dumps([asdict(face) for face in made.faces]),
    )


@whole
def rating(row: sqlite3.Row) -> Rating:
    """Build from a row of `ratings`."""
    entries = json.loads(row["contributions"])
    return Rating(
        frame_id=row["frame_id"],
        score=row["score"],
        stars=row["stars"],
        contributions=tuple(Contribution(Part(part), name, value) for part, name, value in entries),
        shoot=row["shoot"],
        burst=row["burst"],
        keeper=bool(row["keeper"]),
        set_kind=SetKind(row["set_kind"]) if row["set_kind"] else None,
        reason=row["reason"],
    )


def rating_values(made: Rating, judge: str) -> tuple[object, ...]:
    """Return the values of a row of `ratings`, in the order of its columns."""
    entries = [[entry.part.value, entry.name, entry.value] for entry in made.contributions]
    kind = made.set_kind.value if made.set_kind else None
    return (
        made.frame_id,
        judge,
        made.score,
        made.stars,
        json.dumps(entries),
        made.shoot,
        made.burst,
        made.keeper,
        kind,
        made.reason,
    )
