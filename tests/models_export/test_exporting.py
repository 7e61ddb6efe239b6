"""The export itself, where its environment is there: checkpoints of every origin answer afterwards as torch does."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from safelight.inference.fetched import read_fetched
from safelight.inference.session import open_session
from safelight.models.export.samples import planes, sample_squares, sample_texts
from tests.fakes.bundles import SOURCE

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("exporting")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the folder in which exporting.py worked, and what it reports."""
    named = os.environ.get("SAFELIGHT_EXPORT_PYTHON")
    python = Path(named) if named else ROOT / ".venv-export" / "bin" / "python"
    if not python.is_file():
        pytest.skip("needs the environment of the exporter, which 'make export' makes")
    folder = tmp_path_factory.mktemp("exported")
    done = subprocess.run(
        [python, "-W", "ignore", Path(__file__).with_name("exporting.py"), folder],
        env={**os.environ, "PYTHONPATH": str(ROOT / "daemon"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads((folder / "report.json").read_text())


def manifest_in(folder):
    return read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml")


def test_random_weights_become_a_bundle_of_every_precision(exported):
    folder, report = exported
    run = report["runs"]["random"]
    assert run["status"] == 0, run["err"]
    manifest = manifest_in(folder / "random")
    assert [(file.role, file.precision) for file in manifest.files] == [
        ("vision", "fp32"), ("vision", "fp16"), ("vision", "int8"),
        ("text", "fp32"), ("text", "fp16"), ("text", "int8"), ("tokenizer", None),
    ]  # fmt: skip
    for file in manifest.files:
        content = (folder / "random" / file.path).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_every_file_is_compared_with_torch_aloud(exported):
    _, report = exported
    told = re.findall(r"(\w+)\.onnx: .*largest difference (\S+), least cosine (\S+) ", report["runs"]["random"]["out"])
    assert len(told) == 6
    differences = {name: float(difference) for name, difference, _ in told}
    assert differences["vision_fp32"] < 1e-4 < differences["vision_fp16"] < differences["vision_int8"]
    assert differences["text_fp32"] < 1e-4 < differences["text_fp16"] < differences["text_int8"]
    assert all(float(cosine) > 0.995 for _, _, cosine in told)


def test_the_same_seed_gives_the_same_bundle(exported):
    folder, report = exported
    assert report["runs"]["again"]["status"] == 0
    for path in (folder / "random").iterdir():
        assert path.read_bytes() == (folder / "again" / path.name).read_bytes(), path.name


def test_the_bundle_in_the_tests_is_what_the_exporter_makes(exported):
    folder, _ = exported
    taken = planes(sample_squares(32, 4))
    for name in ("vision_fp32.onnx", "vision_int8.onnx"):
        ours, theirs = (open_session((place / name).read_bytes()) for place in (folder / "random", SOURCE))
        for n in range(4):
            picture = {"pixel_values": taken[n : n + 1]}
            assert ours.run(["pooler_output"], picture)[0] == pytest.approx(
                theirs.run(["pooler_output"], picture)[0], abs=0.02
            )
    assert (folder / "random" / "tokenizer.json").read_bytes() == (SOURCE / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("name", ["local", "fetched"])
def test_a_checkpoint_answers_as_the_whole_model_does_in_torch(exported, name):
    folder, report = exported
    run = report["runs"]["local" if name == "local" else "hub"]
    assert run["status"] == 0, run["err"]
    vision = open_session((folder / name / "vision_fp32.onnx").read_bytes())
    seen = vision.run(["pooler_output"], {"pixel_values": planes(sample_squares(32, 3))})[0]
    assert seen == pytest.approx(np.array(report["torch"]["vision"]), abs=1e-4)
    text = open_session((folder / name / "text_fp32.onnx").read_bytes())
    rows = sample_texts(3, tokens=16, vocabulary=500, pad_id=0, eos_id=1)
    assert text.run(["pooler_output"], {"input_ids": rows})[0] == pytest.approx(
        np.array(report["torch"]["text"]), abs=1e-4
    )


def test_where_weights_are_from_is_written_down(exported):
    folder, _ = exported
    local, hub = manifest_in(folder / "local").source, manifest_in(folder / "fetched").source
    assert local.licence == "CC0-1.0"
    assert "plain" in local.title
    assert "owner/tiny at 0123456789abcdef" in hub.title
    assert local.local and hub.local


def test_the_end_sign_and_padding_come_from_the_checkpoint(exported):
    folder, _ = exported
    text = manifest_in(folder / "local").text
    assert (text.tokens, text.pad_id, text.eos_id) == (16, 0, None)


def test_a_checkpoint_without_words_gives_a_vision_tower(exported):
    folder, report = exported
    assert report["runs"]["vision only"]["status"] == 0
    assert [file.path for file in manifest_in(folder / "wordless-vision").files] == ["vision_fp32.onnx"]


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ("not there", "cannot be exported"),
        ("no tokenizer", "no tokenizer.json"),
        ("no weights", "cannot be exported"),
        ("other kind", "siglip2"),
        ("a weight missing", "head.probe"),
        ("colours", "colours"),
        ("no room", "could not be written"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence_and_leaves_nothing(exported, run, says):
    folder, report = exported
    told = report["runs"][run]
    assert told["status"] == 2
    assert says in told["err"]
    assert "Traceback" not in told["err"]
    assert len(told["err"].splitlines()) == 1
    assert not [path.name for path in folder.iterdir() if path.name.startswith((".", "x"))]
