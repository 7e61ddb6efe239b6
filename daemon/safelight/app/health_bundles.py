"""Looks at the fetched model bundles for `doctor`: the one in use, damaged ones, what was begun and not finished.

Only sizes are compared, as `doctor` should not read gigabytes; 'safelight models verify' compares the sums.
"""

from collections.abc import Iterator, Mapping

from safelight.app.bundle_plan import going_on
from safelight.app.bundle_shelf import Shelf, Shelved, State
from safelight.app.finding import Finding, Level
from safelight.app.settings import EMBEDDED, Settings
from safelight.errors import BundleError


def bundle_findings(settings: Settings, *, in_use: str) -> Iterator[Finding]:
    """Look at what is installed; `in_use`: the bundle that the settings choose."""
    shelf = Shelf(settings.bundles)
    try:
        found = {each.name: each for each in shelf.listed()}
    except BundleError as error:  # a description of our own: the installation is damaged
        yield Finding("Model bundles", Level.BAD, error.summary, error.hint)
        return
    if in_use != EMBEDDED:
        yield _in_use(in_use, found.get(in_use), shelf)
    for each in found.values():
        if each.state is State.DAMAGED and each.name != in_use:
            hint = f"'{each.fetching}' puts it right."
            yield Finding(f"Bundle {each.name}", Level.BAD, each.trouble, hint)
        elif each.state is State.INSTALLED and each.name != in_use:
            yield Finding(f"Bundle {each.name}", Level.OK, f"installed, {each.size_bytes / 1e6:,.0f} MB")
    yield from _remains(shelf, found)


def _remains(shelf: Shelf, found: Mapping[str, Shelved]) -> Iterator[Finding]:
    """Tell of what lies around; the advice never costs a bundle that is installed."""
    for name, size in shelf.remains():
        told = f"{size / 1e6:,.0f} MB of an unfinished download or of a bundle that was replaced lie around"
        stays = " --unfinished" if shelf.folder(name).exists() else ""
        hint = f"'safelight models remove {name}{stays}' clears it."
        if shelf.staged(name).is_dir() and name in found:
            hint = f"'{going_on(found[name], shelf=shelf)}' goes on with it, {hint}"
        yield Finding(f"Bundle {name}", Level.NOTE, told, hint)


def _in_use(name: str, there: Shelved | None, shelf: Shelf) -> Finding:
    if there is None:
        told = "chosen in the settings, but no bundle has this name: the embedded bundle judges instead"
        hint = (
            "'safelight models list' tells the names; one of your own is fetched again with --from FOLDER."
            f" 'safelight models use {EMBEDDED}' settles for the other."
        )
        return Finding(f"Bundle {name}", Level.NOTE, told, hint)
    if there.state is State.INSTALLED:
        return Finding(f"Bundle {name}", Level.OK, "installed, and chosen in the settings to judge")
    hint = f"'{going_on(there, shelf=shelf)}' installs it, 'safelight models use {EMBEDDED}' settles for the other."
    if there.state is State.DAMAGED:
        told = f"{there.trouble} It is chosen in the settings; the embedded bundle judges instead."
        return Finding(f"Bundle {name}", Level.BAD, told, hint)
    lost = f"chosen in the settings, but {there.state}: the embedded bundle judges instead"
    return Finding(f"Bundle {name}", Level.NOTE, lost, hint)
