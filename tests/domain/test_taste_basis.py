"""The shipped start of every taste: opened when whole, refused when not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from safelight.domain.features import NAMES, OF_GENERIC
from safelight.errors import BundleError
from safelight.models.taste import EMBEDDED, SHA256, open_basis, read_basis, write_basis


def test_the_shipped_file_is_opened_and_described() -> None:
    basis = open_basis()
    assert basis.digest == SHA256
    assert basis.slope > 0
    assert np.linalg.eigvalsh(basis.covariance)[0] > 0
    assert SHA256 in (EMBEDDED.parents[1] / "README.md").read_text(encoding="utf-8")
    assert EMBEDDED.stat().st_size < 300_000


def test_the_same_basis_gives_the_same_bytes() -> None:
    basis = open_basis()
    assert write_basis(basis) == EMBEDDED.read_bytes()


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_file_is_refused_with_a_hint(tmp_path: Path, damage: str) -> None:
    file, content = tmp_path / "taste.npz", EMBEDDED.read_bytes()
    if damage == "cut":
        file.write_bytes(content[:-100])
    if damage == "changed":
        file.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    with pytest.raises(BundleError) as caught:
        open_basis(file)
    assert "Install" in caught.value.hint


def test_numbers_that_cannot_be_a_prior_are_refused() -> None:
    basis = open_basis()
    no_slope = replace(basis, slope=0.0)
    negative = replace(basis, covariance=-basis.covariance)
    short = replace(basis, mean=basis.mean[:-1])
    infinite = replace(basis, mean=np.full(len(NAMES), np.inf))
    for broken in (no_slope, negative, short, infinite):
        with pytest.raises(BundleError):
            read_basis(write_basis(broken))
    with pytest.raises(BundleError):
        read_basis(b"no archive")
    assert basis.generic[OF_GENERIC].all()
