"""Copies cards, each in a thread of its own, and leaves word of what is complete; several at once.

The threads change nothing but the table of imports, over a connection of their own; what they copied is taken into the
catalog by the conductor.
Invariant: every copying that was begun ends with one CopyEnded, whatever ended it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from safelight.app.card_desk import Copying
from safelight.app.configuration import Configuration
from safelight.app.letters import Copied, CopyEnded, CopyProgress, Letterbox
from safelight.app.settings import Settings
from safelight.cards.contents import CardOnDisk
from safelight.cards.copying import VerifiedCopier
from safelight.cards.header import HeaderReader
from safelight.cards.local_time import wall_s
from safelight.decoding.exif import ExiftoolReader
from safelight.domain.card_template import Template
from safelight.domain.cards import Card
from safelight.domain.notices import counted
from safelight.errors import SafelightError, TargetUnusable
from safelight.ports import Clock
from safelight.ports.cards import Progress
from safelight.services.import_card import ImportCard, Imported, Plan, Underway
from safelight.storage.cards import open_cards
from safelight.watching.identity import ContentIdentifier

_TELL_S = 0.25  # between two words of progress
_JOIN_S = 5.0


class CardImporter:
    """The copying of cards (card_desk.Importer)."""

    def __init__(
        self, *, settings: Settings, chosen: Callable[[], Configuration], box: Letterbox, clock: Clock
    ) -> None:
        """`chosen` returns the settings as they are when a copy begins."""
        self._settings = settings
        self._chosen = chosen
        self._box = box
        self._clock = clock
        self._underway = Underway()
        self._running: dict[str, tuple[threading.Thread, threading.Event]] = {}

    def begin(self, card: Card, attempt: int) -> None:
        """Start to copy a card, once an earlier attempt at it has ended; CopyEnded tells which attempt it was."""
        earlier = self._running.get(card.id)
        if earlier is not None:
            earlier[1].set()
        stop = threading.Event()
        chosen = self._chosen()
        thread = threading.Thread(
            target=self._run,
            args=(card, attempt, chosen, stop, earlier and earlier[0]),
            name="safelight-copying",
            daemon=True,
        )
        self._running[card.id] = (thread, stop)
        thread.start()

    def stop(self, card: str) -> None:
        """Stop copying a card soon; CopyEnded follows."""
        if card in self._running:
            self._running[card][1].set()

    def close(self) -> None:
        """Stop all copying and wait for it: what was copied last is complete or not there."""
        for _, stop in self._running.values():
            stop.set()
        for thread, _ in self._running.values():
            thread.join(_JOIN_S)

    def _run(
        self,
        card: Card,
        attempt: int,
        chosen: Configuration,
        stop: threading.Event,
        earlier: threading.Thread | None,
    ) -> None:
        if earlier is not None:
            earlier.join()
        outcome = Copying(0, 0, 0, 0, complete=False)
        try:
            outcome = _told(self._copied(card, chosen, stop))
        except SafelightError as error:
            outcome = Copying(0, 0, 0, 0, told=error.told, complete=False, problem=error)
        finally:
            self._box.put(CopyEnded(card.id, outcome, attempt))

    def _copied(self, card: Card, chosen: Configuration, stop: threading.Event) -> Imported:
        plan = _plan(chosen)
        exiftool = ExiftoolReader(untouched=lambda _: True)
        try:
            with open_cards(self._settings.state) as (_, imports):
                service = ImportCard(
                    contents=CardOnDisk(),
                    copier=VerifiedCopier(),
                    imports=imports,
                    identifier=ContentIdentifier(),
                    readers=(HeaderReader(), exiftool),
                    underway=self._underway,
                    clock=self._clock,
                    wall=wall_s,
                    arrived=lambda paths: self._box.put(Copied(card.id, tuple(paths))),
                    progress=self._teller(card),
                    stop=stop.is_set,
                )
                return service.step(card, plan)
        finally:
            exiftool.close()

    def _teller(self, card: Card) -> Callable[[Progress], None]:
        next_s = [0.0]

        def tell(progress: Progress) -> None:
            if (now_s := time.monotonic()) >= next_s[0] or progress.files == progress.of_files:
                next_s[0] = now_s + _TELL_S
                self._box.put(CopyProgress(card.id, progress.files, progress.of_files))

        return tell


def _plan(chosen: Configuration) -> Plan:
    cards = chosen.cards
    folder = cards.import_folder
    if chosen.origin("cards.import_folder") == "default":  # nobody named it, so it is no disk that is not connected
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    try:
        template = Template.parse(cards.template)
    except ValueError as error:  # the settings were checked when they were read
        raise TargetUnusable(f"The template for imported files cannot be used: {error}.", path=folder) from error
    return Plan(_resolved(folder), template, None if cards.backup_folder is None else _resolved(cards.backup_folder))


def _resolved(folder: Path) -> Path:
    return folder.resolve()


def _told(made: Imported) -> Copying:
    trouble = made.trouble or made.backup_trouble
    sentences: Sequence[str] = (
        trouble.told if trouble is not None else "",
        f"{counted(len(made.failed), 'file')} could not be copied." if made.failed else "",
        f"{counted(made.without_backup, 'file')} {'has' if made.without_backup == 1 else 'have'} no second copy."
        if made.without_backup
        else "",
    )
    return Copying(
        files=made.copied,
        before=made.skipped,
        failed=len(made.failed),
        frames=made.frames,
        told=" ".join(filter(None, sentences)),
        complete=made.whole,
        problem=made.trouble,
    )
