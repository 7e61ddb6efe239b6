"""Fetches one file of a bundle, from a model hub or from its own address, and goes on where a break left off.

huggingface_hub says where a file is, what its size and sum are said to be, what the cache of other programs has, and
speaks to the server. The bytes themselves are read here: the library's own download begins anew after a break (its
partial files have names of one use), and waits by its own clock.
What arrives lies beside its place, as NAME.part, and is asked for from its end on. Only an answer that says it begins
there is appended; any other begins the file anew. Servers that are busy and connections that break are asked again, a
little later each time; a connection that was never made is told at once, because somebody waits for it.
Invariant: a file has its final name only when it is complete and on the disk. Its sum is judged by whoever asked.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from safelight.errors import BundleError
from safelight.hub import environment, failures
from safelight.hub.library import USER_AGENT, Access, load
from safelight.ports import Clock

if TYPE_CHECKING:
    import httpx2

WAITS_S = (1.0, 2.0, 4.0, 8.0)  # between two tries that brought nothing
LONGEST_WAIT_S = 60.0  # that a server may ask for; whoever waits longer wants to be told
LARGEST_BYTES = 8 * 1024**3  # as in a description (manifest.ByteCount)
BUSY = frozenset({408, 429, 500, 502, 503, 504})

_Answer = TypeVar("_Answer")
_SUM = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file: its path in a repository at a revision, or an address of its own."""

    path: str
    repository: str = ""
    revision: str = ""
    url: str | None = None

    @property
    def at_hub(self) -> bool:
        """Tell whether it is one of the hub's files: only these have mirrors, and are asked for with a token."""
        return self.url is None


@dataclass(frozen=True, slots=True)
class Announced:
    """What a server says of a file before it sends it; None where it does not say."""

    size_bytes: int | None
    sha256: str | None


class _Again(Exception):
    """This try failed in a way that another may not; `wait_s`: how long the server asks us to wait."""

    def __init__(self, failure: BundleError, wait_s: float = 0.0) -> None:
        super().__init__(failure.summary)
        self.failure = failure
        self.wait_s = wait_s


