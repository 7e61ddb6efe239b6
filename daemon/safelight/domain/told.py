"""Tells which traces of a person's decisions are new, and which of them were one act.

Programs repeat each other: what one wrote another reads, and saves again under its own name. So a rating, a flag or a
label is new only if no trace of its kind said the same before, in the same program or in the same file.
Invariant: comparing a reading with itself gives nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

# darktable rates a whole group at one key press and then writes its sidecars one after the other. Other programs rate
# what is selected: many frames were meant. A person's next key press takes longer than the next file of a group.
GROUPING = ("darktable",)
ONE_ACT_S = 0.3


class Told(Protocol):
    """What one trace tells; `ports.Trace` is one."""

    @property
    def program(self) -> str: ...  # noqa: D102  # explained where it is defined

    @property
    def kind(self) -> str: ...  # noqa: D102  # explained where it is defined

    @property
    def value(self) -> str: ...  # noqa: D102  # explained where it is defined

    @property
    def path(self) -> Path: ...  # noqa: D102  # explained where it is defined

    @property
    def changed_s(self) -> float: ...  # noqa: D102  # explained where it is defined


One = TypeVar("One", bound=Told)
Key = TypeVar("Key")


def new(before: Sequence[Told], now: Sequence[One]) -> tuple[One, ...]:
    """Return the traces that say what was not said before, one for each kind and value."""
    fresh: dict[tuple[str, str], One] = {}
    for trace in now:
        said = (
            old.kind == trace.kind
            and old.value == trace.value
            and (old.program == trace.program or old.path == trace.path)
            for old in before
        )
        if not any(said):
            fresh.setdefault((trace.kind, trace.value), trace)
    return tuple(fresh.values())


def ended(before: Sequence[One], now: Sequence[Told], *, is_there: Callable[[Path], bool]) -> tuple[One, ...]:
    """Return the traces that were taken back: their file is there and says nothing of their kind any more."""
    standing = {trace.kind for trace in now}
    gone: dict[str, One] = {}
    for old in before:
        if old.kind not in standing and is_there(old.path):
            gone.setdefault(old.kind, old)
    return tuple(gone.values())


def acts(traces: Iterable[tuple[Key, Told]]) -> Mapping[tuple[Key, str, str], str]:
    """Name the acts on several frames among the traces (each with its frame) of one folder.

    One act: the same kind and value by a program that rates groups, in files written within `ONE_ACT_S` of each other.
    Returns its name by frame, kind and value; a trace that stands alone has none.
    """
    alike: dict[tuple[str, str, str], list[tuple[float, Key]]] = {}
    for key, trace in traces:
        if trace.program not in GROUPING:
            continue
        alike.setdefault((trace.program, trace.kind, trace.value), []).append((trace.changed_s, key))
    named: dict[tuple[Key, str, str], str] = {}
    for (program, kind, value), members in alike.items():
        for run in _runs(sorted(members, key=lambda member: member[0])):
            if len({key for _, key in run}) > 1:
                name = f"{program} {kind} {value} at {run[0][0]:.3f}"
                named.update({(key, kind, value): name for _, key in run})
    return named


def standing_reason(given: int | None) -> str:
    """Return the sentence for a frame that keeps its person's rating or choice."""
    if not given:
        return "Your own choice stands: a flag, or a rating that was cleared."
    return f"Your own rating stands: {stars_in_words(given)}."


def stars_in_words(rating: int) -> str:
    """Return "rejected", "1 star", "4 stars"."""
    if rating < 0:
        return "rejected"
    return "1 star" if rating == 1 else f"{rating} stars"


def _runs(members: Sequence[tuple[float, Key]]) -> list[list[tuple[float, Key]]]:
    runs: list[list[tuple[float, Key]]] = []
    for member in members:
        if runs and member[0] - runs[-1][-1][0] <= ONE_ACT_S:
            runs[-1].append(member)
        else:
            runs.append([member])
    return runs
