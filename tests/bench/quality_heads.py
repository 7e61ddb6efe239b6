"""Prints how well the heads judge what they have not seen: kinds left out, probabilities, single people, faces.

    python -m tests.bench.quality_heads [--data DIR]

Everything is fitted anew without what it is judged on, so nothing printed here has seen its answer. It takes two to
four minutes. DIR is the folder with `quality_biq/` and `taste_oasis/`.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.technical import Measures, measure
from safelight.domain.technical_failure import FAILED_OPINION, technical_failure_probability
from safelight.domain.technical_terms import technical_score, technical_terms
from safelight.inference.heads import SOFT_LIMIT
from safelight.models.build import fit_appeal, fit_failure, fit_quality
from safelight.models.build.quality_kinds import kinds_of, left_out
from safelight.models.build.rated import Outputs, choose, interval, outputs_as_rated
from safelight.models.build.reliability import lines, reliability
from safelight.models.build.ridge import Floats, fit, spearman
from tests.bench.quality import laplacian, picture

DRAWS = 300
# People, or what is worn or held by people, among the classes of ImageNet: player, groom, diver, suits, gowns, shorts.
PEOPLE = (981, 982, 983, 400, 445, 459, 601, 608, 610, 617, 655, 658, 689, 735, 775, 834, 836, 837, 841, 842, 869, 903)
OF_PEOPLE = ("Couple", "Wedding", "Birthday", "Celebration", "Soldiers", "Neutralpose", "Soccer", "Performance")


@dataclass(frozen=True)
class Seen:
    """Photographs with opinions and everything that was measured of them, in one order."""

    opinions: fit_quality.Opinions
    measures: tuple[Measures, ...]
    single: Mapping[str, Floats]  # measures by themselves, higher meaning better


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quality_heads", description=__doc__.splitlines()[0])
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAFELIGHT_SHARED_DATA", beside)))
    data = parser.parse_args(arguments).data
    outputs, length = outputs_as_rated()
    biq = data / "quality_biq"
    train, unsplash, scenes = (
        _seen(biq, fit_quality.read_quality(biq, outputs, length=length, name=f"{name}_mos.csv"))
        for name in ("train", "unsplash", "scene_series")
    )
    strength, answers = choose(train.opinions.table, fit_quality.KIND_SHARE)
    print_kinds(train, answers, strength)
    print_probabilities(train, answers, strength, {"unsplash": unsplash, "scene series": scenes})
    people = fit_appeal.read_appeal(data / "taste_oasis", outputs)
    print_appeal(people)
    print_faces(people, [biq / "images" / name for name in train.opinions.names], outputs)


def print_kinds(train: Seen, answers: Floats, strength: float) -> None:
    """Compare the head, without a kind of picture, with the best single measure on that kind."""
    table = train.opinions.table
    low, high = interval(table, answers)
    print(f"Quality head: {len(answers)} photographs, strength {strength:g}, five folds without shared scenes")
    print(f"Spearman {spearman(answers, table.target):.3f}, 95 % interval {low:.3f} to {high:.3f}")
    print("\nWithout a kind of picture: Spearman on that kind (+- standard error of head minus best single measure)")
    print(
        f"{'kind':24s}{'pictures':>9s}{'head':>8s}{'technical':>11s}{'best single measure':>24s}{'ahead':>9s}{'+-':>7s}"
    )
    light = np.array([one.exposure for one in train.measures])
    for division, kinds in kinds_of(train.opinions.embeddings, table, light).items():
        out = left_out(table, kinds, strength, fit_quality.KIND_SHARE)
        technical = _technical(train, (out - answers.mean()) / answers.std())
        for kind in np.unique(kinds):
            _print_kind(f"{division} {kind}", train, kinds == kind, out, technical)


def _print_kind(name: str, train: Seen, of: NDArray[np.bool_], head: Floats, technical: Floats) -> None:
    target = train.opinions.table.target[of]
    each = {name: spearman(values[of], target) for name, values in train.single.items()}
    best = max(each, key=lambda name: each[name])
    ahead = spearman(head[of], target) - each[best]
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(target), len(target)) for _ in range(DRAWS)]
    rivals = train.single[best][of]
    spread = np.std([spearman(head[of][d], target[d]) - spearman(rivals[d], target[d]) for d in drawn])
    told = f"{best} {each[best]:.3f}"
    print(f"{name:24s}{len(target):9d}{spearman(head[of], target):8.3f}{spearman(technical[of], target):11.3f}"
          f"{told:>24s}{ahead:+9.3f}{spread:7.3f}")  # fmt: skip


def print_probabilities(train: Seen, answers: Floats, strength: float, others: Mapping[str, Seen]) -> None:
    """Print how far the probability of a technical failure means what it says."""
    print(f"\nProbability of a technical failure: mean opinion under {FAILED_OPINION}")
    table = train.opinions.table
    scores = _technical(train, (answers - answers.mean()) / answers.std())
    failed = table.target < FAILED_OPINION
    _print_reliability("train, five folds", fit_failure.cross_fitted(scores, failed, table.groups), failed, bins=10)
    for name, seen in others.items():
        learned = fit_quality.without_alike(train.opinions, seen.opinions)
        (made,) = fit(learned, [strength], kind_share=fit_quality.KIND_SHARE)
        z = (made.predict(seen.opinions.table.outputs[:, 0]) - answers.mean()) / answers.std()
        told = np.array([technical_failure_probability(score) for score in _technical(seen, z)])
        _print_reliability(name, told, seen.opinions.table.target < FAILED_OPINION, bins=10 if len(z) > 200 else 5)


def _print_reliability(name: str, told: Floats, failed: NDArray[np.bool_], *, bins: int) -> None:
    print(f"{name}: {len(told)} photographs, {int(failed.sum())} failures, {told.sum():.1f} foretold")
    print("\n".join(lines(reliability(told, failed, bins))))


def print_appeal(people: fit_appeal.People) -> None:
    """Compare the appeal head with the mean rating and with single people, on themes left out."""
    table = people.table
    strength, answers = choose(table, fit_appeal.KIND_SHARE)
    low, high = interval(table, answers)
    print(
        f"\nAppeal head, themes left out: {len(answers)} photographs, "
        f"{len(people.ratings)} people, strength {strength:g}"
    )
    print(f"{'':10s}{'pictures':>9s}{'to the mean':>13s}{'to one person':>20s}{'others to one person':>24s}")
    one, others = fit_appeal.to_people(answers, people), fit_appeal.others_to_people(people)
    for name in one:
        of = np.ones(len(answers), np.bool_) if name == "all" else table.kinds == name
        print(f"{name:10s}{int(of.sum()):9d}{spearman(answers[of], table.target[of]):13.3f}"
              f"{_mean(one[name]):>20s}{_mean(others[name]):>24s}")  # fmt: skip
    print(f"to the mean, 95 % interval by resampling themes: {low:.3f} to {high:.3f}; in brackets: standard error")


def print_faces(people: fit_appeal.People, files: Sequence[Path], outputs: Outputs) -> None:
    """Ask whether people in the frame earn a bonus by themselves: `people_bonus`, in deviations of appeal."""
    table = people.table
    strength, answers = choose(table, fit_appeal.KIND_SHARE)
    shown = np.array([fit_appeal.theme(name) in OF_PEOPLE for name in people.names])
    bonus, error = _bonus(answers - table.target, shown)
    print(
        f"\npeople_bonus, {int(shown.sum())} rated photographs of people by their theme, beyond what people gave them,"
    )
    print(f"of 1-7 (+- standard error), themes left out: {bonus:+.2f} (+- {error:.2f})")
    (made,) = fit(table, [strength], kind_share=fit_appeal.KIND_SHARE)
    seen = [(file, found) for file in files if (found := outputs(file, False)) is not None]
    appeal = np.array([made.predict(found[:1].astype(np.float64))[0] for _, found in seen]) / answers.std()
    shown = _shows_people([file for file, _ in seen])
    bonus, error = _bonus(appeal, shown)
    print(
        f"people_bonus, {len(seen)} photographs that appeal never learned, {int(shown.sum())} of them taken for people"
    )
    print(f"by a classifier, in deviations: {bonus:+.2f} (+- {error:.2f}) {'FOUND' * (bonus > 2 * error)}")


def _bonus(values: Floats, shown: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how much more those that show people have than the others, and its standard error."""
    with_people, without = values[shown], values[~shown]
    error = (with_people.var() / max(len(with_people), 1) + without.var() / max(len(without), 1)) ** 0.5
    return float(with_people.mean() - without.mean()), float(error)


