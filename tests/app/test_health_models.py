"""What `doctor` says of the bundle that is chosen: it was loaded and is right, or why the embedded one judges."""

from pathlib import Path

import numpy as np
import pytest

from safelight.app.finding import Level
from safelight.app.health_bundles import bundle_findings
from safelight.app.health_models import provider_findings
from safelight.app.settings import EMBEDDED, Settings
from safelight.inference import gpu
from safelight.models.prepare import prepare
from tests.fakes.bundles import NAME, tiny_bundle, tiny_manifest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    prepare(tiny_bundle(tmp_path / "models"), tiny_manifest(), threads=1)
    return Settings(state=tmp_path / "state", models=tmp_path / "cache", bundles=tmp_path / "models", bundle=NAME)


def no_gpu(monkeypatch: pytest.MonkeyPatch, *devices: str) -> None:
    monkeypatch.setattr(gpu, "DEVICES", devices)


def test_the_chosen_bundle_says_what_it_runs_on(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch)
    (finding,) = provider_findings(settings, in_use=NAME)
    assert (finding.level, finding.told) == (Level.OK, "cpu: The installed onnxruntime has no CUDA.")


def test_a_gpu_that_is_not_used_is_a_note(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    no_gpu(monkeypatch, "/dev/null")
    (finding,) = provider_findings(settings, in_use=NAME)
    assert finding.level is Level.NOTE
    assert "pip install 'onnxruntime-gpu[cuda,cudnn]'" in finding.hint


def test_a_bundle_that_answers_otherwise_than_once_is_bad_and_the_embedded_one_judges(settings: Settings) -> None:
    golden = settings.bundles / NAME / "made" / "golden_vision.npy"
    np.save(golden, -np.load(golden))
    (finding,) = provider_findings(settings, in_use=NAME)
    assert finding.level is Level.BAD
    assert finding.told.endswith("The embedded bundle judges instead.")
    assert finding.hint


@pytest.mark.parametrize(
    ("file", "told"), [("vision_int8.onnx", "1000 bytes"), ("made/golden_vision.npy", "made/golden_vision.npy")]
)
def test_damage_that_the_files_themselves_tell_is_told_once(settings: Settings, file: str, told: str) -> None:
    (settings.bundles / NAME / file).write_bytes(bytes(1000))
    assert list(provider_findings(settings, in_use=NAME)) == []
    (finding,) = bundle_findings(settings, in_use=NAME)
    assert finding.level is Level.BAD and told in finding.told and "judges instead" in finding.told


@pytest.mark.parametrize("in_use", [EMBEDDED, "not-installed"])
def test_nothing_is_said_where_there_is_nothing_to_load(settings: Settings, in_use: str) -> None:
    assert list(provider_findings(settings, in_use=in_use)) == []


def test_a_chosen_name_that_no_bundle_has_leads_to_the_names(settings: Settings) -> None:
    (finding,) = (each for each in bundle_findings(settings, in_use="siglip9") if "siglip9" in each.name)
    assert finding.level is Level.NOTE
    assert "no bundle has this name" in finding.told and "judges instead" in finding.told
    assert "'safelight models list'" in finding.hint
