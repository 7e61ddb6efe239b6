"""Prints how well the taste model learns real people from comparisons, without files: a minute or two after encoding.

    python -m tests.bench.taste_model --data DIR [--people N] [--cache FILE]

People are those of `taste_oasis/ratings_dev.csv`. Each one's photographs become shoots of 16 moments of three frames
(tests.bench.people); the lowest 30 % are deleted, of the highest 30 % one frame is rated or selected and the others are
deleted. Judged on the fourth of the themes that nothing was decided about, by a prior learned from the other half of
the people without those themes. Appeal is cross-fitted everywhere: the shipped head learned these photographs. An
action is one frame deleted, rated or moved. "Spearman" is to the person's own ratings; +- is the standard error over
people.
"""

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.domain.features import GENERIC, NAMES, OF_GENERIC, OF_SUBJECT, Basis
from safelight.domain.keeper import keeper_scores
from safelight.domain.preference import WEIGHT, Kind
from safelight.domain.score import lone_score, spread
from safelight.domain.taste import fit
from safelight.domain.taste_table import KINDS, Table
from safelight.domain.technical import measure
from safelight.domain.technical_terms import technical_terms
from safelight.inference.heads import Heads, read_heads
from safelight.models.build.fit_taste import Photographs, Rated, leaning, make_basis, read_ordinary, read_rated
from safelight.models.build.rated import Outputs, outputs_as_rated
from safelight.models.build.ridge import spearman
from safelight.models.shipped import FOLDER
from tests.bench.people import SHOOT, file_name, make_frames

Floats = NDArray[np.float64]
STEPS = (10, 20, 50, 100)
FRAMES = 3  # of a moment
LOW, HIGH = 0.3, 0.3  # shares of a shoot that a person acts on
FOLDS = 4
LOSERS, SURVIVORS = 6, 4
OF = {kind: place for place, kind in enumerate(KINDS)}
BURST = GENERIC.index("burst")


@dataclass(frozen=True)
class World:
    """Everything that is encoded once."""

    rated: Rated
    ordinary: Photographs
    opinions: Floats  # mean opinion scores of the ordinary photographs
    moments: Floats  # (n, FRAMES, k) features of the frames of each rated photograph


def encode(data: Path) -> World:
    """Encode both collections and the frames of moments: about three minutes."""
    outputs, length = outputs_as_rated()
    first = outputs(sorted((data / "taste_oasis" / "images").iterdir())[0], False)
    assert first is not None
    heads = read_heads((FOLDER / "heads" / "embedded.npz").read_bytes(), numbers=first.shape[-1])
    rated = read_rated(data / "taste_oasis", outputs, heads, length=length)
    ordinary = read_ordinary(data / "quality_biq", outputs, heads, length=length)
    basis = make_basis([rated.photographs, ordinary], None)
    names = [path.name for path in sorted((data / "taste_oasis" / "images").iterdir())]
    with tempfile.TemporaryDirectory() as folder:
        make_frames(data / "taste_oasis" / "images", names, Path(folder))
        moments = [
            _moment(Path(folder), number, float(rated.photographs.generic[number, -1]), basis, outputs, heads, length)
            for number in range(len(names))
        ]
    return World(rated, ordinary, _opinions(data, outputs), np.array(moments))


def _moment(
    folder: Path, number: int, appeal: float, basis: Basis, outputs: Outputs, heads: Heads, length: int
) -> Floats:
    """Return the features of one moment's frames; its appeal is that of the photograph, cross-fitted."""
    lone, measures, qualities, embeddings = [], [], [], []
    for frame in range(FRAMES):
        path = folder / file_name(number, frame)
        answer = outputs(path, False)
        assert answer is not None
        quality = heads.score(answer)[0]
        measures.append(measure(read_picture(path, DecodeRules()).rgb))
        terms = technical_terms(measures[-1], quality)
        lone.append(replace_appeal(lone_score([(term.name, term.value) for term in terms], 0.0), appeal))
        qualities.append(quality)
        embeddings.append(np.asarray(answer[0, :length], np.float64))
    placed = spread(lone, [float(each) for each in keeper_scores(measures, qualities)])
    made = np.zeros((FRAMES, len(NAMES)))
    for frame, score in enumerate(placed):
        for entry in score.contributions:
            made[frame, GENERIC.index(entry.name)] = entry.value
        unit = embeddings[frame] / np.linalg.norm(embeddings[frame])
        made[frame, OF_SUBJECT] = basis.directions @ (unit - basis.centre)
    return made


