"""Fixtures for tests that let real programs work on a rated folder.

These tests are not part of `make test`: pytest does not enter this folder unless it is named (`make interop`).
"""

import os
from pathlib import Path

import pytest

from tests.interop.library import Library, make_library


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache folder for all tests of a session: the model bundle is built once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"


@pytest.fixture
def unrated(tmp_path: Path, cache: Path) -> Library:
    """Return a folder that Safelight has not seen."""
    return make_library(tmp_path, cache, rated=False)


@pytest.fixture
def library(tmp_path: Path, cache: Path) -> Library:
    """Return a rated folder."""
    return make_library(tmp_path, cache)
