"""Knows which bundles there are: described by this version of Safelight, installed in the person's folder, or both.

Looking at the shelf reads descriptions, receipts and the sizes of files, and no model. What is found damaged or
unfinished is said and left alone: only fetching, using and removing change anything.
Invariant: a folder whose name is no plain one (it may begin with a dot) is no bundle, and what is INSTALLED has every
file in its right size.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safelight.app.settings import EMBEDDED
from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, FetchedManifest, read_fetched
from safelight.inference.installed import MANIFEST, Installed, read_installed, spoiled
from safelight.inference.manifest import MAX_MANIFEST_BYTES
from safelight.models import shipped

FETCHING = ".fetching"  # bundles are put together here; on the same disk, so that one rename installs them
OLD = ".old"  # after the name: what stood in the place of a new bundle
GONE = ".gone"  # after the name: what is being removed
MANIFESTS = shipped.FOLDER / "manifests"
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as manifest.Name: what a person types must not lead elsewhere


class State(StrEnum):
    """How a bundle stands."""

    EMBEDDED = "embedded"
    INSTALLED = "installed"
    DAMAGED = "damaged"
    UNFINISHED = "unfinished"
    MISSING = "not installed"


@dataclass(frozen=True, slots=True)
class Description:
    """A manifest with its bytes, which are installed as they are."""

    manifest: FetchedManifest
    content: bytes


@dataclass(frozen=True, slots=True)
class Shelved:
    """One line of the list. `size_bytes`: on the disk where it is there, else of what would be fetched here."""

    name: str
    state: State
    kind: str
    summary: str
    licence: str
    size_bytes: int
    unconfirmed: tuple[str, ...] = ()  # files whose sum nobody confirmed, by path
    trouble: str = ""
    described: bool = True  # by this version of Safelight; else it can only be had from a folder

    @property
    def fetching(self) -> str:
        """Return the command that fetches it."""
        return f"safelight models fetch {self.name}" + ("" if self.described else " --from FOLDER")


class Shelf:
    """The bundles in one folder, and the descriptions in another."""

    def __init__(self, bundles: Path, *, manifests: Path = MANIFESTS) -> None:
        self.bundles = bundles
        self._manifests = manifests

    def descriptions(self) -> Mapping[str, Description]:
        """Return what this version describes, by name, in the order of the names."""
        found = (_described(file) for file in sorted(self._manifests.glob("*.toml")))
        return {each.manifest.name: each for each in found if each is not None}

    def folder(self, name: str) -> Path:
        """Return where a bundle is installed."""
        return self.bundles / name

    def staged(self, name: str) -> Path:
        """Return where a bundle is put together."""
        return self.bundles / FETCHING / name

    def installed(self, name: str) -> Installed | None:
        """Return an installed bundle, None when there is none. Raises BundleError when it is damaged."""
        folder = self.folder(name)
        if not _PLAIN.fullmatch(name) or not folder.is_dir():
            return None
        there = read_installed(folder)
        if there.name != name:
            raise spoiled(name, f"its description is that of {there.name}")
        return there

    def content(self, name: str) -> bytes:
        """Return the bytes of the manifest that a bundle was installed with; nothing where it cannot be read."""
        return _read(self.folder(name) / MANIFEST) or b""

    def size(self, name: str) -> int:
        """Return how many bytes an installed bundle takes, with what was computed of it, damaged or not."""
        return room_of(self.folder(name))

    def names(self) -> tuple[str, ...]:
        """Return the names of all that is described, installed or begun, without the embedded one."""
        begun = [each.name for each in _folders(self.bundles / FETCHING) if not each.name.endswith((OLD, GONE))]
        there = [each.name for each in _folders(self.bundles)]
        return tuple(sorted(name for name in {*self.descriptions(), *begun, *there} if _PLAIN.fullmatch(name)))

    def remains(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each bundle of which something lies around, with the bytes of it: begun, or not removed."""
        for folder in _folders(self.bundles / FETCHING):
            yield folder.name.removesuffix(OLD).removesuffix(GONE), room_of(folder)

    def listed(self) -> Iterator[Shelved]:
        """Yield a line for each bundle but the embedded one."""
        descriptions = self.descriptions()
        for name in self.names():
            yield self._line(name, descriptions.get(name))

    def _line(self, name: str, described: Description | None) -> Shelved:
        trouble, installed = "", None
        try:
            installed = self.installed(name)
        except BundleError as error:
            trouble = error.summary
        if installed is not None:
            unsure = tuple(each.path for each in installed.received.values() if not each.confirmed)
            size = sum(each.size_bytes for each in installed.received.values())
            manifest, state = installed.manifest, State.INSTALLED
            return Shelved(name, state, manifest.kind, manifest.summary, manifest.source.licence, size, unsure, trouble)
        begun = State.UNFINISHED if self.staged(name).is_dir() else State.MISSING
        state = State.DAMAGED if trouble else begun
        if described is None:
            told = "Not described by this version of Safelight."
            return Shelved(name, state, "", told, "", 0, trouble=trouble, described=False)
        manifest = described.manifest
        files = [each for each in manifest.files if usual(each)]
        unsure = tuple(each.path for each in files if not each.confirmed)
        size = sum(each.size_bytes or 0 for each in files)
        return Shelved(name, state, manifest.kind, manifest.summary, manifest.source.licence, size, unsure, trouble)


def embedded_line() -> Shelved:
    """Return the line of the bundle that needs no download."""
    told = tomllib.loads(shipped.EMBEDDED.read_text(encoding="utf-8"))
    size = int(told["source"]["size_bytes"])
    return Shelved(EMBEDDED, State.EMBEDDED, "embedding", told["summary"], told["origin"]["licence"], size)


def usual(file: FetchedFile) -> bool:
    """Tell whether a file is fetched when nothing else is asked for, on a computer without a GPU."""
    return not file.optional and file.device != "gpu"


def room_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; what cannot be read counts nothing."""
    try:
        return sum(_size(each) or 0 for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    except OSError:
        return 0


def _described(file: Path) -> Description | None:
    """Return what a file of ours describes, None when that is a bundle of another kind (the embedded one)."""
    content = _read(file) or b""
    if "kind" not in tomllib.loads(content.decode("utf-8")):
        return None
    return Description(read_fetched(content, file), content)


def _read(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_MANIFEST_BYTES + 1)
    except OSError:
        return None


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size if file.is_file() else None
    except OSError:
        return None


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(each for each in parent.iterdir() if each.is_dir() and not each.is_symlink())
    except OSError:
        return []
