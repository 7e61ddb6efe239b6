"""Reads the shipped reference distribution of scores, which stands in for a library while that is small."""

import tomllib
from pathlib import Path

from safelight.domain.rating import Reference

FILE = Path(__file__).parent / "heads" / "reference.toml"


def read_reference(file: Path = FILE) -> Reference:
    """Return the reference. Raises OSError or KeyError only if the installation is broken."""
    return Reference(tuple(float(score) for score in tomllib.loads(file.read_text())["scores"]))
