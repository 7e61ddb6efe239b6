"""Decides whether a fetched bundle in its folder is what was verified when it was installed.

The manifest says what a file should be, the receipt says what was really found and, where a person accepted another
sum, which one. Every file is read whole, hashed, and used from memory: what was checked and what runs are the same
bytes, and a bundle that is removed or written over while it is in use changes nothing for who has opened it. What was
computed at install has its sums in the receipt, too; receipts of before have none: known is only what must be there.
Invariant: no content of a file leaves here that does not fit the receipt, and neither links nor pipes are opened.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
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
DIRECTIONS = "directions.npz"  # what is computed of a bundle with a text tower
FACE_SUMS = "sums.json"  # what is computed of a bundle of face models, with FACE_MODELS; written last
FACE_MODELS = ("near-detector.onnx", "far-detector.onnx", "landmarks.onnx")
FACE_REVISION = 1  # raised whenever the conversion changes, so that models of before are not used
_SMALL_BYTES = 64 * 1024  # a file up to here is hashed whenever somebody looks: a tenth of a millisecond
_BEGINS = {".npy": b"\x93NUMPY", ".npz": b"PK", ".json": b"{"}  # all that is known of files without a sum
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


class Computed(Part):
    """A file that was computed at install, by its name in the folder MADE."""

    name: InsidePath
    size_bytes: ByteCount
    sha256: Sha256


class Receipt(Part):
    """What was verified when the bundle was installed, and what was computed then."""

    format: Literal[1]
    installed_s: Annotated[float, Field(ge=0)]
    files: Annotated[tuple[Received, ...], Field(min_length=1)]
    made: tuple[Computed, ...] | None = None  # None: installed before this was noted


@dataclass(frozen=True, slots=True, eq=False)
class Installed:
    """A bundle in its folder, with the sums of the files that are there."""

    folder: Path
    manifest: FetchedManifest
    received: Mapping[str, Received]  # by path
    computed: Mapping[str, Computed] | None = None  # by name; None: nobody noted it

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
        """Return the content of a file that was computed at install, None when there is none.

        Raises BundleError when one was noted at install and is gone or another one now.
        """
        noted = None if self.computed is None else self.computed.get(name)
        if noted is None and (self.computed is not None or not (self.folder / MADE / name).is_file()):
            return None
        content = _read(self.folder, f"{MADE}/{name}", name=self.name, most_bytes=MAX_MADE_BYTES)
        if noted is not None and hashlib.sha256(content).hexdigest() != noted.sha256:
            raise spoiled(self.name, f"{MADE}/{name}, which was computed at install, is damaged")
        return content

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
    received_here = {received.path: received for received in receipt.files}
    installed = Installed(folder, manifest, received_here, _computed(receipt))
    if manifest.kind == "embedding" and not (installed.vision("cpu") or installed.vision("gpu")):
        raise spoiled(manifest.name, "it was installed without a vision tower")
    return installed


def read_staged(folder: Path, manifest: FetchedManifest) -> Installed:
    """Return a bundle that is not installed yet: of the files of `manifest`, those that are in `folder`.

    Who calls has verified them, and may have accepted files of another size than the manifest says. Raises BundleError
    when one cannot be read.
    """
    there = [file for file in manifest.files if (folder / file.path).is_file()]
    received = {}
    for file in there:
        content = _read(folder, file.path, name=manifest.name, most_bytes=None)
        checksum = hashlib.sha256(content).hexdigest()
        received[file.path] = Received(path=file.path, size_bytes=len(content), sha256=checksum)
    return Installed(folder, manifest, received)


def remembered(folder: Path, manifest: FetchedManifest) -> Installed | None:
    """Return what was installed in `folder` whatever became of its files, None when no receipt can be read.

    `manifest`: what the bundle is taken for when its own description cannot be read.
    """
    try:
        receipt = _receipt(folder, manifest.name)
    except BundleError:
        return None
    with suppress(BundleError):
        content = _read(folder, MANIFEST, name=manifest.name, most_bytes=MAX_MANIFEST_BYTES)
        manifest = read_fetched(content, folder / MANIFEST)
    return Installed(folder, manifest, {received.path: received for received in receipt.files}, _computed(receipt))


def computed_in(folder: Path) -> tuple[Computed, ...]:
    """Return the sums of all that was computed into the folder MADE of `folder`; raises OSError."""
    found = []
    for path in sorted(each for each in (folder / MADE).iterdir() if each.is_file()):
        content = path.read_bytes()
        found.append(Computed(name=path.name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()))
    return tuple(found)


def golden_name(installed: Installed, file: FetchedFile) -> str:
    """Return the name of the file with what the processor makes of the known picture with this vision tower."""
    return "golden_vision.npy" if file == installed.known_by else f"golden_vision_{file.precision}.npy"


def made_trouble(there: Installed, *, whole: bool = False) -> str:
    """Return a sentence about what was computed at install and is missing or damaged, empty when all is well.

    No model is read: sizes are compared, and the sums of small files. `whole`: the sums of all files that have one.
    """
    expected = there.computed or {}
    names = [*expected, *(name for name in _needed(there) if name not in expected)]
    sums = _face_sums(there) if there.manifest.kind == "faces" else {}
    for name in names:
        noted = expected.get(name)
        if noted is None and there.computed is not None:
            return f"The receipt does not tell of {MADE}/{name}, which is computed at install."
        sha256 = noted.sha256 if noted else sums.get(name)
        told = _made_wrong(there, name, size=noted.size_bytes if noted else None, sha256=sha256, whole=whole)
        if told:
            return f"{MADE}/{name}, which was computed at install, {told}."
    if there.manifest.kind == "faces" and set(sums) != set(FACE_MODELS):
        return f"{MADE}/{FACE_SUMS} was made by another version of Safelight, or is damaged."
    return ""


def spoiled(name: str, what: str) -> BundleError:
    """Return the error about a fetched bundle that cannot be used as it lies there; `what` has no full stop."""
    return BundleError(
        f"The model bundle '{name}' cannot be used: {what}.",
        hint=f"Fetch it again, from its folder if it came from one: safelight models fetch {name} [--from FOLDER]",
    )


def _needed(there: Installed) -> tuple[str, ...]:
    """Return the names of what must have been computed of a bundle, whatever its receipt says."""
    if there.manifest.kind == "faces":
        return (FACE_SUMS, *FACE_MODELS)
    golden = golden_name(there, there.known_by)
    return (golden,) if there.text() is None else (golden, DIRECTIONS)


def _face_sums(there: Installed) -> dict[str, str]:
    """Return the sums that were written beside converted models, by name; none when they are not to be used."""
    try:
        told = json.loads(_read(there.folder, f"{MADE}/{FACE_SUMS}", name=there.name, most_bytes=_SMALL_BYTES))
    except (BundleError, ValueError, RecursionError):
        return {}
    if not isinstance(told, dict) or told.get("revision") != FACE_REVISION or not isinstance(told.get("files"), dict):
        return {}
    return {str(name): str(sha256) for name, sha256 in told["files"].items()}


def _made_wrong(there: Installed, name: str, *, size: int | None, sha256: str | None, whole: bool) -> str:
    """Return what is wrong with one file that was computed, empty when nothing is."""
    try:
        found = os.lstat(there.folder / MADE / name)
    except OSError as error:
        return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    if not stat.S_ISREG(found.st_mode) or size not in {None, found.st_size}:
        return "is damaged"
    if found.st_size > _SMALL_BYTES and not whole:
        return ""
    try:
        content = _read(there.folder, f"{MADE}/{name}", name=there.name, most_bytes=MAX_MADE_BYTES)
    except BundleError as error:
        return f"cannot be read ({error.summary.rstrip('.')})"
    if sha256 is not None:
        return "" if hashlib.sha256(content).hexdigest() == sha256 else "is damaged"
    return "" if content.startswith(_BEGINS.get(Path(name).suffix, b"")) and content else "is damaged"


def _receipt(folder: Path, name: str) -> Receipt:
    content = _read(folder, RECEIPT, name=name, most_bytes=MAX_MANIFEST_BYTES)
    try:
        return Receipt.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise spoiled(name, f"its receipt is not understood ({first['msg']})") from error


def _computed(receipt: Receipt) -> dict[str, Computed] | None:
    return None if receipt.made is None else {made.name: made for made in receipt.made}


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
