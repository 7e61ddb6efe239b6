"""Decides what a fetched bundle is: a manifest that names every file, its place of origin, its sum and its use.

A manifest is data, so it is refused as a whole when anything in it is unknown, and no path in it can lead out of the
folder it belongs to. What a session needs to know about a model stands here and not in code.
Invariant: a FetchedManifest that exists is complete and harmless; what it names may still be missing or damaged.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from safelight.inference.manifest import (
    ByteCount,
    InsidePath,
    Name,
    Part,
    Sha256,
    TensorName,
    Text,
    understood,
)

Precision = Literal["fp32", "fp16", "int8"]
Device = Literal["cpu", "gpu"]
Role = Literal["vision", "text", "tokenizer", "detector", "landmarks", "task"]
Repository = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


def _https(text: str) -> str:
    if not text.startswith("https://"):
        raise ValueError("is not an https address")
    return text


class Source(Part):
    """Where files come from: a pinned `repository` of a model hub, `local` (made here), or each its `url`."""

    title: Text
    licence: Text
    home: Annotated[Text, AfterValidator(_https)]
    repository: Repository | None = None
    revision: Revision | None = None
    local: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.repository is not None and self.local) or (self.repository is None) != (self.revision is None):
            raise ValueError("names either a repository with its revision, or says that it was made on this computer")
        return self


class FetchedFile(Part):
    """A file of the bundle. Without a sum nothing is known of it yet; an unconfirmed sum was never seen to be right."""

    role: Role
    path: InsidePath  # in the repository, and in the installed folder
    size_bytes: ByteCount | None = None
    sha256: Sha256 | None = None
    confirmed: bool = False
    precision: Precision | None = None  # None: no model
    device: Device | None = None  # None: for either
    optional: bool = False  # fetched only when it is asked for
    url: Annotated[Text, AfterValidator(_https)] | None = None  # when it does not come from the repository
    warning: Text | None = None  # told before it is fetched


class VisionGraph(Part):
    """What the vision tower takes and answers. Squares are squashed, not cropped; (x - mean) / deviation on 0..255."""

    tensor: TensorName = "pixel_values"
    side_px: Annotated[int, Field(ge=16, le=2048)]
    layout: Literal["NCHW"] = "NCHW"
    mean: float = 127.5
    deviation: Annotated[float, Field(gt=0)] = 127.5
    output: TensorName = "pooler_output"
    length: Annotated[int, Field(gt=0, le=65_536)]


class TextGraph(Part):
    """What the text tower takes and answers: always `tokens` numbers, padded with `pad_id`, the last one `eos_id`."""

    tensor: TensorName = "input_ids"
    output: TensorName = "pooler_output"
    tokens: Annotated[int, Field(gt=0, le=1024)]
    pad_id: Annotated[int, Field(ge=0)]
    eos_id: Annotated[int, Field(ge=0)] | None = None  # None: the tokenizer adds it
    lower_case: bool = True


class FetchedManifest(Part):
    """A bundle that is fetched, whole."""

    format: Literal[1]
    name: Name
    kind: Literal["embedding", "faces"]
    summary: Text
    source: Source
    files: Annotated[tuple[FetchedFile, ...], Field(min_length=1)]
    vision: VisionGraph | None = None
    text: TextGraph | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        roles = {file.role for file in self.files}
        if len({file.path for file in self.files}) != len(self.files):
            raise ValueError("names a file twice")
        if not (self.source.repository or self.source.local or all(file.url and file.sha256 for file in self.files)):
            raise ValueError("does not say where its files come from: a repository, or an address and a sum for each")
        if self.kind == "embedding" and not ("vision" in roles and self.vision):
            raise ValueError("has no vision tower")
        if ("text" in roles) != (self.text is not None) or ("text" in roles) != ("tokenizer" in roles):
            raise ValueError("has a text tower without its tokenizer or description, or the other way round")
        return self


def read_fetched(content: bytes, path: Path) -> FetchedManifest:
    """Return the manifest in the content of the TOML file `path`; raises BundleError when it is not understood."""
    return understood(
        content, path, FetchedManifest, hint="Take the description that belongs to this version of Safelight."
    )
