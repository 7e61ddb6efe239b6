"""Writes the manifest of an exported bundle: what was made, from what, with sizes and sums as they lie on the disk.

The source is `local` whatever it was made from: the files were made on this computer and lie in no repository, so a
manifest that named one would send whoever repairs the bundle to an address where they are not. Where the weights came
from, down to the commit, stands in title and home.
Invariant: what is written is read back as a FetchedManifest, or nothing is written.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safelight.inference.fetched import Device, FetchedManifest, Precision, Role, read_fetched
from safelight.models.export.agreement import WARN_COSINE, Agreement
from safelight.models.export.architectures import ARCHITECTURES
from safelight.models.export.wanted import PAPER, FromFolder, FromHub, Wanted

MANIFEST = "manifest.toml"
# int8 for processors, fp16 for graphics processors (DESIGN, section 7); full precision runs on either.
_DEVICES: Mapping[Precision, Device | None] = {"fp32": None, "fp16": "gpu", "int8": "cpu"}
_TEXT_INT8 = "Text towers in int8 lost some of what a search finds in two public reports; fp16 or fp32 does not."
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made, below the folder of the bundle; `precision` and `agreement` for models only."""

    role: Role
    path: str
    precision: Precision | None = None
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What the towers take and answer. `pad_id` and `eos_id` as in TextGraph; `tokens` 0: no text tower."""

    side_px: int
    length: int
    tokens: int = 0
    pad_id: int = 0
    eos_id: int | None = None
    mean: float = 127.5
    deviation: float = 127.5


def describe(wanted: Wanted, shape: Shape, files: Iterable[Made], *, folder: Path) -> FetchedManifest:
    """Write manifest.toml for `files` into `folder` and return it as it is read back; raises BundleError."""
    path = folder / MANIFEST
    text = (
        "\n".join([*_head(wanted), *_graphs(shape), *(line for file in files for line in _file(file, folder))]) + "\n"
    )
    content = text.encode()
    manifest = read_fetched(content, path)
    path.write_bytes(content)
    return manifest


def sum_of(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal digits."""
    seen = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            seen.update(chunk)
    return seen.hexdigest()


def source_of(wanted: Wanted) -> dict[str, str]:
    """Return title, licence and home of what the bundle was made from."""
    licence, home = "not stated", PAPER
    origin = wanted.origin
    if isinstance(origin, FromHub):
        title = f"{origin.repository} at {origin.revision}, exported on this computer"
        licence, home = "as its repository says", f"https://huggingface.co/{origin.repository}/tree/{origin.revision}"
    elif isinstance(origin, FromFolder):
        title = f"the checkpoint {_plain(origin.folder.resolve().name)}, exported on this computer"
    else:
        kind = ARCHITECTURES[origin.architecture].title
        title, licence = f"random weights (seed {origin.seed}) in {kind}: its answers mean nothing", "Apache-2.0"
    return {"title": title, "licence": wanted.licence or licence, "home": wanted.home or home}


def _plain(name: str) -> str:
    """Return the name of a folder as text that a manifest can hold: file names are bytes, and may be anything."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:120]


def quoted(text: str) -> str:
    """Return `text` as a basic string of TOML; the same as JSON's but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _head(wanted: Wanted) -> list[str]:
    source = source_of(wanted)
    return [
        "# Written by python -m safelight.models.export.",
        "format = 1",
        f"name = {quoted(wanted.name)}",
        'kind = "embedding"',
        f"summary = {quoted(source['title'][:1].upper() + source['title'][1:] + '.')}",
        "",
        "[source]",
        *(f"{key} = {quoted(value)}" for key, value in source.items()),
        "local = true",
    ]


def _graphs(shape: Shape) -> list[str]:
    vision = [
        "",
        "[vision]",
        f"side_px = {shape.side_px}",
        f"mean = {shape.mean!r}",
        f"deviation = {shape.deviation!r}",
        f"length = {shape.length}",
    ]
    if not shape.tokens:
        return vision
    end = [] if shape.eos_id is None else [f"eos_id = {shape.eos_id}"]
    return [*vision, "", "[text]", f"tokens = {shape.tokens}", f"pad_id = {shape.pad_id}", *end]


def _file(made: Made, folder: Path) -> list[str]:
    # Texts are few: they are always read by the processor, in whichever precision is there.
    device = _DEVICES[made.precision] if made.precision and made.role == "vision" else None
    warning = _warning(made)
    return [
        "",
        "[[files]]",
        *([f"# Against torch: {made.agreement}."] if made.agreement else []),
        f"role = {quoted(made.role)}",
        f"path = {quoted(made.path)}",
        f"size_bytes = {(folder / made.path).stat().st_size}",
        f"sha256 = {quoted(sum_of(folder / made.path))}",
        "confirmed = true",
        *([f"precision = {quoted(made.precision)}"] if made.precision else []),
        *([f"device = {quoted(device)}"] if device else []),
        *([f"warning = {quoted(warning)}"] if warning else []),
    ]


def _warning(made: Made) -> str:
    if made.role == "text" and made.precision == "int8":
        return _TEXT_INT8
    if made.agreement and made.agreement.least_cosine < WARN_COSINE:
        return f"Its cosine to full precision falls to {made.agreement.least_cosine:.3f}."
    return ""
