"""Decides whether a file with a certain sum is the one that a bundle's description means.

A confirmed sum is the file: anything else is refused, whatever a person says. An unconfirmed one came from somebody
else's description, so a difference may be their mistake; a missing one is no proof at all. In both cases the person is
shown what is there, and installs it only by repeating its very sum.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile

_CHUNK = 1 << 20


class Verdict(Enum):
    """What a sum says of a file."""

    FITS = auto()
    ACCEPTED = auto()  # by the person
    UNSURE = auto()  # the person may accept it
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A file that is not installed unless its sum is accepted. `source`: where it is, if not where the others are."""

    file: FetchedFile
    sha256: str
    size_bytes: int | None
    source: str = ""


def sum_of(file: Path, *, progress: Callable[[int], None] | None = None) -> str:
    """Return the sha256 of a file, read piece by piece; raises OSError. `progress` is told how many bytes were read."""
    total = hashlib.sha256()
    done = 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            total.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done)
    return total.hexdigest()


def judged(file: FetchedFile, sha256: str, accepted: frozenset[str]) -> Verdict:
    """Return what to think of a file with this sum."""
    if file.sha256 == sha256:
        return Verdict.FITS
    if file.sha256 is not None and file.confirmed:
        return Verdict.WRONG
    return Verdict.ACCEPTED if sha256 in accepted else Verdict.UNSURE


def wrong(file: FetchedFile, sha256: str, source: str) -> BundleError:
    """Return the refusal of a file whose confirmed sum it does not have."""
    return BundleError(
        f"{file.path} from {source} is not the file that it should be: its sha256 is {sha256}, not {file.sha256}.",
        hint="It is damaged or another one, and was not installed. Fetch it again, or from another mirror.",
    )


def doubted(doubts: Sequence[Doubt], source: str) -> BundleError:
    """Return what is asked of the person: every sum that is known beside the one that was found."""
    flags = " ".join(f"--accept-hash {each.sha256}" for each in doubts)
    return BundleError(
        " ".join(_question(each, source) for each in doubts),
        hint=f"Nothing was installed. If you trust the source, repeat the command with: {flags}",
    )


def _question(doubt: Doubt, source: str) -> str:
    file, source = doubt.file, doubt.source or source
    size = "" if doubt.size_bytes is None else f" ({doubt.size_bytes:,} bytes)"
    if file.sha256 is None:
        return f"No sum of {file.path} is known; from {source} it has sha256 {doubt.sha256}{size}."
    known = "" if file.size_bytes is None else f" ({file.size_bytes:,} bytes)"
    return (
        f"{file.path} from {source} has sha256 {doubt.sha256}{size}, but is described with {file.sha256}{known}, "
        f"a value that was never confirmed."
    )
