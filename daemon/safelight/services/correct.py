"""Lets a person correct what was learned: silence one inference, or go back to an earlier taste.

Both are facts like any other: they are written into the journal, and whatever is learned from then on heeds them.
Invariant: nothing is removed; a veto and a roll-back can be read in the journal for ever.
"""

from safelight.domain.actions import Action, State
from safelight.domain.entries import Kind
from safelight.ports import Clock, Store
from safelight.services.evidence import reached, told


class Correct:
    """Writes corrections into the journal."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def actions(self, *, as_of: float | None = None) -> tuple[Action, ...]:
        """Return everything that was inferred, in the order of time, as of now or of a moment."""
        now_s = reached(self._store.tastes.last(), self._clock.now()) if as_of is None else as_of
        return told(self._store.journal.entries(), now_s=now_s).actions

    def veto(self, action_id: int) -> Action | None:
        """Say that an action does not mean what it seems to; None when there is none with this id."""
        found = next((action for action in self.actions() if action.id == action_id), None)
        if found is not None and found.state is not State.VETOED:
            with self._store.transaction():
                self._store.journal.append(Kind.ACTION_VETOED, at_s=self._clock.now(), action=action_id)
        return found

    def roll_back(self, version: int) -> bool:
        """Let only that count which version `version` was learned from (0: nothing), and what comes from now on.

        Returns False when there is no such version.
        """
        through = {0: 0} | {each.version: each.through for each in self._store.tastes.versions()}
        if version not in through:
            return False
        with self._store.transaction():
            now_s = self._clock.now()
            self._store.journal.append(Kind.TASTE_ROLLED_BACK, at_s=now_s, to=version, through=through[version])
        return True
