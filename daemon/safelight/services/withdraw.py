"""Takes back what one run wrote, byte for byte, and only where it is still ours.

A sidecar that anybody has changed since is not ours to restore: it is left as it is, and said so.
Invariant: after it every sidecar of the run either has the bytes it had before, or bytes that somebody else wrote.
"""

from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import Stage
from safelight.domain.records import Receipt, Run
from safelight.errors import SidecarError
from safelight.ports import Clock, Sidecars, Store
from safelight.services.recover import recover

TAKEN_BACK = "Its rating was taken back; rate the folder again to write it."


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was taken back, what had been changed since and was left, and what failed with which reason."""

    restored: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()
    failed: tuple[tuple[Path, str], ...] = ()


class Withdraw:
    """Undoes runs, the newest first."""

    def __init__(self, *, store: Store, sidecars: Sidecars, clock: Clock) -> None:
        self._store = store
        self._sidecars = sidecars
        self._clock = clock

    def step(self, run: int | None = None) -> Withdrawn | None:
        """Take back the run of this id, or the newest with writes left; None when there is nothing to take back."""
        recover(store=self._store, sidecars=self._sidecars)
        chosen = self._chosen(run)
        if chosen is None:
            return None
        restored: list[Path] = []
        left: list[Path] = []
        failed: list[tuple[Path, str]] = []
        for receipt in self._store.receipts.of_run(chosen.id):
            try:
                ours = self._sidecars.restore(receipt.path, before=receipt.before, digest=receipt.digest)
            except SidecarError as error:
                failed.append((receipt.path, error.told))
                continue
            (restored if ours else left).append(receipt.path)
            self._note(receipt, restored=ours)
        self._sidecars.flush()
        if not failed:
            with self._store.transaction():
                self._store.receipts.mark_undone(chosen.id, at_s=self._clock.now())
        return Withdrawn(tuple(restored), tuple(left), tuple(failed))

    def _chosen(self, run: int | None) -> Run | None:
        if run is None:
            return self._store.receipts.run_to_undo()
        known = self._store.receipts.run(run)
        return known if known is not None and known.undone_s is None and self._store.receipts.of_run(run) else None

    def _note(self, receipt: Receipt, *, restored: bool) -> None:
        with self._store.transaction():
            self._store.receipts.close([receipt.id], "undone" if restored else "void")
            self._store.receipts.see(receipt.frame_id, {})  # the next run looks for itself
            if restored and self._store.catalog.frame(receipt.frame_id).stage is Stage.PUBLISHED:
                self._store.catalog.set_stage(receipt.frame_id, Stage.RANKED, TAKEN_BACK)
                self._store.journal.append("rating_undone", at_s=self._clock.now(), frame_id=receipt.frame_id)
