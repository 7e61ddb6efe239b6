"""Fixtures that every test may use."""

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports them: onnxruntime starts its telemetry and OpenBLAS its threads while they are loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# The same examples on every computer and every day; a slow computer is no failure.
# `HYPOTHESIS_PROFILE=search` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real photographs beside the repository, or skip with the reason."""
    named = os.environ.get("SAFELIGHT_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "MANIFEST.tsv").is_file():
        pytest.skip(f"needs the public photographs in {folder}, which are not there")
    return folder
