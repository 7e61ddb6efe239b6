"""Knows which bundles there are: described by this version of Safelight, installed in the person's folder, or both.

Looking at the shelf reads descriptions, receipts and the sizes of files, and no model. What is found damaged or
unfinished is said and left alone: only fetching, using and removing change anything.
Invariant: a folder whose name is no plain one (it may begin with a dot) is no bundle, and what is INSTALLED has every
file in its right size, with all that was computed of it.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safelight.app.bundle_choice import Choice, chosen, has_gpu, usual
from safelight.app.settings import EMBEDDED
from safelight.errors import BundleError
from safelight.hub.transfer import part_of
from safelight.inference.fetched import FetchedFile, FetchedManifest, read_fetched
from safelight.inference.installed import MANIFEST, Installed, Received, made_trouble, read_installed, spoiled
from safelight.inference.manifest import MAX_MANIFEST_BYTES
from safelight.models import shipped

FETCHING = ".fetching"  # bundles are put together here; on the same disk, so that one rename installs them
OLD = ".old"  # after the name: what stood in the place of a new bundle
GONE = ".gone"  # after the name: what is being removed
CHOSEN = ".chosen"  # after the name: a file with the paths of what is fetched, arrived or not, one a line
_NO_BUNDLE = (OLD, GONE, CHOSEN)
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
    """One line of the list. `size_bytes`: of its files where it is there, else of what would be fetched here."""

    name: str
    state: State
    kind: str
    summary: str
    licence: str
    size_bytes: int
    unconfirmed: tuple[str, ...] = ()  # files whose sum nobody confirmed, by path
    trouble: str = ""
    described: bool = True  # by this version of Safelight; else it can only be had from a folder
    with_text_bytes: int | None = None  # what would be fetched with --text; None where that is there, or not to be had

    @property
    def fetching(self) -> str:
        """Return the command that fetches it."""
        return fetching_of(self.name, described=self.described)


class Shelf:
    """The bundles in one folder, and the descriptions in another. `gpu`: whether this computer has one."""

    def __init__(self, bundles: Path, *, manifests: Path = MANIFESTS, gpu: bool | None = None) -> None:
        self.bundles = bundles
        self._manifests = manifests
        self.gpu = has_gpu() if gpu is None else gpu

    def known(self, name: str) -> bool:
        """Tell whether a name can be that of a bundle: no other leads into the folder, or out of it."""
        return _PLAIN.fullmatch(name) is not None

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
        if not self.known(name) or not folder.is_dir():
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

    def here(self, name: str, files: Iterable[FetchedFile]) -> int:
        """Return how many bytes of these files lie here already: installed, begun or complete."""
        return sum(self._here(name, each.path, most=each.size_bytes) for each in files)

    def names(self) -> tuple[str, ...]:
        """Return the names of all that is described, installed or begun, without the embedded one."""
        begun = [each.name for each in _folders(self.bundles / FETCHING) if not each.name.endswith(_NO_BUNDLE)]
        there = [each.name for each in _folders(self.bundles)]
        return tuple(sorted(name for name in {*self.descriptions(), *begun, *there} if self.known(name)))

    def remains(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each bundle of which something lies around, with the bytes of it: begun, or not removed."""
        for folder in _folders(self.bundles / FETCHING):
            if not folder.name.endswith(CHOSEN):
                yield folder.name.removesuffix(OLD).removesuffix(GONE), room_of(folder, alone=True)

    def listed(self) -> Iterator[Shelved]:
        """Yield a line for each bundle but the embedded one."""
        descriptions = self.descriptions()
        for name in self.names():
            yield self._line(name, descriptions.get(name))

    def _here(self, name: str, path: str, *, most: int | None) -> int:
        staged = self.staged(name) / path
        size = max(size_of(each) or 0 for each in (self.folder(name) / path, staged, part_of(staged)))
        return size if most is None else min(size, most)

    def _line(self, name: str, described: Description | None) -> Shelved:
        trouble = ""
        try:
            installed = self.installed(name)
            if installed is not None:
                return _line_of(installed, described=described is not None)
        except BundleError as error:
            trouble = error.summary
        begun = State.UNFINISHED if self.staged(name).is_dir() else State.MISSING
        state = State.DAMAGED if trouble else begun
        if described is None:
            return undescribed(name, state, trouble=trouble)
        manifest = described.manifest
        files = [each for each in manifest.files if usual(each, gpu=self.gpu)]
        text = asked_with_text(manifest)
        return Shelved(
            name,
            state,
            manifest.kind,
            manifest.summary,
            manifest.source.licence,
            _sizes(files),
            unconfirmed=tuple(each.path for each in files if not each.confirmed),
            trouble=trouble,
            with_text_bytes=_sizes((*files, *text)) if text else None,
        )


