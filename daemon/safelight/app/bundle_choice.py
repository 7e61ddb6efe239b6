"""Decides which files of a bundle are fetched: those everybody needs, those for this computer, those asked for.

Invariant: a text tower never comes without its tokenizer, and what is installed or was begun is not left out later
because nobody asked for it again.
"""

from dataclasses import dataclass
from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, FetchedManifest
from safelight.inference.installed import Installed

NVIDIA = Path("/dev/nvidiactl")  # there when the driver of a GPU that ONNX Runtime can use is loaded
_EXACT_FIRST = ("fp32", "fp16", "int8", None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asked for. `accepted`: sums; `folder`: where the files lie, None to use the network.

    `gpu`: with the files for a GPU, `no_gpu`: without them whatever was begun, as somebody said so.
    """

    text: bool = False
    text_int8: bool = False
    gpu: bool = False
    accepted: frozenset[str] = frozenset()
    folder: Path | None = None
    no_gpu: bool = False


def has_gpu(device: Path = NVIDIA) -> bool:
    """Tell whether this computer has a GPU that might serve; whether it truly does is seen when a model is opened."""
    return device.exists()


def chosen(
    manifest: FetchedManifest, choice: Choice, *, kept: frozenset[str], begun: frozenset[str] = frozenset()
) -> tuple[FetchedFile, ...]:
    """Return the files to have, in the order of the manifest.

    `kept`: paths of those that are installed, `begun`: of those that were fetched when an earlier fetch broke off.
    Raises BundleError when something is asked for that the bundle does not have.
    """
    gone_on = {each for each in manifest.files if each.path in begun and not (each.device == "gpu" and choice.no_gpu)}
    towers = {*_towers(manifest, choice), *(each for each in gone_on if each.role == "text")}
    files = tuple(
        each
        for each in manifest.files
        if each.path in kept
        or each in gone_on
        or each in towers
        or usual(each, gpu=choice.gpu)
        or (each.role == "tokenizer" and towers)
    )
    if manifest.kind == "embedding" and not any(each.role == "vision" for each in files):
        raise BundleError(
            f"The model bundle {manifest.name} is made for a GPU, and there is none here.",
            hint="With --gpu its files are fetched all the same.",
        )
    return files


def usual(file: FetchedFile, *, gpu: bool) -> bool:
    """Tell whether a file is fetched when nothing else is asked for; `gpu`: with the files for a GPU."""
    return not file.optional and (file.device != "gpu" or gpu)


def kept_in(folder: Path, manifest: FetchedManifest, before: Installed | None) -> frozenset[str]:
    """Return the paths of what a fetch does not leave out: all that was installed in `folder`, damaged or not.

    `before`: what its receipt tells of; without one, the files that are there count.
    """
    if before is not None:
        return frozenset(before.received)
    return frozenset(each.path for each in manifest.files if (folder / each.path).is_file())


def _towers(manifest: FetchedManifest, choice: Choice) -> tuple[FetchedFile, ...]:
    """Return the text towers that are asked for: the most exact one, the int8 one, or both."""
    there = sorted(
        (each for each in manifest.files if each.role == "text"), key=lambda each: _EXACT_FIRST.index(each.precision)
    )
    exact = there[:1] if choice.text else []
    small = [each for each in there if each.precision == "int8"] if choice.text_int8 else []
    if (choice.text and not exact) or (choice.text_int8 and not small):
        raise BundleError(
            f"The model bundle {manifest.name} has no such text tower, which searching by words needs.",
            hint="'safelight models list' shows what there is.",
        )
    return (*exact, *small)
