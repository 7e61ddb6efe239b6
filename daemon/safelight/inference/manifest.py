"""Decides what a model bundle is: a manifest that names every file, its origin, its licence and how it is to be used.

A manifest is data that a later download may bring along, so it is refused as a whole when anything in it is unknown,
and no path in it can lead out of the folder it belongs to. Everything a session needs to know about a model stands
here and not in code, so that another bundle is another file.
Invariant: a Manifest that exists is complete and harmless; what it names may still be missing or damaged.
"""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from safelight.errors import BundleError

MAX_MANIFEST_BYTES = 64 * 1024
_HINT = "Install Safelight again; it brings its own descriptions along."


def _inside(text: str) -> str:
    """Refuse a path that is not a plain relative one: absolute, upwards, from another system, or with a NUL."""
    path = PurePosixPath(text)
    plain = text == str(path) and text != "." and not path.is_absolute() and ".." not in path.parts
    if not plain or any(sign in text for sign in ("\\", "\0", ":")):
        raise ValueError("is not a plain path below the folder of the bundle")
    return text


InsidePath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
TensorName = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=300)]
ByteCount = Annotated[int, Field(gt=0, le=8 * 1024**3)]


class Part(BaseModel):
    """A part of a manifest: frozen, and refused when it holds anything that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


AnyPart = TypeVar("AnyPart", bound=Part)


class Origin(Part):
    """Where weights come from and on what terms."""

    title: Text
    licence: Name | Text
    home: Text
    package: Text | None = None  # the distribution that pip knows
    module: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")] | None = None  # the folder it installs


class ShippedFile(Part):
    """A file that must have exactly this content. `path` is relative: to the module of the origin, or the bundle."""

    path: InsidePath
    size_bytes: ByteCount
    sha256: Sha256


class Graph(Part):
    """The ONNX model: what its file in the models folder is called, and how it is had from the source file."""

    file: Name
    builder: Name
    revision: Annotated[int, Field(ge=1)]
    precision: Literal["fp32", "fp16", "int8"]


class Picture(Part):
    """What the model wants to be given. `mean` and `deviation` are on 0..255; in the graph, bytes are passed as is."""

    tensor: TensorName
    side_px: Annotated[int, Field(ge=16, le=2048)]
    layout: Literal["NHWC"]
    resize: Literal["squash"]  # straight to the square, no crop
    mean: float
    deviation: Annotated[float, Field(gt=0)]
    normalised: Literal["in_graph"]


class Outputs(Part):
    """What the model answers: the embedding, and the outputs that the heads read, in the order they read them."""

    embedding: TensorName
    length: Annotated[int, Field(gt=0, le=65_536)]
    taps: tuple[TensorName, ...]
    tap_lengths: tuple[Annotated[int, Field(gt=0, le=65_536)], ...]


class Golden(Part):
    """The embedding of the reference picture and how near to it a session must come."""

    file: ShippedFile
    min_cosine: Annotated[float, Field(gt=0, le=1)]


class Manifest(Part):
    """A bundle, whole."""

    format: Literal[1]
    name: Name
    summary: Text
    origin: Origin
    source: ShippedFile
    graph: Graph
    picture: Picture
    outputs: Outputs
    heads: ShippedFile
    golden: Golden


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in the TOML file `path`; raises BundleError when it is missing, too big or not understood."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise _refused(path, f"it cannot be read ({error.strerror})", _HINT) from error
    return understood(content, path, Manifest, hint=_HINT)


def understood(content: bytes, path: Path, kind: type[AnyPart], *, hint: str) -> AnyPart:
    """Return the description of a `kind` in the content of the TOML file `path`.

    Raises BundleError with that `hint` when it is too long or not understood.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise _refused(path, "it is far too long", hint)
    try:
        return kind.model_validate(_lists_as_tuples(tomllib.loads(content.decode("utf-8"))))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise _refused(path, f"at {place}: {first['msg']}", hint) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _refused(path, str(error), hint) from error


def _lists_as_tuples(value: object) -> object:
    """TOML knows lists only, strict models want tuples."""
    if isinstance(value, dict):
        return {key: _lists_as_tuples(part) for key, part in value.items()}
    return tuple(map(_lists_as_tuples, value)) if isinstance(value, list) else value


def _refused(path: Path, reason: str, hint: str) -> BundleError:
    return BundleError(
        f"The description of a model bundle, {path.name}, cannot be used: {reason}.",
        hint=hint,
        path=path,
    )
