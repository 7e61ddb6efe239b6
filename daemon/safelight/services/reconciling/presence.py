"""Decides whether a folder is there to be looked at: its disk connected, and the same disk as before.

An unmounted disk looks like a folder from which everything was deleted, and another disk under the same mount point
looks like the work of a madman. So what each folder lay on is remembered in the state folder; whatever lies on
something else now is absent, until files that are known are seen there again.
Invariant: of a folder that is not present nothing is concluded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safelight.domain.records import KnownFile
from safelight.errors import FolderError, OutOfReach
from safelight.ports import Identifier, Mounts, Scanner, Store, VolumeIdentity, Volumes

_PROBES = 16  # known files that are looked for on a disk of another identity; at least half must be there


@dataclass(frozen=True, slots=True)
class Present:
    """A folder that is there, and the folders below it that lie on volumes which are not."""

    root: Path
    volume: VolumeIdentity
    card: bool
    closed: tuple[Path, ...] = ()

    def may_speak_of(self, folder: Path) -> bool:
        """Tell whether something can be concluded from what is missing in a folder below this one."""
        return not any(folder.is_relative_to(closed) for closed in self.closed)


class Presence:
    """Knows which volume each folder lay on."""

    def __init__(
        self, *, store: Store, scanner: Scanner, identifier: Identifier, mounts: Mounts, volumes: Volumes
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._identifier = identifier
        self._mounts = mounts
        self._volumes = volumes

    def of(self, root: Path) -> Present | None:
        """Return a folder that is there, None when it or its volume is not."""
        try:
            self._scanner.root(root)
        except FolderError:
            return None
        volume, known = self._mounts.identity(root), self._store.sightings.volumes()
        if volume is None or any(not self._is_same(outer, known[outer][0]) for outer in root.parents if outer in known):
            return None
        before = known.get(root)
        if before is not None and not self._goes_on(root, before[0], volume):
            return None
        card = self._volumes.card_root(root) is not None or (before is not None and before[1])
        if before != (volume, card):
            with self._store.transaction():
                self._store.sightings.put_volume(root, volume, card=card)
        below = {folder: before for folder, (before, _) in known.items() if root in folder.parents}
        closed = [folder for folder, before in below.items() if not self._is_same(folder, before)]
        return Present(root, volume, card, tuple(each for each in closed if not self._is_covered(each, below[each])))

    def take_over(self, root: Path) -> None:
        """Let a folder lie on the volume that is there now: its person rates what is there.

        What was known on another volume in that place is set aside until it is seen again: gone, and not a word about
        it. Else the new pictures would pass for the old volume's, and what that one holds for deleted. A disk further
        below that is merely not mounted stays absent: nobody rates an empty mount point.
        """
        known = self._store.sightings.volumes()
        related = [each for each in known if each == root or root in each.parents or each in root.parents]
        changed = [each for each in related if not self._is_same(each, known[each][0])]
        for folder in changed:
            volume = self._mounts.identity(folder)
            if volume is None:
                continue
            unmounted = root in folder.parents and volume.mount != known[folder][0].mount
            if not unmounted or has_pictures(folder, scanner=self._scanner):
                self._lie(folder, volume)

    def settle_on(self, folders: Collection[Path]) -> None:
        """Let folders in which new pictures have arrived lie on what is mounted there now.

        A disk that is plugged in below a watched folder, or pictures in a mount point whose disk is away: else the next
        look would take the mounting of a disk, or its absence, for the deletion of what it covers or holds.
        """
        known = self._store.sightings.volumes()
        for folder in sorted(folders):
            volume = self._mounts.identity(folder)
            nearest = next((each for each in (folder, *folder.parents) if each in known), None)
            if volume is None or nearest is None or known[nearest][0].mount == volume.mount:
                continue
            place = volume.mount if volume.mount.is_relative_to(nearest) else nearest
            self._lie(place, volume)
            known = self._store.sightings.volumes()

    def note(self, root: Present, folders: Collection[Path]) -> None:
        """Remember the volumes that are mounted below a folder, by what was found there."""
        known = set(self._store.sightings.volumes())
        for folder in sorted(folders):
            volume = self._mounts.identity(folder)
            if volume is None or volume.mount == root.volume.mount or volume.mount in known:
                continue
            known.add(volume.mount)
            self._lie(volume.mount, volume)  # what it covers is hidden and not deleted

    def _is_covered(self, folder: Path, before: VolumeIdentity) -> bool:
        """Tell whether a disk is mounted now in a folder that lay on the volume around it, and note that it is."""
        now = self._mounts.identity(folder)
        if now is None or now.mount != folder or before.mount == folder:
            return False
        self._lie(folder, now)
        return True

    def _lie(self, folder: Path, volume: VolumeIdentity) -> None:
        """Let a folder lie on a volume, and set aside what was known there on another one."""
        away = [
            file.path
            for each in self._store.catalog.folders(folder)
            for file in self._store.catalog.files_in(each)
            if not self._holds(file)
        ]
        with self._store.transaction():
            self._store.catalog.mark_gone(away)
            for loss in self._store.sightings.losses():
                if folder in loss.path.parents:  # nobody can see any more whether it was taken back
                    self._store.sightings.put_loss(replace(loss, final=True))
            card = self._volumes.card_root(folder) is not None
            self._store.sightings.put_volume(folder, volume, card=card)

    def _is_same(self, folder: Path, before: VolumeIdentity) -> bool:
        now = self._mounts.identity(folder)
        return now is not None and before.mount == now.mount and self._goes_on(folder, before, now)

    def _goes_on(self, folder: Path, before: VolumeIdentity, now: VolumeIdentity) -> bool:
        """Tell whether a folder lies on the volume of before, by its files where the volume cannot tell.

        They are looked for below the folder, with the content that is known: at least half of the sample on a volume
        that says it is another, any at all on one that would say the same of every disk in its place.
        """
        alike = same(before, now)
        if alike and is_named(now):
            return True
        known = self._sample(folder)
        seen = sum(self._holds(file) for file in known)
        if alike and not known:
            return True
        return seen > 0 and (alike or 2 * seen >= len(known))

    def _sample(self, folder: Path) -> Sequence[KnownFile]:
        folders = sorted(self._store.catalog.folders(folder))
        step = max(1, len(folders) // _PROBES)
        per_folder = max(1, _PROBES // max(1, len(folders)))
        chosen: list[KnownFile] = []
        for each in folders[::step]:
            files = self._store.catalog.files_in(each)
            chosen.extend(files[:: max(1, len(files) // per_folder)][:per_folder])
        return chosen[:_PROBES]

    def _holds(self, file: KnownFile) -> bool:
        stamp = self._scanner.look(file.path)
        if stamp is None or stamp.size != file.stamp.size:
            return False
        try:
            return self._identifier.content(file.path) == file.content
        except OutOfReach:
            return False


def has_pictures(folder: Path, *, scanner: Scanner) -> bool:
    """Tell whether a picture lies in a folder or below it; False when it is not there."""
    try:
        return any(file.is_picture for listing in scanner.scan(folder) for file in listing.files)
    except FolderError:
        return False


def same(before: VolumeIdentity, now: VolumeIdentity) -> bool:
    """Tell whether two looks at a mount point saw the same volume.

    The number of a device is given anew at every start of the machine, and to the next disk that is plugged in. So it
    counts only where the file system has no identity of its own.
    """
    if (before.mount, before.kind) != (now.mount, now.kind):
        return False
    if before.file_system or now.file_system:
        return before.file_system == now.file_system
    return before.device == now.device


def is_named(volume: VolumeIdentity) -> bool:
    """Tell whether a file system has an identity of its own.

    FAT, exFAT, NTFS and XFS make it from the number of their device, many FUSE file systems say 0: the next stick in
    the same socket says the same.
    """
    return volume.file_system not in {0, volume.device}