def replace_appeal(score, appeal: float):
    """Return the score with this appeal contribution."""
    entries = [
        replace(entry, value=round(appeal, 4)) if entry.name == "appeal" else entry for entry in score.contributions
    ]
    return replace(score, contributions=tuple(entries))


def _opinions(data: Path, outputs: Outputs) -> Floats:
    """Return the opinions in the order of `read_ordinary`."""
    found = []
    for table in ("train_mos.csv", "unsplash_mos.csv"):
        for line in (data / "quality_biq" / table).read_text(encoding="utf-8").splitlines()[1:]:
            name, mos = line.split(",")[:2]
            if outputs(data / "quality_biq" / "images" / name, False) is not None:
                found.append(float(mos))
    return np.array(found)


@dataclass(frozen=True)
class Rows:
    """Comparisons as they come, and after how many actions."""

    table: Table
    actions: NDArray[np.int64]  # (n,) actions up to and including the one that made the row

    def after(self, actions: int) -> Table:
        """Return what the first actions say."""
        return self.table.only(np.flatnonzero(self.actions <= actions))


def acted(
    moments: Floats, liking: Floats, rng: np.random.Generator, *, random: float = 0.0, excellent: float = np.inf
) -> Rows:
    """Let a person act on moments (n, FRAMES, k) they like so much; a part of the photographs at random.

    Praised frames are held against the best frame of up to six deleted moments and of four about which nothing is said;
    frames rated 5 (liked `excellent` or more) also against up to three rated 4.
    """
    made: list[tuple[Floats, int, float, int, int, int]] = []
    wanton = rng.random(len(liking)) < random
    felt = np.where(wanton, rng.permutation(liking), liking) + rng.uniform(0, 0.01, len(liking))
    order, actions = rng.permutation(len(liking)), 0
    for shoot, members in enumerate(np.array_split(order, max(1, round(len(order) / SHOOT)))):
        ranked = members[np.argsort(felt[members])]
        low, high = ranked[: round(LOW * len(ranked))], ranked[len(ranked) - round(HIGH * len(ranked)) :]
        middle = ranked[len(low) : len(ranked) - len(high)]
        picked = {int(best): rng.random() < 0.3 for best in high}
        rated_4 = np.array([best for best in high if not picked[int(best)] and felt[best] < excellent], np.int64)
        for best in high:
            actions += FRAMES * (1 + len(low) / max(len(high), 1))
            frame = int(rng.integers(FRAMES)) if wanton[best] else 0
            kind = Kind.SELECT if picked[int(best)] else Kind.RATING
            won, unit = moments[best, frame], len(made)
            for other in set(range(FRAMES)) - {frame}:
                made.append((won - moments[best, other], OF[Kind.BURST_DELETE], 1.0, -1 - unit, shoot, round(actions)))
            less = rated_4 if kind is Kind.RATING and felt[best] >= excellent else rated_4[:0]
            for group, number, share in ((low, LOSERS, 1.0), (middle, SURVIVORS, 0.5), (less, 3, 1.0)):
                for other in rng.permutation(group)[:number]:
                    # who picks frames at random meets a frame at random: else the best frame would always lose
                    against = moments[other, int(rng.integers(FRAMES)) if wanton[best] else 0]
                    made.append((won - against, OF[kind], share, unit, shoot, round(actions)))
    columns = list(zip(*made, strict=True))
    kinds = np.array(columns[1])
    weight = np.array(columns[2]) * np.array([WEIGHT[KINDS[kind]] for kind in kinds])
    table = Table(np.array(columns[0]), np.zeros(len(made)), kinds, weight, np.array(columns[3]), np.array(columns[4]))
    return Rows(table, np.array(columns[5]))


