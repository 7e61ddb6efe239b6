"""`safelight rerate`: lets stars that were delivered follow the present taste."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safelight.app import learning_run
from safelight.app.learning_run import Rerated
from safelight.app.wiring import Parts
from safelight.cli.progress import shown
from safelight.cli.wording import counted, printable
from safelight.control.messages import Answer


def answer(parts: Parts, arguments: Mapping[str, Any]) -> Answer:
    """Rate again what is ours below `folder`, or everywhere; exit status 1 if a sidecar could not be written."""
    folder = arguments["folder"]
    with shown(parts) as progress:
        done = learning_run.rerate(None if folder is None else Path(folder), parts=parts, progress=progress)
    failed = [{"path": str(path), "reason": reason} for path, reason in done.failed]
    return Answer(
        record={"frames": done.frames, "up": done.up, "down": done.down, "failed": failed},
        text=_told(done),
        status=1 if done.failed else 0,
    )


def _told(done: Rerated) -> str:
    if not done.frames:
        return "There are no stars of ours to change."
    lines = [f"{counted(done.frames, 'frame')} rated again: {done.up:,} up, {done.down:,} down, the rest as before."]
    lines += [f"  {printable(path)}: {printable(reason)}" for path, reason in done.failed]
    return "\n".join(lines)
