"""Makes the tokenizer of a model with random weights: small, real, and learned from sentences of ours.

It behaves as SigLIP 2's does where code could notice: small letters, an end sign added by the tokenizer itself, padding
with 0. Every byte is known to it, so no text of any script fails. A trained model brings its own.
Invariant: the same library gives the same file; no number reaches the vocabulary's size.
"""

import itertools

PAD, END = "<pad>", "<eos>"
PAD_ID, END_ID = 0, 1
LARGEST = 500  # words; a larger vocabulary of the tower stays unused

_WHO = ("two people", "a child", "an old man", "a dog", "three friends", "the bride", "a red bird", "nobody")
_DOES = (
    "laughing",
    "running",
    "sleeping",
    "looking at the camera",
    "waiting",
    "jumping",
    "with closed eyes",
    "dancing",
)
_WHERE = (
    "on a beach at sunset", "in a green forest", "under a grey sky", "beside a mountain lake", "in a crowded street",
    "at night in the city", "inside a church", "on fresh snow",
)  # fmt: skip
_HOW = (
    "a sharp photo of",
    "a blurry photo of",
    "a beautiful picture of",
    "a dull picture of",
    "an overexposed photo of",
)


def sentences() -> list[str]:
    """Return what the small tokenizer learns its words from."""
    return [" ".join(parts) for parts in itertools.product(_HOW, _WHO, _DOES, _WHERE)]


def make_tokenizer(vocabulary: int) -> bytes:
    """Return the content of a tokenizer.json with at most `vocabulary` words."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=min(vocabulary, LARGEST),
        special_tokens=[PAD, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(sentences(), trainer)
    made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, END_ID)])
    return (str(made.to_str(pretty=True)) + "\n").encode()
