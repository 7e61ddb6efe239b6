"""Loads the two towers of a SigLIP checkpoint, with what belongs to them: lengths, preprocessing, tokenizer.

Only fixed-resolution models are taken: transformers calls them `siglip`, SigLIP 2's too, and `siglip2` what takes
pictures of any shape. Weights come as safetensors only, as a pickle is a program, and a weight that the checkpoint
lacks is an error here: transformers would draw it at random and go on.
Invariant: every weight of a Checkpoint is the one that was asked for.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import cached_file

from safelight.errors import BundleError
from safelight.models.export.architectures import ARCHITECTURES
from safelight.models.export.description import Shape
from safelight.models.export.wanted import AtRandom, FromFolder, FromHub
from safelight.models.export.words import END_ID, PAD_ID, make_tokenizer

_FULL_SCALE = 255.0
_FAILURES = (OSError, ValueError, KeyError, RuntimeError, ImportError)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Both towers as torch modules; `text` None: none was asked for. `end_id` closes a text, whoever adds it."""

    shape: Shape
    vision: Any
    text: Any | None
    vocabulary: int
    end_id: int
    tokenizer: bytes


def load(origin: FromHub | FromFolder | AtRandom, *, text: bool) -> Checkpoint:
    """Load the vision tower, and the text tower when `text` is true; raises BundleError with the reason."""
    try:
        return _drawn(origin, text=text) if isinstance(origin, AtRandom) else _published(origin, text=text)
    except _FAILURES as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise _refused(
            reason, "Look whether it is complete, and whether there is a network if it is to be fetched."
        ) from error


def _drawn(origin: AtRandom, *, text: bool) -> Checkpoint:
    known = ARCHITECTURES[origin.architecture]
    torch.manual_seed(origin.seed)
    config = transformers.SiglipConfig(vision_config=known.vision, text_config=known.text)
    vision = transformers.SiglipVisionModel(config.vision_config).eval()
    if not text:
        return Checkpoint(Shape(known.side_px, known.width), vision, None, 0, 0, b"")
    return Checkpoint(
        shape=Shape(known.side_px, known.width, tokens=known.tokens, pad_id=PAD_ID),
        vision=vision,
        text=transformers.SiglipTextModel(config.text_config).eval(),
        vocabulary=known.vocabulary,
        end_id=END_ID,
        tokenizer=make_tokenizer(known.vocabulary),
    )


def _published(origin: FromHub | FromFolder, *, text: bool) -> Checkpoint:
    config = transformers.AutoConfig.from_pretrained(**_place(origin))
    if config.model_type != "siglip":
        raise _refused(
            f"its kind is '{config.model_type}'", "Only SigLIP and SigLIP 2 with a fixed resolution can be exported."
        )
    mean, deviation = _scale(_json(origin, "preprocessor_config.json"))
    side_px, length = config.vision_config.image_size, config.vision_config.hidden_size
    vision = _tower(transformers.SiglipVisionModel, origin)
    if not text:
        return Checkpoint(Shape(side_px, length, mean=mean, deviation=deviation), vision, None, 0, 0, b"")
    tokenizer, pad_id, end_id, adds_end = _tokenizer(origin)
    shape = Shape(
        side_px=side_px,
        length=length,
        tokens=config.text_config.max_position_embeddings,
        pad_id=pad_id,
        eos_id=None if adds_end else end_id,
        mean=mean,
        deviation=deviation,
    )
    tower = _tower(transformers.SiglipTextModel, origin)
    return Checkpoint(shape, vision, tower, config.text_config.vocab_size, end_id, tokenizer)


def _place(origin: FromHub | FromFolder) -> dict[str, Any]:
    if isinstance(origin, FromHub):
        return {"pretrained_model_name_or_path": origin.repository, "revision": origin.revision}
    return {"pretrained_model_name_or_path": str(origin.folder.resolve()), "local_files_only": True}


def _tower(kind: Any, origin: FromHub | FromFolder) -> Any:
    tower, found = kind.from_pretrained(
        **_place(origin), use_safetensors=True, dtype=torch.float32, output_loading_info=True
    )
    lacking = [*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])]
    if lacking:
        raise _refused(f"it lacks the weights {lacking[0]}", "Take a checkpoint that is complete.")
    return tower.eval()


def _file(origin: FromHub | FromFolder, name: str) -> Path | None:
    place = _place(origin)
    where = place.pop("pretrained_model_name_or_path")
    found = cached_file(where, name, **place, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None


def _json(origin: FromHub | FromFolder, name: str) -> dict[str, Any]:
    path = _file(origin, name)
    return dict(json.loads(path.read_bytes())) if path else {}


def _scale(preprocessing: dict[str, Any]) -> tuple[float, float]:
    """Return mean and deviation on 0..255; SigLIP's are the same for every colour, which the manifest relies on."""
    means, deviations = preprocessing.get("image_mean", [0.5]), preprocessing.get("image_std", [0.5])
    if len(set(means)) != 1 or len(set(deviations)) != 1:
        raise _refused("it wants its colours scaled one by one", "Only SigLIP's own preprocessing is supported.")
    return means[0] * _FULL_SCALE, deviations[0] * _FULL_SCALE


def _tokenizer(origin: FromHub | FromFolder) -> tuple[bytes, int, int, bool]:
    """Return tokenizer.json, the numbers of padding and end, and whether the tokenizer adds the end by itself."""
    path = _file(origin, "tokenizer.json")
    if path is None:
        raise _refused("it has no tokenizer.json", "Export the vision tower alone: --text none.")
    from tokenizers import Tokenizer

    words = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    told = _json(origin, "tokenizer_config.json")
    pad_id, end_id = (words.token_to_id(_spelled(told.get(key))) for key in ("pad_token", "eos_token"))
    if pad_id is None or end_id is None:
        raise _refused("its tokenizer does not say how texts are padded", "Export the vision tower alone: --text none.")
    words.no_padding()
    return path.read_bytes(), pad_id, end_id, words.encode("a photo").ids[-1:] == [end_id]


def _spelled(sign: Any) -> str:
    return str(sign["content"] if isinstance(sign, dict) else sign)


def _refused(reason: str, hint: str) -> BundleError:
    return BundleError(f"The checkpoint cannot be exported: {reason}.", hint=hint)
