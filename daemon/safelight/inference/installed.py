"""Decides whether a fetched bundle in its folder is what was verified when it was installed.

The manifest says what a file should be, the receipt says what was really found and, where a person accepted another
sum, which one. Every file is read whole, hashed, and used from memory: what was checked and what runs are the same
bytes, and a bundle that is removed or written over while it is in use changes nothing for who has opened it.
Invariant: no content of a file leaves here that does not fit the receipt, and neither links nor pipes are opened.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from safelight.errors import BundleError
from safelight.inference.fetched import Device, FetchedFile, FetchedManifest, Role, read_fetched
from safelight.inference.manifest import MAX_MANIFEST_BYTES, ByteCount, InsidePath, Part, Sha256

MANIFEST = "manifest.toml"
RECEIPT = "receipt.json"
MADE = "made"  # the folder of what was computed at install
MAX_MADE_BYTES = 4 * 1024 * 1024
# What runs best where. Dynamic int8 is made for processors; on a GPU half of it would run on the processor after all.
_PRECISIONS = {"cpu": ("int8", "fp32", "fp16"), "gpu": ("fp16", "fp32")}
_OF_TEXT = ("fp32", "fp16", "int8")  # int8 text towers find less; a text is short, so the cost does not matter


class Received(Part):
    """A file as it was verified: its sum, whether that was known beforehand, or accepted by a person."""

    path: InsidePath
    size_bytes: ByteCount
    sha256: Sha256
    confirmed: bool = False
    accepted: bool = False


class Receipt(Part):
    """What was verified when the bundle was installed."""

    format: Literal[1]
    installed_s: Annotated[float, Field(ge=0)]
    files: Annotated[tuple[Received, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, eq=False)
class Installed:
    """A bundle in its folder, with the sums of the files that are there."""

    folder: Path
    manifest: FetchedManifest
    received: Mapping[str, Received]  # by path

    @property
    def name(self) -> str:
        """Return the name of the bundle."""
        return self.manifest.name

    @property
    def id(self) -> str:
        """Name, start of the sum and precision of the vision tower that a processor uses, or the one there is."""
        return self.id_of(self.known_by)

    @property
    def known_by(self) -> FetchedFile:
        """Return the vision tower that the bundle is known by. Raises BundleError when there is none."""
        file = self.vision("cpu") or self.vision("gpu")
        if file is None:
            raise spoiled(self.name, "it was installed without a vision tower")
        return file

    def id_of(self, file: FetchedFile) -> str:
        """Return "name:<12 hex>:<precision>" of a vision tower: embeddings are compared when these agree."""
        return f"{self.name}:{self.received[file.path].sha256[:12]}:{file.precision}"

    def vision(self, device: Device) -> FetchedFile | None:
        """Return the vision tower for a device, the best that is there, or None."""
        return self._best("vision", device, _PRECISIONS[device])

    def text(self) -> FetchedFile | None:
        """Return the text tower, the most exact that is there, or None; it always runs on the processor."""
        return self._best("text", "cpu", _OF_TEXT)

    def tokenizer(self) -> FetchedFile | None:
        """Return the file that cuts texts into tokens, or None."""
        return next((file for file in self._there("tokenizer")), None)

    def content(self, file: FetchedFile) -> bytes:
        """Return the whole content of a file. Raises BundleError unless it is what was verified."""
        received = self.received[file.path]
        content = _read(self.folder, file.path, name=self.name, most_bytes=received.size_bytes)
        if len(content) != received.size_bytes or hashlib.sha256(content).hexdigest() != received.sha256:
            raise spoiled(self.name, f"its file {file.path} is not the one that was verified")
        return content

    def made(self, name: str) -> bytes | None:
        """Return the content of a file that was computed at install, None when there is none."""
        if not (self.folder / MADE / name).is_file():
            return None
        return _read(self.folder, f"{MADE}/{name}", name=self.name, most_bytes=MAX_MADE_BYTES)

    def _best(self, role: Role, device: Device, precisions: Iterable[str]) -> FetchedFile | None:
        files = [file for file in self._there(role) if file.device in {None, device}]
        return next((file for wanted in precisions for file in files if file.precision == wanted), None)

    def _there(self, role: Role) -> list[FetchedFile]:
        return [file for file in self.manifest.files if file.role == role and file.path in self.received]


def read_installed(folder: Path) -> Installed:
    """Return the bundle that was installed in `folder`.

    Raises BundleError when it is missing, when manifest and receipt do not belong together, or when a file is not there
    or has another size; contents are hashed when they are read.
    """
    content = _read(folder, MANIFEST, name=folder.name, most_bytes=MAX_MANIFEST_BYTES)
    manifest = read_fetched(content, folder / MANIFEST)
    receipt = _receipt(folder, manifest.name)
    known = {file.path: file for file in manifest.files}
    for received in receipt.files:
        if received.path not in known:
            raise spoiled(manifest.name, f"its receipt tells of {received.path}, which its description does not know")
        told = known[received.path].sha256
        if told not in {None, received.sha256} and not received.accepted:
            raise spoiled(manifest.name, f"its file {received.path} has a sum that nobody accepted")
        _stand(folder, received, name=manifest.name)
    installed = Installed(folder, manifest, {received.path: received for received in receipt.files})
    if manifest.kind == "embedding" and not (installed.vision("cpu") or installed.vision("gpu")):
        raise spoiled(manifest.name, "it was installed without a vision tower")
    return installed


def read_staged(folder: Path, manifest: FetchedManifest) -> Installed:
    """Return a bundle that is not installed yet: of the files of `manifest`, those that are in `folder`.

    Who calls has verified them. Raises BundleError when one cannot be read.
    """
    there = [file for file in manifest.files if (folder / file.path).is_file()]
    received = {}
    for file in there:
        content = _read(folder, file.path, name=manifest.name, most_bytes=file.size_bytes)
        checksum = hashlib.sha256(content).hexdigest()
        received[file.path] = Received(path=file.path, size_bytes=len(content), sha256=checksum)
    return Installed(folder, manifest, received)


def spoiled(name: str, what: str) -> BundleError:
    """Return the error about a fetched bundle that cannot be used as it lies there; `what` has no full stop."""
    return BundleError(
        f"The model bundle '{name}' cannot be used: {what}.",
        hint=f"Fetch it again, from its folder if it came from one: safelight models fetch {name} [--from FOLDER]",
    )


def _receipt(folder: Path, name: str) -> Receipt:
    content = _read(folder, RECEIPT, name=name, most_bytes=MAX_MANIFEST_BYTES)
    try:
        return Receipt.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise spoiled(name, f"its receipt is not understood ({first['msg']})") from error


def _stand(folder: Path, received: Received, *, name: str) -> None:
    try:
        found = os.lstat(folder / received.path)
    except OSError as error:
        raise spoiled(name, f"its file {received.path} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(found.st_mode):
        raise spoiled(name, f"{received.path} is not a plain file")
    if found.st_size != received.size_bytes:
        raise spoiled(name, f"its file {received.path} has {found.st_size} bytes instead of {received.size_bytes}")


def _read(folder: Path, path: str, *, name: str, most_bytes: int | None) -> bytes:
    try:
        # A link could lead elsewhere, and a pipe would hang: neither is opened for reading.
        handle = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise spoiled(name, f"{path} is not a plain file")
            return stream.read(-1 if most_bytes is None else most_bytes + 1)
    except OSError as error:
        if path == MANIFEST and not folder.is_dir():
            raise _not_installed(name) from error
        raise spoiled(name, f"its file {path} cannot be read ({error.strerror})") from error


def _not_installed(name: str) -> BundleError:
    return BundleError(
        f"The model bundle '{name}' is not installed.",
        hint=f"Fetch it, from a folder if it is one of yours: safelight models fetch {name} [--from FOLDER]",
    )
