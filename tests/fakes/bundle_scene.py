"""A bundle of a few random bytes, a hub that has it, and what fetches it: everything but a model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from safelight.app.bundle_choice import Choice
from safelight.app.bundle_fetching import Fetched, Fetching
from safelight.app.bundle_shelf import Shelf
from safelight.hub.library import Access
from safelight.hub.transfer import Hub
from safelight.inference.fetched import FetchedManifest
from safelight.inference.installed import Installed, made_trouble
from tests.fakes.clock import FakeClock
from tests.fakes.hub_server import HubServer, hub_server

NAME = "toy"
REPOSITORY = "somebody/toy-ONNX"
REVISION = "0123456789abcdef0123456789abcdef01234567"
VISION, GPU, TEXT, SMALL, TOKENIZER = (
    "onnx/vision.onnx",
    "onnx/vision16.onnx",
    "onnx/text16.onnx",
    "onnx/text8.onnx",
    "t.json",
)
ROLES = {VISION: "vision", GPU: "vision", TEXT: "text", SMALL: "text", TOKENIZER: "tokenizer"}
MORE = {
    VISION: 'precision = "int8"\ndevice = "cpu"\n',
    GPU: 'precision = "fp16"\ndevice = "gpu"\n',
    TEXT: 'precision = "fp16"\noptional = true\n',
    SMALL: 'precision = "int8"\noptional = true\nwarning = "The small one finds less."\n',
    TOKENIZER: "optional = true\n",
}


def contents(*, seed: int = 1, size: int = 40_000) -> dict[str, bytes]:
    """Return the files of the bundle, each with another number of random bytes."""
    random = Random(seed)
    return {path: random.randbytes(size + 1000 * number) for number, path in enumerate(ROLES)}


def described(
    files: Mapping[str, bytes],
    *,
    name: str = NAME,
    confirmed: bool = True,
    sums: bool = True,
    changed: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    source: str = f'repository = "{REPOSITORY}"\nrevision = "{REVISION}"\n',
) -> str:
    """Return a manifest; `changed`: sums that it names instead of the right ones, by path."""
    text = (
        f'format = 1\nname = "{name}"\nkind = "embedding"\nsummary = "Random bytes."\n'
        f'[source]\ntitle = "Nobody"\nlicence = "CC0-1.0"\nhome = "https://example.org/"\n{source}'
        "[vision]\nside_px = 32\nlength = 8\n[text]\ntokens = 8\npad_id = 0\n"
    )
    for path, content in files.items():
        text += f'[[files]]\nrole = "{ROLES[path]}"\npath = "{path}"\n{MORE[path]}'
        if sums:
            sha = (changed or {}).get(path, sha256(content).hexdigest())
            text += f'size_bytes = {len(content)}\nsha256 = "{sha}"\nconfirmed = {str(confirmed).lower()}\n'
        text += (extra or {}).get(path, "")
    return text


@dataclass
class Recorder:
    """A Telling that remembers."""

    said: list[str] = field(default_factory=list)
    parts: list[tuple[str, int | None]] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def begin(self, what: str, total_bytes: int | None) -> None:
        self.parts.append((what, total_bytes))

    def at(self, done_bytes: int) -> None:
        self.seen.append(done_bytes)

    def end(self) -> None:
        pass


@dataclass
class Scene:
    """One computer with its folder of bundles, the descriptions of its Safelight, and a hub."""

    home: Path
    hub: HubServer
    offline: bool = False
    spare_bytes: int = 0
    exchange: bool = True
    endpoint: str | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    telling: Recorder = field(default_factory=Recorder)
    prepared: list[list[str]] = field(default_factory=list)
    prepare_fails: Exception | None = None

    def __post_init__(self) -> None:
        for folder in (self.bundles, self.manifests, self.cache):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def bundles(self) -> Path:
        return self.home / "bundles"

    @property
    def manifests(self) -> Path:
        return self.home / "manifests"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.bundles, manifests=self.manifests)

    @property
    def part(self) -> Path:
        return self.bundles / ".fetching" / NAME / f"{VISION}.part"

    def describe(self, files: Mapping[str, bytes], **how: object) -> None:
        """Describe a bundle, and let the hub have its files."""
        (self.manifests / "toy.toml").write_text(described(files, **how), encoding="utf-8")  # type: ignore[arg-type]
        self.hub.files.update({(REPOSITORY, REVISION, path): content for path, content in files.items()})

    def network(self) -> Hub:
        access = Access(self.endpoint or self.hub.endpoint, self.cache, offline=self.offline, answer_s=5.0)
        return Hub(access=access, clock=self.clock, say=self.telling.say)

    def fetch(self, name: str = NAME, **choice: object) -> Fetched:
        if "accepted" in choice:
            choice["accepted"] = frozenset(choice["accepted"])  # type: ignore[call-overload]
        fetching = Fetching(
            shelf=self.shelf,
            network=self.network,
            prepare=self._prepare,
            made=partial(made_trouble, whole=True),
            clock=self.clock,
            telling=self.telling,
            spare_bytes=self.spare_bytes,
            exchange=self.exchange,
        )
        return fetching.fetch(name, Choice(**choice))  # type: ignore[arg-type]

    def _prepare(self, folder: Path, manifest: FetchedManifest, before: Installed | None) -> None:
        if self.prepare_fails is not None:
            raise self.prepare_fails
        self.prepared.append(
            sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())
        )
        (folder / "made").mkdir()
        (folder / "made" / "golden_vision.npy").write_bytes(manifest.name.encode())
        if any((folder / path).exists() for path in (TEXT, SMALL)):
            (folder / "made" / "directions.npz").write_bytes(b"directions")

    def installed(self) -> dict[str, bytes]:
        """Return the files of the installed bundle without the small ones that describe it."""
        folder = self.bundles / NAME
        found = {each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
        return {path: content for path, content in found.items() if path in ROLES}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Describe the bundle of `contents()`, which the hub has."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with hub_server() as hub:
        made = Scene(tmp_path, hub)
        made.describe(contents())
        yield made
