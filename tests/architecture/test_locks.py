"""The locks name one version of everything, with hashes, for every Python that is supported, and no machine."""

import re
import tomllib

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from tests.architecture.source import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-sample.lock")
PYTHONS = ("3.11", "3.12", "3.13")


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Every requirement of a lock with its hashes."""
    entries = []
    for line in (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = line.split("--hash=")
            entries.append((Requirement(requirement.strip()), [text.strip() for text in hashes]))
    return entries


def versions(name: str, python: str) -> dict[str, str]:
    """Which version of each package is installed on Linux with that Python."""
    where = {
        "python_version": python,
        "python_full_version": f"{python}.4",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    found = {}
    for requirement, _ in locked(name):
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate(where):
            assert requirement.name not in found, f"{requirement.name} twice for Python {python}"
            found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_pinned_and_hashed(name):
    entries = locked(name)
    assert entries
    for requirement, hashes in entries:
        assert str(requirement.specifier).startswith("=="), requirement
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), requirement


@pytest.mark.parametrize("name", LOCKS)
def test_lock_names_no_index_and_no_path(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host|@ |^-e|^/", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
def test_tests_run_with_the_versions_that_people_get(python):
    run, dev = versions("requirements.lock", python), versions("requirements-dev.lock", python)
    assert run.items() <= dev.items()


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_what_the_project_asks_for(python):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    asked = project["project"]["dependencies"] + extras["cpu"] + project["dependency-groups"]["setup"]
    for name, wanted in (("requirements.lock", asked), ("requirements-dev.lock", asked + extras["dev"])):
        found = versions(name, python)
        for text in wanted:
            requirement = Requirement(text)
            assert requirement.name in found, f"{text} is not in {name}: make lock"
            assert requirement.specifier.contains(found[requirement.name]), f"{text} is not met by {name}: make lock"


def test_neither_runtime_is_forced_on_everybody():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {Requirement(text).name for text in project["dependencies"]}
    assert core.isdisjoint({"onnxruntime", "onnxruntime-gpu", "torch", "transformers", "optimum", "scikit-image"})
    per_extra = {
        extra: {Requirement(text).name for text in texts} for extra, texts in project["optional-dependencies"].items()
    }
    assert set(per_extra) == {"cpu", "gpu", "tray", "dev"}
    assert "onnxruntime" in per_extra["cpu"] - per_extra["gpu"]
    assert "onnxruntime-gpu" in per_extra["gpu"] - per_extra["cpu"]
    assert all(names.isdisjoint({"torch", "transformers"}) for names in per_extra.values())
    assert not {"torch", "onnxruntime-gpu"} & set(versions("requirements-dev.lock", "3.11"))
