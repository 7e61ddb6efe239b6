"""Runs `reconcile`: compares what is known with the disk.

What judges pictures is loaded only for files that were written again, and for new ones whose names suggest that they
were made from a known frame.
Invariant: what `rate` does before it rates and what the command does are the same service over the same adapters.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from safelight.app.wiring import Parts
from safelight.domain.frame import Stage
from safelight.services.reconcile import Reconcile, Reconciled
from safelight.services.recover import recover


def service(parts: Parts) -> Reconcile:
    """Return the service over the adapters of this process."""
    return Reconcile(
        store=parts.store,
        scanner=parts.scanner,
        identifier=parts.identifier,
        volumes=parts.volumes,
        mounts=parts.mounts,
        trash=parts.trash,
        elsewhere=parts.elsewhere,
        traces=parts.traces,
        placeholders=parts.placeholders,
        clock=parts.clock,
        undo_s=parts.settings.undo_s,
    )


def reconcile(folder: Path | None, *, parts: Parts) -> Reconciled:
    """Reconcile one folder, or all that is known. Raises FolderError when the folder cannot be looked at."""
    recover(store=parts.store, sidecars=parts.sidecars)
    folders: Sequence[Path] | None = None if folder is None else [parts.scanner.root(folder)]
    newest = parts.store.journal.newest()
    done = service(parts).step(folders)
    if done.to_judge:
        with parts.judging(len(done.to_judge)) as judging:
            judging.assess(lambda _: None).step(list(parts.store.catalog.frames(done.to_judge, Stage.ARRIVED)))
            judging.look_closer(done.to_judge)
        done.facts = Counter(entry.kind for entry in parts.store.journal.entries(after=newest))
    return done
