"""Decides for a template when a frame was taken and with which camera.

The first file of a frame that tells its capture time counts for all of them; readers are asked in turn, the cheap one
first, some frames at once. Where no file tells it, the time of the file itself does, as this computer's clock shows it,
and where that cannot be either (a camera whose clock was never set writes 1980), the day of the import; both are said.
A film does not tell its camera, so the card's only camera is taken to have made it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from safelight.domain.card_template import Moment
from safelight.domain.cards import CardFrame, is_picture
from safelight.domain.frame import CaptureFacts
from safelight.ports import Clock, FactsReader
from safelight.ports.cards import Wall

EARLIEST_S = 631_152_000  # 1990-01-01: before the first camera that wrote files onto a card was sold
_FOLDERS_ASKED = 16  # of which three pictures say which camera it was


class Source(StrEnum):
    """What told the date."""

    CAPTURE = "capture"
    FILE = "file"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Dated:
    """When and with what a frame was taken."""

    taken: Moment
    source: Source
    camera: str | None


class Dating:
    """Reads dates and cameras of the frames of one card."""

    def __init__(self, *, readers: Sequence[FactsReader], wall: Wall, clock: Clock) -> None:
        self._readers = readers
        self._wall = wall
        self._clock = clock
        self._only_camera: str | None = None

    def meet(self, frames: Iterable[CardFrame]) -> None:
        """Find out whether all of a card is from one camera, by the first, middle and last picture of each folder."""
        folders: dict[Path, list[Path]] = {}
        for pictures in map(_pictures, frames):
            if pictures:
                folders.setdefault(pictures[0].parent, []).append(pictures[0])
        asked = [{of[0], of[len(of) // 2], of[-1]} for of in islice(folders.values(), _FOLDERS_ASKED)]
        told = self._read(sorted(set().union(*asked)))
        cameras = {facts.camera for facts in told.values() if facts.camera}
        self._only_camera = next(iter(cameras)) if len(cameras) == 1 else None

    def of(self, frames: Sequence[CardFrame]) -> list[Dated]:
        """Return when each of some frames was taken."""
        told: dict[int, CaptureFacts] = {}
        asked = {number: _pictures(frame) for number, frame in enumerate(frames)}
        for turn in range(max(map(len, asked.values()), default=0)):
            wanted = {
                paths[turn]: number for number, paths in asked.items() if number not in told and turn < len(paths)
            }
            for path, facts in self._read(list(wanted)).items():
                if facts.taken_s is not None:
                    told[wanted[path]] = facts
        return [self._dated(frame, told.get(number)) for number, frame in enumerate(frames)]

    def _read(self, paths: Sequence[Path]) -> Mapping[Path, CaptureFacts]:
        """Ask each reader for what those before it did not tell."""
        told: dict[Path, CaptureFacts] = {}
        for reader in self._readers:
            if missing := [path for path in paths if path not in told]:
                told |= reader.read(missing)
        return told

    def _dated(self, frame: CardFrame, facts: CaptureFacts | None) -> Dated:
        if facts is not None and facts.taken_s is not None:
            return Dated(Moment.of(facts.taken_s), Source.CAPTURE, facts.camera or self._only_camera)
        written_s = frame.files[0].stamp.mtime_ns / 1e9
        if written_s >= EARLIEST_S:
            return Dated(Moment.of(self._wall(written_s)), Source.FILE, self._only_camera)
        return Dated(Moment.of(self._wall(self._clock.now())), Source.IMPORT, self._only_camera)


def _pictures(frame: CardFrame) -> list[Path]:
    return [file.path for file in frame.files if is_picture(file.path.name)]
