"""What a person does with model bundles: look at them, fetch, verify, remove and choose one.

The adapters meet here: the shelf in the person's folder, the network, what is computed at install, the settings.
Invariant: whatever fails, the bundle that was in use before is still there, and the embedded one always serves.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.app import configuration, configuration_file
from safelight.app.bundle_choice import Choice
from safelight.app.bundle_fetching import Fetched, Fetching, Network, Telling
from safelight.app.bundle_shelf import Shelf, Shelved, State, embedded_line, fetching_of
from safelight.app.bundle_stage import staged
from safelight.app.bundle_sums import sum_of
from safelight.app.clock import SystemClock
from safelight.app.settings import EMBEDDED, Settings
from safelight.errors import BundleError
from safelight.inference.installed import Installed, Received, made_trouble, spoiled

if TYPE_CHECKING:
    from safelight.inference.fetched import FetchedManifest


@dataclass(frozen=True, slots=True)
class Checked:
    """One file of an installed bundle, read again. `told`: what is wrong with it, empty when nothing is."""

    path: str
    told: str


@dataclass(frozen=True, slots=True)
class Verified:
    """An installed bundle, read again. `trouble`: why it cannot be read as a bundle at all."""

    name: str
    files: tuple[Checked, ...]
    trouble: str = ""

    @property
    def wrong(self) -> tuple[str, ...]:
        """Return what is wrong with it, one sentence each."""
        told = tuple(f"{each.path} {each.told}." for each in self.files if each.told)
        return (*told, *filter(None, (self.trouble,)))


def listed(settings: Settings) -> tuple[Shelved, ...]:
    """Return a line for each bundle there is, the embedded one first."""
    return (embedded_line(), *Shelf(settings.bundles).listed())


def in_use(environ: Mapping[str, str]) -> str:
    """Return the name of the bundle that the settings choose. Raises SettingsError."""
    return configuration.read(environ).models.bundle


def fetch(name: str, choice: Choice, *, settings: Settings, telling: Telling) -> Fetched:
    """Install a bundle. Raises BundleError; what arrived is kept then."""
    if name == EMBEDDED:
        raise BundleError("The embedded bundle needs no download.", hint="It came with Safelight and always serves.")
    clock = SystemClock()
    fetching = Fetching(
        shelf=Shelf(settings.bundles),
        network=_network(clock=clock, say=telling.say),
        prepare=lambda folder, manifest, before: prepared(folder, manifest, threads=settings.jobs, before=before),
        clock=clock,
        telling=telling,
        made=computed_trouble,
    )
    return fetching.fetch(name, choice)


def prepared(folder: Path, manifest: "FetchedManifest", *, threads: int, before: Installed | None = None) -> None:
    """Compute what is stored with a bundle. Its models are loaded for that, so what is no model is not installed.

    `before`: what was installed under its name; what is known of its towers stays, where they are the same.
    """
    if manifest.kind == "faces":
        from safelight.models.build.faces import prepare_faces

        prepare_faces(folder, manifest)
    else:
        from safelight.models.prepare import prepare

        prepare(folder, manifest, threads=threads, before=before)


def computed_trouble(there: Installed) -> str:
    """Return a sentence about what was computed at install and is missing or damaged, empty when all is well.

    All sums are compared; where none were noted at install, it is read as it is before judging.
    """
    trouble = made_trouble(there, whole=True)
    if trouble or there.computed is not None or there.manifest.kind == "faces":
        return trouble
    from safelight.models.prepare import unreadable

    return unreadable(there)


def verify(name: str, *, settings: Settings, telling: Telling) -> Verified:
    """Read every file of an installed bundle again and compare its sum; for the embedded one, those of the package.

    Raises BundleError when it is not installed, and when the embedded one is damaged, as it is not fetched.
    """
    if name == EMBEDDED:
        return _embedded(settings, telling)
    shelf = Shelf(settings.bundles)
    try:
        there = shelf.installed(name)
    except BundleError as error:
        return Verified(name, (), error.summary)
    if there is None:
        raise _not_installed(name, shelf)
    files = tuple(_checked(there, each, telling) for each in there.received.values())
    return Verified(name, files, computed_trouble(there))


def verify_all(*, settings: Settings, telling: Telling) -> tuple[Verified, ...]:
    """Read every installed bundle again."""
    there = [each.name for each in Shelf(settings.bundles).listed() if each.state in {State.INSTALLED, State.DAMAGED}]
    return tuple(verify(name, settings=settings, telling=telling) for name in there)


def remove(name: str, *, settings: Settings, environ: Mapping[str, str], unfinished: bool = False) -> int:
    """Remove a bundle, and what was begun of it; return how many bytes are free again.

    `unfinished`: only what was begun, and remains of what was replaced or removed. Raises BundleError when there is
    nothing of it, and for the bundle that is in use: the person says first which is to judge instead.
    """
    shelf = Shelf(settings.bundles)
    if name == EMBEDDED:
        raise BundleError("The embedded bundle cannot be removed.", hint="It is a part of Safelight.")
    if unfinished:
        return _clear(name, shelf)
    if name == in_use(environ) and shelf.folder(name).exists():
        raise BundleError(
            f"The model bundle {name} is in use.",
            hint=f"Say first what is to judge instead: safelight models use {EMBEDDED}",
        )
    remains = _remains(name, shelf)
    if not remains and not (name in shelf.names() and shelf.folder(name).exists()):
        raise _not_installed(name, shelf)
    size = shelf.size(name)
    with staged(shelf.bundles, name) as stage:
        stage.remove()
    return size + sum(remains)


def use(name: str, *, settings: Settings, environ: Mapping[str, str], telling: Telling) -> None:
    """Write into the settings which bundle judges. Raises BundleError when it is not installed or damaged."""
    if name != EMBEDDED:
        shelf = Shelf(settings.bundles)
        fetching = fetching_of(name, described=name in shelf.descriptions())
        try:
            there = shelf.installed(name)
        except BundleError as error:
            raise BundleError(error.summary, hint=f"'{fetching}' puts it right.") from error
        if there is None:
            raise _not_installed(name, shelf)
        if there.manifest.kind == "faces":
            raise BundleError(
                f"The model bundle {name} finds faces; it judges no whole pictures.",
                hint="It is used beside any other, as long as 'faces' in the section [models] of the settings is true.",
            )
        wrong = verify(name, settings=settings, telling=telling).wrong
        if wrong:
            raise BundleError(spoiled(name, wrong[0].removesuffix(".")).summary, hint=f"'{fetching}' puts it right.")
    configuration_file.put(environ, {"models.bundle": name})


def _clear(name: str, shelf: Shelf) -> int:
    """Remove what was begun of a bundle, and return how many bytes that were; what is installed is not touched."""
    remains = _remains(name, shelf)
    if not remains:
        told = f"Nothing was begun of a model bundle {name}."
        raise BundleError(told, hint="'safelight models list' shows what there is.")
    before = shelf.size(name) + sum(remains)
    with staged(shelf.bundles, name) as stage:  # what a crash left goes, or is put back where it was
        stage.clear()
    return before - shelf.size(name)


def _remains(name: str, shelf: Shelf) -> list[int]:
    """Return the bytes of each folder of what was begun or left; none for what is no plain name."""
    return [size for each, size in shelf.remains() if each == name and each[:1].isalnum()]


def _embedded(settings: Settings, telling: Telling) -> Verified:
    """Read the embedded bundle as it is read before it judges. Raises BundleError when it is not what it should be."""
    from safelight.models.embedded import embedded_bundle

    telling.begin(EMBEDDED, None)
    try:
        manifest = embedded_bundle(cache=settings.models).manifest
    finally:
        telling.end()
    files = (manifest.graph.file, manifest.heads.path, manifest.golden.file.path)
    return Verified(EMBEDDED, tuple(Checked(each, "") for each in files))


def _network(*, clock: SystemClock, say: Callable[[str], None]) -> Callable[[], Network]:
    """Return what opens the network when it is first needed: --from DIR and a repair of nothing need none."""
    opened: list[Network] = []

    def network() -> Network:
        if not opened:
            from safelight.hub.library import access
            from safelight.hub.transfer import Hub

            opened.append(Hub(access=access(), clock=clock, say=say))
        return opened[0]

    return network


def _checked(there: Installed, file: Received, telling: Telling) -> Checked:
    telling.begin(file.path, file.size_bytes)
    try:
        found = sum_of(there.folder / file.path, progress=telling.at)
    except OSError as error:
        return Checked(file.path, f"cannot be read ({error.strerror or os.strerror(error.errno or 0)})")
    finally:
        telling.end()
    return Checked(file.path, "" if found == file.sha256 else "is not what was installed: its sha256 has changed")


def _not_installed(name: str, shelf: Shelf) -> BundleError:
    described = name in shelf.descriptions()
    told = "installs it" if described else "installs one that you exported"
    return BundleError(
        f"The model bundle {name} is not installed.",
        hint=f"'safelight models list' shows what there is, '{fetching_of(name, described=described)}' {told}.",
    )
