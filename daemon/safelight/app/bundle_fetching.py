"""Fetches a bundle: decides what is to be had of it, and lets it take its place when all of it is there and runs.

What is installed stays part of it, also when it is damaged, and so does what was asked for when an earlier fetch broke
off. When all files are there, the bundle is prepared (what is computed of it once) and takes its place in one step. A
bundle of which only what was computed is missing is prepared anew, from the files that stand there.
Invariant: until that step the old bundle stands untouched, and after any failure what arrived is there to go on from;
but files that can never be a bundle are not kept, as the same would only be refused again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.app.bundle_choice import Choice, chosen, kept_in
from safelight.app.bundle_gathering import SPARE_BYTES, Gathering, Network, Telling, Work, bytes_of_manifest
from safelight.app.bundle_shelf import Description, Shelf
from safelight.app.bundle_stage import staged, told
from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, FetchedManifest, read_fetched
from safelight.inference.installed import (
    MANIFEST,
    RECEIPT,
    Installed,
    Receipt,
    Received,
    computed_in,
    remembered,
)
from safelight.ports import Clock

# Computes what is stored with the bundle, in the folder of it; the last: what was installed under this name before.
Prepare = Callable[[Path, FetchedManifest, Installed | None], None]
_OF_THIS_COMPUTER = (OSError, ImportError, AttributeError)  # causes: a full disk, a library that is missing or mixed

__all__ = ["SPARE_BYTES", "Fetched", "Fetching", "Network", "Prepare", "Telling"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of it. `new`: False when everything was there already."""

    name: str
    kind: str
    files: tuple[Received, ...]
    new: bool


