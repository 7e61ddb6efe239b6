"""Finds out what a process that was killed had written, before anything is written or taken back.

Invariant: after it no write is in doubt: it is done, because the file holds its bytes, or it never was.
"""

from safelight.ports import Sidecars, Store


def recover(*, store: Store, sidecars: Sidecars) -> None:
    """Check every planned write against the disk."""
    planned = store.receipts.planned()
    if not planned:
        return
    with store.transaction():
        for receipt in planned:
            if (stamp := sidecars.holds(receipt.path, receipt.digest)) is not None:
                store.receipts.done(receipt.id, stamp)
            else:
                store.receipts.close([receipt.id], "void")
