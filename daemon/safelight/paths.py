"""Decides where Safelight keeps what is its own, after the XDG base directory specification.

One function a folder, the environment passed in, so that tests and `--state` never need to touch the real home.
Invariant: nothing here creates a folder or looks at the disk.
"""

from collections.abc import Mapping
from pathlib import Path


def _base(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    # The specification: a relative path in these variables is invalid and to be ignored.
    named = environ.get(variable, "")
    if named.startswith("/"):
        return Path(named)
    return Path(environ.get("HOME") or "~").expanduser() / fallback


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of everything that is true: catalog, journal, receipts."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "safelight"


def models_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of built and fetched model bundles; all of it can be made again."""
    return _base(environ, "XDG_CACHE_HOME", ".cache") / "safelight" / "models"


def catalog_file(state: Path) -> Path:
    """Return the SQLite file below a state folder."""
    return state / "catalog.sqlite"


def vectors_folder(state: Path) -> Path:
    """Return the LanceDB folder below a state folder; it is a cache of the catalog."""
    return state / "vectors"


def lock_file(state: Path) -> Path:
    """Return the file whose lock says that a process is writing to the state folder."""
    return state / "lock"