class Fetching:
    """Fetches bundles into the folder of a shelf.

    `network` is asked for only when something must come from it. `made` tells what is wrong with what was computed of
    an installed bundle, nothing when all is well.
    """

    def __init__(
        self,
        *,
        shelf: Shelf,
        network: Callable[[], Network],
        prepare: Prepare,
        clock: Clock,
        telling: Telling,
        made: Callable[[Installed], str],
        spare_bytes: int = SPARE_BYTES,
        exchange: bool = True,
    ) -> None:
        self._shelf = shelf
        self._network = network
        self._prepare = prepare
        self._clock = clock
        self._telling = telling
        self._made = made
        self._spare_bytes = spare_bytes
        self._exchange = exchange

    def fetch(self, name: str, choice: Choice) -> Fetched:
        """Install a bundle, or what is missing of it. Raises BundleError with nothing changed but what arrived."""
        description = self._description(name, choice)
        with staged(self._shelf.bundles, name, exchange=self._exchange) as stage:
            installed = self._installed(name)
            before = remembered(self._shelf.folder(name), description.manifest)
            work = Work(stage, description, before, choice, self._accepted(description, before, choice))
            files = self._chosen(work)
            if installed is not None and self._unchanged(work, installed, files):
                stage.clear()
                return Fetched(name, description.manifest.kind, tuple(work.got.values()), new=False)
            work.got.clear()
            Gathering(
                work,
                network=self._network,
                telling=self._telling,
                bundles=self._shelf.bundles,
                spare_bytes=self._spare_bytes,
            ).gather(files)
            return self._install(work)

    def _description(self, name: str, choice: Choice) -> Description:
        """Return what is to be installed: as this version describes it, the folder of the files, or what is there."""
        described = self._shelf.descriptions()
        if name in described:
            return described[name]
        beside = () if choice.folder is None else (choice.folder / MANIFEST,)
        there = (self._shelf.folder(name) / MANIFEST,) if name in self._shelf.names() else ()
        for file in filter(Path.is_file, (*beside, *there)):
            content = bytes_of_manifest(file)
            manifest = read_fetched(content, file)
            if manifest.name == name:
                return Description(manifest, content)
        if there:
            raise BundleError(
                f"This version of Safelight does not describe the model bundle {name}.",
                hint=f"If you exported it: safelight models fetch {name} --from DIR",
            )
        raise BundleError(
            f"There is no model bundle called {name}.",
            hint=f"There are {', '.join(described)}. One that you exported is given with --from DIR, as its manifest "
            "calls it.",
        )

    def _installed(self, name: str) -> Installed | None:
        """Return what stands there; what is damaged is as good as nothing, and replaced."""
        try:
            return self._shelf.installed(name)
        except BundleError as error:
            self._telling.say(error.summary)
            return None

    def _accepted(self, description: Description, before: Installed | None, choice: Choice) -> frozenset[str]:
        """Return the sums that the person accepts, now or when the same description was installed."""
        if before is None or self._shelf.content(description.manifest.name) != description.content:
            return choice.accepted
        return choice.accepted | {each.sha256 for each in before.received.values() if each.accepted}

    def _chosen(self, work: Work) -> tuple[FetchedFile, ...]:
        """Return the files to have, and say of those that nobody asked for now why they come, and of bad ones that."""
        manifest, choice, stage = work.description.manifest, work.choice, work.stage
        there = kept_in(stage.final, manifest, work.before)
        files = chosen(manifest, choice, kept=there, begun=stage.begun())
        asked = chosen(manifest, choice, kept=there)
        more = [each.path for each in files if each not in asked]
        if more:
            self._telling.say(
                f"What was begun before is fetched, too: {', '.join(more)}. "
                f"'safelight models remove {manifest.name} --unfinished' gives up what was begun."
            )
        for file in files:
            if file.warning and file.path not in there:
                self._telling.say(file.warning)
        return files

    def _unchanged(self, work: Work, there: Installed, files: Sequence[FetchedFile]) -> bool:
        """Tell whether all of it is installed and undamaged, and say what is not where only that is to be done anew."""
        if self._shelf.content(there.name) != work.description.content:
            return False
        if set(there.received) != {each.path for each in files}:
            return False
        if not all(work.fits(file, there.folder / file.path) for file in files):
            return False
        trouble = self._made(there)
        if trouble:
            self._telling.say(f"{trouble} It is computed anew, from the files that are here.")
        return not trouble

    def _install(self, work: Work) -> Fetched:
        """Prepare what is complete and let it take its place."""
        manifest, stage = work.description.manifest, work.stage
        files = tuple(work.got[each.path] for each in manifest.files if each.path in work.got)
        for path, there in work.installed.items():
            stage.link(there, path)
        stage.tidy(frozenset(each.path for each in files))
        stage.write(MANIFEST, work.description.content)
        self._telling.begin("Preparing", None)
        self._prepared(work, files)
        self._telling.end()
        with told(stage.folder):
            made = computed_in(stage.folder)
        receipt = Receipt(format=1, installed_s=self._clock.now(), files=files, made=made)
        stage.write(RECEIPT, f"{receipt.model_dump_json(indent=2)}\n".encode())
        stage.install()
        return Fetched(manifest.name, manifest.kind, files, new=True)

    def _prepared(self, work: Work, files: Sequence[Received]) -> None:
        """Compute what is stored with the bundle; files that can be no bundle are refused, and not kept."""
        name, stage = work.description.manifest.name, work.stage
        try:
            self._prepare(stage.folder, work.description.manifest, work.before)
        except BundleError as error:
            if isinstance(error.__cause__, _OF_THIS_COMPUTER):
                raise
            meant = name in self._shelf.descriptions() and all(each.confirmed for each in files)
            if not meant:
                stage.clear()
            raise BundleError(error.summary, hint=_refused(name, work.choice, meant=meant)) from error


def _refused(name: str, choice: Choice, *, meant: bool) -> str:
    """Return what a person can do when files cannot be used; `meant`: they are known to be the right ones."""
    if meant:
        return (
            "Nothing was installed. The files are those that are meant, so it lies with this computer or its libraries:"
            " see what 'safelight doctor' says. They are kept; "
            f"'safelight models remove {name} --unfinished' clears them."
        )
    if choice.folder is not None:
        again = f"Those in {choice.folder} would be refused again: others are needed."
    else:
        again = "The same ones would be refused again; 'safelight models list' shows other bundles."
    return f"Nothing was installed, and no file is kept. {again}"
