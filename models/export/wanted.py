"""Decides what is to be exported: one source, a name, a folder, and the precisions of each tower.

Whatever can be wrong with what a person asked for is said here, before a library of a gigabyte is imported.
Invariant: a Wanted that exists can be described by a manifest; whether its source is there is found out later.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.fetched import Precision
from safelight.models.export.architectures import ARCHITECTURES

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
PAPER = "https://arxiv.org/abs/2303.15343"  # Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_REVISION = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class FromHub:
    """A checkpoint of the model hub, at a commit."""

    repository: str
    revision: str

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise _refused(f"'{self.repository}' is no repository of the model hub", "It has the form owner/name.")
        if not _REVISION.fullmatch(self.revision):
            raise _refused(
                f"'{self.revision}' is no revision of {self.repository}",
                "Give the 40 digits of a commit with --revision: a branch can change under its name.",
            )


@dataclass(frozen=True, slots=True)
class FromFolder:
    """A checkpoint on this computer: config.json, *.safetensors, tokenizer.json."""

    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / "config.json").is_file():
            raise _refused(f"{self.folder} is no checkpoint, it has no config.json", "Name the folder that holds it.")


@dataclass(frozen=True, slots=True)
class AtRandom:
    """Random weights in a known architecture: the true cost, meaningless answers."""

    architecture: str
    seed: int = 0

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise _refused(f"'{self.architecture}' is no architecture", f"Choose of: {', '.join(ARCHITECTURES)}.")


Origin = FromHub | FromFolder | AtRandom


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made, whole. `text` empty: no text tower. `licence` and `home` go into the manifest."""

    origin: Origin
    folder: Path
    name: str
    vision: tuple[Precision, ...] = PRECISIONS
    text: tuple[Precision, ...] = ("int8",)
    licence: str = ""
    home: str = ""
    threads: int = field(default=1)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name == "embedded":
            raise _refused(f"'{self.name}' cannot name a bundle", "Use small letters, digits, dots and dashes.")
        if not self.vision:
            raise _refused("a bundle needs a vision tower", "Name a precision with --vision.")
        for text in (self.licence, self.home):
            if len(text) > 300 or not text.isprintable():
                raise _refused("the licence or the address is too long or not plain text", "Shorten it.")
        if self.home and not self.home.startswith("https://"):
            raise _refused(f"'{self.home}' is no address of a page", "It begins with https://.")
        if self.folder.exists() and not (self.folder.is_dir() and not any(self.folder.iterdir())):
            raise _refused(f"{self.folder} is there already", "Name a folder that is empty, or not there yet.")
        if self.threads < 1:
            raise _refused("no model runs on fewer than one thread", "Leave --threads out.")


def precisions(text: str) -> tuple[Precision, ...]:
    """Return the precisions in a list such as `fp32,int8`, or none for `none`; raises BundleError for others."""
    if text == "none":
        return ()
    asked = text.split(",")
    unknown = [name for name in asked if name not in PRECISIONS]
    if unknown:
        raise _refused(f"'{unknown[0]}' is no precision", f"Choose of {', '.join(PRECISIONS)}, or none.")
    return tuple(known for known in PRECISIONS if known in asked)


def _refused(reason: str, hint: str) -> BundleError:
    return BundleError(f"Nothing was exported: {reason}.", hint=hint)
