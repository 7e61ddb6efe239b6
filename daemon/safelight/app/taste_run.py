"""Computes what `safelight taste` and its report tell: the taste as of a moment, its examples, how well it foretells.

Everything is computed from the journal and nothing is kept, so that looking changes nothing. Without a moment it is the
newest version that was learned, with it whatever would have been learned then.
Invariant: the same journal, moment and looks give the same portrait and the same report.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from safelight.app import learning_run, taste_page
from safelight.app.wiring import Parts
from safelight.domain.evaluation import Report, evaluate
from safelight.domain.evaluation_rows import Seen
from safelight.domain.history import Past
from safelight.domain.judges import looks_alone
from safelight.domain.portrait import Portrait, portray
from safelight.domain.portrait_examples import Pictured
from safelight.domain.records import Assessment
from safelight.domain.taste import fit
from safelight.services.evidence import features_of
from safelight.services.learn import Computed, Learn

_EXAMPLES = 2000  # of the newest frames may be shown as examples: more are no better ones and take longer
_SEED = 20_261_121  # any: it only has to be the same every time


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a taste."""

    portrait: Portrait
    report: Report | None


def tell(parts: Parts, *, report: bool = False) -> Told:
    """Compute the portrait, with `report` also how well the taste foretells."""
    learn = learning_run.learner(parts)
    made = _computed(learn, parts)
    pasts = made.told.history.frames
    newest = sorted(pasts, reverse=True)[:_EXAMPLES]
    pictured = _pictured(newest, pasts, made, parts)
    portrait = portray(made.taste, made.evidence.comparisons, pictured, rng=np.random.default_rng(_SEED))
    return Told(portrait, _report(made, parts) if report else None)


def _computed(learn: Learn, parts: Parts) -> Computed:
    """Return the newest version computed again, or what would be learned as of the moment that was named."""
    as_of_s = parts.settings.as_of_s
    if as_of_s is not None:
        return learn.computed(learn.entries(until_s=as_of_s), now_s=as_of_s)
    last = parts.store.tastes.last()
    if last is None:
        return learn.computed((), now_s=parts.clock.now())
    return learn.compute(through=last.through, now_s=last.made_s)


def _pictured(ids: Collection[int], pasts: Mapping[int, Past], made: Computed, parts: Parts) -> list[Pictured]:
    assessments = parts.store.assessments(made.judge)
    known = features_of(ids, pasts, assessments=assessments, basis=made.taste.basis)
    names = {frame.id: str(frame.path) for frame in parts.store.catalog.frames(known)}
    looks = _looks(known, pasts, made, parts)
    alone = looks_alone(made.judge)  # a frame that is gone was seen by the first bundle alone: another embedding
    return [
        Pictured(names[each], known[each], looks[each].embedding, pasts[each].burst)
        for each in known
        if each in names and each in looks and looks_alone(looks[each].judge) == alone
    ]


def _report(made: Computed, parts: Parts) -> Report:
    pasts = made.told.history.frames
    compared = {frame_id for each in made.evidence.comparisons for frame_id in (each.winner, each.loser)}
    assessments = parts.store.assessments(made.judge)
    known = features_of(compared, pasts, assessments=assessments, basis=made.taste.basis)
    looks = _looks(known, pasts, made, parts)
    seen = {
        each: Seen(known[each], pasts[each].burst, pasts[each].order, _sharpness(looks[each]))
        for each in known
        if each in looks
    }
    return evaluate(
        made.evidence.comparisons,
        seen,
        fit=lambda table: fit(table, made.taste.basis),
        rng=np.random.default_rng(_SEED),
    )


def _looks(ids: Collection[int], pasts: Mapping[int, Past], made: Computed, parts: Parts) -> dict[int, Assessment]:
    assessments = parts.store.assessments(made.judge)
    found = {}
    for each in ids:
        if (look := assessments.assessment(bytes.fromhex(pasts[each].content or ""))) is not None:
            found[each] = look
    return found


def _sharpness(look: Assessment) -> float:
    return (look.measures.focus + look.measures.detail) / 2


def write_page(told: Told, path: Path, parts: Parts) -> Path:
    """Write the page of a report that was asked for; return where it is. Raises CannotStart when it cannot be."""
    assert told.report is not None
    return taste_page.write(told.report, told.portrait, path, now_s=parts.clock.now())
