"""What one file beside a picture says of a person's decisions, before it is known whose picture it is.

Every reader of a format turns bytes into these, so that the port can put them together without knowing the formats.
Invariant: a digest is the same for the same settings in any order, on every machine.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from safelight.ports import TraceKind

# That a person's opinion stands behind a change (issue "Learn one person's taste", section 1).
CONFIDENCE_RATING = 0.95
CONFIDENCE_FLAG = 0.95
CONFIDENCE_LABEL = 0.5  # "to print" and "edited" as often as "good"
CONFIDENCE_UNSURE = 0.3  # something was decided, but perhaps by a program


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of one file; kind and value as in a Trace."""

    program: str
    kind: TraceKind
    value: str
    confidence: float  # 0-1


def digest(settings: Iterable[tuple[str, str]]) -> str:
    """Return 32 hexadecimal digits that stand for named settings, whatever their order."""
    told = hashlib.blake2b(digest_size=16)
    for name, value in sorted(settings):
        told.update(f"{len(name)}:{name}={len(value)}:{value};".encode("utf-8", "surrogateescape"))
    return told.hexdigest()


def number(text: str | None) -> float:
    """Return a text's number, NaN (which equals and exceeds nothing) for anything else."""
    try:
        return float(text) if text and text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def stars(value: float) -> str | None:
    """Return a program's own 1-5 stars as a rating's text; None for 0, -1 (RawTherapee's "not rated") and the rest."""
    return str(int(value)) if value in (1, 2, 3, 4, 5) else None
