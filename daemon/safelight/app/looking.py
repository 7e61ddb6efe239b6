"""Follows the mount table for cards, and shows how each watched folder stands.

Invariant: every watched folder is either watched or said to be in trouble.
"""

from pathlib import Path
from typing import Literal

from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.configuration import Configuration
from safelight.app.delivery import Delivery
from safelight.app.eyes import Eyes
from safelight.app.finding import Level
from safelight.app.letters import CardsChanged, Letterbox
from safelight.app.roots import Roots
from safelight.app.wiring import Parts
from safelight.cards.presence import cards_among
from safelight.control.messages import Trouble, Watched
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK
from safelight.ports.watching import Why
from safelight.watching.mount_table import MountTable
from safelight.watching.volumes import Mount, file_mounts

NO_WATCHES = "A part of it is only looked at now and then: the system's limit of watched folders is reached."
NOT_MADE = "It is made when the first card is copied."
RAISE_LIMIT = "'safelight doctor' says how to raise it."


class Looking:
    """What one conductor sees of folders and cards; used by its thread."""

    def __init__(
        self, *, eyes: Eyes, parts: Parts, roots: Roots, arrival: Arrival, board: Board, box: Letterbox
    ) -> None:
        self._eyes = eyes
        self._parts = parts
        self._roots = roots
        self._arrival = arrival
        self._board = board
        self._box = box
        self._mounts: MountTable | None = None
        self._wrong: set[str] = set()
        self._unmade: Path | None = None  # the folder for imports, where nobody named one and it is not there

    def watch_these(self) -> None:
        """Watch the folders that are to be watched now, and no others."""
        self._eyes.watch(self._roots.all(), known=self._parts.store.catalog.folder_names)

    def look_for_cards(self) -> None:
        """Tell of the cards that are plugged in, and from now on of those that come and go."""
        self._mounts = MountTable(changed=self._mounts_changed)
        self._mounts.start()
        self._mounts_changed(file_mounts(), ())

    def scan_all(self, why: Why) -> None:
        """See to it that all watched folders are looked through."""
        for root in self._roots.all():
            self._arrival.scan(root, why)

    def show(self, delivery: Delivery) -> None:
        """Show how many frames there are, what was held back, and how the folders stand."""
        catalog = self._parts.store.catalog
        self._board.say(
            frames=sum(catalog.counts().values()),
            withheld=catalog.with_reason(Stage.RANKED, HELD_BACK),
            waiting=delivery.waiting,
            watched=tuple(self._standing(root) for root in self._roots.all()),
            taste=self._taste(),
        )
        unwatched = [each for each in self._arrival.unwatched if self._roots.of(each) is not None]
        told = Trouble(level="note", told=f"{min(unwatched)}: {NO_WATCHES}", hint=RAISE_LIMIT) if unwatched else None
        self._board.trouble("watches", told)

    def examine(self, chosen: Configuration) -> None:
        """Show what is wrong with the folders of the settings, as `doctor` would say it."""
        from safelight.app.health_folders import FolderHealth

        imports = chosen.cards.import_folder
        is_usual = chosen.origin("cards.import_folder") == "default" and not imports.exists()
        self._unmade = imports.resolve() if is_usual else None
        wrong = {each.name: each for each in FolderHealth(chosen).findings() if each.level is not Level.OK}
        for name in self._wrong - wrong.keys():
            self._board.trouble(name, None)
        for name, found in wrong.items():
            level: Literal["note", "bad"] = "bad" if found.level is Level.BAD else "note"
            told = Trouble(level=level, told=found.sentence, hint=found.hint)
            self._board.trouble(name, told)
        self._wrong = set(wrong)

    def close(self) -> None:
        """Follow nothing any more."""
        if self._mounts is not None:
            self._mounts.close()

    def _mounts_changed(self, appeared: tuple[Mount, ...], gone: tuple[Mount, ...]) -> None:
        """Leave word of cards; on the thread of the mount table."""
        cards = cards_among(appeared)
        still = {mount.root for mount in file_mounts()}  # a sandbox may show one place by two mounts
        away = tuple(dict.fromkeys(mount.root for mount in gone if mount.root not in still))
        if cards or away:
            self._box.put(CardsChanged(cards, away))

    def _standing(self, root: Path) -> Watched:
        directories = self._eyes.directories(root)
        if (told := self._arrival.absent.get(root)) is not None:
            told = NOT_MADE if root == self._unmade else told
            return Watched(folder=str(root), state="absent", told=told, directories=directories)
        if any(each.is_relative_to(root) for each in self._arrival.unwatched):
            return Watched(folder=str(root), state="trouble", told=NO_WATCHES, directories=directories)
        return Watched(folder=str(root), state="watched" if directories else "scanned", directories=directories)

    def _taste(self) -> str:
        last = self._parts.store.tastes.last()
        if last is None or not last.comparisons:
            return ""
        return f"Your taste: {last.comparisons:,} comparisons learned, scores lean on it by {round(100 * last.gate)} %."
