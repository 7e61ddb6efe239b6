"""One thing that `doctor` looked at, and how bad it is."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"  # works, with something lost
    BAD = "bad"  # does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what it is, how it stands, and what to do."""

    name: str
    level: Level
    told: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """What was found as one sentence, where `told` goes on from the name: of folders."""
        return f"{self.name} {self.told}."
