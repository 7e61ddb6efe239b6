"""Looks for `doctor` at what the chosen bundle runs on: it is loaded and sees the known picture, as before a rating.

Only that tells the truth: libraries list a GPU that does not work, and files may be damaged though their sizes agree.
Invariant: a bundle that cannot be used ends nothing, as the embedded one judges instead.
"""

from collections.abc import Iterator

from safelight.app.finding import Finding, Level
from safelight.app.settings import EMBEDDED, Settings
from safelight.errors import BundleError

TITLE = "Models run on"
_HINT = (
    "Install the driver of the GPU; then, where Safelight is installed (in a clone .venv/bin/pip):"
    " pip uninstall onnxruntime, pip install 'onnxruntime-gpu[cuda,cudnn]'. The Debian package has no GPU support."
)

_RUNS_OVER = (
    "This processor has no VNNI instructions: on it, 8-bit models that others made may answer several percent wrong."
)
_EXPORT = "A bundle that 'make export' makes from the same checkpoint does not have that."


def provider_findings(settings: Settings, *, in_use: str) -> Iterator[Finding]:
    """Load the fetched bundle `in_use` and say what it runs on; nothing for the embedded one.

    Nothing either where the files themselves tell that it cannot be used, which `bundle_findings` says. Takes seconds
    and the memory of the model.
    """
    if in_use == EMBEDDED or not _looks_whole(settings, in_use):
        return
    from safelight.inference.fetched_encoder import open_vision
    from safelight.inference.gpu import gpu_may_be_there
    from safelight.inference.processor import sums_run_over

    try:
        provider = open_vision(settings.bundles / in_use, accelerator=settings.accelerator).provider
    except BundleError as error:
        yield Finding(TITLE, Level.BAD, f"{error.summary} The embedded bundle judges instead.", error.hint)
        return
    if provider.name == "cpu" and _is_foreign_int8(settings, in_use) and sums_run_over():
        yield Finding(TITLE, Level.NOTE, _RUNS_OVER, _EXPORT)
    if provider.name == "cpu" and settings.accelerator == "auto" and gpu_may_be_there():
        yield Finding(TITLE, Level.NOTE, provider.told, _HINT)
    else:
        yield Finding(TITLE, Level.OK, provider.told)


def _looks_whole(settings: Settings, name: str) -> bool:
    from safelight.app.bundle_shelf import Shelf
    from safelight.inference.installed import made_trouble

    try:
        there = Shelf(settings.bundles).installed(name) if settings.bundles.parts else None
        return there is not None and not made_trouble(there)
    except BundleError:
        return False


def _is_foreign_int8(settings: Settings, name: str) -> bool:
    from safelight.inference.installed import read_installed

    installed = read_installed(settings.bundles / name)
    return installed.known_by.precision == "int8" and not installed.manifest.source.local
