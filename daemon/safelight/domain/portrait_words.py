"""Words for what a taste can believe: what photographers would say of a measure, a way to take a frame, an act.

Invariant: every generic measure that can be weighed, and every kind of act, has words.
"""

from math import atan2, pi

MEASURED = {
    "focus": "sharpness where it matters",
    "motion": "freedom from motion blur",
    "exposure": "a middling exposure",
    "highlights": "highlights that hold",
    "shadows": "shadows that hold",
    "noise": "freedom from noise",
    "contrast": "a full range of tones",
    "finish": "overall technical quality",
    "burst": "being the technically best of a burst",
    "appeal": "what most people find appealing",
}

# In the order of features.CAPTURE without the hour: (when less of it is liked, when more).
CAPTURED = (
    ("wider lenses", "longer lenses"),
    ("wide open apertures", "small apertures"),
    ("low ISO", "high ISO"),
    ("short exposure times", "long exposure times"),
    ("landscape format", "upright format"),
)

KINDS = {
    "rating": "Ratings you gave",
    "export": "Exports",
    "burst_delete": "Frames deleted from bursts",
    "edit": "Edits",
    "select": "Frames moved into a selection",
    "drop_burst": "Whole bursts deleted",
    "late_delete": "Frames deleted long afterwards",
}

# Ways to foretell, by their names in evaluation.Measured.
LINES = {
    "personal": "your taste",
    "generic": "generic score",
    "sharpest": "the sharpest frame",
    "last": "the last frame",
}

# What a judgement looks at, by the names in portrait.Portrait.parts.
PARTS = {
    "technical": "how well it is made",
    "appeal": "what most people find appealing",
    "subject": "what it shows",
    "capture": "how it was taken",
}

_LEANINGS = ((0.05, "not at all"), (0.35, "a little"), (0.65, "about half"), (1.01, "mostly"))


def leaning_words(gate: float) -> str:
    """Return how much the score leans on the person, for a gate 0-1."""
    return next(words for below, words in _LEANINGS if gate < below)


def hour_words(sine: float, cosine: float) -> str:
    """Return the hour of the day around which frames are liked, from the weights of sine and cosine of the day."""
    hour = round(atan2(sine, cosine) / (2 * pi) * 24) % 24
    return f"frames taken around {hour:02d}:00"
