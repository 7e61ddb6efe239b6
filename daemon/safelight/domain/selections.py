"""Tells choosing a few frames from doing something to most of a shoot.

A few frames moved into a folder are selects; a whole folder moved is filing. An edit or an export of nearly everything
is a preset or a delivery: to hold it against what was deleted would say "what is left is liked", which ruins a ranking.
Invariant: what is held here depends on which frames were acted on, not on the order in which they were.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from safelight.domain.history import Past
from safelight.domain.pauses import QUIET_S, stretches
from safelight.domain.readings import ActionKind, Reading, State, standing_loss

FEW = 1 / 3  # of the frames that were there: at most so many are a selection
MOST = 1 / 2  # more than this: the shoot was filed elsewhere
NEARLY_ALL = 2 / 3  # edited or exported in one way: a preset, a delivery
SMALL_SHOOT = 5  # frames; below, a share says nothing
OWN_STARS_FEWEST = 3  # frames; a smaller selection agrees with our stars by chance

# Names of folders (or the beginning of a name) in which nobody puts selects.
NO_SELECTS = (
    "archiv", "backup", "bak", "old", "reject", "trash", "delete", "deleted", "to delete", "bin", "bad", "discard",
    "unused", "rest", "papierkorb", "ausschuss", "aussortiert", "alt", "corbeille", "papelera", "cestino",
)  # fmt: skip

_Read = Mapping[int, tuple[Reading, ...]]


def held_choices(shoot: Sequence[Past], read: _Read, staying: Counter[str]) -> dict[int, str]:
    """Return why each move, edit, export or return of a shoot that is no choice says nothing, by its entry.

    `staying`: how many frames, of any shoot and be they gone by now, were never moved out of each folder.
    """
    chosen = [each for past in shoot for each in read.get(past.frame_id, ()) if each.state is State.BELIEVED]
    if not chosen:
        return {}
    lost_s = {past.frame_id: loss.at_s for past in shoot if (loss := standing_loss(read.get(past.frame_id, ())))}
    held = dict(_moves([each for each in chosen if each.kind is ActionKind.MOVED], shoot, lost_s, staying))
    for kind in (ActionKind.EDITED, ActionKind.EXPORTED):
        held.update(_nearly_all([each for each in chosen if each.kind is kind], shoot, lost_s))
    held.update(_returns([each for each in chosen if each.kind is ActionKind.RETURNED], shoot, lost_s))
    picked = [each for each in chosen if each.kind in (ActionKind.MOVED, ActionKind.EXPORTED)]
    for kind in (ActionKind.MOVED, ActionKind.EXPORTED):
        held.update(_own_stars([each for each in picked if each.kind is kind and each.seq not in held], shoot))
    return held


def _there(shoot: Iterable[Past], lost_s: Mapping[int, float], batch: Sequence[Reading]) -> int:
    """Return how many frames were there when the first of a batch was acted on."""
    first_s, noted_s = min(each.at_s for each in batch), max(each.noted_s for each in batch)
    frames = {
        past.frame_id
        for past in shoot
        if past.arrived_s <= noted_s and lost_s.get(past.frame_id, float("inf")) >= first_s
    }
    return len(frames.union(each.frame_id for each in batch))


def _frames(batch: Iterable[Reading]) -> set[int]:
    return {each.frame_id for each in batch}


def _moves(
    moves: Sequence[Reading], shoot: Sequence[Past], lost_s: Mapping[int, float], staying: Counter[str]
) -> Iterator[tuple[int, str]]:
    batches: defaultdict[tuple[str, str], list[Reading]] = defaultdict(list)
    for each in moves:
        batches[each.origin or "", str(each.value)].append(each)
    few: list[Reading] = []
    for (source, target), batch in batches.items():
        share = len(_frames(batch)) / _there(shoot, lost_s, batch)
        why = _why_no_selection(target, share, whole=len(_frames(batch)) > 1 and not staying[source])
        if why:
            yield from ((each.seq, why) for each in batch)
        else:
            few.extend(batch)
    few.sort(key=lambda each: (each.at_s, each.frame_id))
    for sitting in stretches(few, QUIET_S):
        several = len({each.value for each in sitting}) > 1
        if several and len(_frames(sitting)) > MOST * _there(shoot, lost_s, sitting):
            yield from ((each.seq, "The shoot was sorted into several folders.") for each in sitting)


def _why_no_selection(target: str, share: float, *, whole: bool) -> str | None:
    name = target.rpartition("/")[2].strip().lower()
    if any(name == word or (name.startswith(word) and len(word) > 5) for word in NO_SELECTS):
        return "By its name, the folder is none for selected pictures."
    if whole or share > MOST:
        return "Its folder or most of its shoot was moved along: that is filing."
    return "It was moved with too many others to be a selection." if share > FEW else None


def _nearly_all(
    acts: Sequence[Reading], shoot: Sequence[Past], lost_s: Mapping[int, float]
) -> Iterator[tuple[int, str]]:
    if not acts:
        return
    there = _there(shoot, lost_s, acts)
    if there >= SMALL_SHOOT and len(_frames(acts)) > NEARLY_ALL * there:
        yield from ((each.seq, "Nearly all of its shoot was treated like it.") for each in acts)


def _returns(
    returned: Sequence[Reading], shoot: Sequence[Past], lost_s: Mapping[int, float]
) -> Iterator[tuple[int, str]]:
    if returned and len(_frames(returned)) > max(1.0, FEW * _there(shoot, lost_s, returned)):
        yield from ((each.seq, "It came back with many others: a mistake was put right.") for each in returned)


def _own_stars(batch: Sequence[Reading], shoot: Sequence[Past]) -> dict[int, str]:
    """Hold a selection of exactly the frames to which we had given many stars."""
    if len(batch) < OWN_STARS_FEWEST:
        return {}
    first_s = min(each.at_s for each in batch)
    stars = {past.frame_id: shown for past in shoot if (shown := past.shown_at(first_s)) is not None}
    picked = _frames(batch)
    for least in (5, 4, 3):
        if picked == {frame_id for frame_id, star in stars.items() if star >= least} and len(picked) < len(stars):
            words = f"What was chosen is what we had given {least} or more stars: it repeats our opinion."
            return {each.seq: words for each in batch}
    return {}