def cases(world: World, people: int) -> Iterator[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (person, fold, photographs to act on, photographs to judge by): a fourth of the themes at a time."""
    fold = np.random.default_rng(6).permutation(world.rated.themes.max() + 1)[world.rated.themes] % FOLDS
    for person in np.random.default_rng(99).permutation(len(world.rated.ratings))[:people]:
        known = np.flatnonzero(~np.isnan(world.rated.ratings[person]))
        if np.nanstd(world.rated.ratings[person]) > 0.3:
            for part in range(FOLDS):
                test = known[fold[known] == part]
                if len(test) > 5 and world.rated.ratings[person, test].std() > 0.1:
                    yield int(person), part, known[fold[known] != part], test


def left_out(world: World, flat: Basis) -> dict[tuple[int, int], Basis]:
    """Return the learned prior for each half of the people and fold of themes, learned from neither."""
    fold = np.random.default_rng(6).permutation(world.rated.themes.max() + 1)[world.rated.themes] % FOLDS
    rated, half = world.rated, np.arange(len(world.rated.ratings)) % 2
    made = {}
    for side in (0, 1):
        for part in range(FOLDS):
            keep = np.flatnonzero(fold != part)
            kept = Photographs(rated.photographs.embeddings[keep], rated.photographs.generic[keep])
            made[side, part] = leaning(flat, Rated(kept, rated.ratings[half != side][:, keep], rated.themes[keep]))
    return made


def learning(world: World, people: int, random: float, start: Callable[[int, int], Basis], label: str) -> None:
    """Print Spearman and pair accuracy against the number of actions, and the calibration."""
    found: dict[int, list[tuple[float, ...]]] = {}
    told, came = [], []
    for person, part, train, test in cases(world, people):
        rng = np.random.default_rng([person, part])
        mine, x = world.rated.ratings[person], world.moments[test, 0]
        rows = acted(
            world.moments[train], mine[train] / 7 if random < 1 else rng.random(len(train)), rng, random=random
        )
        plain = x[:, OF_GENERIC].sum(axis=1) - x[:, BURST]
        for step in (step for step in STEPS if step <= rows.actions[-1] + 10):
            taste = fit(rows.after(step), start(person % 2, part))
            shown = plain + (x - x[:, [BURST]] * np.eye(len(NAMES))[BURST]) @ (taste.displayed - taste.basis.generic)
            row = (person, spearman(plain, mine[test]), spearman(shown, mine[test]), taste.gate)
            found.setdefault(step, []).append((*row, pairs(plain, mine[test]), pairs(shown, mine[test])))
            for one, other in rng.choice(test, (20, 2)):
                if mine[one] != mine[other]:
                    told.append(taste.probability(world.moments[one, 0], world.moments[other, 0]))
                    came.append(mine[one] > mine[other])
    print(f"\n{label}\nactions people generic displayed   gain +-        gate  pairs generic displayed")
    for step, each in found.items():
        rows_ = np.array(each)
        by = np.array([np.nanmean(rows_[rows_[:, 0] == person], axis=0) for person in np.unique(rows_[:, 0])])
        gain = by[:, 2] - by[:, 1]
        error = gain.std() / len(gain) ** 0.5
        print(
            f"{step:7} {len(by):6} {by[:, 1].mean():7.3f} {by[:, 2].mean():9.3f} {gain.mean():+7.3f} {error:.3f}",
            end="",
        )
        print(f"{by[:, 3].mean():10.2f} {by[:, 4].mean():14.3f} {by[:, 5].mean():9.3f}")
    print(f"expected calibration error over {len(told)} pairs: {calibration(np.array(told), np.array(came)):.3f}")


def pairs(scores: Floats, liking: Floats) -> float:
    """Return the share of unequal pairs that the scores order as the person does."""
    above = liking[:, None] > liking[None]
    right = (scores[:, None] > scores[None]) + 0.5 * (scores[:, None] == scores[None])
    return float(right[above].mean())


def calibration(told: Floats, came: NDArray[np.bool_]) -> float:
    """Return the expected calibration error in ten bins (Naeini et al., 2015)."""
    bins = np.minimum((told * 10).astype(int), 9)
    return float(
        sum((bins == b).mean() * abs(told[bins == b].mean() - came[bins == b].mean()) for b in np.unique(bins))
    )


def photographers(world: World, flat: Basis, learned: Basis) -> None:
    """Print what the prior does to people it was not learned from: judges of quality, and believers in the generic."""
    x = np.zeros((len(world.ordinary.generic), len(NAMES)))
    x[:, OF_GENERIC] = world.ordinary.generic
    x[:, OF_SUBJECT] = (world.ordinary.embeddings - flat.centre) @ flat.directions.T
    plain = x @ flat.generic
    print("\nother people, photographs of BIQ2021: gain in Spearman after 10, 20, 50 photographs acted on")
    for label, liking, noise in (("opinions of quality", world.opinions, 0.1), ("the generic score", plain, 0.5)):
        for name, basis in (("flat", flat), ("learned", learned)):
            gains = []
            for seed in range(20):
                rng = np.random.default_rng(seed)
                felt = liking + rng.normal(0, noise, len(liking))
                chosen = rng.permutation(len(felt))
                train, test = chosen[:120], chosen[120:500]
                rows = acted(np.repeat(x[train][:, None], FRAMES, axis=1), felt[train], rng)
                shown = [x[test] @ fit(_across(rows.after(FRAMES * step)), basis).displayed for step in (10, 20, 50)]
                gains.append([spearman(one, felt[test]) - spearman(plain[test], felt[test]) for one in shown])
            means = " ".join(f"{value:+.3f}" for value in np.mean(gains, axis=0))
            errors = " ".join(f"{value:.3f}" for value in np.std(gains, axis=0) / len(gains) ** 0.5)
            print(f"{label:20} {name:8} {means}   +- {errors}")


def _across(table: Table) -> Table:
    """Return the comparisons between moments: these photographs have one frame each."""
    return table.only(np.flatnonzero(table.kind != OF[Kind.BURST_DELETE]))


def speed(basis: Basis) -> None:
    """Print the CPU time of a fit, from nothing, gate included."""
    for count in (1000, 10_000, 100_000):
        rng = np.random.default_rng(1)
        apart = rng.multivariate_normal(np.zeros(len(NAMES)), 2 * basis.ordinary, count, method="eigh")
        apart *= np.sign(apart @ (basis.mean + rng.normal(0, 0.5, len(NAMES))) + rng.logistic(size=count))[:, None]
        number = np.arange(count)
        kind = rng.integers(0, len(KINDS), count)
        table = Table(apart, rng.normal(size=count), kind, rng.uniform(0.3, 1, count), number // 3, number // 100)
        taken = []
        for _ in range(3):
            before = time.process_time()
            fit(table, basis)
            taken.append(time.process_time() - before)
        print(f"fit of {count} comparisons: {min(taken):.3f} CPU s")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--people", type=int, default=70)
    parser.add_argument("--cache", type=Path, help="keeps what was encoded between runs")
    told = parser.parse_args()
    if told.cache and told.cache.is_file():
        world: World = pickle.loads(told.cache.read_bytes())
    else:
        world = encode(told.data)
        if told.cache:
            told.cache.write_bytes(pickle.dumps(world))
    flat = make_basis([world.rated.photographs, world.ordinary], None)
    learned, others = leaning(flat, world.rated), left_out(world, flat)
    speed(learned)
    learning(world, told.people, 0.0, lambda _side, _part: flat, "flat prior")
    learning(
        world, told.people, 0.0, lambda side, part: others[side, part], "prior learned from other people and themes"
    )
    learning(world, told.people, 0.15, lambda side, part: others[side, part], "15 % of the photographs at random")
    learning(world, told.people, 1.0, lambda side, part: others[side, part], "everything at random")
    photographers(world, flat, learned)


if __name__ == "__main__":
    main()
