"""Learns the person's taste anew from the whole journal when enough has changed, and keeps it as a version.

Nothing is carried over from one version to the next: each is computed from the journal up to one entry, the moment it
was made, and the shipped starting point. So a veto, a late retraction or a roll-back reaches back to the first day, and
any version can be computed again (`services.replay`). Most of the time there is nothing to do, and that is found out
from two numbers in the catalog, without numpy.
Invariant: a version and its `taste_learned` entry are written in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.domain.entries import Entry, Kind
from safelight.domain.history import FACTS
from safelight.domain.records import TasteLook, TasteVersion
from safelight.services.evidence import JUDGED, Evidence, Told, evidence, judge_of, key, reached, told

if TYPE_CHECKING:  # learning usually finds nothing new and then never needs numpy
    from safelight.domain.features import Basis
    from safelight.domain.taste import Taste
    from safelight.ports import Store
    from safelight.services.rank import Leaning

WORTH_LEARNING = 10  # comparisons that have changed, where nobody waits for the answer

# What a taste follows from; everything else that is written into the journal cannot change it by itself.
TELLING = (*sorted(FACTS), Kind.JUDGE_CHANGED, Kind.ACTION_VETOED, Kind.TASTE_ROLLED_BACK, Kind.EVIDENCE_FORGOTTEN)


@dataclass(frozen=True, slots=True)
class Learned:
    """What a step came to."""

    version: TasteVersion | None  # the newest
    made: bool = False  # it was made by this step
    changed: int = 0  # comparisons that came or went since the version before


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A taste and everything it was computed from."""

    taste: Taste
    told: Told
    evidence: Evidence
    judge: str


