"""Decides which SigLIP architectures can be made with random weights, and what they are called.

Random weights cost what trained ones cost: benchmarks of time and memory need no download. The tiny one serves tests.
The numbers are those of the configurations that were published with the models (google/siglip-base-patch16-224,
google/siglip2-base-patch16-224, google/siglip2-so400m-patch14-384); everything else is the default of transformers.
Invariant: both towers of an architecture end in vectors of the same length.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Architecture:
    """One fixed-resolution SigLIP: the body both towers share, and what each is given."""

    title: str
    width: int  # of the hidden layers, and of the embedding
    inner: int  # width between the two halves of an MLP
    layers: int
    attention: int  # heads
    side_px: int
    patch_px: int
    vocabulary: int
    tokens: int  # every text is exactly this long

    @property
    def body(self) -> dict[str, int]:
        """Return what both towers are configured with, in transformers' words."""
        return {
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.attention,
        }

    @property
    def vision(self) -> dict[str, int]:
        """Return the configuration of the vision tower."""
        return {**self.body, "image_size": self.side_px, "patch_size": self.patch_px}

    @property
    def text(self) -> dict[str, int]:
        """Return the configuration of the text tower."""
        own = {"vocab_size": self.vocabulary, "max_position_embeddings": self.tokens, "projection_size": self.width}
        return {**self.body, **own}


_BASE = {"width": 768, "inner": 3072, "layers": 12, "attention": 12, "side_px": 224, "patch_px": 16, "tokens": 64}
_SO400M = {"width": 1152, "inner": 4304, "layers": 27, "attention": 16, "side_px": 384, "patch_px": 14, "tokens": 64}
_TINY = {"width": 64, "inner": 128, "layers": 2, "attention": 2, "side_px": 32, "patch_px": 8, "tokens": 16}

ARCHITECTURES: Mapping[str, Architecture] = {
    "siglip-base-p16-224": Architecture(title="SigLIP base patch16-224", vocabulary=32_000, **_BASE),
    "siglip2-base-p16-224": Architecture(title="SigLIP 2 base patch16-224", vocabulary=256_000, **_BASE),
    "siglip2-so400m-p14-384": Architecture(title="SigLIP 2 so400m patch14-384", vocabulary=256_000, **_SO400M),
    "tiny": Architecture(title="a SigLIP of toy size", vocabulary=500, **_TINY),
}
