"""Names what the journal tells: one kind of entry for each thing that can happen to a frame or to the taste.

The journal holds facts as they were seen, never what they mean: meaning is read from them anew at every refit
(`domain.actions`), so that a better reading, a veto or a late retraction reaches back to the first day.
Invariant: an entry's payload is JSON; a number of a frame is a frame id, an identity of a content is hexadecimal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an entry tells of. Payload fields are named in the comment beside each kind."""

    # What Safelight did.
    FRAME_ARRIVED = (
        "frame_arrived"  # files; imported: true where it was there before Safelight and only its past counts
    )
    FRAME_CHANGED = "frame_changed"  # path
    FRAME_PARTED = "frame_parted"  # source
    FRAME_IMPORTED = "frame_imported"  # source (on a card), path: it was copied from there, and is the same frame
    # content, judge, stars, score, taste (version, or null), shoot, burst, set, keeper, order (in its shoot)
    FRAME_RATED = "frame_rated"
    FRAME_GROUPED = "frame_grouped"  # shoot, burst, set, keeper, order: its group has changed since
    RATING_PUBLISHED = "rating_published"  # stars: from now on the person may have seen them
    RATING_UNDONE = "rating_undone"
    # What happened to the files. All may carry happened_s (best knowledge of when; else the time of the entry),
    # confidence (0-1) and reason (one sentence for people).
    FRAME_LOST = "frame_lost"  # how (trash, unlinked), paths; ignored: why it is no opinion, absent when it may be one
    LOSS_CONFIRMED = "loss_confirmed"  # of (seq of frame_lost): still gone after the undo window, its volume present
    FRAME_RETURNED = "frame_returned"  # path; of (seq of frame_lost)
    FRAME_MOVED = "frame_moved"  # source, path
    FRAME_DEVELOPED = "frame_developed"  # program, value (digest of the settings)
    FRAME_EXPORTED = "frame_exported"  # path, how (derived_from, looks)
    PERSON_RATED = "person_rated"  # rating (-1..5, null: cleared), program, act (same text: one act on several frames)
    PERSON_FLAGGED = "person_flagged"  # flag (1 picked, -1 rejected, 0 taken back), program, act
    PERSON_LABELLED = "person_labelled"  # label (null: taken back), program
    # What the person said of the learning itself, and what was learned.
    ACTION_VETOED = "action_vetoed"  # action (id)
    TASTE_LEARNED = "taste_learned"  # version, digest, comparisons, gate
    JUDGE_CHANGED = "judge_changed"  # judge: whose looks count from now on, basis (digest) of the taste with it
    TASTE_ROLLED_BACK = "taste_rolled_back"  # to (version), through (seq up to which evidence of then counts)
    EVIDENCE_FORGOTTEN = "evidence_forgotten"  # frames (how many): nothing else is left of them


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `seq` grows with every entry; `at_s` is when it was written, seconds since the epoch."""

    seq: int
    at_s: float
    kind: str
    frame_id: int | None
    payload: Mapping[str, object]
