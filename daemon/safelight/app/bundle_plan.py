"""Says before a fetch begins how many files it will bring, how large they are, and whether this computer suits them.

The fetch itself asks the server for each size once more; this is what the description of the bundle promises, so that a
person hears of hundreds of megabytes before the first of them.
Invariant: nothing is read but descriptions and the sizes of files, and nothing is changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from safelight.app.bundle_choice import Choice, chosen, kept_in
from safelight.app.bundle_shelf import Description, Shelf, Shelved, asked_with_text, size_of
from safelight.app.bundle_stage import Stage
from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, FetchedManifest
from safelight.inference.installed import Installed, remembered


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fetch will bring. `here_bytes`: how much of it lies on this computer, installed or begun."""

    files: int
    size_bytes: int
    here_bytes: int


def planned(name: str, choice: Choice, *, shelf: Shelf) -> Plan | None:
    """Return what a fetch of a bundle will bring; None where that is not known, as of one that a folder describes.

    Raises BundleError when something is asked for that the bundle does not have, and when it is made for a GPU where
    there is none and nobody said --gpu.
    """
    described = shelf.descriptions().get(name)
    if described is None:
        return None
    manifest = described.manifest
    before, begun = remembered(shelf.folder(name), manifest), Stage(shelf.bundles, name).begun()
    there = kept_in(shelf.folder(name), manifest, before)
    if not choice.gpu and _made_for_gpu(manifest) and not any(each.path in there | begun for each in _towers(manifest)):
        none = "which --no-gpu leaves out" if choice.no_gpu else "and there is none here"
        raise BundleError(
            f"The model bundle {name} is made for a GPU, {none}.",
            hint="With --gpu it is fetched all the same; a processor then takes long over every photograph.",
        )
    files = chosen(manifest, choice, kept=there, begun=begun)
    stand = _standing(before, described, shelf)
    coming = [each for each in files if each.path not in stand]
    sizes = [each.size_bytes for each in coming if each.size_bytes is not None]
    if len(sizes) < len(coming):
        return None
    here = sum(stand[each.path] for each in files if each.path in stand)
    return Plan(len(files), here + sum(sizes), here + shelf.here(name, coming))


def going_on(there: Shelved, *, shelf: Shelf) -> str:
    """Return the command that goes on with what was begun of a bundle, with the options that it began with."""
    described = shelf.descriptions().get(there.name)
    if described is None:
        return there.fetching
    paths = Stage(shelf.bundles, there.name).begun()
    begun = [each for each in described.manifest.files if each.path in paths]
    exact = asked_with_text(described.manifest)
    found = {
        "--text": any(each.role == "text" and each in exact for each in begun),
        "--text-int8": any(each.role == "text" and each not in exact for each in begun),
        "--gpu": not shelf.gpu and _needs_gpu_said(described.manifest, begun),
    }
    return " ".join((there.fetching, *(option for option, asked in found.items() if asked)))


def _needs_gpu_said(manifest: FetchedManifest, begun: Sequence[FetchedFile]) -> bool:
    """Tell whether what was begun is fetched without a GPU only when somebody says so."""
    return any(each.device == "gpu" or (each.role == "vision" and _made_for_gpu(manifest)) for each in begun)


def _towers(manifest: FetchedManifest) -> list[FetchedFile]:
    return [each for each in manifest.files if each.role == "vision"]


def _made_for_gpu(manifest: FetchedManifest) -> bool:
    """Tell whether all its vision towers are in half precision, which a processor computes in full, and slowly."""
    towers = _towers(manifest)
    return bool(towers) and all(each.precision == "fp16" for each in towers)


def _standing(before: Installed | None, described: Description, shelf: Shelf) -> dict[str, int]:
    """Return the bytes of the installed files that have the size they came with, described or accepted, by path."""
    name = described.manifest.name
    if before is None or shelf.content(name) != described.content:
        return {}
    sizes = {path: each.size_bytes for path, each in before.received.items()}
    return {path: size for path, size in sizes.items() if size_of(shelf.folder(name) / path) == size}