def embedded_line() -> Shelved:
    """Return the line of the bundle that needs no download."""
    told = tomllib.loads(shipped.EMBEDDED.read_text(encoding="utf-8"))
    size = int(told["source"]["size_bytes"])
    return Shelved(EMBEDDED, State.EMBEDDED, "embedding", told["summary"], told["origin"]["licence"], size)


def undescribed(name: str, state: State = State.MISSING, *, trouble: str = "") -> Shelved:
    """Return the line of a bundle of which only the name is known."""
    told = "Not described by this version of Safelight."
    return Shelved(name, state, "", told, "", 0, trouble=trouble, described=False)


def fetching_of(name: str, *, described: bool) -> str:
    """Return the command that fetches a bundle: one that only a person has comes from a folder."""
    return f"safelight models fetch {name}" + ("" if described else " --from FOLDER")


def room_of(folder: Path, *, alone: bool = False) -> int:
    """Return the bytes of all files below a folder; what cannot be read counts nothing.

    `alone`: only of those that are under no other name as well, and free their room when they go.
    """
    try:
        files = [each for each in folder.rglob("*") if each.is_file() and not each.is_symlink()]
        return sum(size_of(each) or 0 for each in files if not alone or each.lstat().st_nlink == 1)
    except OSError:
        return 0


def _described(file: Path) -> Description | None:
    """Return what a file of ours describes, None when that is a bundle of another kind (the embedded one)."""
    content = _read(file) or b""
    if "kind" not in tomllib.loads(content.decode("utf-8")):
        return None
    return Description(read_fetched(content, file), content)


def _line_of(there: Installed, *, described: bool) -> Shelved:
    """Return the line of a bundle that is there with all its files; what was computed of them may be missing."""
    manifest, received = there.manifest, there.received.values()
    trouble = made_trouble(there)
    return Shelved(
        there.name,
        State.DAMAGED if trouble else State.INSTALLED,
        manifest.kind,
        manifest.summary,
        manifest.source.licence,
        _sizes(received),
        unconfirmed=tuple(each.path for each in received if not each.confirmed),
        trouble=trouble,
        described=described,
    )


def asked_with_text(manifest: FetchedManifest) -> tuple[FetchedFile, ...]:
    """Return the files that come with --text and not without; nothing where a bundle has no text tower."""
    if not any(each.role == "text" for each in manifest.files):
        return ()
    plain = chosen(manifest, Choice(gpu=True), kept=frozenset())
    asked = chosen(manifest, Choice(gpu=True, text=True), kept=frozenset())
    return tuple(each for each in asked if each not in plain)


def _sizes(files: Iterable[FetchedFile | Received]) -> int:
    return sum(each.size_bytes or 0 for each in files)


def _read(file: Path) -> bytes | None:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_MANIFEST_BYTES + 1)
    except OSError:
        return None


def size_of(file: Path) -> int | None:
    """Return the bytes of a file, None when it is not there or cannot be looked at."""
    try:
        return file.stat().st_size if file.is_file() else None
    except OSError:
        return None


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(each for each in parent.iterdir() if each.is_dir() and not each.is_symlink())
    except OSError:
        return []
