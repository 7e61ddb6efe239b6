"""A decoder, an encoder and a facts reader that answer from a script instead of from pixels."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts
from safelight.domain.technical import Measures
from safelight.errors import Unreadable
from safelight.ports import Encoded, Examined, Refused, Request

PLAIN = Measures(
    focus=-5.0,
    detail=-4.0,
    motion=0.2,
    exposure=0.45,
    highlights=0.0,
    shadows=0.0,
    noise=1.5,
    contrast=0.6,
    colour=30.0,
)


@dataclass
class FakeDecoder:
    """Answers every request at once. What it says of a file can be set by name; thumbs are made from files' bytes."""

    facts: dict[str, CaptureFacts] = field(default_factory=dict)
    measures: dict[str, Measures] = field(default_factory=dict)
    refuses: dict[str, Unreadable] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)  # file name -> seed of the picture it shows
    squares_px: tuple[int, ...] = ()
    asked: list[str] = field(default_factory=list)

    def examine(self, requests: Iterable[Request]) -> Iterator[Examined | Refused]:
        for request in requests:
            source = request.sources[0]
            self.asked.append(source.name)
            if source.name in self.refuses:
                yield Refused(request.key, self.refuses[source.name])
                continue
            others = [path for path in request.sources[1:] if path.name in self.facts]
            taken = {path: self.facts[path.name].taken_s for path in others}
            thumb = self._thumb(source)
            yield Examined(
                key=request.key,
                source=source,
                facts=self.facts.get(source.name, CaptureFacts()),
                other_taken_s={path: moment for path, moment in taken.items() if moment is not None},
                measures=self.measures.get(source.name, PLAIN),
                thumb=thumb,
                squares={edge: thumb[:: 224 // edge, :: 224 // edge] for edge in self.squares_px},
                width_px=6000,
                height_px=4000,
            )

    def close(self) -> None:
        self.asked.append("closed")

    def _thumb(self, source: Path) -> NDArray[np.uint8]:
        seed = self.looks.get(source.name)
        if seed is None:
            seed = int.from_bytes(hashlib.sha256(source.read_bytes()).digest()[:4], "little")
        coarse = np.random.default_rng(seed).integers(0, 256, (14, 14, 3), dtype=np.uint8)
        return np.repeat(np.repeat(coarse, 16, axis=0), 16, axis=1)


class FakeEncoder:
    """Embeds a thumb as its own coarse picture: alike pictures get alike embeddings."""

    bundle = "fake:000000000000:fp32"
    length = 588

    def encode(self, thumb: NDArray[np.uint8], closeup: NDArray[np.uint8] | None = None) -> Encoded:
        del closeup
        flat = thumb[8::16, 8::16].astype(np.float32).reshape(-1) - 127.5
        return Encoded(embedding=flat / np.linalg.norm(flat), quality=float(flat[:20].mean() / 60), appeal=0.0)


@dataclass
class FakeReader:
    """Tells the facts it was given, by file name."""

    facts: dict[str, CaptureFacts] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, paths: Iterable[Path]) -> Mapping[Path, CaptureFacts]:
        listed = list(paths)
        self.asked.extend(path.name for path in listed)
        return {path: self.facts[path.name] for path in listed if path.name in self.facts}


def at(seconds: float, **more: object) -> CaptureFacts:
    """Return facts of a frame taken at a second of one shoot by one camera."""
    return replace(CaptureFacts(taken_s=1_700_000_000.0 + seconds, subsecond=True, make="Maker", camera="One"), **more)
