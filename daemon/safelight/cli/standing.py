"""`safelight status`: how many frames stand where, the last run, and what the daemon is doing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from safelight.app import remote, wiring
from safelight.app.settings import EMBEDDED, Settings
from safelight.app.wiring import Parts
from safelight.cli.wording import counted, printable
from safelight.domain.frame import Stage
from safelight.domain.judges import LEAST_FRAMES
from safelight.domain.withholding import HELD_BACK
from safelight.errors import ControlError

if TYPE_CHECKING:
    from safelight.control.messages import Status

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
_NO_DAEMON = "No daemon is at work here, so nothing is watched; 'safelight run' starts one."


def run(*, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """Print how things stand; exit status 0, or 1 if a daemon runs that does not say how it stands."""
    with wiring.reading(settings) as parts:
        record = _record(settings, parts)
    trouble = ""
    told = [_NO_DAEMON]
    try:
        standing = _standing(settings, environ)
    except ControlError as error:
        standing, trouble = None, error.told
        told = [trouble]
    if standing is not None:
        from safelight.cli.standing_words import paragraphs

        record["daemon"] = standing.model_dump(mode="python")
        told = paragraphs(standing)
    if as_json and trouble:
        click.echo(trouble, err=True)
    click.echo(json.dumps(record) if as_json else "\n".join([*_lines(record), *told]))
    return 1 if trouble else 0


def _standing(settings: Settings, environ: Mapping[str, str]) -> Status | None:
    client = remote.connected(settings, environ)
    if client is None:
        return None
    with client:
        return client.status()


def watch(*, settings: Settings, environ: Mapping[str, str], as_json: bool) -> int:
    """Print a line whenever the daemon has something new to say; exit status 0 when it ends."""
    from safelight.cli.standing_words import headline

    said = ""
    with remote.running(settings, environ) as client:
        for standing in client.watch():
            line = json.dumps(standing.model_dump(mode="python")) if as_json else headline(standing)
            if line != said:
                clock = "" if as_json else time.strftime("%H:%M:%S  ")
                click.echo(f"{clock}{line}")
            said = line
    if not as_json:
        click.echo("The daemon has ended.")
    return 0


def _record(settings: Settings, parts: Parts) -> dict[str, Any]:
    counts = parts.store.catalog.counts()
    run = parts.store.receipts.last_run()
    return {
        "state": str(settings.state),
        "stages": {stage.value: counts.get(stage, 0) for stage in Stage},
        "last_run": run and {"started_s": run.started_s, "finished_s": run.finished_s, "folders": run.folders},
        "waiting_for_index": parts.store.count_to_index(),
        "held_back": parts.store.catalog.with_reason(Stage.RANKED, HELD_BACK),
        "models": _models(parts),
        "daemon": None,
    }


def _models(parts: Parts) -> dict[str, Any]:
    from safelight.app.catching_up import standing

    found = standing(parts)
    return {
        "bundle": found.bundle,
        "seen": None if found.bundle == EMBEDDED else found.seen,
        "unseen": found.unseen,
        "out_of_reach": found.out_of_reach,
        "waits_for_absent": found.waits_for_absent,
        "judges": found.judges,
        "fails": found.fails,
        "provider": found.provider,
        "trouble": found.trouble,
    }


def _bundle_told(models: Mapping[str, Any]) -> Iterator[str]:
    name = printable(models["bundle"])
    if models["fails"]:
        yield f"{EMBEDDED} judges in place of {name}, which cannot be used."
    elif models["bundle"] == EMBEDDED:
        yield f"{name} judges."
    elif models["judges"]:
        yield f"{name} judges; it has seen {counted(models['seen'], 'photograph')}."
    elif models["waits_for_absent"]:
        away = counted(models["out_of_reach"], "photograph")
        yield f"{name} waits for {away} that cannot be reached, as on a disk that is not plugged in; {EMBEDDED} judges."
        yield "If you no longer have them: safelight models catch-up --leave-absent"
    else:
        yield _getting_ready(name, models)
        if models["out_of_reach"]:
            away = counted(models["out_of_reach"], "photograph")
            yield f"It has not seen {away} that cannot be reached now, as on a disk that is not plugged in."
    if models["provider"]:
        yield f"It runs on {printable(models['provider'])}"
    if models["trouble"]:
        yield printable(models["trouble"])


def _getting_ready(name: str, models: Mapping[str, Any]) -> str:
    """Say what is missing for a bundle to judge."""
    seen = counted(models["seen"], "photograph")
    if models["unseen"]:
        left = f"{counted(models['unseen'], 'photograph')} left"
        return f"{name} gets to know the library, with {left}; {EMBEDDED} judges until then."
    if models["seen"] < LEAST_FRAMES:
        return f"{name} has seen {seen}; {EMBEDDED} judges until there are {LEAST_FRAMES}."
    # It was ended before it took over, or says the same of every picture: only trying tells.
    takes = "'safelight models catch-up' lets it take over, or says why it cannot."
    return f"{name} has seen {seen}, and does not judge yet; {EMBEDDED} does. {takes}"


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    counts = record["stages"]
    yield f"{counted(sum(counts.values()), 'frame')} known in {printable(record['state'])}"
    for stage in Stage:
        if counts[stage.value]:
            yield f"  {counts[stage.value]:>7,}  {_SAID[stage]}"
    if held := record["held_back"]:
        yield f"{counted(held, 'frame')} of them held back on purpose: {_WHY_HELD}"
    if (models := record["models"])["bundle"] != EMBEDDED or models["trouble"]:
        yield from _bundle_told(models)
    if run := record["last_run"]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["started_s"]))
        how = "finished" if run["finished_s"] else "was interrupted; run it again to go on"
        yield f"The last run, {when}, {how}: {', '.join(map(printable, run['folders']))}"
