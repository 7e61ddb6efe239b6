"""`safelight status` and `safelight doctor`."""

import json
import time

import click

from safelight.app import wiring
from safelight.app.health import Level, findings
from safelight.app.settings import Settings
from safelight.cli.wording import counted, printable
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK

_SAID = {
    Stage.ARRIVED: "waiting to be looked at",
    Stage.ASSESSED: "looked at, waiting for their stars",
    Stage.RANKED: "rated, sidecar not written",
    Stage.PUBLISHED: "rated, sidecar written",
    Stage.KEPT: "kept as you rated them",
    Stage.DERIVED: "exports of other frames",
    Stage.UNREADABLE: "could not be judged",
}

_WHY_HELD = "they stay unrated until you are done with their folder, to measure honestly how well Safelight does."


def status(*, settings: Settings, as_json: bool) -> int:
    """Print how many frames stand where, and the last run."""
    with wiring.reading(settings) as parts:
        counts = parts.store.catalog.counts()
        run = parts.store.receipts.last_run()
        waiting = parts.store.count_to_index()
        held = parts.store.catalog.with_reason(Stage.RANKED, HELD_BACK)
    if as_json:
        last = run and {"started_s": run.started_s, "finished_s": run.finished_s, "folders": run.folders}
        stages = {stage.value: counts.get(stage, 0) for stage in Stage}
        record = {"state": str(settings.state), "stages": stages, "last_run": last, "waiting_for_index": waiting}
        record["held_back"] = held
        click.echo(json.dumps(record))
        return 0
    total = sum(counts.values())
    click.echo(f"{counted(total, 'frame')} known in {printable(settings.state)}")
    for stage in Stage:
        if counts.get(stage):
            click.echo(f"  {counts[stage]:>7,}  {_SAID[stage]}")
    if held:
        click.echo(f"{counted(held, 'frame')} of them held back on purpose: {_WHY_HELD}")
    if run:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_s))
        how = "finished" if run.finished_s else "was interrupted; run it again to go on"
        click.echo(f"The last run, {when}, {how}: {', '.join(map(printable, run.folders))}")
    return 0


def doctor(*, settings: Settings, as_json: bool) -> int:
    """Print what was found; exit status 1 if something does not work."""
    found = list(findings(settings))
    if as_json:
        records = [{"name": each.name, "level": each.level, "told": each.told, "hint": each.hint} for each in found]
        click.echo(json.dumps(records))
    else:
        for each in found:
            mark = {Level.OK: "ok  ", Level.NOTE: "note", Level.BAD: "BAD "}[each.level]
            click.echo(f"{mark}  {each.name}: {printable(each.told)}")
            if each.hint:
                click.echo(f"      {printable(each.hint)}")
    return 1 if any(each.level is Level.BAD for each in found) else 0
