"""Sums up what a person's actions say of each frame of a shoot: praised, disliked, given a star, gone, or nothing.

The last word counts: a picture that was picked and later deleted was not liked, one that was rejected and later edited
was. Only an export outlives the file: its work is done.
Vetoed actions take part here as if they stood, and what follows from them is taken out at the very end: so a veto
removes exactly what rested on the action and moves nothing else. Invariant: a frame is praised or disliked, never both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safelight.domain.actions import Action, ActionKind, State
from safelight.domain.history import Past
from safelight.domain.pauses import SETTLED_S
from safelight.domain.preference import WEIGHT, Kind

KIND_OF_PRAISE = {
    ActionKind.RATED: Kind.RATING, ActionKind.FLAGGED: Kind.RATING, ActionKind.EXPORTED: Kind.EXPORT,
    ActionKind.EDITED: Kind.EDIT, ActionKind.MOVED: Kind.SELECT, ActionKind.RETURNED: Kind.SELECT,
}  # fmt: skip
EXPLICIT = (ActionKind.RATED, ActionKind.FLAGGED)  # said in so many words; speaks at once


# Acts that single a frame out even where they are no opinion: it is no frame of which nothing was said.
SINGLING_OUT = (ActionKind.RATED, ActionKind.FLAGGED, ActionKind.LABELLED, ActionKind.EDITED, ActionKind.EXPORTED)

# Acts that say nothing of a frame which is soon gone, however it went: a folder was filled with it and then removed.
FLEETING = (ActionKind.MOVED, ActionKind.EDITED, ActionKind.RETURNED)


@dataclass(slots=True)
class Verdict:
    """What was said of one frame; each part is the action that says it."""

    past: Past
    rated: Action | None = None  # the person's rating, -1 to 5, where it differs from ours
    praise: Action | None = None
    dislike: Action | None = None  # rejected, or rated below what stood there
    loss: Action | None = None  # deleted, and an opinion
    gone_s: float | None = None  # since when its file is away, for whatever reason
    touched: bool = False  # something was said of it that may have a meaning
    low: Action | None = None  # what speaks most clearly against it: rejected, deleted, rated down

    @property
    def rejected(self) -> Action | None:
        """Return the action that rejected the frame, be it by a rating or by a flag."""
        low = self.dislike
        return low if low is not None and low.value == -1 else None

    def was_there(self, at_s: float) -> bool:
        """Tell whether the frame was left where something was decided: still there, or cleared away much later."""
        return self.loss is None and (self.gone_s is None or self.gone_s > at_s + SETTLED_S)


def verdicts(shoot: Iterable[Past], actions: Mapping[int, Iterable[Action]]) -> list[Verdict]:
    """Return the verdict on each frame of a shoot; `actions` by frame id, oldest first."""
    return [_verdict(past, actions[past.frame_id]) if past.frame_id in actions else Verdict(past) for past in shoot]


def _verdict(past: Past, actions: Iterable[Action]) -> Verdict:
    verdict = Verdict(past)
    praises: list[Action] = []
    dislikes: list[Action] = []
    for action in actions:
        _hear(verdict, action)
        if action.standing is State.BELIEVED and action.kind is not ActionKind.DELETED and action.stance:
            (praises if action.stance > 0 else dislikes).append(action)
    stood = [each for each in praises if each.kind not in FLEETING or verdict.was_there(each.at_s)]
    verdict.praise = max(stood, key=_strength, default=None)
    verdict.dislike = max(dislikes, key=_recency, default=None)
    if verdict.praise and verdict.dislike:
        if _recency(verdict.praise) > _recency(verdict.dislike):
            verdict.dislike = None
        else:
            verdict.praise = None
    if verdict.praise and verdict.loss and verdict.loss.state is not State.VETOED:
        _settle_loss(verdict, verdict.praise)
    verdict.low = _low(verdict)
    return verdict


def _low(verdict: Verdict) -> Action | None:
    """Return what speaks most clearly against a frame, of what was not vetoed as long as there is any."""
    lows = [each for each in (verdict.rejected, verdict.loss, verdict.dislike) if each is not None]
    return next((each for each in lows if each.state is not State.VETOED), lows[0] if lows else None)


def _hear(verdict: Verdict, action: Action) -> None:
    """Take one action in."""
    believed = action.standing is State.BELIEVED
    if action.kind is not ActionKind.DELETED:
        verdict.touched = verdict.touched or believed or action.kind in SINGLING_OUT
        if believed and action.kind is ActionKind.RATED:
            verdict.rated = action
    elif action.standing is not State.RETRACTED:
        verdict.gone_s = action.at_s
        verdict.loss = action if believed else None


def _strength(action: Action) -> tuple[bool, float, float, int]:
    """Order praises by what they weigh; what was vetoed comes last."""
    weight = WEIGHT[KIND_OF_PRAISE[action.kind]] * action.confidence
    return (action.state is not State.VETOED, weight, -action.at_s, -action.id)


def _recency(action: Action) -> tuple[bool, float, int]:
    """Order actions by time; what was vetoed comes first."""
    return (action.state is not State.VETOED, action.at_s, -action.stance)


def _settle_loss(verdict: Verdict, praise: Action) -> None:
    """Let the last word count between a praise and a deletion, but an export stand."""
    if praise.kind is ActionKind.EXPORTED:
        verdict.loss = None
    else:
        verdict.praise = None
