"""Says what a run tells of how far it has come; the command line shows it."""

from typing import Protocol


class Progress(Protocol):
    """Shows how far a run has come."""

    def begin(self, what: str, total: int) -> None:
        """Start a part of the run with `total` frames."""
        ...

    def advance(self, frames: int) -> None:
        """Tell that `frames` more are done."""
        ...
