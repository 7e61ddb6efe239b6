"""Measures what a daemon that stays alive holds on to: memory and descriptors.

Memory is PSS, of which only the anonymous part can grow by a leak: the other part are pages of libraries, shared with
whatever else runs, and their share falls and rises with that. So growth is that of the anonymous part, and is told in
shares of the whole.
"""

from dataclasses import dataclass
from pathlib import Path

MOST = 0.05


@dataclass(frozen=True)
class Sample:
    """How a process stands at one moment."""

    pss_kb: int
    anonymous_kb: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Sample":
        """Read what the kernel tells of a process."""
        told: dict[str, int] = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, _, value = line.partition(":")
            told[name] = int(value.split()[0])
        anonymous_kb = told.get("Pss_Anon", told["Anonymous"])
        place = Path(f"/proc/{pid}")
        descriptors = len(list((place / "fd").iterdir()))
        return cls(told["Pss"], anonymous_kb, descriptors, len(list((place / "task").iterdir())))

    def __str__(self) -> str:
        return (
            f"{self.pss_kb / 1024:.1f} MB ({self.anonymous_kb / 1024:.1f} its own),"
            f" {self.descriptors} descriptors, {self.threads} threads"
        )


def grown(warm: Sample, late: Sample) -> list[str]:
    """Return what has grown by more than is allowed since the warm-up."""
    found = []
    if (more := (late.anonymous_kb - warm.anonymous_kb) / warm.pss_kb) > MOST:
        found.append(f"Memory has grown by {more:.1%}: {warm} -> {late}")
    if late.descriptors > warm.descriptors * (1 + MOST):
        found.append(f"Descriptors have grown: {warm} -> {late}")
    return found
