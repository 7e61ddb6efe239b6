"""Compares one folder tree with the catalog: what is missing, what is new or was written again.

Goes through the tree folder by folder, one query a folder, so that a library of any size is never in memory at once.
Nothing is concluded here and nothing is written.
Invariant: a file counts as missing only if its folder could be listed, or is not there at all, and a fresh look agrees.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import FoundFile
from safelight.domain.framing import Draft, drafts
from safelight.domain.records import KnownFile
from safelight.domain.stability import long_settled
from safelight.ports import Clock, NotLooked, Placeholders, Scanner, Store
from safelight.services.reconciling.presence import Present

Seen = Callable[[Sequence[FoundFile], dict[Path, KnownFile]], None]


@dataclass(slots=True)
class Folder:
    """One folder with files that are new or were written again."""

    files: tuple[FoundFile, ...]
    drafts: list[Draft]
    known: dict[Path, KnownFile]
    young: list[Draft] = field(default_factory=list)  # written just now: believed only if moved here

    def displaced_sizes(self) -> set[int]:
        """Return the sizes, in bytes, of what was known in places that another file has taken."""
        taken = (self.known[file.path] for draft in self.drafts for file in draft.files if file.path in self.known)
        return {file.stamp.size for file in taken}


@dataclass(slots=True)
class Survey:
    """What is not as the catalog has it below one folder."""

    files: int = 0  # image files and sidecars found
    folders: set[Path] = field(default_factory=set)  # that could be listed
    missing: list[KnownFile] = field(default_factory=list)
    fresh: dict[Path, Folder] = field(default_factory=dict)
    hollow: set[int] = field(default_factory=set)  # frames with a file of which only the name is here
    not_looked: list[NotLooked] = field(default_factory=list)


class Surveyor:
    """Looks at folder trees. `seen` is called with every folder's files and what is known there."""

    def __init__(self, *, store: Store, scanner: Scanner, placeholders: Placeholders, clock: Clock) -> None:
        self._store = store
        self._scanner = scanner
        self._placeholders = placeholders
        self._clock = clock

    def look(self, root: Present, seen: Seen | None = None, *, only: Collection[Path] | None = None) -> Survey:
        """Compare a tree with the catalog, or of all its folders `only` these.

        Raises FolderError when the tree vanishes meanwhile.
        """
        survey = Survey()
        failed: list[Path] = []
        listings = self._scanner.scan(root.root) if only is None else map(self._scanner.listing, only)
        for listing in listings:
            if listing.failure:
                survey.not_looked.append(NotLooked(listing.path, f"It cannot be listed: {listing.failure}."))
                failed.append(listing.path)
            elif root.may_speak_of(listing.path):
                survey.folders.add(listing.path)
                known = self._compare(listing.path, listing.files, survey)
                if seen is not None:
                    seen(listing.files, known)
        for folder in self._store.catalog.folders(root.root) if only is None else ():
            if folder in survey.folders or not root.may_speak_of(folder):
                continue
            if not any(folder.is_relative_to(each) for each in failed):
                self._miss(self._store.catalog.files_in(folder), survey)
        return survey

    def _compare(self, folder: Path, files: Sequence[FoundFile], survey: Survey) -> dict[Path, KnownFile]:
        before = {file.path: file for file in self._store.catalog.files_in(folder)}
        # By the paths that were found: a lookup by the very same object compares no names.
        known = {file.path: old for file in files if file.is_picture and (old := before.pop(file.path, None))}
        survey.files += len(files)
        strange = {file.path for file in files if _is_strange(file, known)}
        self._miss(list(before.values()), survey)
        for file in files:
            if file.hollow and file.path in known and self._placeholders.is_placeholder(file.path):
                survey.hollow.add(known[file.path].frame_id)
        if strange:
            chosen = [draft for draft in drafts(files) if any(file.path in strange for file in draft.files)]
            settled = [draft for draft in chosen if self._has_settled(draft)]
            young = [draft for draft in chosen if draft not in settled]
            survey.fresh[folder] = Folder(tuple(files), settled, known, young)
        return known

    def _has_settled(self, draft: Draft) -> bool:
        """Tell whether a frame's files can be believed now; else the next run looks at them."""
        now_s = self._clock.now()
        return all(
            long_settled(file.stamp, now_s) and not (file.hollow and self._placeholders.is_placeholder(file.path))
            for file in draft.files
        )

    def _miss(self, files: Sequence[KnownFile], survey: Survey) -> None:
        survey.missing.extend(file for file in files if self._scanner.look(file.path) is None)


def _is_strange(file: FoundFile, known: dict[Path, KnownFile]) -> bool:
    if not file.is_picture:
        return False
    before = known.get(file.path)
    return before is None or before.stamp != file.stamp
