"""Brings the catalog up to date with what the watcher noticed, or with whole folders where it could notice nothing.

Hints say where to look; what is believed is seen on the disk. New pictures are taken in as soon as they have settled.
What was written beside them, and what is gone, is looked at together a moment later, because programs save in several
steps and a move is a disappearance followed by an appearance. Our own sidecars are known by their receipts.
Invariant: nothing is concluded from hints alone, and a folder of which hints were lost is scanned.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from safelight.app import reconcile_run
from safelight.app.roots import Roots
from safelight.app.wiring import Parts
from safelight.domain.frame import FoundFile, Role, Stage
from safelight.domain.names import role_of
from safelight.domain.records import KnownFrame
from safelight.domain.stability import long_settled
from safelight.errors import FolderError, SafelightError
from safelight.ports.watching import Hint, Missed, Noticed, Why
from safelight.services.intake import Arrivals, Intake
from safelight.services.reconciling.presence import has_pictures
from safelight.services.settle import Settle, Settled

REST_S = 1.5  # after the last hint in a folder: programs save in several steps, and a move has two ends
_PARTS = 8  # of one watched folder are looked through one by one; when it is more, all of it
REST_CAP_S = 15.0  # a folder that never rests is looked into anyway
_PICTURES = (Role.RAW, Role.IMAGE)

GONE = "It is not there now (its disk may not be connected); Safelight waits for it."


@dataclass(slots=True)
class Came:
    """What one step came to: frames to judge, and what was not looked at."""

    frames: list[int] = field(default_factory=list)  # that have just arrived, or have to be looked at again
    looked: bool = True  # False: there was nothing to do
    what: str = ""


def _is_waiting(frame: KnownFrame) -> bool:
    """Tell whether a frame has to be looked at, or was and has no stars yet: its card was pulled before."""
    return frame.stage in (Stage.ARRIVED, Stage.ASSESSED) or (frame.stage is Stage.UNREADABLE and frame.passing)


@dataclass(slots=True)
class _Unrest:
    first_s: float
    last_s: float


class Arrival:
    """Everything between a hint and the catalog. Used by the conductor's thread alone."""

    def __init__(self, *, parts: Parts, settle: Settle, roots: Roots) -> None:
        self._parts = parts
        self._settle = settle
        self._roots = roots
        self._settled: dict[Path, set[Path]] = {}  # by folder
        self._changed: dict[Path, _Unrest] = {}
        self._scans: dict[Path, Why] = {}
        self._trees: dict[Path, bool] = {}  # folders that came whole; True: nobody writes there
        self.absent: dict[Path, str] = {}  # watched folders that are not there, and what is said of them
        self.unwatched: set[Path] = set()  # folders of which the system's limit leaves a part unwatched
        self._scanned = False
        self.scanned_s = 0.0  # how long the last look at everything took

    def renew(self, parts: Parts) -> None:
        """Go on with other settings."""
        self._parts = parts

    def hear(self, told: Noticed | Missed) -> None:
        """Take note of a hint."""
        if isinstance(told, Missed):
            if told.why is Why.NO_WATCHES:
                self.unwatched.add(told.folder)
            self.scan(told.folder, told.why)
        else:
            self._settle.take(told)

    def scan(self, folder: Path, why: Why) -> None:
        """See to it that a watched folder is looked through with all below it, or a part of it."""
        root = next((root for root in self._roots.all() if folder.is_relative_to(root)), None)
        if root is None:
            return
        within = [each for each in self._scans if each.is_relative_to(root)]
        if folder != root and (root in within or len(within) >= _PARTS):
            folder = root
        if folder == root:
            for each in within:
                del self._scans[each]  # the whole comes with all its parts
        self._scans[folder] = why

    def believe(self, paths: Iterable[Path]) -> None:
        """Take these files for complete: whoever wrote them has said so."""
        for path in paths:
            self._settled.setdefault(path.parent, set()).add(path)

    def take_scanned(self) -> bool:
        """Tell whether a whole folder was looked through since the last question."""
        scanned, self._scanned = self._scanned, False
        return scanned

    def take_tree(self, folder: Path, *, complete: bool = False) -> None:
        """Take in a folder with all below it, soon; nothing is concluded from what is missing there.

        `complete`: nobody writes there, so that every file is taken for whole, however new: a card that was put in.
        """
        self._trees[folder] = complete

    def waits(self, folder: Path) -> bool:
        """Tell whether a folder, or one in it, that came whole waits to be taken in."""
        return any(tree.is_relative_to(folder) for tree in self._trees)

    @property
    def scanning(self) -> bool:
        """Tell whether whole folders wait to be looked through."""
        return bool(self._scans or self._trees)

    def busy(self) -> frozenset[Path]:
        """Return the folders in which a file is still arriving or waits to be taken in."""
        return self._settle.busy() | frozenset(self._settled)

    def due_s(self) -> float | None:
        """Return when there will be something to do, by the clock; None: not before the next hint."""
        if self._settled or self._scans or self._trees:
            return self._parts.clock.now()
        times = [self._rests_s(unrest) for unrest in self._changed.values()]
        if (settles_s := self._settle.due_s()) is not None:
            times.append(settles_s)
        return min(times, default=None)

    def step(self) -> Came:
        """Do what is most urgent: take in what has settled, look at what changed, scan one folder.

        What was being done when it raises is done by a look at everything, once it is called again.
        """
        try:
            return self._step()
        except SafelightError:
            for root in self._roots.all():
                self.scan(root, Why.TIMER)
            raise

    def _step(self) -> Came:
        now_s = self._parts.clock.now()
        if (due_s := self._settle.due_s()) is not None and due_s <= now_s:
            self._sort(self._settle.step(), now_s)
        if self._settled:
            return self._take_in()
        if rested := [folder for folder, unrest in self._changed.items() if self._rests_s(unrest) <= now_s]:
            return self._look_into(rested)
        if self._trees:
            tree = next(iter(self._trees))
            came = self._take_tree(tree, complete=self._trees[tree])
            del self._trees[tree]
            return came
        if self._scans:
            folder = next(iter(self._scans))
            return self._scan(folder, self._scans.pop(folder))
        return Came(looked=False)

    def _rests_s(self, unrest: _Unrest) -> float:
        now_s = self._parts.clock.now()
        if unrest.last_s > now_s:  # the clock was set back
            unrest.first_s = unrest.last_s = now_s
        return min(unrest.last_s + REST_S, unrest.first_s + REST_CAP_S)

    def _sort(self, settled: Settled, now_s: float) -> None:
        """Part pictures, which are taken in at once, from what is looked at a moment later."""
        for folder, paths in settled.written.items():
            pictures = {path for path in paths if role_of(path.name) in _PICTURES}
            if pictures:
                self._settled.setdefault(folder, set()).update(pictures)
            if self._not_ours(folder, paths - pictures):
                self._unsettle(folder, now_s)
        for folder in settled.gone:
            self._unsettle(folder, now_s)
        for folder in settled.lost_folders:
            for root in self._roots.all():
                if folder.is_relative_to(root):
                    self.scan(root, Why.TIMER)
        self._trees.update(dict.fromkeys(settled.folders, False))

    def _not_ours(self, folder: Path, companions: Collection[Path]) -> bool:
        """Tell whether another program has written one of these companions: ours are known by their receipts."""
        if not companions:
            return False
        ours = self._parts.store.receipts.stamps_in(folder)
        return any(ours.get(path) != self._parts.scanner.look(path) for path in companions)

    def _unsettle(self, folder: Path, now_s: float) -> None:
        unrest = self._changed.setdefault(folder, _Unrest(now_s, now_s))
        unrest.last_s = now_s

    def _take_in(self) -> Came:
        settled, self._settled = self._settled, {}
        files = {path for paths in settled.values() for path in paths}
        now_s = self._parts.clock.now()
        reconcile_run.service(self._parts).settle_on(settled)
        arrivals = self._intake().look_into(settled, believes=self._believing(now_s, files))
        for folder in settled:
            self._unsettle(folder, now_s)  # what lies beside them may tell of a past, and a copy may be an export
        return self._came(arrivals, "Taking in")

    def _look_into(self, folders: Collection[Path]) -> Came:
        for folder in folders:
            del self._changed[folder]
        done = reconcile_run.service(self._parts).look_into(folders, roots=self._every())
        return Came([*done.to_judge, *self._arrived(folders)], what="Looking at changes")

    def _take_tree(self, tree: Path, *, complete: bool) -> Came:
        """Take in a folder that came with everything in it."""
        believes = (lambda _: True) if complete else self._believing(self._parts.clock.now(), ())
        try:
            arrivals = self._intake().take_in([tree], believes=believes)
        except FolderError:
            return Came(what="Taking in")  # gone again: a look at its root tells
        for folder in self._parts.store.catalog.folders(tree):
            self._unsettle(folder, self._parts.clock.now())
        came = self._came(arrivals, "Taking in")
        if complete:  # it was here before, perhaps, and was taken out before its frames had their stars
            catalog = self._parts.store.catalog
            waiting = filter(_is_waiting, catalog.frames(catalog.below(tree)))
            came.frames = list(dict.fromkeys([*came.frames, *(frame.id for frame in waiting)]))
        return came

    def _scan(self, folder: Path, why: Why) -> Came:
        """Look through a watched folder: what happened to what is known, then what is new."""
        started_s = self._parts.clock.now()
        self.absent.pop(folder, None)
        if why in (Why.UNMOUNTED, Why.ROOT_GONE) and folder in self._roots.all():
            self.absent[folder] = GONE  # nothing is concluded; when it is back, it is scanned
            return Came(what="Looking for changes")
        done = reconcile_run.service(self._parts).step([folder])
        absent = {passed.path: passed.reason for passed in done.absent}
        if folder in absent:
            if not has_pictures(folder, scanner=self._parts.scanner):
                self._be_absent(folder, absent[folder])
                return Came(done.to_judge, what="Looking for changes")
            reconcile_run.service(self._parts).accept([folder])  # another disk lies there: its pictures are rated
        try:
            arrivals = self._intake().take_in([folder], believes=self._believing(started_s, ()))
        except FolderError as error:
            self._be_absent(folder, absent.get(folder, error.told))
            return Came(done.to_judge, what="Looking for changes")
        self.scanned_s = self._parts.clock.now() - started_s
        self._scanned = True
        came = self._came(arrivals, "Looking for changes")
        catalog = self._parts.store.catalog
        waiting = [
            *catalog.at_stage(Stage.ARRIVED),
            # Whose disk was taken out before they had their stars, or their sidecars.
            *catalog.at_stage(Stage.ASSESSED),
            *filter(lambda frame: not frame.reason, catalog.at_stage(Stage.RANKED)),
            *filter(lambda frame: frame.passing, catalog.at_stage(Stage.UNREADABLE)),
        ]
        came.frames = list(
            dict.fromkeys([*done.to_judge, *(frame.id for frame in waiting if frame.path.is_relative_to(folder))])
        )
        return came

    def _be_absent(self, folder: Path, told: str) -> None:
        """Remember that a watched folder is not there; of a part of one, the whole tells more."""
        if folder in self._roots.all():
            self.absent[folder] = told
        else:
            self._scans.update({root: Why.TIMER for root in self._roots.all() if folder.is_relative_to(root)})

    def _came(self, arrivals: Arrivals, what: str) -> Came:
        """Let what has not settled be watched, and return what has arrived."""
        now_s = self._parts.clock.now()
        for path in arrivals.unsettled:
            if not self._settle.waits(path):
                self._settle.take(Noticed(path, Hint.CLOSED, now_s))
        frames = self._parts.store.catalog.frames(arrivals.frames)
        return Came([frame.id for frame in frames if _is_waiting(frame)], what=what)

    def _arrived(self, folders: Iterable[Path]) -> list[int]:
        """Return the frames in these folders that wait to be looked at: what had moved comes back with its stage."""
        catalog = self._parts.store.catalog
        stages = (Stage.ARRIVED, Stage.ASSESSED, Stage.RANKED)
        return [frame.id for folder in folders for frame in catalog.frames_in(folder, *stages)]

    def _believing(self, now_s: float, settled: Collection[Path]) -> Callable[[FoundFile], bool]:
        def believes(file: FoundFile) -> bool:
            return file.path in settled or (long_settled(file.stamp, now_s) and not self._settle.waits(file.path))

        return believes

    def _every(self) -> list[Path]:
        return [*self._roots.all(), *self._parts.store.receipts.rated_folders()]

    def _intake(self) -> Intake:
        parts = self._parts
        return Intake(
            scanner=parts.scanner,
            identifier=parts.identifier,
            store=parts.store,
            clock=parts.clock,
            wanted=self._roots.wants,
        )
