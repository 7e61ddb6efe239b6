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
    return home_folder(environ) / fallback


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the person's home folder."""
    return Path(environ.get("HOME") or "~").expanduser()


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of everything that is true: catalog, journal, receipts."""
    return _base(environ, "XDG_STATE_HOME", ".local/state") / "safelight"


def settings_file(environ: Mapping[str, str]) -> Path:
    """Return the file of settings, which a person may write and which need not exist."""
    return _base(environ, "XDG_CONFIG_HOME", ".config") / "safelight" / "settings.toml"


def models_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of built models; all of it can be made again at once."""
    return _base(environ, "XDG_CACHE_HOME", ".cache") / "safelight" / "models"


def catalog_file(state: Path) -> Path:
    """Return the SQLite file below a state folder."""
    return state / "catalog.sqlite"


def bundles_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of fetched model bundles: they cost a download, so they are data and not a cache."""
    return _base(environ, "XDG_DATA_HOME", ".local/share") / "safelight" / "models"


def vectors_folder(state: Path) -> Path:
    """Return the LanceDB folder below a state folder; it is a cache of the catalog."""
    return state / "vectors"


def lock_file(state: Path) -> Path:
    """Return the file whose lock says that a process is writing to the state folder."""
    return state / "lock"


def socket_file(environ: Mapping[str, str]) -> Path:
    """Return the socket that the daemon answers on: one a person, whatever state folder it works with.

    Where no runtime folder is named, as in a plain login without systemd, it lies in a folder of its own in the state
    folder: only there nobody else can have put something in its place.
    """
    named = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(named) / "safelight" if named.startswith("/") else state_folder(environ) / "control"
    return folder / "control.sock"
