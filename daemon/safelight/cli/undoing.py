"""`safelight undo`: takes back the sidecar writes of the last run, or of one that is named."""

from collections.abc import Mapping
from typing import Any

from safelight.app.wiring import Parts
from safelight.cli.wording import counted, printable
from safelight.control.messages import Answer
from safelight.services.withdraw import Withdraw, Withdrawn


def answer(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    """Take back a `run`, or the last one; exit status 1 if a sidecar could not be restored."""
    run = arguments["run"]
    withdrawn = Withdraw(store=parts.store, sidecars=parts.sidecars, clock=parts.clock).step(run)
    which = "the last run" if run is None else f"run {run}"
    return Answer(
        record=_record(withdrawn or Withdrawn()),
        text=_told(withdrawn, which),
        status=1 if withdrawn and withdrawn.failed else 0,
    )


def _record(withdrawn: Withdrawn) -> dict[str, object]:
    return {
        "restored": [str(path) for path in withdrawn.restored],
        "left": [str(path) for path in withdrawn.left],
        "failed": [{"path": str(path), "reason": reason} for path, reason in withdrawn.failed],
    }


def _told(withdrawn: Withdrawn | None, which: str) -> str:
    if withdrawn is None:
        return "There is nothing to take back."
    lines = [f"{counted(len(withdrawn.restored), 'sidecar')} restored to what {_was(withdrawn)} before {which}."]
    if withdrawn.left:
        lines.append(f"{counted(len(withdrawn.left), 'sidecar')} left alone: changed by another program since.")
        lines += [f"  {printable(path)}" for path in withdrawn.left]
    if withdrawn.failed:
        lines.append(f"{counted(len(withdrawn.failed), 'sidecar')} could not be restored:")
        lines += [f"  {printable(path)}: {printable(reason)}" for path, reason in withdrawn.failed]
    return "\n".join(lines)


def _was(withdrawn: Withdrawn) -> str:
    return "it was" if len(withdrawn.restored) == 1 else "they were"
