"""Copies what is new on a card into the import folder, frame by frame, and says of each when it is complete.

Frames with pictures come first and are told one by one, so that rating begins while copying goes on. A step that was
stopped, killed, or ended by a pulled card or a full disk is simply done again: what was copied is known by its content,
wherever it is now and whatever its name on the card, and is not copied twice.
Invariants: a card is only read; a file is remembered as imported after its verified copy has its name on the disk for
good; nothing that was there is overwritten; a frame that was begun and not ended leaves nothing behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from safelight.domain.cards import Card, CardFile, CardFrame
from safelight.errors import CopyStopped, NoRoom, SafelightError, TargetUnusable
from safelight.ports import Clock, FactsReader, Identifier
from safelight.ports.cards import Arrived, CardContents, Copier, Imports, Stop, Told, Wall
from safelight.services.importing.dating import Dating
from safelight.services.importing.framewise import Framewise
from safelight.services.importing.outcome import Imported, NotCopied, Plan, Tally
from safelight.services.importing.survey import Survey, Verdict, check_first, check_second, waiting
from safelight.services.importing.underway import Underway

__all__ = ["ImportCard", "Imported", "NotCopied", "Plan", "Underway"]

_TOGETHER = 16  # frames whose dates are read at once: so few that the first frame is soon complete


class ImportCard:
    """Copies cards; of one thread, like the connection behind `imports`."""

    def __init__(
        self,
        *,
        contents: CardContents,
        copier: Copier,
        imports: Imports,
        identifier: Identifier,
        readers: Sequence[FactsReader],
        underway: Underway,
        clock: Clock,
        wall: Wall,
        arrived: Arrived,
        progress: Told,
        stop: Stop,
    ) -> None:
        """`underway` is shared by all imports of the program; `readers` are asked for capture dates in turn.

        `arrived` is told the files of each frame with a picture, all in place and durable; `stop` is asked often.
        """
        self._contents = contents
        self._copier = copier
        self._imports = imports
        self._identifier = identifier
        self._readers = readers
        self._underway = underway
        self._clock = clock
        self._wall = wall
        self._arrived = arrived
        self._progress = progress
        self._stop = stop

    def step(self, card: Card, plan: Plan) -> Imported:
        """Copy everything on a card that was not imported before, as far as it goes. Raises nothing of errors.py.

        What ended it early is told in `trouble`; to be called again when the card, the room or the folder is back.
        """
        started_s = self._clock.now()
        tally = Tally()
        try:
            self._import(card, plan, tally)
        except CopyStopped:
            tally.stopped = True
        except SafelightError as error:
            tally.trouble = error
        return tally.imported(seconds=self._clock.now() - started_s)

    def _import(self, card: Card, plan: Plan, tally: Tally) -> None:
        self._underway.begin()
        listing = self._contents.listing(card)
        tally.left = listing.left
        for path in listing.not_listed:
            tally.failed.append(NotCopied(path, "It is no file or folder that can be read.", "It stays on the card."))
        survey = Survey(
            card=card, plan=plan, contents=self._contents, imports=self._imports, identifier=self._identifier
        )
        frames, verdicts = waiting(listing.frames, survey)
        kept = set(frames)
        tally.skipped = sum(len(frame.files) for frame in listing.frames if frame not in kept)
        if frames:
            framewise = self._framewise(card, plan, tally, survey)
            self._check_room(verdicts, plan, framewise)
            new = [file for file, verdict in verdicts.items() if verdict is Verdict.NEW]
            tally.of_files, tally.of_bytes = len(new), sum(file.size for file in new)
            self._copy_all(listing.frames, frames, framewise, tally)

    def _framewise(self, card: Card, plan: Plan, tally: Tally, survey: Survey) -> Framewise:
        return Framewise(
            card=card,
            plan=plan,
            contents=self._contents,
            copier=self._copier,
            imports=self._imports,
            survey=survey,
            underway=self._underway,
            clock=self._clock,
            stop=self._stop,
            tally=tally,
            arrived=self._arrived,
        )

    def _check_room(self, verdicts: Mapping[CardFile, Verdict], plan: Plan, framewise: Framewise) -> None:
        check_first(verdicts, plan, self._copier)
        try:
            check_second(verdicts, plan, self._copier)
        except (NoRoom, TargetUnusable) as error:
            framewise.no_second_copies(error)  # one copy is worth more than none

    def _copy_all(
        self, all_frames: Sequence[CardFrame], frames: Sequence[CardFrame], framewise: Framewise, tally: Tally
    ) -> None:
        dating = Dating(readers=self._readers, wall=self._wall, clock=self._clock)
        dating.meet(all_frames)  # also of frames that are imported already: the answer must be the same every time
        self._progress(tally.progress())
        for some in _batches(frames):
            for frame, dated in zip(some, dating.of(some), strict=True):
                framewise.take(frame, dated)
                self._progress(tally.progress())


def _batches(frames: Sequence[CardFrame]) -> Iterator[list[CardFrame]]:
    rest = iter(frames)
    while some := list(islice(rest, _TOGETHER)):
        yield some
