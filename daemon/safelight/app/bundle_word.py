"""Keeps in the catalog what was last found of the bundle in use: what it runs on, and what is wrong with it.

Whoever loads it leaves word, and `status` reads that, as loading a model takes seconds and memory. Word is about copies
on the disk, and goes with them: it is dropped when another bundle is chosen, or when this one is fetched, moved away or
put back. What finds faces is a copy of its own, so that installing it leaves standing what is said of the bundle.
Invariant: word names the copies that were there before anything was loaded, not those that are there when it is left.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.app.settings import Settings

MEMO = "models"  # where word is left
FACES = "faces"  # the name of the bundle that finds them
_RECEIPT = "receipt.json"  # written last when a bundle is installed


@dataclass(frozen=True, slots=True)
class Copies:
    """When what may look closer was installed, in nanoseconds since the epoch; 0 where there is none."""

    bundle_ns: int  # the bundle in use
    faces_ns: int  # what finds faces


@dataclass(frozen=True, slots=True)
class Word:
    """What was found. `fails`: the bundle in use cannot be used; what is wrong is whole sentences, or nothing."""

    provider: str = ""
    of_bundle: str = ""  # what is wrong with the bundle in use
    fails: bool = False
    of_faces: str = ""  # what is wrong with what finds faces

    @property
    def trouble(self) -> str:
        """Return all that is wrong."""
        return " ".join(filter(None, (self.of_bundle, self.of_faces)))


def copies(settings: Settings) -> Copies:
    """Return which copies of bundles are there now; cheap, for every request to who has loaded some of them."""
    return Copies(_installed_ns(settings, settings.bundle), _installed_ns(settings, FACES))


def written(word: Word, settings: Settings, loaded: Copies) -> str:
    """Return word as it is left in the catalog; `loaded`: the copies that were there before they were loaded."""
    about = {"bundle": settings.bundle, "installed": loaded.bundle_ns}
    found = {"provider": word.provider, "trouble": word.of_bundle, "fails": word.fails}
    faces = {"installed": loaded.faces_ns, "trouble": word.of_faces}
    return json.dumps(about | found | {"faces": faces})


def read(text: str | None, settings: Settings) -> Word:
    """Return what was left, without what is about another bundle or another copy."""
    left: Mapping[str, Any] = json.loads(text or "{}")
    there = copies(settings)
    faces = left.get("faces") or {}
    holds = settings.faces and faces.get("installed") == there.faces_ns
    of_faces = str(faces["trouble"]) if holds else ""
    if (left.get("bundle"), left.get("installed")) != (settings.bundle, there.bundle_ns):
        return Word(of_faces=of_faces)
    return Word(str(left["provider"]), str(left["trouble"]), left["fails"] is True, of_faces)


def missed(text: str | None, settings: Settings) -> bool:
    """Tell whether word was left that the bundle in use cannot be read, and there is one that might be."""
    left: Mapping[str, Any] = json.loads(text or "{}")
    unread = (left.get("bundle"), left.get("installed"), left.get("fails")) == (settings.bundle, 0, True)
    return unread and copies(settings).bundle_ns != 0


def _installed_ns(settings: Settings, name: str) -> int:
    if not settings.bundles.parts:  # there are none
        return 0
    try:
        return (settings.bundles / name / _RECEIPT).lstat().st_mtime_ns
    except OSError:
        return 0
