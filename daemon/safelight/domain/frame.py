"""What a frame is: one exposure with all its files, and the facts a camera recorded about it.

Plain frozen values, so that every stage hands the next one something that cannot change under it.
Invariant: a fact that is unknown, impossible or unreadable is None; there is no magic number for "absent".
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self


class Role(StrEnum):
    """What one file of a frame is."""

    RAW = "raw"
    IMAGE = "image"  # JPEG, HEIC, TIFF, PNG, AVIF
    SIDECAR = "sidecar"
    SETTINGS = "settings"  # what one editor keeps beside a picture in a format of its own


class Stage(StrEnum):
    """How far a frame has come; the queue of the whole program is this one column."""

    ARRIVED = "arrived"
    ASSESSED = "assessed"
    RANKED = "ranked"
    PUBLISHED = "published"
    KEPT = "kept"  # a person's rating stands
    DERIVED = "derived"  # an export of another frame, which is rated in its place
    UNREADABLE = "unreadable"


class SetKind(StrEnum):
    """A deliberate series of exposures that is kept whole."""

    BRACKET = "bracket"
    FOCUS = "focus"
    PANORAMA = "panorama"


class Status(Protocol):
    """What a stat tells; os.stat_result is one."""

    @property
    def st_size(self) -> int: ...  # noqa: D102  # named and told by the system

    @property
    def st_mtime_ns(self) -> int: ...  # noqa: D102  # named and told by the system

    @property
    def st_ino(self) -> int: ...  # noqa: D102  # named and told by the system

    @property
    def st_dev(self) -> int: ...  # noqa: D102  # named and told by the system


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What a look at a directory tells of a file: enough to see that it has not changed, at the cost of a stat."""

    size: int  # bytes
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: Status) -> Self:
        """Build from what a stat of the file told."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file a scan came across. `path` is absolute; bytes that are not UTF-8 are surrogate-escaped."""

    path: Path
    role: Role
    stamp: FileStamp
    changed_ns: int = 0  # st_ctime: also moved by what changes no byte, such as a file manager's rating; 0: not told
    hollow: bool = False  # it has a size and takes no room on the disk, as a cloud's placeholder does

    @property
    def is_picture(self) -> bool:
        """Tell whether it is an image file, not a companion that says something of one."""
        return self.role in (Role.RAW, Role.IMAGE)


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What the camera recorded, typed. None is "not told" and the default of every field."""

    taken_s: float | None = None  # camera's wall clock as seconds since 1970-01-01T00:00 of that same clock
    subsecond: bool = False  # taken_s carries a recorded fraction of a second
    zone_s: int | None = None  # offset of that wall clock to UTC, seconds east
    make: str | None = None
    camera: str | None = None  # model, as recorded
    lens: str | None = None
    focal_mm: float | None = None
    aperture_f: float | None = None
    shutter_s: float | None = None
    iso: float | None = None
    bias_ev: float | None = None  # exposure compensation
    bracketing: bool | None = None  # the camera says this is one of an exposure bracket
    drive: str | None = None  # drive or release mode, as the maker names it
    orientation: int | None = None  # EXIF 1-8
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    rating: int | None = None  # embedded or in-camera rating, -1..5; 0 is recorded as None (no opinion)
    unique_id: str | None = None  # ImageUniqueID
    derived_from: str | None = None  # name, path or document id of the picture this one says it was made from
    software: str | None = None  # program or firmware that wrote the file, as recorded
    has_maker_notes: bool = False
