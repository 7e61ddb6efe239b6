"""Runs in the exporter's own environment: makes checkpoints, exports them, and prints what came of it, as JSON.

    python exporting.py FOLDER

Torch needs seconds to load, so one process does everything that the tests then look at.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
COMMIT = "0123456789abcdef0123456789abcdef01234567"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(FOLDER / "hub")

from safelight.models.export.__main__ import main  # noqa: E402
from safelight.models.export.architectures import ARCHITECTURES  # noqa: E402


def export(name, *arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(FOLDER / name), "--threads", "1", *arguments])
    return {"status": status, "out": out.getvalue(), "err": err.getvalue()}


def checkpoint(folder, *, preprocessing=None):
    """Save a tiny checkpoint as transformers does, weights other than those of `--random tiny`."""
    import torch
    import transformers

    from safelight.models.export.words import make_tokenizer

    known = ARCHITECTURES["tiny"]
    torch.manual_seed(5)
    config = transformers.SiglipConfig(vision_config=known.vision, text_config=known.text)
    transformers.SiglipModel(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(make_tokenizer(known.vocabulary))
    (folder / "tokenizer_config.json").write_text('{"pad_token": "<pad>", "eos_token": {"content": "<eos>"}}')
    scaling = preprocessing or {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (folder / "preprocessor_config.json").write_text(json.dumps(scaling))
    return folder


def without(folder, name):
    folder = checkpoint(folder)
    (folder / name).unlink()
    return folder


def of_another_kind(folder):
    config = json.loads((checkpoint(folder) / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "siglip2"}))
    return folder


def lacking_a_weight(folder):
    from safetensors.torch import load_file, save_file

    path = checkpoint(folder) / "model.safetensors"
    weights = load_file(path)
    del weights["vision_model.head.probe"]
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def report():
    plain = checkpoint(FOLDER / "plain")
    checkpoint(FOLDER / "hub" / "hub" / "models--owner--tiny" / "snapshots" / COMMIT)
    vision = ("--vision", "fp32", "--text", "none")
    coloured = checkpoint(FOLDER / "coloured", preprocessing={"image_mean": [0.4, 0.5, 0.6], "image_std": [0.5]})
    return {
        "random": export("random", "--random", "tiny", "--name", "tiny-siglip", "--text", "fp32,fp16,int8"),
        "again": export("again", "--random", "tiny", "--name", "tiny-siglip", "--text", "fp32,fp16,int8"),
        "local": export("local", "--checkpoint", str(plain), "--licence", "CC0-1.0", "--text", "fp32"),
        "hub": export("fetched", "--hub", "owner/tiny", "--revision", COMMIT, "--text", "fp32"),
        "not there": export("x1", "--hub", "owner/other", "--revision", COMMIT, *vision),
        "no tokenizer": export("x2", "--checkpoint", str(without(FOLDER / "wordless", "tokenizer.json"))),
        "vision only": export("wordless-vision", "--checkpoint", str(FOLDER / "wordless"), *vision),
        "no weights": export("x3", "--checkpoint", str(without(FOLDER / "weightless", "model.safetensors")), *vision),
        "other kind": export("x4", "--checkpoint", str(of_another_kind(FOLDER / "naflex")), *vision),
        "a weight missing": export("x5", "--checkpoint", str(lacking_a_weight(FOLDER / "lacking")), *vision),
        "colours": export("x6", "--checkpoint", str(coloured), *vision),
        "no room": export("plain/config.json/x7", "--random", "tiny", *vision),
    }


def answers():
    """What torch says of the sample pictures and texts, by the whole model of the checkpoint."""
    import torch
    import transformers

    from safelight.models.export.samples import planes, sample_squares, sample_texts

    model = transformers.SiglipModel.from_pretrained(FOLDER / "plain").eval()
    texts = sample_texts(3, tokens=16, vocabulary=500, pad_id=0, eos_id=1)
    with torch.inference_mode():
        seen = model.get_image_features(pixel_values=torch.from_numpy(planes(sample_squares(32, 3))))
        read = model.get_text_features(input_ids=torch.from_numpy(texts))
    return {"vision": seen.tolist(), "text": read.tolist()}


if __name__ == "__main__":
    done = report()
    (FOLDER / "report.json").write_text(json.dumps({"runs": done, "torch": answers()}))
