"""Does what clients ask of the daemon, and what buttons, cards and new settings bring, in the conductor's thread.

Commands about the daemon itself are answered here; what looks into the catalog or writes sidecars is answered by the
worker, with the very function that a command without a daemon calls.
Invariant: every request gets an answer or an error, whatever happens while it is carried out.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safelight.app.board import Board
from safelight.app.card_desk import CardDesk
from safelight.app.conductor import Desk
from safelight.app.letters import Asked, CardsChanged, Copied, CopyEnded, CopyProgress, Letter, Pressed, Unshown
from safelight.app.pausing import Pausing
from safelight.app.shoots_done import ShootsDone
from safelight.control.messages import Answer
from safelight.domain.cards import Card
from safelight.domain.notices import Press
from safelight.errors import ControlError, FolderError, SafelightError
from safelight.ports.watching import Why

HOUR_S = 3600.0
_BY_WORKER = ("explain", "undo", "rerate", "log")


class Requests:
    """What is asked of the daemon, one method a command."""

    def __init__(
        self,
        *,
        desk: Desk,
        cards: CardDesk,
        pausing: Pausing,
        shoots: ShootsDone,
        board: Board,
        roots: Callable[[], tuple[Path, ...]],
        clock: Callable[[], float],
        open_folder: Callable[[Path], None],
        card_of: Callable[[int], Card | None],
        eject_soon: Callable[[Card], None],
        is_undone: Callable[[int], bool],
        undone: Callable[[int], None],
    ) -> None:
        """`open_folder` shows a folder to the person; `undone` is told of runs that were found to be taken back.

        `card_of` returns the card that a run's frames came from, `eject_soon` unmounts one.
        """
        self._card_of = card_of
        self._eject_soon = eject_soon
        self._is_undone = is_undone
        self._desk = desk
        self._cards = cards
        self._pausing = pausing
        self._shoots = shoots
        self._board = board
        self._roots = roots
        self._clock = clock
        self._open_folder = open_folder
        self._undone = undone
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], Answer]] = {
            "pause": self._pause,
            "resume": self._resume,
            "rescan": self._rescan,
            "card": self._card,
            "eject": self._eject,
            **{name: self._by_worker(name) for name in _BY_WORKER},
        }

    def __call__(self, letter: Letter) -> None:
        """Deal with one letter."""
        match letter:
            case Asked():
                self._answer(letter)
            case CardsChanged() | CopyProgress() | Copied() | CopyEnded():
                self._cards.hear(letter)
            case Pressed():
                self._press(letter)
            case Unshown(notice):
                self._cards.nobody_there(notice.partition(":")[2])

    def _answer(self, asked: Asked) -> None:
        if not asked.answer.set_running_or_notify_cancel():
            return
        try:
            asked.answer.set_result(self._command(asked.command)(asked.arguments))
        except SafelightError as error:
            asked.answer.set_exception(error)
        except BaseException:
            asked.answer.set_exception(ControlError("Safelight's daemon ended before it answered."))
            raise

    def _command(self, name: str) -> Callable[[Mapping[str, Any]], Answer]:
        command = self._commands.get(name)
        if command is None:
            raise ControlError(f"There is no command {name!r}.")
        return command

    def _pause(self, arguments: Mapping[str, Any]) -> Answer:
        until_s = float(arguments.get("until_s") or 0.0)
        if until_s and until_s <= self._clock():
            raise ControlError("That moment has passed already.", hint="Name one that is still to come.")
        self._pausing.set(until_s)
        return self._paused()

    def _resume(self, _arguments: Mapping[str, Any]) -> Answer:
        self._pausing.set(None)
        self._pausing.ask_again()
        return self._paused()

    def _paused(self) -> Answer:
        until_s = self._pausing.until_s
        why = self._pausing.why()
        state = "paused" if until_s is not None else "waiting" if why else "idle"
        self._board.say(paused_until_s=until_s, why=why, state=state)
        text = why or "Safelight works."
        if until_s is not None:
            text += " It goes on watching, and rates afterwards."
        return Answer(record={"paused_until_s": until_s, "why": why}, text=text)

    def _rescan(self, arguments: Mapping[str, Any]) -> Answer:
        wanted = arguments.get("folder")
        roots = self._roots()
        folders = roots if wanted is None else tuple(root for root in roots if Path(wanted).is_relative_to(root))
        if wanted is not None and not folders:
            raise FolderError(
                f"{wanted} is in no watched folder.",
                hint="'safelight watch list' names them; 'safelight rate' rates any.",
            )
        for folder in folders:
            self._desk.arrival.scan(folder, Why.TIMER)
        self._desk.delivery.recall()  # a disk that was full or read-only may not be any more
        told = f"Looking through {len(folders)} watched folder{'' if len(folders) == 1 else 's'}."
        return Answer(record={"folders": [str(folder) for folder in folders]}, text=told)

    def _card(self, arguments: Mapping[str, Any]) -> Answer:
        return self._cards.decide(str(arguments["card"]), str(arguments["policy"]))

    def _eject(self, arguments: Mapping[str, Any]) -> Answer:
        card = self._cards.let_go(Path(arguments["root"]))
        return Answer(
            record={"root": str(card.root), "label": card.label}, text=f"The card {card.label} can be taken out."
        )

    def _by_worker(self, name: str) -> Callable[[Mapping[str, Any]], Answer]:
        def asked(arguments: Mapping[str, Any]) -> Answer:
            answer: Answer = self._desk.worker.answer(name, arguments)
            if name == "undo":
                self._note_undone()
            return answer

        return asked

    def _note_undone(self) -> None:
        for run in [shoot.run for shoot in self._shoots.newest if not shoot.undone and self._is_undone(shoot.run)]:
            self._shoots.mark_undone(run)
            self._board.say(shoots=self._shoots.newest)
            self._undone(run)

    def _press(self, pressed: Pressed) -> None:
        """Do what a button says; what goes wrong is shown as trouble, because nobody waits for an answer."""
        kind, _, key = pressed.notice.partition(":")
        try:
            if pressed.button == Press.PAUSE:
                self._pause({"until_s": self._clock() + HOUR_S})
            elif kind == "card" and pressed.button == Press.EJECT:
                self._eject_soon(self._cards.let_go(self._cards.at(key)))
            elif kind == "card":
                self._cards.press(key, pressed.button)
            elif kind == "shoot":
                self._press_shoot(int(key), pressed.button)
        except SafelightError as error:
            self._cards.complain(error)

    def _press_shoot(self, run: int, button: str) -> None:
        shoot = next((each for each in self._shoots.newest if each.run == run), None)
        if shoot is not None and button == Press.OPEN:
            self._open_folder(Path(shoot.folder))
        elif button == Press.UNDO:
            self._by_worker("undo")({"run": run})
        elif button == Press.EJECT and (card := self._card_of(run)) is not None:
            self._eject_soon(self._cards.let_go(card.root))
