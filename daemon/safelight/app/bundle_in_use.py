"""Tells which judges look with the bundle in use, as it is installed now.

The name alone does not: another version may have been installed under it since, and what that one saw was never seen by
this one. So judges are told apart by the sums of what is installed. A bundle goes by two such names where it has a file
for the processor and another for a GPU. Where nothing can be read, the name has to do: it is only told of then.
Invariant: no model is read, only the description and the receipt of the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.app.settings import EMBEDDED, Settings
from safelight.domain.judges import bundle_of, embedder_of
from safelight.errors import BundleError

if TYPE_CHECKING:  # reading descriptions takes a quarter of a second, and the embedded bundle needs none
    from safelight.inference.installed import Installed


@dataclass(frozen=True, slots=True)
class InUse:
    """The bundle in use. `ids`: name, sum and precision by the processor's file, then by the GPU's, if that differs."""

    name: str
    ids: tuple[str, ...] = ()  # none where it is not installed, or cannot be read
    trouble: str = ""  # what is wrong with it as it lies there, as sentences

    def looked(self, judge: str) -> bool:
        """Tell whether a judge looked with it."""
        return embedder_of(judge) in self.ids if self.ids else bundle_of(judge) == self.name


def read_in_use(settings: Settings) -> InUse:
    """Return the bundle in use as it lies on the disk; what is wrong with it ends nothing."""
    if settings.bundle == EMBEDDED:
        return InUse(EMBEDDED)
    try:
        return InUse(settings.bundle, ids_of(installed(settings)))
    except BundleError as error:
        return InUse(settings.bundle, trouble=error.told)


def installed(settings: Settings, name: str = "") -> Installed:
    """Return a fetched bundle, the one in use if none is named. Raises BundleError when it is missing or damaged."""
    from safelight.inference.installed import read_installed

    return read_installed(settings.bundles / (name or settings.bundle))


def ids_of(bundle: Installed) -> tuple[str, ...]:
    """Return what the embeddings of a bundle are called, by the processor's file first."""
    files = (bundle.vision("cpu"), bundle.vision("gpu"))
    return tuple(dict.fromkeys(bundle.id_of(file) for file in files if file is not None))
