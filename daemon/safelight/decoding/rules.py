"""The limits that decoding keeps, in one value that is handed from the settings down to every decoder."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

Gate = Callable[[int], AbstractContextManager[object]]


def open_gate(needed_bytes: int) -> AbstractContextManager[object]:
    """Let every decode pass at once, whatever it needs."""
    del needed_bytes
    return nullcontext()


@dataclass(frozen=True, slots=True)
class DecodeRules:
    """How large pictures may be and how large they come out."""

    long_edge_px: int = 1024  # a preview keeps at least this, where the original has it
    thumb_px: int = 224  # edge of the square that encoders take
    squares_px: tuple[int, ...] = ()  # edges of further squares, for encoders that take another size
    keep_preview: bool = False  # hand the preview on as well, for who looks closer than a thumb
    limit_px: int = 250_000_000  # larger pictures are refused from their header
    demosaic_limit_px: int = 120_000_000  # larger RAW without a preview would take over 600 MB
    gate: Gate = field(default=open_gate)  # asked with the bytes that a large decode needs, held while it runs
