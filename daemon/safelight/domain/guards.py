"""Holds back deletions that were made in bulk: they tell of storage, scripts and our own stars, not of taste.

A single wrong bulk operation would outweigh months of choices, so each guard silences everything that it may concern:
a lost opinion costs little, a false one much. Guards look at what was gone at once, be it taken back or vetoed since,
so that half an undo does not turn the other half into an opinion.
What needs the disk to be seen (a volume that is missing, placeholders, byte-identical copies, a formatted card, one
half of a pair) is told by the journal as `ignored` and never comes here.
Invariant: a guard only ever takes opinions away.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.domain.entries import Kind
from safelight.domain.history import Past, folder_of
from safelight.domain.pauses import SETTLED_S, stretches
from safelight.domain.readings import ActionKind, Reading, State, standing_loss

MOST = 0.9  # of a shoot gone: cleared away, not chosen from
SMALL_SHOOT = 5  # frames; below, nine tenths mean nothing and only a shoot that is gone altogether is held
FAST_COUNT = 20  # a person does not choose twenty frames ...
FAST_PER_S = 5.0  # ... at more than five a second: a script or "select all"
FAST_SHARE = 0.5  # of the shoot
STAMP_S = 1.0  # trash cans tell the time to the second
OWN_STARS = (1, 2, 3)  # deleted was exactly what we had given so many stars or fewer
OWN_STARS_FEWEST = 3  # frames; fewer agree by chance
OWN_STARS_SLACK = 0.1  # one frame in ten may differ: people save one picture from a cull by stars
SITTING_S = 3600.0  # a longer pause parts what was deleted "at once"


@dataclass(frozen=True, slots=True)
class Folders:
    """For each folder: whether a frame still lies there, and when the last one went from it, lost or moved away."""

    living: frozenset[str]
    last_left_s: Mapping[str, float]

    @classmethod
    def of(cls, frames: Mapping[int, Past], read: Mapping[int, tuple[Reading, ...]]) -> "Folders":
        """Look at all frames that are known."""
        living: set[str] = set()
        last: dict[str, float] = {}
        for frame_id, past in frames.items():
            for fact in past.facts:
                if fact.kind == Kind.FRAME_MOVED and (left := folder_of(fact.payload.get("source"))) is not None:
                    last[left] = max(last.get(left, fact.at_s), fact.at_s)
            if past.folder is None:
                continue
            loss = standing_loss(read[frame_id]) if frame_id in read else None
            if loss is None:
                living.add(past.folder)
            else:
                last[past.folder] = max(last.get(past.folder, loss.at_s), loss.at_s)
        return cls(frozenset(living), last)


def held_losses(shoot: Sequence[Past], read: Mapping[int, tuple[Reading, ...]], folders: Folders) -> dict[int, str]:
    """Return why each deletion of a shoot that a guard holds is no opinion, by its entry.

    `shoot`: every frame of it, also those that are gone; `read`: the readings of each frame that has any.
    """
    losses = sorted(_losses(shoot, read), key=lambda each: (each.at_s, each.frame_id))
    standing = [each for each in losses if each.state is not State.RETRACTED]
    if not standing:
        return {}
    gone = {
        past.frame_id: loss
        for past in shoot
        if past.frame_id in read and (loss := standing_loss(read[past.frame_id])) is not None
    }
    held: dict[int, str] = {}
    groups = stretches(standing, SETTLED_S)
    groups += [sitting for sitting in stretches(losses, SITTING_S) if sitting not in groups]
    for group in groups:
        present = [past for past in shoot if _is_present(past, group, gone)]
        for seq, why in _held(group, present, read, folders).items():
            held.setdefault(seq, why)
    return held


def _losses(shoot: Iterable[Past], read: Mapping[int, tuple[Reading, ...]]) -> list[Reading]:
    return [
        each
        for past in shoot
        for each in read.get(past.frame_id, ())
        if each.kind is ActionKind.DELETED and each.state is not State.NO_OPINION
    ]


def _is_present(past: Past, group: Sequence[Reading], gone: Mapping[int, Reading]) -> bool:
    """Tell whether a frame was there when the first of a group was deleted."""
    if past.arrived_s > group[-1].noted_s:
        return False
    loss = gone.get(past.frame_id)
    if loss is None:
        return True
    return loss.at_s >= group[0].at_s and (loss.state is not State.NO_OPINION or loss.at_s > group[-1].at_s)


def _held(
    group: Sequence[Reading], present: Sequence[Past], read: Mapping[int, tuple[Reading, ...]], folders: Folders
) -> dict[int, str]:
    gone = {each.frame_id for each in group}
    there = len(gone.union(past.frame_id for past in present))
    if len(gone) == there:
        return dict.fromkeys(_seqs(group), "Every frame of its shoot went: that is tidying up, not choosing.")
    if there >= SMALL_SHOOT and len(gone) >= MOST * there:
        words = f"{len(gone)} of the {there} frames of its shoot went at once: that is tidying up, not choosing."
        return dict.fromkeys(_seqs(group), words)
    return {
        **_own_stars(group, present, read),
        **_fast(group, there),
        **_folders_removed(group, present, folders),
    }


def _seqs(group: Iterable[Reading]) -> list[int]:
    return [each.seq for each in group]


def _fast(group: Sequence[Reading], there: int) -> dict[int, str]:
    held: dict[int, str] = {}
    for run in stretches([each for each in group if each.timed], STAMP_S):
        took_s = max(run[-1].at_s - run[0].at_s, STAMP_S)
        if len(run) >= FAST_COUNT and len(run) / took_s > FAST_PER_S and len(run) >= FAST_SHARE * there:
            words = f"{len(run)} frames of its shoot went within {took_s:.0f} s: too fast to be chosen one by one."
            held.update(dict.fromkeys(_seqs(run), words))
    return held


def _folders_removed(group: Sequence[Reading], present: Iterable[Past], folders: Folders) -> dict[int, str]:
    """Hold what went with its whole folder."""
    home = {past.frame_id: past.folder for past in present}
    by_folder: defaultdict[str, list[Reading]] = defaultdict(list)
    for each in group:
        if (folder := home.get(each.frame_id)) is not None and folder not in folders.living:
            by_folder[folder].append(each)
    held: dict[int, str] = {}
    for folder, lost in by_folder.items():
        if len(lost) > 1 and folders.last_left_s.get(folder, float("-inf")) <= group[-1].at_s:
            held.update(dict.fromkeys(_seqs(lost), "Its whole folder was removed."))
    return held


def _own_stars(
    group: Sequence[Reading], present: Sequence[Past], read: Mapping[int, tuple[Reading, ...]]
) -> dict[int, str]:
    """Hold deletions of exactly the frames to which we had given few stars; frames without our star do not count."""
    if len(group) < OWN_STARS_FEWEST:
        return {}
    stars = {
        past.frame_id: shown
        for past in present
        if (shown := past.shown_at(group[0].at_s)) is not None
        and (past.frame_id not in read or all(each.kind is not ActionKind.RATED for each in read[past.frame_id]))
    }
    deleted = {each.frame_id for each in group if each.frame_id in stars}
    counts = Counter(stars.values())
    for most in OWN_STARS:
        size = sum(count for star, count in counts.items() if star <= most)
        if size < OWN_STARS_FEWEST or len(deleted) < OWN_STARS_FEWEST:
            continue
        low = {frame_id for frame_id, star in stars.items() if star <= most}
        if len(low ^ deleted) <= OWN_STARS_SLACK * len(low):
            words = f"What went is what we had given {most} or fewer stars: it repeats our opinion."
            return {each.seq: words for each in group if each.frame_id in low}
    return {}
