"""Brings the files of a bundle into their place: those that are here, of a folder, of other programs, of the network.

Every file's sum is taken in the place, wherever it came from, and sums that a server announces are judged before a byte
is fetched. What takes room is brought only when there is room for all of it and some is left to others.
Invariant: after a failure what arrived is there to go on from, and nothing lies there that did not arrive.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safelight.app.bundle_choice import Choice
from safelight.app.bundle_shelf import Description
from safelight.app.bundle_stage import Stage
from safelight.app.bundle_sums import Doubt, Verdict, doubted, judged, sum_of, wrong
from safelight.errors import BundleError
from safelight.hub import failures
from safelight.hub.transfer import Announced, Wanted, part_of
from safelight.inference.fetched import FetchedFile
from safelight.inference.installed import Installed, Received
from safelight.inference.manifest import MAX_MANIFEST_BYTES

SPARE_BYTES = 64 << 20  # left on the disk beside the files: what is computed of them, and what others write meanwhile


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


@dataclass(slots=True)
class Work:
    """One fetch while it goes on. `before`: what was installed, whatever became of its files."""

    stage: Stage
    description: Description
    before: Installed | None
    choice: Choice
    accepted: frozenset[str]
    got: dict[str, Received] = field(default_factory=dict)  # the right files, by path, as those below
    installed: dict[str, Path] = field(default_factory=dict)  # those that stand in the bundle of before
    doubts: dict[str, Doubt] = field(default_factory=dict)
    in_cache: dict[str, Doubt] = field(default_factory=dict)  # asked about only when nothing better can be had

    @property
    def source(self) -> str:
        """Return where the files come from, for a person."""
        if self.choice.folder is not None:
            return str(self.choice.folder)
        return self.description.manifest.source.repository or self.description.manifest.source.title

    def wanted(self, file: FetchedFile) -> Wanted:
        """Return what the network is asked for."""
        source = self.description.manifest.source
        return Wanted(file.path, source.repository or "", source.revision or "", file.url)

    def judge(self, file: FetchedFile, path: Path) -> Doubt | Verdict:
        """Take the sum of a file and note it if it is the right one; it is a doubt if it may be. Raises OSError."""
        sha256, size = sum_of(path), path.stat().st_size
        verdict = judged(file, sha256, self.accepted)
        if verdict is Verdict.UNSURE:
            return Doubt(file, sha256, size, str(path.parent))
        if verdict is Verdict.WRONG or size == 0:
            return Verdict.WRONG
        accepted = verdict is Verdict.ACCEPTED
        self.got[file.path] = Received(
            path=file.path,
            size_bytes=size,
            sha256=sha256,
            confirmed=file.confirmed and not accepted,
            accepted=accepted,
        )
        return verdict

    def fits(self, file: FetchedFile, path: Path) -> bool:
        """Tell whether a file is there and the right one, and note its sum if it is."""
        try:
            return path.is_file() and self.judge(file, path) in {Verdict.FITS, Verdict.ACCEPTED}
        except OSError:
            return False

    def question(self) -> None:
        """Raise BundleError when there are files that the person has to say something to."""
        if self.doubts:
            raise doubted(tuple(self.doubts.values()), self.source)


class Gathering:
    """Brings all files of one fetch into the place. `network` is asked for only when something must come from it."""

    def __init__(
        self, work: Work, *, network: Callable[[], Network], telling: Telling, bundles: Path, spare_bytes: int
    ) -> None:
        self._work = work
        self._network = network
        self._telling = telling
        self._bundles = bundles
        self._spare_bytes = spare_bytes

    def gather(self, files: Sequence[FetchedFile]) -> None:
        """Bring all files into the place, but those that stand in the installed bundle. Raises BundleError."""
        work = self._work
        absent = [file for file in files if not self._here(file)]
        if not absent:
            return
        work.stage.note(file.path for file in files)
        if work.choice.folder is not None:
            found = _found(work.choice.folder, absent)
            self._take(found, self._of_person)
        else:
            self._take(self._cached(absent), self._of_cache)
        work.question()
        missing = [file for file in absent if file.path not in work.got]
        if missing:
            self._download(missing)
        work.question()

    def _here(self, file: FetchedFile) -> bool:
        """Tell whether a file arrived already, or stands in the installed bundle."""
        work = self._work
        if work.fits(file, work.stage.folder / file.path):
            return True
        there = work.stage.final / file.path
        if work.fits(file, there):
            work.installed[file.path] = there
            return True
        return False

    def _take(
        self, found: Sequence[tuple[FetchedFile, Path]], judge: Callable[[FetchedFile, Path, Path], None]
    ) -> None:
        """Bring files that lie elsewhere on this computer; where they share no bytes there must be room for them."""
        stage = self._work.stage
        copied = [(file, path) for file, path in found if not stage.clone(path, file.path)]
        self._room(sum(_size(path) for _, path in copied))
        for file, path in found:
            self._telling.begin(file.path, None)
            taken = stage.take(path, file.path) if (file, path) in copied else stage.path(file.path)
            judge(file, path, taken)
            self._telling.end()

    def _of_person(self, file: FetchedFile, source: Path, taken: Path) -> None:
        """Judge a file of the person's folder; one that is not right is told, as it was chosen."""
        self._must(file, taken)

    def _of_cache(self, file: FetchedFile, source: Path, taken: Path) -> None:
        """Judge a file of the cache of other programs; one that is not right is left there, and told."""
        with _reading(taken):
            verdict = self._work.judge(file, taken)
        if file.path in self._work.got:
            self._telling.say(f"{file.path}: taken from {source.parent}.")
            return
        taken.unlink(missing_ok=True)
        if isinstance(verdict, Doubt):
            self._work.in_cache[file.path] = Doubt(file, verdict.sha256, verdict.size_bytes, str(source.parent))
        else:
            self._telling.say(f"{file.path}: what lies in {source.parent} is not the file that it should be.")

    def _cached(self, absent: Sequence[FetchedFile]) -> list[tuple[FetchedFile, Path]]:
        """Return what the cache of other programs has."""
        manifest = self._work.description.manifest
        if manifest.source.local:
            raise BundleError(
                f"The model bundle {manifest.name} was exported on a computer; no server has it.",
                hint="Give the folder that it was exported to with --from DIR.",
            )
        looked = ((file, self._network().cached(self._work.wanted(file))) for file in absent)
        return [(file, path) for file, path in looked if path is not None]

    def _download(self, missing: Sequence[FetchedFile]) -> None:
        """Fetch what is missing, when it is what it should be and there is room for it."""
        network, stage = self._network(), self._work.stage
        announced = self._announced(missing, network)
        for file in missing:
            self._expected(file, announced[file.path])
        self._work.question()
        sizes = sum(announced[file.path].size_bytes or file.size_bytes or 0 for file in missing)
        self._room(sizes - sum(_size(part_of(stage.path(file.path))) for file in missing))
        for file in missing:
            self._fetch(file, announced[file.path], network)

    def _announced(self, missing: Sequence[FetchedFile], network: Network) -> Mapping[str, Announced]:
        """Ask what the files are. Where nobody answers, a file of the cache is asked about that might be the one."""
        work, found = self._work, {}
        for file in sorted(missing, key=lambda each: each.path in work.in_cache):
            try:
                found[file.path] = network.announced(work.wanted(file))
            except BundleError as error:
                if file.path not in work.in_cache:
                    raise
                if error.summary != failures.offline(file.path).summary:  # that says it is not on this computer
                    self._telling.say(error.summary)
                question = doubted(tuple(work.in_cache.values()), work.source)
                raise BundleError(question.summary, hint=f"{error.hint} {question.hint}") from error
        return found

    def _expected(self, file: FetchedFile, announced: Announced) -> None:
        """Judge what a server says it has, before anything is fetched in vain."""
        work = self._work
        if announced.sha256 is not None:
            verdict = judged(file, announced.sha256, work.accepted)
            if verdict is Verdict.WRONG:
                raise wrong(file, announced.sha256, work.source)
            if verdict is Verdict.UNSURE:
                work.doubts[file.path] = Doubt(file, announced.sha256, announced.size_bytes)
        elif file.confirmed and None not in {file.size_bytes, announced.size_bytes}:
            got, expected = announced.size_bytes or 0, file.size_bytes or 0
            if got != expected:
                raise failures.wrong_size(
                    file.url or work.source, file.path, got=got, expected=expected, at_hub=file.url is None
                )

    def _room(self, needed_bytes: int) -> None:
        """Raise BundleError unless the disk has room for so much."""
        if needed_bytes <= 0:
            return
        needed = needed_bytes + self._spare_bytes
        free = shutil.disk_usage(self._bundles).free
        if free < needed:
            raise BundleError(
                f"The disk has {free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB are needed.",
                hint=f"Make room where {self._bundles} is, or name another place with XDG_DATA_HOME.",
                path=self._bundles,
            )

    def _fetch(self, file: FetchedFile, announced: Announced, network: Network) -> None:
        """Fetch one file; one that was resumed and does not fit is fetched once more as a whole."""
        into = self._work.stage.path(file.path)
        size = announced.size_bytes if announced.size_bytes is not None or not file.confirmed else file.size_bytes
        known = announced.sha256 is not None or file.sha256 is not None  # else there is nothing that it could not fit
        for resumed in (known and _size(part_of(into)) > 0, False):
            self._telling.begin(file.path, size or file.size_bytes)
            network.fetch(self._work.wanted(file), into, size_bytes=size, progress=self._telling.at)
            self._telling.end()
            if not resumed:
                return self._must(file, into)
            if self._work.fits(file, into):
                return None
            self._telling.say(f"{file.path}: what was there did not fit; it is fetched again.")
            into.unlink(missing_ok=True)
        return None

    def _must(self, file: FetchedFile, path: Path) -> None:
        """Judge a file that was brought because somebody wants it; one in doubt stays until the person has answered."""
        with _reading(path):
            verdict = self._work.judge(file, path)
            if isinstance(verdict, Doubt):
                self._work.doubts[file.path] = Doubt(file, verdict.sha256, verdict.size_bytes)
            elif verdict is Verdict.WRONG:
                sha256 = sum_of(path)
                path.unlink(missing_ok=True)
                raise wrong(file, sha256, self._work.source)


def _found(folder: Path, absent: Sequence[FetchedFile]) -> list[tuple[FetchedFile, Path]]:
    """Return where files lie in a folder: by their path below it, else by their name in it. Raises BundleError."""
    places = ((file, (folder / file.path, folder / Path(file.path).name)) for file in absent)
    found = [(file, next((each for each in both if each.is_file()), None)) for file, both in places]
    lacking = [file.path for file, path in found if path is None]
    if lacking and not folder.is_dir():
        raise BundleError(f"There is no folder {folder}.", hint="Check the spelling.")
    if lacking:
        raise BundleError(
            f"{folder} has no file for {', '.join(lacking)}.",
            hint="The files are found by their path below the folder, or by their name in it.",
        )
    return [(file, path) for file, path in found if path is not None]


def bytes_of_manifest(path: Path) -> bytes:
    """Return the content of a description; raises BundleError when it cannot be read."""
    with _reading(path), path.open("rb") as opened:
        return opened.read(MAX_MANIFEST_BYTES + 1)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = f"{path} cannot be read: {error.strerror or 'the system refuses'}."
        raise BundleError(told, hint="See whether its disk is there, and whether it may be read.", path=path) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
