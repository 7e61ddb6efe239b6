"""Reads the facts about one frame, each by itself and in the light of what happened to the frame afterwards.

A later word takes an earlier one back: what came back was not deleted, what was moved back was not chosen, the newest
rating stands. What other frames of the shoot tell (a whole folder gone, a mass delete) is for `domain.guards`.
Invariant: a reading depends on the facts of its own frame alone; each fact of a known kind gives exactly one, but for
the confirmation of a loss, which only makes the loss believed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from safelight.domain.entries import Entry, Kind
from safelight.domain.history import Past, folder_of


class ActionKind(StrEnum):
    """What a person did."""

    DELETED = "deleted"
    MOVED = "moved"
    EDITED = "edited"
    EXPORTED = "exported"
    RATED = "rated"
    FLAGGED = "flagged"
    LABELLED = "labelled"
    RETURNED = "returned"


class State(StrEnum):
    """Whether an action teaches."""

    BELIEVED = "believed"
    PENDING = "pending"  # it may still be undone
    NO_OPINION = "no_opinion"  # it says nothing of how a picture is liked
    RETRACTED = "retracted"  # a later act took it back
    VETOED = "vetoed"  # the person said that it was misread


KIND_OF = {
    Kind.FRAME_LOST: ActionKind.DELETED, Kind.FRAME_MOVED: ActionKind.MOVED, Kind.FRAME_DEVELOPED: ActionKind.EDITED,
    Kind.FRAME_EXPORTED: ActionKind.EXPORTED, Kind.PERSON_RATED: ActionKind.RATED,
    Kind.PERSON_FLAGGED: ActionKind.FLAGGED, Kind.PERSON_LABELLED: ActionKind.LABELLED,
    Kind.FRAME_RETURNED: ActionKind.RETURNED,
}  # fmt: skip

# How sure we are that an opinion stands behind a fact whose entry does not say it. Where to start from, by the design.
CONFIDENCE = {
    ActionKind.DELETED: 0.6, ActionKind.MOVED: 0.9, ActionKind.EDITED: 0.6, ActionKind.EXPORTED: 0.9,
    ActionKind.RATED: 0.95, ActionKind.FLAGGED: 0.95, ActionKind.LABELLED: 0.3, ActionKind.RETURNED: 0.3,
}  # fmt: skip
TRASHED = 0.95  # surer than a file that is merely gone
LEAST_CONFIDENCE = 0.01  # a doubt is a low weight; what is no opinion at all is told by `ignored`

MIDDLE = 3  # a rating made without any star of ours in sight is held against the middle of the scale
GOOD = 4  # from here on a rating below ours still praises


@dataclass(frozen=True, slots=True)
class Reading:
    """One fact, read."""

    seq: int
    frame_id: int
    kind: ActionKind
    value: str | int | None  # what tells two acts of a kind apart: rating, flag, label, settings, target folder
    stance: int  # 1 praises, -1 dislikes, 0 neither by itself
    at_s: float  # when it happened, as far as known
    noted_s: float  # when it was written down
    timed: bool  # at_s is when it happened, not when it was found
    confidence: float
    reason: str
    state: State
    why: str
    act: str | None = None  # frames with the same text were decided in one act
    origin: str | None = None  # of a move: the folder it came from

    def as_(self, state: State, why: str) -> "Reading":
        """Return the same fact in another light."""
        return replace(self, state=state, why=why)


def readings(past: Past) -> tuple[Reading, ...]:
    """Return the readings of one frame's facts, in their order."""
    made: dict[int, Reading] = {}
    stands: dict[ActionKind, int] = {}  # the entry of a kind that stands so far
    for fact in past.facts:
        if fact.kind == Kind.LOSS_CONFIRMED:
            _confirm(fact, made, stands)
        elif fact.kind in KIND_OF:
            made[fact.seq] = _READ[KIND_OF[Kind(fact.kind)]](past, fact, made, stands)
    return tuple(made.values())


def standing_loss(read: tuple[Reading, ...]) -> Reading | None:
    """Return the loss of a frame that is gone, whatever it means; None while it is there."""
    for each in reversed(read):
        if each.kind is ActionKind.DELETED and each.state is not State.RETRACTED:
            return each
    return None


_Made = dict[int, Reading]
_Stands = dict[ActionKind, int]


def _confirm(fact: Entry, made: _Made, stands: _Stands) -> None:
    seq = _told_loss(fact, stands)
    if seq in made and made[seq].state is State.PENDING:
        made[seq] = made[seq].as_(State.BELIEVED, "It has stayed away, and other frames of its shoot are still there.")


