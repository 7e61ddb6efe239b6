"""Traces in memory: what people left beside their frames, put there by a line of a test."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.ports import Trace, TraceKind, TraceReading

# As the real reader gives them.
CONFIDENCE = {
    ("darktable", TraceKind.DEVELOP): 0.9,
    ("rawtherapee", TraceKind.DEVELOP): 0.7,
    ("dxo", TraceKind.DEVELOP): 0.6,
    ("capture one", TraceKind.DEVELOP): 0.6,
    ("camera raw", TraceKind.DEVELOP): 0.3,
}


@dataclass
class FakeTraces:
    """Traces by image file. Every `leave` writes a companion anew: its stamp changes."""

    left: dict[Path, dict[tuple[Path, TraceKind], Trace]] = field(default_factory=dict)
    stamps: dict[Path, FileStamp] = field(default_factory=dict)
    busy: set[Path] = field(default_factory=set)  # images whose companion is half-written just now
    damaged: set[Path] = field(default_factory=set)  # companions that cannot be read
    reads: int = 0
    _writes: int = 0

    def leave(
        self,
        image: Path,
        kind: TraceKind,
        value: str,
        *,
        program: str = "darktable",
        confidence: float | None = None,
        companion: Path | None = None,
        changed_s: float = 0.0,
    ) -> Trace:
        """Let a person do something to `image` in a program; the same kind in the same companion is replaced."""
        path = companion or image.with_name(image.name + ".xmp")
        sure = CONFIDENCE.get((program, kind), 0.95) if confidence is None else confidence
        trace = Trace(program, kind, value, sure, path, changed_s)
        self.left.setdefault(image, {})[path, kind] = trace
        self._touch(path, changed_s)
        return trace

    def take_back(self, image: Path, kind: TraceKind) -> None:
        """Let a person undo it; the companion stays."""
        for path, of in [key for key in self.left.get(image, {}) if key[1] is kind]:
            del self.left[image][path, of]
            self._touch(path, 0.0)

    def damage(self, companion: Path) -> None:
        """Let a companion be there and say nothing that can be read."""
        self.damaged.add(companion)
        self._touch(companion, 0.0)

    def read(self, images: Sequence[Path], companions: Collection[Path]) -> TraceReading:
        self.reads += 1
        looked = {path: self.stamps[path] for path in companions if path in self.stamps}
        if any(image in self.busy for image in images):
            return TraceReading((), looked, busy=True)
        left = [trace for image in images for trace in self.left.get(image, {}).values()]
        looked.update({trace.path: self.stamps[trace.path] for trace in left})
        found = tuple(trace for trace in left if trace.path not in self.damaged)
        return TraceReading(found, looked, unread=frozenset(self.damaged.intersection(looked)))

    def _touch(self, path: Path, changed_s: float) -> None:
        self._writes += 1
        self.stamps[path] = FileStamp(100, int(changed_s * 1e9) + self._writes, self._writes, 1)


@dataclass
class FakePlaceholders:
    """The files that are named here are placeholders."""

    paths: set[Path] = field(default_factory=set)

    def is_placeholder(self, path: Path) -> bool:
        return path in self.paths
