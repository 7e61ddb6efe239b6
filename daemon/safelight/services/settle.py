"""Settles what watchers have noticed: says which files have finished arriving, and which are really gone.

A hint says where to look; what counts is what fresh looks at the disk agree on. Hints of one path fold into one, so
that however a program saves (over a backup, through a temporary name, in pauses) what comes out is the file it left.
How patient to be is decided in `domain.stability`; more hints than can be held become "look at the whole folder".
Invariant: nothing is said of a path whose last two looks differ, and nothing that was noticed is forgotten unsaid.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.domain.names import SETTINGS_FOLDER, role_of, skipped_file
from safelight.domain.stability import OPEN_CAP_S, REST_S, UNTOLD_QUIET_S, Ending, Patience, ending, patience
from safelight.ports import Clock, Scanner
from safelight.ports.watching import Hint, Noticed, Writers

_MOST = 20_000  # files that wait at a time
_BACK_S = 1.0  # a clock that goes back by more was set


@dataclass(frozen=True, slots=True)
class Settled:
    """What is certain now; files by the folder of the pictures that they are, or say something of."""

    written: Mapping[Path, frozenset[Path]] = field(default_factory=dict)
    gone: Mapping[Path, frozenset[Path]] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()  # trees that came whole: scan them
    lost_folders: tuple[Path, ...] = ()  # trees that went

    def __bool__(self) -> bool:
        return bool(self.written or self.gone or self.folders or self.lost_folders)


@dataclass(slots=True)
class _Waiting:
    """One file: the last hint, and the last looks as far as they agree."""

    told: bool
    noticed_s: float
    due_s: float
    stamp: FileStamp | None = None
    looks: int = 0


@dataclass(slots=True)
class _Tree:
    came: bool
    due_s: float


class Settle:
    """Used by one thread; does nothing but look, through `scanner` and `writers`."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        clock: Clock,
        writers: Writers | None = None,
        rest_s: float = REST_S,
        quiet_s: float = UNTOLD_QUIET_S,
        open_cap_s: float = OPEN_CAP_S,
        most: int = _MOST,
    ) -> None:
        """`rest_s` after a closing, `quiet_s` where nobody knows of one, `open_cap_s` while a file is held open."""
        self._scanner = scanner
        self._clock = clock
        self._writers = writers
        self._rest_s = rest_s
        self._patience = {
            each: patience(each, rest_s=rest_s, quiet_s=quiet_s, open_cap_s=open_cap_s) for each in Ending
        }
        self._most = most
        self._files: dict[Path, _Waiting] = {}
        self._trees: dict[Path, _Tree] = {}
        self._due_s: float | None = None  # never later than the first thing that is due
        self._last_s = clock.now()

    def take(self, noticed: Noticed) -> None:
        """Take one hint; what matters to nobody is passed over."""
        path, at_s = noticed.path, min(noticed.at_s, self._clock.now())
        if noticed.hint in (Hint.FOLDER, Hint.FOLDER_GONE):
            self._trees.pop(path, None)
            self._trees[path] = _Tree(noticed.hint is Hint.FOLDER, at_s + self._rest_s)
            self._sooner(at_s + self._rest_s)
        elif role_of(path.name) is not None and skipped_file(path.name) is None:
            told = noticed.hint in (Hint.CLOSED, Hint.ARRIVED)
            self._files[path] = _Waiting(told, at_s, at_s)
            self._sooner(at_s)
            if len(self._files) > self._most:
                self._fold()

    def due_s(self) -> float | None:
        """Return when `step` has something to do, by the wall clock; None when nothing waits."""
        self._mind_the_clock(self._clock.now())
        return self._due_s

    def busy(self) -> frozenset[Path]:
        """Return the folders in which a file is still arriving."""
        return frozenset(_folder(path) for path, file in self._files.items() if not (file.looks and not file.stamp))

    def waits(self, path: Path) -> bool:
        """Tell whether a file has been noticed and has not settled yet."""
        return path in self._files

    def step(self) -> Settled:
        """Look at what is due and return what has settled."""
        now_s = self._clock.now()
        self._mind_the_clock(now_s)
        written: list[Path] = []
        gone: list[Path] = []
        for path, file in list(self._files.items()):
            if file.due_s <= now_s and self._rests(path, file, now_s):
                del self._files[path]
                (gone if file.stamp is None else written).append(path)
        came, went = self._due_trees(now_s)
        dues = [file.due_s for file in self._files.values()]
        self._due_s = min([*dues, *(tree.due_s for tree in self._trees.values())], default=None)
        return Settled(_by_folder(written), _by_folder(gone), _tops(came), _tops(went))

    def _rests(self, path: Path, file: _Waiting, now_s: float) -> bool:
        """Look at a file; tell whether enough looks agree, or say when to look again."""
        stamp = self._scanner.look(path)
        file.looks = file.looks + 1 if file.looks and stamp == file.stamp else 1
        file.stamp = stamp
        needed = self._needed(path, file)
        file.due_s = now_s + needed.gap_s
        return file.looks >= needed.looks

    def _needed(self, path: Path, file: _Waiting) -> Patience:
        shortly = self._patience[Ending.TOLD]
        if file.stamp is None or (file.told and file.looks < shortly.looks):
            return shortly  # whether it is held open is asked when it would settle
        writing = None if self._writers is None else self._writers.writing(path)
        return self._patience[ending(told=file.told, writing=writing, stamp=file.stamp, noticed_s=file.noticed_s)]

    def _due_trees(self, now_s: float) -> tuple[list[Path], list[Path]]:
        due = {path: tree for path, tree in self._trees.items() if tree.due_s <= now_s}
        for path in due:
            del self._trees[path]
        return [path for path, tree in due.items() if tree.came], [path for path, tree in due.items() if not tree.came]

    def _mind_the_clock(self, now_s: float) -> None:
        """Let nothing wait for hours because the clock was set back."""
        if now_s < self._last_s - _BACK_S:
            for file in self._files.values():
                file.due_s = min(file.due_s, now_s)
            for tree in self._trees.values():
                tree.due_s = min(tree.due_s, now_s)
            self._due_s = now_s if self._files or self._trees else None
        self._last_s = now_s

    def _fold(self) -> None:
        """Let whole folders be looked at in place of their many files, those with most files first."""
        inside: defaultdict[Path, list[Path]] = defaultdict(list)
        for path in self._files:
            inside[path.parent].append(path)
        for folder in sorted(inside, key=lambda folder: -len(inside[folder])):
            if len(self._files) <= self._most // 2:
                return
            for path in inside[folder]:
                del self._files[path]
            self.take(Noticed(folder, Hint.FOLDER, self._clock.now()))

    def _sooner(self, due_s: float) -> None:
        self._due_s = due_s if self._due_s is None else min(self._due_s, due_s)


def _folder(path: Path) -> Path:
    """Return the folder whose pictures a file belongs to: Capture One keeps its settings two folders below."""
    folder = path.parent
    return folder.parent.parent if folder.parent.name.lower() == SETTINGS_FOLDER else folder


def _by_folder(paths: Iterable[Path]) -> dict[Path, frozenset[Path]]:
    found: defaultdict[Path, set[Path]] = defaultdict(set)
    for path in paths:
        found[_folder(path)].add(path)
    return {folder: frozenset(files) for folder, files in found.items()}


def _tops(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the folders that lie in no other of them, in a fixed order."""
    every = set(paths)
    return tuple(sorted((path for path in every if every.isdisjoint(path.parents)), key=bytes))
