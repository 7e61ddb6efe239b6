"""Says whose a rating is, and what we write of ours."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Opinion(StrEnum):
    """Whose rating it is."""

    NONE = "none"
    OURS = "ours"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class OurRating:
    """What we write: stars 1-5, the score they come from, one short sentence why, and who wrote it."""

    rating: int
    score: float
    reason: str
    version: str

    def __post_init__(self) -> None:
        """Raise ValueError for what is never written: stars outside 1-5 or a score that is not finite."""
        if not 1 <= self.rating <= 5:
            raise ValueError(f"a rating is 1-5, not {self.rating}")
        if not math.isfinite(self.score):
            raise ValueError("a score is finite")
