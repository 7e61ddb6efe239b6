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

from safelight.inference.heads import NAMES, read_heads
from safelight.models.build.fit_appeal import People, fit_appeal, others_to_people, theme, to_people
from safelight.models.build.fit_quality import fit_quality, read_quality, without_alike
from safelight.models.build.quality_kinds import BY_LIGHT, clusters, kinds_of, left_out
from safelight.models.build.rated import Head, interval, put_head, with_head
from safelight.models.build.ridge import Fit, Floats, Table, alike, fit, folds, held_out, spearman, strongest

LENGTH, TAPS = 24, 5


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
    """Say of a picture what its name tells: the number in it is its quality and its beauty, closer even more so."""
    number = int("".join(re.findall(r"\d", file.name)) or 0)
    if number == 13:
        return None  # unreadable
    rng = np.random.default_rng(number * 2 + mirrored)
    views = rng.normal(size=(2, LENGTH + TAPS)).astype(np.float32)
    views[:, :LENGTH] /= np.linalg.norm(views[:, :LENGTH], axis=1, keepdims=True)
    views[:, LENGTH] += number / 20
    return views


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
    assert np.array_equal(quality.fit.weights, again.fit.weights)
    assert not quality.fit.weights[:LENGTH].any(), "quality must not read what is shown"
    assert quality.fit.weights[LENGTH] > 0
    assert "99 pictures" in quality.report[0], "the unreadable one is left out"
    assert any("pairs in a scene right" in line for line in quality.report)
    assert any("kinds of subject, each left out" in line for line in quality.report)
    assert "held-out themes" in appeal.report[0]
    assert "Scene" in appeal.report[1] and "all the others" in appeal.report[2]


def test_quality_is_read_from_the_whole_and_its_middle_and_appeal_from_the_whole(rated: Path) -> None:
    def blurred_in_the_middle(file: Path, mirrored: bool) -> NDArray[np.float32] | None:
        views = seen(file, mirrored)
        if views is not None:
            views[1] = -5.0
        return views

    appeal, other = (fit_appeal(rated / "taste_oasis", told) for told in (seen, blurred_in_the_middle))
    assert np.array_equal(appeal.fit.weights, other.fit.weights)
    one, two = (read_quality(rated / "quality_biq", told, length=LENGTH) for told in (seen, blurred_in_the_middle))
    assert not np.allclose(one.table.outputs, two.table.outputs)
    assert np.array_equal(one.embeddings, two.embeddings)


def test_a_head_takes_its_row_and_leaves_the_other(tmp_path: Path) -> None:
    first = Fit(np.arange(4, dtype=np.float64), 0.5)
    second = Fit(-np.arange(4, dtype=np.float64), 0.25)
    content = with_head(with_head(None, "appeal", first), "quality", second)
    heads = read_heads(content, numbers=4)
    assert heads.weights.tolist() == [second.weights.tolist(), first.weights.tolist()]
    assert heads.bias.tolist() == [0.25, 0.5]
    assert NAMES == ("quality", "appeal")
    file = tmp_path / "heads.npz"
    file.write_bytes(content)
    lines = put_head(file, "quality", fit_quality_of_nothing(second))
    assert file.read_bytes() == content
    assert f"size_bytes = {len(content)}" in lines


def fit_quality_of_nothing(made: Fit) -> Head:
    return Head(made, ("measured nothing",))


def test_near_duplicates_of_what_is_judged_are_not_learned(rated: Path) -> None:
    known = read_quality(rated / "quality_biq", seen, length=LENGTH)
    assert len(without_alike(known, known).target) == 0


def test_a_kind_is_judged_by_a_fit_that_never_saw_it() -> None:
    rated = table(120, 6)
    kinds = np.array(["seen", "other"] * 60)
    opposed = Table(rated.outputs, np.where(kinds == "seen", rated.target, -rated.target), rated.groups, rated.kinds)
    answers = left_out(opposed, kinds, 0.01, 0.0)
    for kind in ("seen", "other"):
        assert spearman(answers[kinds == kind], opposed.target[kinds == kind]) < -0.5, "it only knew the other kind"
    together = Table(opposed.outputs, opposed.target, np.zeros(120, np.int64), opposed.kinds)
    assert np.isnan(left_out(together, kinds, 0.01, 0.0)).all(), "all are alike, so nothing is left to learn from"


def test_clusters_are_found_and_light_is_in_thirds() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(20, 3)) * 0.01 + centre for centre in np.eye(3) * 5])
    found = clusters(rows, 3)
    assert [len(set(found[start : start + 20].tolist())) for start in (0, 20, 40)] == [1, 1, 1]
    assert len(set(found.tolist())) == 3
    assert set(clusters(np.ones((5, 3)), 3).tolist()) == {0}
    kinds = kinds_of(rows, table(60, 2), np.arange(60) / 60)[BY_LIGHT]
    assert {kind: int((kinds == kind).sum()) for kind in ("dark", "middle", "bright")} == {
        "dark": 20, "middle": 20, "bright": 20,
    }  # fmt: skip


def test_the_interval_holds_the_value_and_shrinks_with_more_groups() -> None:
    few, many = (table(pictures, 4) for pictures in (20, 400))
    widths = []
    for rated in (few, many):
        noisy = rated.target + np.random.default_rng(3).normal(size=len(rated.target)) * 5
        low, high = interval(rated, noisy, draws=100)
        assert low < spearman(noisy, rated.target) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_people_are_compared_with_all_the_others_and_by_category() -> None:
    ratings = np.array([[1.0, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, np.nan], [3, 3, 3, 3, 3, 3]])
    rated = Table(np.zeros((6, 1, 1)), np.arange(6.0), np.arange(6), np.array(["a"] * 3 + ["b"] * 3))
    people = People(tuple("uvwxyz"), ratings, rated)
    told = to_people(np.arange(6.0), people)
    assert told["all"][:3].tolist() == pytest.approx([1, 1, -1])
    assert np.isnan(told["all"][3]), "who gives all the same agrees with nobody"
    assert np.isnan(told["b"][2]), "two pictures are too few"
    others = others_to_people(people)["all"]
    assert others[2] == pytest.approx(-1)
    mean_of_others = np.array([10 / 3] * 5 + [4.5])
    assert others[0] == pytest.approx(spearman(mean_of_others, ratings[0]))


@pytest.mark.parametrize(
    ("name", "told"), [("Dog12.jpg", "Dog"), ("Dog 3.jpg", "Dog"), ("Fire hydrant 1.jpg", "Fire hydrant")]
)
def test_themes_are_told_by_names(name: str, told: str) -> None:
    assert theme(name) == told


@pytest.mark.parametrize("script", ["fit_quality", "fit_appeal", "fit_taste"])
def test_without_the_data_nothing_is_written(tmp_path: Path, script: str) -> None:
    out = tmp_path / "heads.npz"
    command = [sys.executable, "-m", f"safelight.models.build.{script}", "--data", str(tmp_path), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Nothing was fitted" in done.stdout + done.stderr
    assert not out.exists()


def test_without_the_data_no_probability_is_fitted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "safelight.models.build.fit_failure", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Nothing was fitted" in done.stdout + done.stderr