class Learn:
    """Turns the journal into a taste."""

    def __init__(self, *, store: Store, now: Callable[[], float], basis: Callable[[str], Basis]) -> None:
        """`now` tells the time, seconds since the epoch; `basis` loads what a taste starts from, by judge."""
        self._store = store
        self._now = now
        self._open_basis = basis
        self._opened: dict[str, Basis] = {}

    def step(self, *, force: bool = False, as_of: float | None = None) -> Learned:
        """Learn anew if at least `WORTH_LEARNING` comparisons have changed, with `force` if any has.

        With `as_of` (seconds since the epoch) that is now, and what was written after it does not count yet.
        """
        last = self._store.tastes.last()
        now_s = self.now_s() if as_of is None else as_of
        if as_of is None and not self.anything(now_s, force=force):
            return Learned(last)
        entries = self.entries(until_s=as_of)
        found = told(entries, now_s=now_s)
        changed = self._changed(found, last, entries) if not self._same(found, last) else 0
        if not changed or (not force and changed < WORTH_LEARNING):
            self._look(found, waiting=changed)
            return Learned(last, changed=changed)
        return Learned(self._keep(self._computed(found, entries)), made=True, changed=changed)

    def now_s(self) -> float:
        """Return the time, never before that of the newest version."""
        return reached(self._store.tastes.last(), self._now())

    def renew(self) -> Learned:
        """Learn anew from the same evidence: another release starts from other numbers."""
        entries = self.entries()
        return Learned(self._keep(self._computed(told(entries, now_s=self.now_s()), entries)), made=True)

    def leaning(self) -> Leaning | None:
        """Return the present taste as ranking needs it, None where nothing was learned."""
        last = self._store.tastes.last()
        if last is None or not last.comparisons:
            return None
        if last.basis != self._basis(self._judge()).digest or last.numbers is None:
            last = self.renew().version
            assert last is not None
        return leaning_of(self.unpacked(last), last.version)

    def gate(self) -> float:
        """Return how far the present taste is leaned on, 0-1; 0 where nothing was learned."""
        last = self._store.tastes.last()
        return last.gate if last is not None and last.comparisons else 0.0

    def unpacked(self, version: TasteVersion) -> Taste:
        """Return the taste of a version whose numbers are kept. Raises ValueError for numbers of another release."""
        from safelight.domain.taste import Taste

        return Taste.unpack(version.numbers or b"", self._basis(version.judge))

    def compute(self, *, through: int, now_s: float) -> Computed:
        """Compute the taste as of a moment from the journal up to the entry `through`."""
        entries = [entry for entry in self._store.journal.entries() if entry.seq <= through]
        return self._computed(told(entries, now_s=now_s), entries)

    def entries(self, *, until_s: float | None = None) -> list[Entry]:
        """Return the journal, up to the last entry that was written by `until_s`."""
        entries = list(self._store.journal.entries())
        while until_s is not None and entries and entries[-1].at_s > until_s:
            entries.pop()
        return entries

    def computed(self, entries: Sequence[Entry], *, now_s: float) -> Computed:
        """Compute the taste as of a moment from these entries, oldest first."""
        return self._computed(told(entries, now_s=now_s), entries)

    def _basis(self, judge: str) -> Basis:
        if judge not in self._opened:
            self._opened[judge] = self._open_basis(judge)
        return self._opened[judge]

    def _judge(self) -> str:
        """Return the judge whose looks count now."""
        newest = self._store.journal.newest(*JUDGED)
        return judge_of(list(self._store.journal.entries(*JUDGED, after=newest - 1)))

    def anything(self, now_s: float, *, force: bool) -> bool:
        """Tell whether there may be something to learn, from as little as possible."""
        newest = self._store.journal.newest(*TELLING)
        look = self._store.tastes.look()
        if look is None:
            return newest > 0
        ripe = look.next_s is not None and now_s >= look.next_s
        return newest > look.through or ripe or (force and look.waiting > 0)

    @staticmethod
    def _same(found: Told, last: TasteVersion | None) -> bool:
        return found.digest == last.evidence if last else not found.comparisons

    @staticmethod
    def _changed(found: Told, last: TasteVersion | None, entries: Sequence[Entry]) -> int:
        """Return how many comparisons came, went or count otherwise since the last version; at least 1."""
        if last is None:
            return max(1, len(found.comparisons))
        before = told([entry for entry in entries if entry.seq <= last.through], now_s=last.made_s)
        was = {(*key(each), each.weight) for each in before.comparisons}
        return max(1, len(was ^ {(*key(each), each.weight) for each in found.comparisons}))

    def _computed(self, found: Told, entries: Sequence[Entry]) -> Computed:
        from safelight.domain.taste import fit

        judge = judge_of(entries)
        basis = self._basis(judge)
        rows = evidence(found, assessments=self._store.assessments(judge), basis=basis)
        return Computed(fit(rows.table, basis), found, rows, judge)

    def _look(self, found: Told, *, waiting: int = 0) -> None:
        with self._store.transaction():
            self._store.tastes.put_look(TasteLook(found.through, found.next_s, waiting))

    def _keep(self, made: Computed) -> TasteVersion:
        with self._store.transaction():
            version = version_of(made, self._store.tastes.next_version())
            self._store.tastes.put(version)
            self._store.tastes.put_look(TasteLook(made.told.through, made.told.next_s, 0))
            self._store.journal.append(
                Kind.TASTE_LEARNED,
                at_s=version.made_s,
                version=version.version,
                digest=version.digest,
                comparisons=version.comparisons,
                gate=version.gate,
                through=version.through,
                basis=version.basis,
            )
        return version


def version_of(made: Computed, number: int) -> TasteVersion:
    """Return a computed taste as it is kept."""
    return TasteVersion(
        version=number,
        made_s=made.told.now_s,
        through=made.told.through,
        judge=made.judge,
        basis=made.taste.basis.digest,
        comparisons=made.taste.comparisons,
        gate=made.taste.gate,
        evidence=made.told.digest,
        digest=made.taste.digest(),
        numbers=made.taste.pack(),
    )


def leaning_of(taste: Taste, version: int) -> Leaning:
    """Return a taste as ranking needs it."""
    from safelight.domain.features import features_of_look
    from safelight.domain.records import Assessment
    from safelight.domain.score import Contribution
    from safelight.services.rank import Leaning

    def terms(contributions: Sequence[Contribution], look: Assessment) -> tuple[tuple[str, float], ...]:
        made = features_of_look(taste.basis, contributions, look)
        return () if made is None else taste.terms(made)  # (): of a bundle that this taste knows nothing of

    return Leaning(version, terms)
