"""The sidecars beside images, as services see them: whose rating stands, what to write, taking it back.

Holds the listing of one folder at a time, because frames come folder by folder and listing ten thousand names for each
of ten thousand frames would cost more than everything else.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarError
from safelight.ports import Clock, SidecarPlan, SidecarWrite, Standing
from safelight.sidecars import writer
from safelight.sidecars.facts import decide
from safelight.sidecars.files import load, opened_folder, told
from safelight.sidecars.naming import Profile, targets

# A temporary file of a killed run is removed once no living run can still be about to rename it.
LEFTOVER_S = 600.0


class SidecarsBeside:
    """The Sidecars port over real files, named by one profile."""

    def __init__(self, *, profile: Profile, clock: Clock) -> None:
        self._profile = profile
        self._clock = clock
        self._folder: Path | None = None
        self._names: set[str] = set()
        self._written_in: set[Path] = set()

    def plan(self, images: Sequence[Path], rating: OurRating) -> SidecarPlan:
        """Say whose rating stands beside a frame's images and what has to be written for ours.

        Raises SidecarError when a sidecar cannot be read or edited.
        """
        try:
            paths = targets(images, self._profile, self._listing(images[0].parent))
            loaded = [load(path) for path in paths]
            made = writer.plan(loaded, rating)
        except SidecarError:
            self._folder = None  # what we think is there may be out of date
            raise
        persons = [facts.rating for facts in made.facts if decide(facts) is Opinion.PERSON]
        given = next((rating for rating in persons if rating is not None), None)
        writes = tuple(
            SidecarWrite(write.path, write.before, write.after, writer.digest(write.after)) for write in made.writes
        )
        found = {each.path: each.stamp for each in loaded if each.stamp is not None}
        return SidecarPlan(Standing(made.opinion, given), writes, found)

    def write(self, write: SidecarWrite, image: Path) -> FileStamp:
        """Write one sidecar whole or not at all; `image` lends a new one its owner and permissions."""
        try:
            written = writer.apply(writer.Write(write.path, write.before, write.after), image=image)
        except SidecarError:
            self._folder = None
            raise
        self._written_in.add(write.path.parent)
        if write.path.parent == self._folder:
            self._names.add(write.path.name)
        return written.stamp

    def flush(self) -> None:
        """Make the names of everything written so far durable. Raises SidecarUnwritable when a folder is gone."""
        while self._written_in:
            writer.flush(self._written_in.pop())

    def holds(self, path: Path, digest: bytes) -> FileStamp | None:
        """Return the stamp of a file that holds exactly our bytes, None when it does not."""
        try:
            loaded = load(path)
        except SidecarError:
            return None
        if loaded.data is None or writer.digest(loaded.data) != digest:
            return None
        return loaded.stamp

    def restore(self, path: Path, *, before: bytes | None, digest: bytes) -> bool:
        """Put back what was there before, if the file still holds our bytes; tell whether it did."""
        self._folder = None
        done = writer.undo(path, before, digest)
        if done:
            self._written_in.add(path.parent)
        return done

    def _listing(self, folder: Path) -> set[str]:
        if folder != self._folder:
            with told(folder, "listed"), opened_folder(folder) as opened:
                self._names = set(os.listdir(opened))
            self._folder = folder
            if any(name.startswith(writer.TEMPORARY_PREFIX) for name in self._names):
                writer.sweep(folder, older_than_s=LEFTOVER_S, now_s=self._clock.now())
        return self._names
