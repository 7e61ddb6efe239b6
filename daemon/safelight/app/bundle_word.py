"""Keeps in the catalog what was last found of the bundle in use: what it runs on, and what is wrong with it.

Whoever loads it leaves word, and `status` reads that, as loading a model takes seconds and memory. Word is dropped when
another bundle is chosen or this one is fetched again: it is about files that are there no more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.app.settings import Settings

MEMO = "models"  # where word is left
_RECEIPT = "receipt.json"  # written last when a bundle is installed


@dataclass(frozen=True, slots=True)
class Word:
    """What was found. `fails`: the bundle in use cannot be used; `trouble`: sentences, of what finds faces as well."""

    provider: str = ""
    trouble: str = ""
    fails: bool = False


def written(word: Word, settings: Settings) -> str:
    """Return word of the bundle in use as it is left in the catalog."""
    found = {"provider": word.provider, "trouble": word.trouble, "fails": word.fails}
    return json.dumps(_about(settings) | found)


def read(text: str | None, settings: Settings) -> Word:
    """Return what was left, nothing where it is about another bundle or another copy of this one."""
    left: Mapping[str, Any] = json.loads(text or "{}")
    if any(left.get(name) != value for name, value in _about(settings).items()):
        return Word()
    return Word(str(left["provider"]), str(left["trouble"]), left["fails"] is True)


def _about(settings: Settings) -> dict[str, object]:
    return {
        "bundle": settings.bundle,
        "installed": [_installed_ns(settings, each) for each in (settings.bundle, "faces")],
    }


def _installed_ns(settings: Settings, name: str) -> int:
    """Return when a bundle was installed, nanoseconds since the epoch; 0 where there is none."""
    try:
        return (settings.bundles / name / _RECEIPT).lstat().st_mtime_ns
    except OSError:
        return 0
