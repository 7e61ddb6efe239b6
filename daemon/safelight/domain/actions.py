"""Reads from the journal what a person meant by what they did to their files, and says what each act teaches and why.

Meaning is never stored: it is read anew from the facts each time, so that a veto, a file that comes back after weeks or
a better guard reaches back to the first day. An action bears the number of the fact that it is read from.
Invariants: nothing is believed that a guard holds, that may still be undone, or that the person vetoed; a veto changes
no other action; acts of different frames written in another order read the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safelight.domain.guards import Folders, held_losses
from safelight.domain.history import History, Past
from safelight.domain.pauses import DAY_S, LATE_S, fell_quiet
from safelight.domain.readings import ActionKind, Reading, State, readings
from safelight.domain.selections import held_choices

__all__ = ["Action", "ActionKind", "State", "read_actions"]


ALONE = "It is not known which shoot it belongs to, so there is nothing to compare it with."


@dataclass(frozen=True, slots=True)
class Action:
    """What a person did, in one act, to one or more frames of a shoot."""

    id: int  # the journal's number of the (first) fact that it is read from
    kind: ActionKind
    frame_ids: tuple[int, ...]
    shoot: str | None  # None: the journal does not tell, and it teaches nothing
    at_s: float  # when it happened, as far as is known
    confidence: float  # 0-1, that an opinion stands behind it
    reason: str  # what happened, for people
    state: State
    why_state: str  # why it counts or not, for people
    value: str | int | None  # rating, flag, label, settings, or the folder moved to
    late: bool  # a deletion long after the shoot was done with
    stance: int  # 1 praises, -1 dislikes, 0 neither by itself
    noted_s: float  # when it was found
    standing: State  # the state that it would have without a veto
    act: str | None  # the text that frames decided in one act share


def read_actions(history: History, *, now_s: float) -> tuple[Action, ...]:
    """Return every action that the journal tells of, in the order of time.

    `now_s`: seconds since the epoch; what was found more than a day later (a clock that was set back, a look into the
    past) waits. Whoever wants to see exactly what was known at a time reads the history up to then.
    """
    read = {frame_id: told for frame_id, past in history.frames.items() if past.facts and (told := readings(past))}
    shoots = _shoots(history.frames.values(), read)
    held, late = _bulk(history, read, shoots)
    silenced = _silenced(history, read)
    settled = (
        _Settled(each, past.shoot, *_state(each, past.shoot, held, silenced, now_s), each.seq in late)
        for frame_id, told in read.items()
        for past in (history.frames[frame_id],)
        for each in told
    )
    return tuple(sorted(_actions(settled), key=lambda action: (action.at_s, action.frame_ids, action.kind, action.id)))


@dataclass(frozen=True, slots=True)
class _Settled:
    """A reading with everything that the rest of the journal says of it."""

    reading: Reading
    shoot: str | None
    standing: State
    state: State
    why: str
    late: bool


def _shoots(frames: Iterable[Past], read: Mapping[int, object]) -> dict[str, list[Past]]:
    """Return the frames of every shoot to which something was done."""
    shoots: defaultdict[str, list[Past]] = defaultdict(list)
    frames = tuple(frames)
    touched = {past.shoot for past in frames if past.frame_id in read}
    for past in frames:
        if past.shoot is not None and past.shoot in touched:
            shoots[past.shoot].append(past)
    return shoots


def _bulk(
    history: History, read: Mapping[int, tuple[Reading, ...]], shoots: Mapping[str, Sequence[Past]]
) -> tuple[dict[int, str], set[int]]:
    """Return what the guards hold and why, and the deletions that came late."""
    folders = Folders.of(history.frames, read)
    staying = Counter(past.folder for past in history.frames.values() if past.folder is not None)
    held: dict[int, str] = {}
    late: set[int] = set()
    for shoot in shoots.values():
        held.update(held_losses(shoot, read, folders))
        held.update(held_choices(shoot, read, staying))
        late.update(_late(shoot, read))
    held.update(_parts_of_sets(shoots.values(), read))
    return held, late


def _late(shoot: Iterable[Past], read: Mapping[int, tuple[Reading, ...]]) -> Iterator[int]:
    frames = tuple(shoot)
    acts = [each for past in frames for each in read.get(past.frame_id, ())]
    first_s = min(past.arrived_s for past in frames)
    quiet_s = fell_quiet([*(past.arrived_s for past in frames), *(max(each.at_s, first_s) for each in acts)])
    for each in acts:
        if each.kind is ActionKind.DELETED and each.at_s > quiet_s + LATE_S:
            yield each.seq


def _parts_of_sets(
    shoots: Iterable[Iterable[Past]], read: Mapping[int, tuple[Reading, ...]]
) -> Iterator[tuple[int, str]]:
    """Yield deletions out of brackets, focus stacks and panoramas of which another frame is left."""
    for shoot in shoots:
        sets: defaultdict[str, list[Past]] = defaultdict(list)
        for past in shoot:
            if past.set_kind and past.burst:
                sets[past.burst].append(past)
        for frames in sets.values():
            lost = [_losses(read.get(past.frame_id, ())) for past in frames]
            if not all(lost):
                words = "It was one of a series that belongs together, and others of the series were kept."
                yield from ((each.seq, words) for some in lost for each in some)


def _losses(told: Iterable[Reading]) -> list[Reading]:
    states = (State.BELIEVED, State.PENDING)
    return [each for each in told if each.kind is ActionKind.DELETED and each.state in states]


def _silenced(history: History, read: Mapping[int, tuple[Reading, ...]]) -> dict[int, str]:
    """Return the facts that the person took out, and how: vetoed (with all that say the same), or rolled back."""
    out: dict[int, str] = {}
    if not history.vetoed and not history.rolled_back:
        return out
    everything = [each for told in read.values() for each in told]
    named = [each for each in everything if each.seq in history.vetoed]
    acts = {(each.act, each.kind, each.value) for each in named if each.act}
    named += [each for each in everything if each.act and (each.act, each.kind, each.value) in acts]
    since: dict[tuple[int, ActionKind, str | int | None], int] = {}
    for each in named:
        key = (each.frame_id, each.kind, each.value)
        since[key] = min(since.get(key, each.seq), each.seq)
    for each in everything:
        if each.seq >= since.get((each.frame_id, each.kind, each.value), each.seq + 1):
            out[each.seq] = "You said that it does not mean what it seemed to."
        elif not history.counts(each.seq):
            out[each.seq] = "You took your taste back to what it was before this."
    return out


def _state(
    each: Reading, shoot: str | None, held: Mapping[int, str], silenced: Mapping[int, str], now_s: float
) -> tuple[State, State, str]:
    """Return the state without a veto, the state, and why."""
    standing, why = each.state, each.why
    if standing in (State.BELIEVED, State.PENDING) and each.seq in held:
        standing, why = State.NO_OPINION, held[each.seq]
    elif standing in (State.BELIEVED, State.PENDING) and shoot is None:
        standing, why = State.NO_OPINION, ALONE
    elif standing is State.BELIEVED and each.noted_s > now_s + DAY_S:
        standing, why = State.PENDING, "It was found later than the time that is looked at."
    if each.seq in silenced:
        return standing, State.VETOED, silenced[each.seq]
    return standing, standing, why


def _actions(settled: Iterable[_Settled]) -> Iterator[Action]:
    """Yield actions; frames that were decided in one act and share its meaning are one."""
    groups: defaultdict[tuple[object, ...], list[_Settled]] = defaultdict(list)
    for each in settled:
        one = each.reading
        alone = one.seq if one.act is None else None
        states = (each.shoot, each.state, each.standing, each.why, each.late)
        groups[alone, one.act, one.kind, one.value, one.stance, *states].append(each)
    for group in groups.values():
        first = min(group, key=lambda each: each.reading.seq)
        one = first.reading
        yield Action(
            id=one.seq,
            kind=one.kind,
            frame_ids=tuple(sorted({each.reading.frame_id for each in group})),
            shoot=first.shoot,
            at_s=max(each.reading.at_s for each in group),
            confidence=min(each.reading.confidence for each in group),
            reason=one.reason,
            state=first.state,
            why_state=first.why,
            value=one.value,
            late=first.late,
            stance=one.stance,
            noted_s=max(each.reading.noted_s for each in group),
            standing=first.standing,
            act=one.act,
        )