def _lost(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past, made
    stands[ActionKind.DELETED] = fact.seq
    trashed = fact.payload.get("how") == "trash"
    reason = "It went into the trash." if trashed else "It was deleted."
    new = _reading(fact, None, -1, reason, TRASHED if trashed else None)
    if ignored := fact.payload.get("ignored"):
        return new.as_(State.NO_OPINION, str(ignored))
    return new.as_(State.PENDING, "It can still be taken back: it counts when it has stayed away for a day.")


def _returned(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    loss = made.get(_told_loss(fact, stands))
    stands.pop(ActionKind.DELETED, None)
    new = replace(_reading(fact, None, 1, "It came back."), confidence=CONFIDENCE[ActionKind.RETURNED])
    if loss is None or loss.state is State.NO_OPINION:
        return new.as_(State.NO_OPINION, "It had not been thrown away, so its return says nothing.")
    made[loss.seq] = loss.as_(State.RETRACTED, "It came back.")
    if not any(each.seq == loss.seq and each.payload.get("how") == "trash" for each in past.facts):
        return new.as_(State.NO_OPINION, "It was away and is there again, as when files are copied anew.")
    return replace(new, reason="It was taken back out of the trash.")


def _moved(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past
    source, target = folder_of(fact.payload.get("source")), folder_of(fact.payload.get("path"))
    name = (target or "").rpartition("/")[2]
    new = replace(_reading(fact, target, 1, f"It was moved into the folder {name}."), origin=source)
    if source is None or source == target:
        return replace(new.as_(State.NO_OPINION, "A new name says nothing."), reason="It was renamed.")
    before = made.get(stands.get(ActionKind.MOVED, 0))
    if before is not None and before.state is State.BELIEVED and before.value == target:
        return new.as_(State.NO_OPINION, "That it was moved there was known already, or another file of it was.")
    if before is not None and before.origin == target:
        made[before.seq] = before.as_(State.RETRACTED, "It was moved back.")
        stands.pop(ActionKind.MOVED)
        return new.as_(State.NO_OPINION, "It went back to where it came from.")
    stands[ActionKind.MOVED] = fact.seq
    return new


def _edited(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past, made, stands
    program = fact.payload.get("program")
    reason = f"It was edited in {program}." if isinstance(program, str) and program != "file" else "It was edited."
    return _reading(fact, _value(fact, "value"), 1, reason)


def _exported(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past, made, stands
    return _reading(fact, None, 1, "A finished picture was made from it.")


def _rated(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    rating = _value(fact, "rating")
    rating = rating if isinstance(rating, int) and rating in (-1, 1, 2, 3, 4, 5) else None
    new = _reading(fact, rating, 0, _rating_words(rating))
    shown = None if fact.payload.get("imported") is True else past.shown_at(new.at_s)
    before = _replaced(new, made, stands)
    if before:
        return before
    if rating is None:
        return new.as_(State.NO_OPINION, "A rating that was taken away says nothing of the picture.")
    if rating == shown:
        return new.as_(State.NO_OPINION, "It is the rating that it had from us: left as it was.")
    seen = "no stars of ours were in sight" if shown is None else f"{_stars(shown)} from us stood there"
    return replace(new, stance=_stance(rating, shown), why=f"It counts; {seen}.")


def _flagged(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past
    flag = _value(fact, "flag")
    flag = flag if isinstance(flag, int) and flag in (-1, 1) else None
    words = {1: "You picked it.", -1: "You rejected it.", None: "You took its flag away."}
    new = _reading(fact, flag, flag or 0, words[flag])
    before = _replaced(new, made, stands)
    if before:
        return before
    return new if flag else new.as_(State.NO_OPINION, "A flag that was taken away says nothing of the picture.")


def _labelled(past: Past, fact: Entry, made: _Made, stands: _Stands) -> Reading:
    del past, made, stands
    label = _value(fact, "label")
    reason = f"You gave it the label {label}." if label else "You took its label away."
    new = _reading(fact, label, 0, reason)
    return new.as_(State.NO_OPINION, "What a colour means is known only to you.")


_READ = {
    ActionKind.DELETED: _lost, ActionKind.MOVED: _moved, ActionKind.EDITED: _edited, ActionKind.EXPORTED: _exported,
    ActionKind.RATED: _rated, ActionKind.FLAGGED: _flagged, ActionKind.LABELLED: _labelled,
    ActionKind.RETURNED: _returned,
}  # fmt: skip


def _reading(
    fact: Entry, value: str | int | None, stance: int, reason: str, confidence: float | None = None
) -> Reading:
    told, kind = fact.payload, KIND_OF[Kind(fact.kind)]
    happened, sure, words, act = told.get("happened_s"), told.get("confidence"), told.get("reason"), told.get("act")
    if not isinstance(sure, int | float):
        sure = CONFIDENCE[kind] if confidence is None else confidence
    timed = isinstance(happened, int | float)
    return Reading(
        seq=fact.seq,
        frame_id=fact.frame_id or 0,
        kind=kind,
        value=value,
        stance=stance,
        at_s=min(float(happened), fact.at_s) if isinstance(happened, int | float) else fact.at_s,
        noted_s=fact.at_s,
        timed=timed,
        confidence=min(1.0, max(LEAST_CONFIDENCE, float(sure))),
        reason=words if isinstance(words, str) and words else reason,
        state=State.BELIEVED,
        why="It counts.",
        act=act if isinstance(act, str) and act else None,
    )


def _replaced(new: Reading, made: _Made, stands: _Stands) -> Reading | None:
    """Let a new rating or flag stand in place of the one before; return it as no opinion if it repeats that one."""
    before = made.get(stands.get(new.kind, 0))
    if before is not None and before.value == new.value:
        return new.as_(State.NO_OPINION, "It was so before.")
    if before is not None and before.state is State.BELIEVED:
        made[before.seq] = before.as_(State.RETRACTED, "You changed it later.")
    stands[new.kind] = new.seq
    return None


def _told_loss(fact: Entry, stands: _Stands) -> int:
    of = fact.payload.get("of")
    return of if isinstance(of, int) else stands.get(ActionKind.DELETED, 0)


def _stance(rating: int, shown: int | None) -> int:
    """Return what a rating says by itself, beside what stood there; among ratings their order counts besides."""
    if rating < 0:
        return -1
    against = MIDDLE if shown is None else shown
    if rating > against:
        return 1
    return -1 if rating < against and rating < GOOD else 0


def _rating_words(rating: int | None) -> str:
    if rating is None:
        return "You took its rating away."
    return "You rejected it." if rating < 0 else f"You gave it {_stars(rating)}."


def _stars(count: int) -> str:
    return "1 star" if count == 1 else f"{count} stars"


def _value(fact: Entry, name: str) -> str | int | None:
    value = fact.payload.get(name)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
