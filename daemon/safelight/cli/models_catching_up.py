"""`safelight models catch-up`: lets the bundle in use look at the whole library now."""

import json
from collections.abc import Iterator, Mapping

import click

from safelight.app import catching_up, remote
from safelight.app.catching_up import Progressed
from safelight.app.settings import EMBEDDED, Settings
from safelight.cli.progress import shown
from safelight.cli.wording import counted, printable
from safelight.domain.judges import LEAST_FRAMES


def run(*, settings: Settings, environ: Mapping[str, str], leave: bool, as_json: bool) -> int:
    """Look at what the bundle in use has not seen; exit status 1 when something kept it from that."""
    with remote.writing(settings, environ) as parts, shown(parts) as progress:
        done = catching_up.catch_up(parts, progress, leave=leave)
    record = {
        "bundle": done.bundle,
        "seen": done.seen,
        "unseen": done.unseen,
        "out_of_reach": done.out_of_reach,
        "passed_over": done.passed_over,
        "judges": done.judges,
        "fails": done.fails,
        "trouble": done.trouble,
    }
    click.echo(json.dumps(record) if as_json else told(done))
    return 1 if done.trouble else 0


def told(done: Progressed) -> str:
    """Say how far the bundle in use has come."""
    name = printable(done.bundle)
    if done.bundle == EMBEDDED:
        return f"The {name} bundle is in use: it has seen every photograph that was rated."
    lines = [printable(done.trouble)] if done.trouble else []
    if done.fails:
        return "\n".join([*lines, f"{EMBEDDED} judges in place of {name}."])
    reach = "all there are" if not done.out_of_reach else "all that can be reached"
    if done.judges:
        lines.append(f"{name} has seen {counted(done.seen, 'photograph')}, {reach}, and judges from now on.")
    elif done.unseen:
        lines.append(
            f"{name} has seen {counted(done.seen, 'photograph')} and not yet {done.unseen:,};"
            f" {EMBEDDED} judges until then."
        )
    elif done.waits_for_absent:
        lines.append(
            f"{name} has seen {counted(done.seen, 'photograph')}; {EMBEDDED} judges until it has seen the rest."
        )
    elif done.seen >= LEAST_FRAMES:
        lines.append(f"{name} answers the same for every photograph, so {EMBEDDED} goes on judging.")
    else:
        lines.append(
            f"{name} has seen {counted(done.seen, 'photograph')}, {reach}. It judges once there are"
            f" {LEAST_FRAMES} of them; {EMBEDDED} does until then."
        )
    lines += _absent(done)
    if done.passed_over:
        lines.append(f"{counted(done.passed_over, 'photograph')} could not be looked at, and did not count.")
    return "\n".join(lines)


def _absent(done: Progressed) -> Iterator[str]:
    """Say what becomes of photographs that cannot be reached."""
    if not done.out_of_reach:
        return
    yield (
        f"{counted(done.out_of_reach, 'photograph')} cannot be reached now, as on a disk that is not plugged in."
        " What is there again is looked at then."
    )
    if done.waits_for_absent:
        yield "If you no longer have them: safelight models catch-up --leave-absent"
    elif done.judges:
        yield f"They are judged as {EMBEDDED} saw them."
