"""Fetches a bundle: from the network, a folder, the cache of other programs, or what is installed already.

Every file is brought into a place of its own, and its sum is taken there, wherever it came from. Sums that a server
announces are judged before a byte is fetched. When all files are there, the bundle is prepared (what is computed of it
once) and takes its place in one step.
Invariant: until that step the old bundle stands untouched, and after any failure what arrived is there to go on from.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safelight.app.bundle_choice import Choice, chosen
from safelight.app.bundle_shelf import Description, Shelf
from safelight.app.bundle_stage import Stage, staged
from safelight.app.bundle_sums import Doubt, Verdict, doubted, judged, sum_of, wrong
from safelight.errors import BundleError
from safelight.hub import failures
from safelight.hub.transfer import Announced, Wanted, part_of
from safelight.inference.fetched import FetchedFile, FetchedManifest, read_fetched
from safelight.inference.installed import MANIFEST, RECEIPT, Installed, Receipt, Received
from safelight.ports import Clock

SPARE_BYTES = 64 << 20  # left on the disk beside the files: what is computed of them, and what others write meanwhile

Prepare = Callable[[Path, FetchedManifest], None]  # computes what is stored with the bundle, in the folder of it


class Network(Protocol):
    """Where files come from; `hub.transfer.Hub` is one."""

    def cached(self, wanted: Wanted) -> Path | None:
        """Return the file in the cache of other programs, None when it is not there."""
        ...

    def announced(self, wanted: Wanted) -> Announced:
        """Return what the server says of a file. Raises BundleError."""
        ...

    def fetch(self, wanted: Wanted, into: Path, *, size_bytes: int | None, progress: Callable[[int], None]) -> None:
        """Bring a file to a path. Raises BundleError, and keeps what arrived."""
        ...


class Telling(Protocol):
    """Who is told what goes on."""

    def say(self, sentence: str) -> None:
        """Say one sentence."""
        ...

    def begin(self, what: str, total_bytes: int | None) -> None:
        """A part begins that takes a while: its name, and how many bytes it has where that is known."""
        ...

    def at(self, done_bytes: int) -> None:
        """So much of the part is done."""
        ...

    def end(self) -> None:
        """No part goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of it. `new`: False when everything was there already."""

    name: str
    kind: str
    files: tuple[Received, ...]
    new: bool


@dataclass(slots=True)
class _Work:
    """One fetch while it goes on."""

    stage: Stage
    description: Description
    installed: Installed | None
    choice: Choice
    accepted: frozenset[str]
    source: str
    got: dict[str, Received] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)


class Fetching:
    """Fetches bundles into the folder of a shelf. `network` is asked for only when something must come from it."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        network: Callable[[], Network],
        prepare: Prepare,
        clock: Clock,
        telling: Telling,
        spare_bytes: int = SPARE_BYTES,
        exchange: bool = True,
    ) -> None:
        self._shelf = shelf
        self._network = network
        self._prepare = prepare
        self._clock = clock
        self._telling = telling
        self._spare_bytes = spare_bytes
        self._exchange = exchange

    def fetch(self, name: str, choice: Choice) -> Fetched:
        """Install a bundle, or what is missing of it. Raises BundleError with nothing changed but what arrived."""
        description = self._description(name, choice)
        with staged(self._shelf.bundles, name, exchange=self._exchange) as stage:
            installed = self._installed(name)
            kept = frozenset() if installed is None else frozenset(installed.received)
            files = chosen(description.manifest, choice, kept=kept)
            work = _Work(stage, description, installed, choice, self._accepted(description, installed, choice), "")
            work.source = _source(description.manifest, choice)
            if self._unchanged(work, files):
                return Fetched(name, description.manifest.kind, tuple(work.got.values()), new=False)
            for file in files:
                if file.warning and file.path not in kept:
                    self._telling.say(file.warning)
            self._gather(work, files)
            return self._install(work)

    def _description(self, name: str, choice: Choice) -> Description:
        """Return what is to be installed: as this version describes it, else as the folder of the files does."""
        described = self._shelf.descriptions()
        if name in described:
            return described[name]
        beside = None if choice.folder is None else choice.folder / MANIFEST
        if beside is not None and beside.is_file():
            content = _readable(beside)
            manifest = read_fetched(content, beside)
            if manifest.name == name:
                return Description(manifest, content)
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

    def _accepted(self, description: Description, there: Installed | None, choice: Choice) -> frozenset[str]:
        """Return the sums that the person accepts, now or when the same description was installed."""
        if there is None or self._shelf.content(there.name) != description.content:
            return choice.accepted
        return choice.accepted | {each.sha256 for each in there.received.values() if each.accepted}

    def _unchanged(self, work: _Work, files: Sequence[FetchedFile]) -> bool:
        """Tell whether all of it is installed and undamaged."""
        there = work.installed
        if there is None or self._shelf.content(there.name) != work.description.content:
            return False
        if set(there.received) != {each.path for each in files}:
            return False
        return all(self._judge(work, file, there.folder / file.path) for file in files)

    def _gather(self, work: _Work, files: Sequence[FetchedFile]) -> None:
        """Bring all files into the place, or raise."""
        work.got.clear()
        missing = [file for file in files if not self._local(work, file)]
        if work.doubts:
            raise doubted(work.doubts, work.source)
        if missing and work.choice.folder is not None:
            raise _lacking(work.choice.folder, missing)
        if missing:
            self._download(work, missing)
        if work.doubts:
            raise doubted(work.doubts, work.source)

    def _local(self, work: _Work, file: FetchedFile) -> bool:
        """Take a file that is on this computer already, if it is the right one."""
        staged_at = work.stage.path(file.path)
        if staged_at.is_file() and self._judge(work, file, staged_at):
            return True
        there = work.stage.final / file.path
        if there.is_file() and self._judge(work, file, there):
            work.stage.link(there, file.path)
            return True
        folder = work.choice.folder
        if folder is not None:
            beside = next(
                (each for each in (folder / file.path, folder / Path(file.path).name) if each.is_file()), None
            )
            return beside is not None and self._from_folder(work, file, beside)
        return self._from_cache(work, file)

    def _from_folder(self, work: _Work, file: FetchedFile, beside: Path) -> bool:
        """Take a file of the person's folder; one that is not right is told, as it was chosen."""
        self._telling.begin(file.path, None)
        taken = work.stage.take(beside, file.path)
        self._judge(work, file, taken, strict=True)
        self._telling.end()
        return True

    def _from_cache(self, work: _Work, file: FetchedFile) -> bool:
        """Take a file of the cache of other programs; one that is not right is left there."""
        if work.description.manifest.source.local:
            raise BundleError(
                f"The model bundle {work.description.manifest.name} was exported on a computer; no server has it.",
                hint="Give the folder that it was exported to with --from DIR.",
            )
        cached = self._network().cached(_wanted(work, file))
        if cached is None:
            return False
        taken = work.stage.take(cached, file.path)
        if self._judge(work, file, taken):
            self._telling.say(f"{file.path}: taken from {cached.parent}.")
            return True
        taken.unlink(missing_ok=True)
        return False

    def _download(self, work: _Work, missing: Sequence[FetchedFile]) -> None:
        """Fetch what is missing, when it is what it should be and there is room for it."""
        network = self._network()
        announced = {file.path: network.announced(_wanted(work, file)) for file in missing}
        for file in missing:
            self._expected(work, file, announced[file.path])
        if work.doubts:
            raise doubted(work.doubts, work.source)
        self._room(work, missing, announced)
        for file in missing:
            self._fetch(work, file, announced[file.path], network)

    def _expected(self, work: _Work, file: FetchedFile, announced: Announced) -> None:
        """Judge what a server says it has, before anything is fetched in vain."""
        if announced.sha256 is not None:
            verdict = judged(file, announced.sha256, work.accepted)
            if verdict is Verdict.WRONG:
                raise wrong(file, announced.sha256, work.source)
            if verdict is Verdict.UNSURE:
                work.doubts.append(Doubt(file, announced.sha256, announced.size_bytes))
        elif file.confirmed and None not in {file.size_bytes, announced.size_bytes}:
            got, expected = announced.size_bytes or 0, file.size_bytes or 0
            if got != expected:
                raise failures.wrong_size(work.source, file.path, got=got, expected=expected)

    def _room(self, work: _Work, missing: Sequence[FetchedFile], announced: dict[str, Announced]) -> None:
        sizes = [announced[file.path].size_bytes or file.size_bytes or 0 for file in missing]
        there = sum(_size(part_of(work.stage.path(file.path))) for file in missing)
        needed = max(0, sum(sizes) - there) + self._spare_bytes
        free = shutil.disk_usage(work.stage.folder).free
        if free < needed:
            raise BundleError(
                f"The disk has {free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB are needed.",
                hint=f"Make room where {self._shelf.bundles} is, or name another place with XDG_DATA_HOME.",
                path=self._shelf.bundles,
            )

    def _fetch(self, work: _Work, file: FetchedFile, announced: Announced, network: Network) -> None:
        """Fetch one file; one that was resumed and does not fit is fetched once more as a whole."""
        into = work.stage.path(file.path)
        size = announced.size_bytes if announced.size_bytes is not None or not file.confirmed else file.size_bytes
        known = announced.sha256 is not None or file.sha256 is not None  # else there is nothing that it could not fit
        for resumed in (known and _size(part_of(into)) > 0, False):
            self._telling.begin(file.path, size or file.size_bytes)
            network.fetch(_wanted(work, file), into, size_bytes=size, progress=self._telling.at)
            self._telling.end()
            if self._judge(work, file, into, strict=not resumed):
                return
            if not resumed:
                return  # in doubt: it stays here until the person has answered
            self._telling.say(f"{file.path}: what was there did not fit; it is fetched again.")
            into.unlink(missing_ok=True)

    def _judge(self, work: _Work, file: FetchedFile, path: Path, *, strict: bool = False) -> bool:
        """Tell whether a file is the right one and note its sum; `strict`: say why not."""
        try:
            sha256, size = sum_of(path), path.stat().st_size
        except OSError as error:
            if not strict:
                return False
            raise _unreadable(path, error) from error
        verdict = judged(file, sha256, work.accepted)
        if verdict in {Verdict.FITS, Verdict.ACCEPTED} and size > 0:
            accepted = verdict is Verdict.ACCEPTED
            sure = verdict is Verdict.FITS and file.confirmed
            work.got[file.path] = Received(
                path=file.path, size_bytes=size, sha256=sha256, confirmed=sure, accepted=accepted
            )
            return True
        if strict and verdict is Verdict.UNSURE:
            work.doubts.append(Doubt(file, sha256, size))
        elif strict:
            path.unlink(missing_ok=True)
            raise wrong(file, sha256, work.source)
        return False

    def _install(self, work: _Work) -> Fetched:
        """Prepare what is complete and let it take its place."""
        manifest, stage = work.description.manifest, work.stage
        files = tuple(work.got[each.path] for each in manifest.files if each.path in work.got)
        stage.tidy(frozenset(each.path for each in files))
        stage.write(MANIFEST, work.description.content)
        receipt = Receipt(format=1, installed_s=self._clock.now(), files=files)
        stage.write(RECEIPT, f"{receipt.model_dump_json(indent=2)}\n".encode())
        self._telling.begin("Preparing", None)
        self._prepare(stage.folder, manifest)
        self._telling.end()
        stage.install()
        return Fetched(manifest.name, manifest.kind, files, new=True)


def _wanted(work: _Work, file: FetchedFile) -> Wanted:
    source = work.description.manifest.source
    return Wanted(file.path, source.repository or "", source.revision or "", file.url)


def _source(manifest: FetchedManifest, choice: Choice) -> str:
    return str(choice.folder) if choice.folder is not None else manifest.source.repository or manifest.source.title


def _lacking(folder: Path, missing: Sequence[FetchedFile]) -> BundleError:
    if not folder.is_dir():
        return BundleError(f"There is no folder {folder}.", hint="Check the spelling.")
    return BundleError(
        f"{folder} has no file for {', '.join(each.path for each in missing)}.",
        hint="The files are found by their path below the folder, or by their name in it.",
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _readable(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(1 << 20)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(f"{path} cannot be read: {error.strerror or 'the system refuses'}.", hint="", path=path)
