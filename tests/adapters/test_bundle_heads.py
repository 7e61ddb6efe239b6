"""Fitting the heads: what it learns is there, what it reports never saw the answer, and it can be done again."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from safelight.inference.heads import write_heads
from safelight.models.build.fit_heads import combine, fit_appeal, fit_quality
from safelight.models.build.ridge import Floats, Table, alike, fit, folds, held_out, spearman, strongest

LENGTH, TAPS = 6, 5


def table(pictures: int, numbers: int, *, target: Floats | None = None, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(pictures, 2, numbers)) * 3 + 7
    wanted = outputs[:, 0, 0] * 2 - outputs[:, 0, 1] if target is None else target
    return Table(outputs, wanted, np.arange(pictures), np.array(["one"] * pictures))


@pytest.mark.parametrize(("pictures", "numbers"), [(200, 8), (20, 60)])
def test_a_ridge_fit_solves_its_own_equation(pictures: int, numbers: int) -> None:
    rated, strength = table(pictures, numbers), 0.5
    (made,) = fit(rated, [strength], kind_share=0.0)
    rows = np.concatenate([rated.outputs[:, 0], rated.outputs[:, 1]])
    target = np.tile(rated.target, 2)
    spread = rows.std(axis=0) + 1e-6
    standard = (rows - rows.mean(axis=0)) / spread
    gram = standard.T @ standard + strength * numbers * np.eye(numbers)
    slopes = np.linalg.solve(gram, standard.T @ (target - target.mean()))
    assert np.allclose(made.weights * spread, slopes, atol=1e-8)
    assert np.isclose(made.predict(rows).mean(), target.mean())


def test_a_relation_is_found_and_a_stronger_fit_is_flatter() -> None:
    rated = table(300, 8)
    answers = held_out(rated, [0.01, 1000.0], kind_share=0.0, parts=folds(rated.groups))
    assert spearman(answers[0], rated.target) > 0.6  # the second version of each picture is noise
    assert answers[0].std() > 10 * answers[1].std()


def test_noise_scores_like_noise_when_groups_are_held_out() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 5)
    outputs = np.repeat(rng.normal(size=(40, 1, 50)), 5, axis=0) + rng.normal(size=(200, 1, 50)) * 0.01
    rated = Table(outputs, np.repeat(rng.normal(size=40), 5), groups, np.array(["one"] * 200))
    honest = held_out(rated, [0.1], kind_share=0.0, parts=folds(groups))[0]
    split_through = held_out(rated, [0.1], kind_share=0.0, parts=np.arange(200, dtype=np.int64) % 5)[0]
    assert abs(spearman(honest, rated.target)) < 0.4
    assert spearman(split_through, rated.target) > 0.9, "near-duplicates on both sides would have flattered it"


def test_the_share_of_a_kind_is_taken_out() -> None:
    kinds = np.array(["good"] * 50 + ["bad"] * 50)
    target = np.where(kinds == "good", 1.0, 0.0)
    outputs = np.stack([target, np.random.default_rng(0).normal(size=100)], axis=1)[:, None]
    rated = Table(outputs, target, np.arange(100), kinds)
    (all_of_it,) = fit(rated, [1e-6], kind_share=0.0)
    (half,) = fit(rated, [1e-6], kind_share=0.5)
    (none,) = fit(rated, [1e-6], kind_share=1.0)
    assert np.allclose([all_of_it.weights[0], half.weights[0], none.weights[0]], [1.0, 0.5, 0.0], atol=1e-3)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
@settings(max_examples=50, deadline=None)
def test_a_group_is_never_split(groups: list[int]) -> None:
    numbers = np.array(groups, np.int64)
    parts = folds(numbers)
    assert all(len(set(parts[numbers == group].tolist())) == 1 for group in set(groups))


@pytest.mark.parametrize(
    ("scores", "place"), [([0.1, 0.5, 0.9], 2), ([0.900, 0.898, 0.5], 1), ([0.9, 0.5, 0.4], 0), ([0.9, 0.8, 0.899], 2)]
)
def test_the_strongest_of_the_good_ones_is_taken(scores: list[float], place: int) -> None:
    assert strongest(scores) == place


def test_rank_correlation_shares_ties() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert spearman(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert spearman(np.array([1.0, 1, 2, 3]), np.array([1.0, 2, 3, 4])) == pytest.approx(0.9486832980505138)
    assert np.isnan(spearman(np.array([1.0, 1, 1]), np.array([1.0, 2, 3])))


def test_likeness_is_passed_on_along_a_chain() -> None:
    angles = np.radians([0, 20, 40, 60, 150, 170])
    groups = alike(np.stack([np.cos(angles), np.sin(angles)], axis=1), float(np.cos(np.radians(25))))
    assert groups.tolist() == [0, 0, 0, 0, 4, 4]


def seen(file: Path, mirrored: bool) -> NDArray[np.float32] | None:
    """Say of a picture what its name tells: the number in it is its quality and its beauty."""
    number = int("".join(re.findall(r"\d", file.name)) or 0)
    if number == 13:
        return None  # unreadable
    rng = np.random.default_rng(number * 2 + mirrored)
    outputs = rng.normal(size=LENGTH + TAPS).astype(np.float32)
    outputs[:LENGTH] /= np.linalg.norm(outputs[:LENGTH])
    outputs[[0, LENGTH]] += number / 20
    return outputs


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    for folder in ("quality_biq", "taste_oasis"):
        (tmp_path / folder).mkdir()
    for name, numbers in {"train": range(100), "unsplash": range(200, 220), "scene_series": range(300, 320)}.items():
        with (tmp_path / "quality_biq" / f"{name}_mos.csv").open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["f", "mos", "group"] if name == "scene_series" else ["f", "mos"])
            for number in numbers:
                row = [f"{'ab'[number % 2]} ({number}).jpg", number / 100 if name == "train" else number % 5 / 5]
                rows.writerow([*row, f"scene{number // 5}"] if name == "scene_series" else row)
    with (tmp_path / "taste_oasis" / "ratings_dev.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["user", "image", "rating", "category", "origin"])
        rows.writerows(
            [user, f"Theme{'xyz'[number % 3]}{number}.jpg", 1 + (number + user) % 7, "Scene", "here"]
            for user in range(4)
            for number in range(60)
        )
    return tmp_path


def test_both_heads_are_fitted_reported_and_the_same_again(rated: Path) -> None:
    quality, again = (fit_quality(rated / "quality_biq", seen, length=LENGTH) for _ in range(2))
    appeal = fit_appeal(rated / "taste_oasis", seen)
    assert write_heads(combine(quality, appeal)) == write_heads(combine(again, appeal))
    assert not quality.fit.weights[:LENGTH].any(), "quality must not read what is shown"
    assert quality.fit.weights[LENGTH] > 0
    assert "99 pictures" in quality.report[0], "the unreadable one is left out"
    assert any("pairs in a scene right" in line for line in quality.report)
    assert "held-out themes" in appeal.report[0]


def test_without_the_data_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "heads.npz"
    command = [sys.executable, "-m", "safelight.models.build.fit_heads", "--data", str(tmp_path), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Nothing was fitted" in done.stdout + done.stderr
    assert not out.exists()
