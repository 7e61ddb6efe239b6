"""Remembers which shoots were rated, so that status and tray can show them and one notification a shoot grows in place.

Deliveries to one watched folder belong to one shoot while they come within half an hour of each other: they share one
run, which is what `undo` takes back.
Invariant: a shoot that was taken back does not grow any more.
"""

import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from safelight.app.worker_messages import Delivered
from safelight.control.messages import ShootDone
from safelight.domain.gathering import grows
from safelight.ports.memos import Memos

KEPT = 10  # shoots that are shown
_SHOOTS = TypeAdapter(tuple[ShootDone, ...])
_NAME = "shoots"


@dataclass(frozen=True, slots=True)
class Kept:
    """The shoots of before, as the daemon keeps them over a restart."""

    read: Callable[[], Sequence[ShootDone]]
    write: Callable[[Sequence[ShootDone]], None]


def kept_shoots(memos: Memos) -> Kept:
    """Return the shoots as memos keep them; what another release kept in another form is no loss."""

    def read() -> tuple[ShootDone, ...]:
        try:
            return _SHOOTS.validate_python(json.loads(memos.get(_NAME) or "[]"))
        except (ValueError, ValidationError):
            return ()

    def write(shoots: Sequence[ShootDone]) -> None:  # not by pydantic's JSON, which refuses names that are no UTF-8
        memos.put(_NAME, json.dumps(_SHOOTS.dump_python(tuple(shoots))))

    return Kept(read=read, write=write)


class ShootsDone:
    """The shoots that were rated, the newest first."""

    def __init__(self, *, kept: Kept, clock: Callable[[], float], told: Callable[[Path, ShootDone], None]) -> None:
        """`told` is called with the root and the shoot as it is now."""
        self._kept = kept
        self._clock = clock
        self._told = told
        self._growing: dict[Path, ShootDone] = {}
        self.newest: tuple[ShootDone, ...] = tuple(kept.read())

    def run_of(self, root: Path, now_s: float) -> int | None:
        """Return the run that a delivery to a root belongs to, None for a new one."""
        growing = self._growing.get(root)
        return growing.run if growing is not None and grows(growing.at_s, now_s) and not growing.undone else None

    def add(self, root: Path, done: Delivered, *, places: Collection[Path], began_s: float) -> ShootDone | None:
        """Add what was delivered to a root; None when nothing of it was rated."""
        now_s = self._clock()
        before = self._growing.get(root)
        if before is not None and not (before.run == done.run and grows(before.at_s, now_s) and not before.undone):
            before = None
        if not done.written:
            return None
        shoot = _added(before, done, name=_name(root, places), folder=_place(root, places), at_s=now_s, began_s=began_s)
        self._growing[root] = shoot
        self._keep((shoot, *(each for each in self.newest if each.run != shoot.run)))
        self._told(root, shoot)
        return shoot

    def mark_undone(self, run: int) -> None:
        """Remember that a run was taken back."""
        for root in [root for root, shoot in self._growing.items() if shoot.run == run]:
            del self._growing[root]
        changed = (each.model_copy(update={"undone": True}) if each.run == run else each for each in self.newest)
        self._keep(tuple(changed))

    def _keep(self, shoots: Sequence[ShootDone]) -> None:
        self.newest = tuple(shoots[:KEPT])
        self._kept.write(self.newest)


def _added(
    before: ShootDone | None, done: Delivered, *, name: str, folder: str, at_s: float, began_s: float
) -> ShootDone:
    seconds = max(0.0, at_s - began_s)
    if before is not None and before.folder != folder:
        folder = os.path.commonpath((before.folder, folder))
        name = Path(folder).name or folder
    return ShootDone(
        run=done.run,
        name=name,
        folder=folder,
        at_s=at_s,
        frames=done.frames + (before.frames if before else 0),
        five=done.five + (before.five if before else 0),
        low=done.low + (before.low if before else 0),
        bursts=done.bursts + (before.bursts if before else 0),
        seconds=seconds + (before.seconds if before else 0.0),
        withheld=done.withheld + (before.withheld if before else 0),
    )


def _place(root: Path, places: Collection[Path]) -> str:
    """Return the folder to open: the one that all frames lie in, or the watched one."""
    return str(next(iter(places)) if len(places) == 1 else root)


def _name(root: Path, places: Collection[Path]) -> str:
    return Path(_place(root, places)).name or str(root)
