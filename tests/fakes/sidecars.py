"""Sidecars in memory: what Publish does to them can be looked at, and failures ordered by name."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy, SidecarError
from safelight.ports import SidecarPlan, SidecarWrite, Standing


def note(rating: OurRating) -> bytes:
    """Return what the fake writes."""
    return f"ours {rating.rating} {rating.score:.3f} {rating.reason}".encode()


@dataclass
class FakeSidecars:
    """One sidecar an image, NAME.EXT.xmp. A person's rating is the text "person N"."""

    files: dict[Path, bytes] = field(default_factory=dict)
    fails: dict[str, SidecarError] = field(default_factory=dict)  # by sidecar name, at writing
    writes: int = 0
    flushed: int = 0

    def plan(self, images: Sequence[Path], rating: OurRating) -> SidecarPlan:
        paths = [image.with_name(f"{image.name}.xmp") for image in images]
        texts = [self.files[path].decode() for path in paths if path in self.files]
        if person := next((text for text in texts if text.startswith("person")), None):
            return SidecarPlan(Standing(Opinion.PERSON, int(person.split()[1])), ())
        after = note(rating)
        changed = [path for path in paths if self.files.get(path) != after]
        writes = tuple(SidecarWrite(path, self.files.get(path), after, self._digest(after)) for path in changed)
        return SidecarPlan(Standing(Opinion.OURS if texts else Opinion.NONE), writes)

    def write(self, write: SidecarWrite, image: Path) -> FileStamp:
        if write.path.name in self.fails:
            raise self.fails[write.path.name]
        if self.files.get(write.path) != write.before:
            raise SidecarBusy("It is not what it was.", path=write.path)
        self.files[write.path] = write.after
        self.writes += 1
        return self._stamp(write.after)

    def flush(self) -> None:
        self.flushed += 1

    def holds(self, path: Path, digest: bytes) -> FileStamp | None:
        data = self.files.get(path)
        return self._stamp(data) if data is not None and self._digest(data) == digest else None

    def restore(self, path: Path, *, before: bytes | None, digest: bytes) -> bool:
        if self.holds(path, digest) is None:
            return False
        if before is None:
            del self.files[path]
        else:
            self.files[path] = before
        return True

    def stamps(self) -> dict[Path, FileStamp]:
        """Return what a scan would find."""
        return {path: self._stamp(data) for path, data in self.files.items()}

    def _digest(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()[:16]

    def _stamp(self, data: bytes) -> FileStamp:
        return FileStamp(len(data), int.from_bytes(self._digest(data)[:4], "big"), 1, 1)