class Hub:
    """Fetches files. `say` is told one sentence whenever there is a wait."""

    def __init__(self, *, access: Access, clock: Clock, say: Callable[[str], None]) -> None:
        load()
        self._access = access
        self._clock = clock
        self._say = say
        self._opened: httpx2.Client | None = None
        self._met = False  # whether anything ever answered: from then on a break is a break, not a missing network

    def cached(self, wanted: Wanted) -> Path | None:
        """Return the file in the cache that other programs fill through the same library, None when it is not there."""
        from huggingface_hub import try_to_load_from_cache

        if not wanted.at_hub:
            return None
        with suppress(OSError):
            found = try_to_load_from_cache(
                wanted.repository, wanted.path, cache_dir=self._access.cache, revision=wanted.revision
            )
            return Path(found) if isinstance(found, str) else None
        return None

    def announced(self, wanted: Wanted) -> Announced:
        """Ask what a file is, without fetching it. Raises BundleError when it cannot be had."""
        return self._tried(lambda: self._asked(wanted))

    def fetch(self, wanted: Wanted, into: Path, *, size_bytes: int | None, progress: Callable[[int], None]) -> None:
        """Bring the file to the path `into`, of which all folders exist.

        `size_bytes`: what it must have, None when nobody knows. `progress` is told how many bytes are there. Raises
        BundleError; what arrived until then stays beside it and is gone on from by the next call.
        """
        part = part_of(into)
        with _written(part), part.open("ab", buffering=0) as opened:
            self._tried(lambda: self._received(wanted, opened, size_bytes, progress), moved=opened.tell)
            os.fsync(opened.fileno())
        with _written(part):
            part.replace(into)

    def _tried(self, ask: Callable[[], _Answer], *, moved: Callable[[], int] = lambda: 0) -> _Answer:
        """Return what `ask` returns, asked again after every passing failure; a try that moved counts as the first."""
        tries = 0
        while True:
            before = moved()
            try:
                return ask()
            except _Again as trouble:
                tries = 0 if moved() > before else tries
                if not self._met or tries == len(WAITS_S) or trouble.wait_s > LONGEST_WAIT_S:
                    raise trouble.failure from trouble
                wait_s = max(WAITS_S[tries], trouble.wait_s)
                self._say(f"{trouble.failure.summary} Asking again in {wait_s:g} s.")
            tries += 1
            self._clock.sleep(wait_s)

    def _asked(self, wanted: Wanted) -> Announced:
        if self._access.offline:
            raise failures.offline(wanted.path)
        session, credentials = self._session(), self._credentials(wanted)
        address = self._address(wanted)
        with self._speaking(address, wanted):
            if wanted.at_hub:
                from huggingface_hub import get_hf_file_metadata

                found = get_hf_file_metadata(
                    address, timeout=self._access.answer_s, endpoint=self._access.endpoint, user_agent="safelight"
                )
                self._met = True
                if found.commit_hash != wanted.revision:  # a login page, or a mirror that serves something else
                    raise failures.no_hub(address, wanted.path)
                return Announced(found.size, found.etag if found.etag and _SUM.fullmatch(found.etag) else None)
            answer = session.head(address, headers={**_HEADERS, **credentials}, timeout=self._access.answer_s)
            self._answered(answer, wanted)
            return Announced(_count(answer.headers.get("content-length")), None)

    def _received(self, wanted: Wanted, opened: Any, size_bytes: int | None, progress: Callable[[int], None]) -> None:
        """Read the rest of a file; raises _Again when the connection breaks."""
        if self._access.offline:
            raise failures.offline(wanted.path)
        there = opened.tell()
        if size_bytes is not None and there >= size_bytes:
            if there == size_bytes:
                return
            there = _shortened(opened, 0)
        session, credentials = self._session(), self._credentials(wanted)
        address = self._address(wanted)
        asked = {**_HEADERS, **credentials, **({"range": f"bytes={there}-"} if there else {})}
        with (
            self._speaking(address, wanted),
            session.stream("GET", address, headers=asked, timeout=self._access.answer_s) as answer,
        ):
            if answer.status_code == 416:  # the part has more than the file: it is another's
                _shortened(opened, 0)
                raise _Again(failures.broken_off(address, wanted.path))
            self._answered(answer, wanted)
            begins, total = _place(answer)
            if begins not in {0, there}:
                raise failures.no_hub(address, wanted.path, at_hub=wanted.at_hub)
            if size_bytes is not None and total is not None and total != size_bytes:
                raise failures.wrong_size(address, wanted.path, got=total, expected=size_bytes, at_hub=wanted.at_hub)
            expected = size_bytes if size_bytes is not None else total
            _shortened(opened, begins)
            most = LARGEST_BYTES if expected is None else expected
            too_much = failures.too_much(address, wanted.path, most=most, at_hub=wanted.at_hub)
            _copy(answer.iter_bytes(), opened, most=most, too_much=too_much, progress=progress)
        if expected is not None and opened.tell() != expected:
            raise _Again(failures.broken_off(address, wanted.path))

    def _session(self) -> "httpx2.Client":
        """Return a connection that follows to other hosts, and takes no token along when it does."""
        import httpx2

        if self._opened is None:
            environment.check_proxies()
            environment.check_certificates(os.environ)
            try:
                self._opened = httpx2.Client(follow_redirects=True)
            except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:  # what the checks do not know of
                raise failures.no_connection(type(error).__name__) from error
        return self._opened

    def _address(self, wanted: Wanted) -> str:
        from huggingface_hub import hf_hub_url

        if wanted.url is not None:
            return wanted.url
        return hf_hub_url(wanted.repository, wanted.path, revision=wanted.revision, endpoint=self._access.endpoint)

    def _credentials(self, wanted: Wanted) -> dict[str, str]:
        """Return the token that the library would send to the hub, for files of the hub only. Raises BundleError."""
        if not wanted.at_hub:
            return {}
        environment.check_endpoint(self._access.endpoint)
        token = environment.read_token(os.environ)
        return {} if token is None else {"authorization": f"Bearer {token}"}

    def _answered(self, answer: "httpx2.Response", wanted: Wanted) -> None:
        """Take note that there is a server; raise when it refuses."""
        self._met = True
        status = answer.status_code
        if status >= 400 or status < 200:
            raise _refused(str(answer.request.url), wanted, status, answer.headers)

    @contextmanager
    def _speaking(self, address: str, wanted: Wanted) -> Iterator[None]:
        """Turn the exceptions of both libraries into ours; what they say of a request may hold a token."""
        import httpx2
        from huggingface_hub import errors

        path = wanted.path
        try:
            yield
        except errors.HfHubHTTPError as error:
            self._met = True
            raise _refused(address, wanted, error.response.status_code, error.response.headers) from error
        except errors.OfflineModeIsEnabled as error:
            raise failures.offline(path) from error
        except (errors.FileMetadataError, httpx2.TooManyRedirects, httpx2.DecodingError) as error:
            raise failures.no_hub(address, path, at_hub=wanted.at_hub) from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, errors.HFValidationError) as error:
            raise failures.no_address(address, str(error)) from error
        except (httpx2.LocalProtocolError, ValueError, OverflowError) as error:
            raise failures.no_request(address, path) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise _Again(failures.unreachable(address, str(error), at_hub=wanted.at_hub)) from error
        except httpx2.TransportError as error:
            raise _Again(failures.broken_off(address, path)) from error


_HEADERS = {**USER_AGENT, "accept-encoding": "identity"}  # else sizes and places would be those of something packed


def part_of(into: Path) -> Path:
    """Return where the bytes of a file lie until it is complete."""
    return into.with_name(f"{into.name}.part")


def _refused(address: str, wanted: Wanted, status: int, headers: Mapping[str, str]) -> BundleError | _Again:
    failure = failures.refused(address, wanted.path, status, at_hub=wanted.at_hub)
    if status not in BUSY:
        return failure
    return _Again(failure, float(_count(headers.get("retry-after")) or 0))


def _place(answer: "httpx2.Response") -> tuple[int, int | None]:
    """Return where in the file an answer begins, and how many bytes the file has in all, None when that is not said."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        return (0 if answer.status_code != 206 else -1), None
    if answer.status_code != 206:
        return 0, _count(answer.headers.get("content-length"))
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    return (int(found[1]), _count(found[2])) if found else (-1, None)


def _shortened(opened: Any, size_bytes: int) -> int:
    """Cut the file off, and return where writing goes on."""
    opened.truncate(size_bytes)
    return int(opened.seek(size_bytes))


def _copy(
    chunks: Iterator[bytes], opened: Any, *, most: int, too_much: BundleError, progress: Callable[[int], None]
) -> None:
    """Append what comes, no more than a file may have: a server that never ends must not fill the disk."""
    progress(opened.tell())
    for chunk in chunks:
        if opened.tell() + len(chunk) > most:
            raise too_much
        _write(opened, chunk)
        progress(opened.tell())


def _write(opened: Any, chunk: bytes) -> None:
    """Write a chunk whole; the file is not buffered, so that a kill loses nothing that arrived."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[opened.write(rest) :]


@contextmanager
def _written(file: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise failures.unwritable(file, error) from error


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
