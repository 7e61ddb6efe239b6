"""Decides whether a photograph is one of those that a search asks for: when, with what, how many stars, where.

The same question is put to a database where that saves work, and here once more to whatever comes back: a database may
hold facts of yesterday, and has its own idea of capital letters.
Invariant: what is not told fits no demand; without a demand everything fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import CaptureFacts, Stage

MOST_STARS = 5


@dataclass(frozen=True, slots=True)
class Stars:
    """How many stars, from `least` to `most`, 0-5; 0: none were given."""

    least: int
    most: int

    def fit(self, stars: int | None) -> bool:
        """Tell whether this many are asked for; None: none were given."""
        return self.least <= (stars or 0) <= self.most


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks for beside likeness; None: anything."""

    since_s: float | None = None  # the camera's wall clock, as CaptureFacts.taken_s
    until_s: float | None = None  # that moment is left out
    camera: str | None = None  # words that occur in maker and model
    lens: str | None = None
    stars: Stars | None = None
    below: Path | None = None  # a folder

    @property
    def of_facts(self) -> bool:
        """Tell whether it asks for anything that the camera recorded."""
        return any(each is not None for each in (self.since_s, self.until_s, self.camera, self.lens))

    @property
    def of_catalog(self) -> bool:
        """Tell whether it asks for anything that only the catalog knows."""
        return self.stars is not None or self.below is not None

    @property
    def any(self) -> bool:
        """Tell whether it asks for nothing at all."""
        return not (self.of_facts or self.of_catalog)

    def facts_fit(self, facts: CaptureFacts) -> bool:
        """Tell whether a photograph with these capture facts is asked for."""
        return (
            self._moment_fits(facts.taken_s)
            and _occur(self.camera, f"{facts.make or ''} {facts.camera or ''}")
            and _occur(self.lens, facts.lens or "")
        )

    def _moment_fits(self, taken_s: float | None) -> bool:
        if self.since_s is None and self.until_s is None:
            return True
        if taken_s is None:
            return False
        after = self.since_s is None or taken_s >= self.since_s
        return after and (self.until_s is None or taken_s < self.until_s)


def words_of(asked: str) -> tuple[str, ...]:
    """Return the words that have to occur, in lower case: "canon r5" finds Canon EOS R5."""
    return tuple(asked.lower().split())


def stars_shown(stage: Stage, *, given: int | None, ours: int | None) -> int | None:
    """Return the stars that stand at a frame: a person's own before ours; None without any, and for a reject."""
    if stage is Stage.KEPT:
        return given if given and given > 0 else None
    return None if stage in (Stage.UNREADABLE, Stage.DERIVED) else ours


def _occur(asked: str | None, told: str) -> bool:
    if asked is None:
        return True
    lowered = told.lower()
    return all(word in lowered for word in words_of(asked))
