"""A trash can, a mount table and the rest of the disk in memory, for services that ask where a file went."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.ports import Trashed, VolumeIdentity

CAN = Path("/home/someone/.local/share/Trash/files")
HOME_VOLUME = VolumeIdentity(Path("/"), device=1, file_system=11, kind="ext4")


@dataclass
class FakeTrash:
    """One can. `put` throws away, `restore` and `empty` do what their names say; `looks` counts the questions."""

    trashed: dict[Path, Trashed] = field(default_factory=dict)
    looks: int = 0

    def put(self, original: Path, deleted_s: float | None = None) -> Trashed:
        found = Trashed(original, CAN / original.name, deleted_s)
        self.trashed[original] = found
        return found

    def restore(self, original: Path) -> None:
        del self.trashed[original]

    def empty(self) -> None:
        self.trashed.clear()

    def files(self) -> Mapping[Path, Trashed]:
        self.looks += 1
        return dict(self.trashed)


@dataclass
class FakeElsewhere:
    """Files in places that no program told us of."""

    places: dict[Path, FileStamp] = field(default_factory=dict)
    looks: int = 0

    def find(self, wanted: Mapping[Path, FileStamp], *, known: Collection[Path]) -> Mapping[Path, tuple[Path, ...]]:
        self.looks += 1
        found: dict[Path, tuple[Path, ...]] = {}
        for path, stamp in wanted.items():
            same = [
                place
                for place, other in sorted(self.places.items())
                if (place.name, other.size) == (path.name, stamp.size)
                and not any(place.is_relative_to(folder) for folder in known)
            ]
            if same:
                found[path] = tuple(same)
        return found


@dataclass
class FakeMounts:
    """Volumes by their mount points; everything else lies on the home volume."""

    mounted: dict[Path, VolumeIdentity] = field(default_factory=lambda: {Path("/"): HOME_VOLUME})

    def mount(self, place: Path, *, device: int, file_system: int = 0, kind: str = "vfat") -> VolumeIdentity:
        self.mounted[place] = VolumeIdentity(place, device, file_system, kind)
        return self.mounted[place]

    def unmount(self, place: Path) -> None:
        del self.mounted[place]

    def identity(self, path: Path) -> VolumeIdentity | None:
        return next((self.mounted[place] for place in (path, *path.parents) if place in self.mounted), None)
