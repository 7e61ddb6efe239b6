"""Accounts for a frame's taste: how sure it is, and which past decisions moved it most.

At the top of the posterior every past comparison has an exact share in every score, so "because you kept A over B" is
arithmetic and not a story. The shares are those of the version that the frame was rated with, computed again from the
journal up to the entry that it was learned from.
Invariant: accounting changes nothing; a frame that was rated without taste has no reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from safelight.domain.entries import Kind

if TYPE_CHECKING:  # most frames of a young catalog were rated without taste: then numpy is never needed
    from safelight.domain.preference import Comparison
    from safelight.domain.records import TasteVersion
    from safelight.ports import Store
    from safelight.services.learn import Learn

LEAST_GATE = 0.1  # below it the score leans on the person so little that nothing is sure
_DEVIATIONS = 1.96  # on each side of a 95 % interval


@dataclass(frozen=True, slots=True)
class Because:
    """One past decision and what it adds to a frame's score, in score units."""

    comparison: Comparison
    value: float


@dataclass(frozen=True, slots=True)
class Account:
    """What taste had to do with a frame's rating."""

    version: TasteVersion
    unsure: bool
    because: tuple[Because, ...]


class Accounts:
    """Reads the reasons of ratings from the journal."""

    def __init__(self, *, store: Store, learn: Learn) -> None:
        self._store = store
        self._learn = learn

    def of(self, frame_id: int, *, count: int = 3) -> Account | None:
        """Return what taste had to do with the rating of a frame; None for one that was rated without it."""
        version = self._version_of(frame_id)
        if version is None or not version.comparisons:
            return None
        from safelight.services.evidence import features_of, told

        made = self._learn.compute(through=version.through, now_s=version.made_s)
        if made.taste.comparisons != version.comparisons:
            return None  # what it was learned from cannot be read any more
        pasts = told(self._learn.entries(), now_s=version.made_s).history.frames
        assessments = self._store.assessments(version.judge)
        x = features_of({frame_id}, pasts, assessments=assessments, basis=made.taste.basis).get(frame_id)
        if x is None:
            return None
        away = x - made.taste.basis.ordinary_mean
        personal = abs(float((made.taste.displayed - made.taste.basis.generic) @ away))
        deviation = made.taste.scale * sqrt(max(0.0, float(away @ made.taste.covariance @ away)))
        shares = made.taste.because(x, made.evidence.table, count=count)
        because = tuple(Because(made.evidence.comparisons[share.row], share.value) for share in shares if share.value)
        unsure = made.taste.gate < LEAST_GATE or _DEVIATIONS * deviation > personal
        return Account(version, unsure, because)

    def _version_of(self, frame_id: int) -> TasteVersion | None:
        found = self._store.journal.last(frame_id, Kind.FRAME_RATED)
        number = found[1].get("taste") if found else None
        return next((each for each in self._store.tastes.versions() if each.version == number), None)