def _shows_people(files: Sequence[Path]) -> NDArray[np.bool_]:
    """Tell whether people, or what people wear, are among a classifier's first three guesses."""
    from safelight.decoding.pixels import read_picture
    from safelight.decoding.rules import DecodeRules
    from safelight.inference.bundle import read_shipped, source_folder
    from safelight.inference.manifest import read_manifest
    from safelight.inference.session import open_session
    from safelight.models.build.efficientnet_lite0 import build, class_scores
    from safelight.models.shipped import EMBEDDED

    manifest = read_manifest(EMBEDDED)
    weights = read_shipped(source_folder(manifest.origin), manifest.source)
    session = open_session(build(weights))
    found = []
    for file in files:
        (features,) = session.run(["features"], {"image": read_picture(file, DecodeRules()).thumb[None]})
        found.append(bool(np.isin(np.argsort(-class_scores(weights, features[0]))[:3], PEOPLE).any()))
    return np.array(found)


def _mean(each: Floats) -> str:
    told = each[np.isfinite(each)]
    return f"{told.mean():.3f} ({told.std() / len(told) ** 0.5:.3f})"


def _technical(seen: Seen, z: Floats) -> Floats:
    soft = SOFT_LIMIT * np.tanh(z / SOFT_LIMIT)
    return np.array(
        [technical_score(technical_terms(one, float(q))) for one, q in zip(seen.measures, soft, strict=True)]
    )


def _seen(folder: Path, opinions: fit_quality.Opinions) -> Seen:
    photos = [picture(folder / "images" / name) for name in opinions.names]
    measures = tuple(measure(photo) for photo in photos)
    signs = {"motion": -1, "noise": -1, "highlights": -1, "shadows": -1}
    single = {
        name: signs.get(name, 1) * np.array([one.as_dict()[name] for one in measures]) for name in measures[0].as_dict()
    }
    return Seen(opinions, measures, single | {"laplacian": np.array([laplacian(photo) for photo in photos])})


if __name__ == "__main__":
    main()
