"""What a card is, what a person may want done with one, and which files on it are one frame.

A frame on a card is more than its pictures: the voice memo, the clip that was filmed with it and the sidecar that the
camera wrote all go where the picture goes, under its stem. What belongs to no picture, clip or recording is left.
Invariants: every file is in exactly one frame or left; names are compared as they are, and without regard to case only
where a companion has no owner otherwise, because cards do not tell cases apart.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safelight.domain.frame import FileStamp, Role
from safelight.domain.names import role_of

# What cameras record films in: AVCHD, XAVC, Cinema RAW Light, Blackmagic RAW, R3D, GoPro, Insta360.
VIDEO_SUFFIXES = frozenset(
    ".360 .3g2 .3gp .avi .braw .crm .insv .m2ts .m4v .mkv .mod .mov .mp4 .mpeg .mpg .mts .mxf .r3d .tod".split()
)
SOUND_SUFFIXES = frozenset(".aac .m4a .mp3 .wav .wma".split())

_CLIP_NOTES = re.compile(r"M\d\d\.XML", re.IGNORECASE)  # Sony's C0001M01.XML beside C0001.MP4


class Policy(StrEnum):
    """What is done with a card."""

    ASK = "ask"
    IMPORT = "import"
    RATE = "rate"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Card:
    """One card that is plugged in; `id` is the same when it comes again."""

    id: str
    label: str
    root: Path  # where it is mounted
    device: int  # st_dev of the mount: another number, or none, and it is no longer this card
    read_only: bool  # mounted so


@dataclass(frozen=True, slots=True)
class CardFile:
    """One file on a card."""

    path: Path
    stamp: FileStamp

    @property
    def size(self) -> int:
        """Return its length in bytes."""
        return self.stamp.size


@dataclass(frozen=True, slots=True)
class CardFrame:
    """The files of one frame on a card, the one first whose facts are read first; `stem` is what their names share."""

    stem: str
    files: tuple[CardFile, ...]

    @property
    def has_picture(self) -> bool:
        """Tell whether there is anything in it to rate."""
        return any(is_picture(file.path.name) for file in self.files)

    def tail(self, file: CardFile) -> str:
        """Return what a file's name has behind the stem: ".CR3", ".JPG.xmp", "M01.XML"."""
        return file.path.name[len(self.stem) :]


def is_picture(name: str) -> bool:
    """Tell whether a file of this name is rated."""
    return role_of(name) in (Role.RAW, Role.IMAGE)


def is_film(name: str) -> bool:
    """Tell whether a file of this name is a film."""
    return _suffix(name) in VIDEO_SUFFIXES


def frames_of(files: Sequence[CardFile], *, films_only: bool) -> tuple[tuple[CardFrame, ...], tuple[CardFile, ...]]:
    """Divide the files of one folder into frames and what is left.

    `films_only`: pictures in this folder are no photographs (the thumbnails in a camera's film folders).
    """
    leading = [file for file in files if is_film(file.path.name) or (not films_only and is_picture(file.path.name))]
    leads = _by_stem(leading)
    others = {file for file in files if not (films_only and is_picture(file.path.name))}.difference(leading)
    owners = _Owners(leads)
    unowned = [file for file in files if file in others and not owners.take(file)]
    sounds = _by_stem(file for file in unowned if _suffix(file.path.name) in SOUND_SUFFIXES)
    taken = {file for members in (*leads.values(), *sounds.values()) for file in members}
    left = tuple(file for file in files if file not in taken)
    frames = [CardFrame(stem, tuple(sorted(members, key=_ease))) for stem, members in (leads | sounds).items()]
    return tuple(sorted(frames, key=lambda frame: frame.stem)), left


class _Owners:
    """Gives companions to the frame whose stem their name begins with, the longest such stem first."""

    def __init__(self, leads: dict[str, list[CardFile]]) -> None:
        self._leads = leads
        self._folded = {stem.casefold(): stem for stem in leads}

    def take(self, file: CardFile) -> bool:
        owner = next(filter(None, map(self._owner, _beginnings(file.path.name))), None)
        if owner is not None:
            self._leads[owner].append(file)
        return owner is not None

    def _owner(self, beginning: str) -> str | None:
        if beginning in self._leads:
            return beginning
        folded = self._folded.get(beginning.casefold())
        return folded if folded is not None and len(folded) == len(beginning) else None


def _beginnings(name: str) -> Iterator[str]:
    """Yield what may be the stem of a companion's name, the longest first."""
    at = name.rfind(".")
    while at > 0:
        yield name[:at]
        at = name.rfind(".", 0, at)
    if notes := _CLIP_NOTES.search(name):
        yield name[: notes.start()]


def _by_stem(files: Iterable[CardFile]) -> dict[str, list[CardFile]]:
    stems: dict[str, list[CardFile]] = {}
    for file in files:
        stems.setdefault(_stem(file.path.name), []).append(file)
    return stems


def _stem(name: str) -> str:
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _ease(file: CardFile) -> tuple[int, bytes]:
    """Order by whose facts are had first: the camera's picture, the RAW, a film, the rest."""
    name = file.path.name
    role = role_of(name)
    rank = 0 if role is Role.IMAGE else 1 if role is Role.RAW else 2 if is_film(name) else 3
    return (rank, bytes(file.path))
