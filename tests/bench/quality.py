"""Prints how well the technical judgement agrees with people, and with faults made on purpose.

    python -m tests.bench.quality [--data DIR] [--without-head] [--photos N]

DIR is the folder with `quality_biq/`, `burst/` and `taste_oasis/`. Nothing is fitted here: the weights of terms and
keeper are constants, and the learned head was fitted to `train_mos.csv` only, so every other table is on photographs it
has not seen, but for 17 near-duplicates of the scenes. What it does without those, and without whole kinds of picture,
`tests.bench.quality_heads` prints, which is run after this unless the head is left out.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safelight.decoding.closeup import closeup
from safelight.domain.keeper import keeper_scores, octaves_behind
from safelight.domain.technical import Measures, measure
from safelight.domain.technical_failure import technical_failure, technical_failure_probability
from safelight.domain.technical_terms import technical_score, technical_terms
from tests.bench.degradations import Picture, defocused, spoiled
from tests.domain.pictures import fog, moon, sunset

Floats = NDArray[np.float64]
Head = Callable[[Picture], float] | None
PLAIN = 0.1  # a difference in mean opinion that most people would agree on
AS_GOOD = 0.05  # a pick this close to the best is as good as the best


@dataclass(frozen=True, slots=True)
class Look:
    """One photograph, looked at."""

    measures: Measures
    quality: float | None
    laplacian: float
    opinion: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quality", description=__doc__.splitlines()[0])
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAFELIGHT_SHARED_DATA", beside)))
    parser.add_argument("--without-head", action="store_true", help="judge by the measures alone")
    parser.add_argument("--photos", type=int, default=16, help="photographs to spoil (default 16)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as cache:
        head = None if chosen.without_head else _head(Path(cache))
        print_scenes(chosen.data / "quality_biq", head)
        print_opinions(chosen.data / "quality_biq", head)
        print_failures(chosen.data)
        print_triplets(chosen.data / "burst" / "blur_triplets", head)
        print_spoiled(chosen.data / "quality_biq", head, chosen.photos)
        print_hostile(chosen.data / "taste_oasis", head)
        print_cost(chosen.data / "quality_biq")
    if not chosen.without_head:
        from tests.bench import quality_heads  # it measures with what is here

        print()
        quality_heads.main(["--data", str(chosen.data)])


def pair_accuracy(scores: Floats, opinions: Floats) -> tuple[float, int]:
    """Return how many pairs with a plain difference of opinion are ordered alike (a tie is half), and their number."""
    plain = opinions[:, None] - opinions[None, :] > PLAIN
    ahead = (scores[:, None] - scores[None, :])[plain]
    return float((ahead > 0).sum() + (ahead == 0).sum() / 2), int(plain.sum())


def spearman(one: Iterable[float], other: Iterable[float]) -> float:
    """Return the rank correlation; ties share their mean rank."""
    return float(np.corrcoef(_ranks(np.array(list(one))), _ranks(np.array(list(other))))[0, 1])


def print_scenes(folder: Path, head: Head) -> None:
    """Compare the keeper with people's best frame of a scene, beside the Laplacian baseline."""
    scenes: dict[str, list[Look]] = {}
    for row in _rows(folder / "scene_series_mos.csv"):
        scenes.setdefault(row["group"], []).append(_look(folder / "images" / row["f"], float(row["mos"]), head))
    orders: dict[str, Callable[[list[Look]], Floats]] = {
        "Laplacian after sigma 1": lambda looks: np.array([look.laplacian for look in looks]),
        "keeper, measures alone": lambda looks: keeper_scores([look.measures for look in looks]),
    }
    if head is not None:
        orders["learned head alone"] = lambda looks: np.array([look.quality or 0.0 for look in looks])
        orders["keeper"] = lambda looks: keeper_scores([x.measures for x in looks], [x.quality or 0.0 for x in looks])
    frames = sum(len(looks) for looks in scenes.values())
    print(f"Best of a scene: {len(scenes)} scenes, {frames} frames (95 % interval by resampling scenes)")
    print(f"{'':28s}{'pair accuracy':>24s}{'best pick':>24s}{'opinion lost':>14s}")
    for name, order in orders.items():
        _print_order(name, [(order(looks), np.array([look.opinion for look in looks])) for looks in scenes.values()])


def _print_order(name: str, scenes: list[tuple[Floats, Floats]]) -> None:
    pairs = np.array([pair_accuracy(scores, opinions) for scores, opinions in scenes])
    lost = np.array([opinions.max() - opinions[np.argmax(scores)] for scores, opinions in scenes])
    chosen = np.random.default_rng(1).integers(0, len(scenes), (2000, len(scenes)))
    drawn = pairs[chosen].sum(axis=1)
    accuracy = _interval(pairs[:, 0].sum() / pairs[:, 1].sum(), drawn[:, 0] / drawn[:, 1])
    picked = _interval(float((lost <= AS_GOOD).mean()), (lost <= AS_GOOD)[chosen].mean(axis=1))
    print(f"{name:28s}{accuracy:>24s}{picked:>24s}{lost.mean():14.3f}")


def _interval(value: float, drawn: Floats) -> str:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def print_opinions(folder: Path, head: Head) -> None:
    """Correlate the technical score with mean opinions of unrelated photographs."""
    print("\nUnrelated photographs: Spearman with mean opinion")
    for name in ("unsplash_mos.csv", "train_mos.csv"):
        looks = [_look(folder / "images" / row["f"], float(row["mos"]), head) for row in _rows(folder / name)]
        opinions = [look.opinion for look in looks]
        bare = [technical_score(technical_terms(look.measures)) for look in looks]
        line = f"{name:20s} {len(looks):5d}  measures alone {spearman(bare, opinions):.3f}"
        if head is not None:
            full = [technical_score(technical_terms(look.measures, look.quality)) for look in looks]
            seen = "  (the head was fitted to these)" if name.startswith("train") else ""
            line += f"  with head {spearman(full, opinions):.3f}  mean {np.mean(full):+.2f} sd {np.std(full):.2f}{seen}"
        print(line)


def print_failures(data: Path) -> None:
    """Count whom the 1-star rule condemns: alone, and in bursts."""
    biq = data / "quality_biq"
    print("\nCondemned by the 1-star rule")
    rows = sorted(_rows(biq / "unsplash_mos.csv"), key=lambda row: -float(row["mos"]))
    better = [measure(picture(biq / "images" / row["f"])) for row in rows[: len(rows) // 2]]
    print(f"better half of Unsplash, lone    {_condemned(better):4d} of {len(better)}")
    oasis = [measure(picture(path)) for path in sorted((data / "taste_oasis" / "images").glob("*.jpg"))]
    print(f"OASIS, lone                      {_condemned(oasis):4d} of {len(oasis)}")
    scenes: dict[str, list[tuple[Measures, float]]] = {}
    for row in _rows(biq / "scene_series_mos.csv"):
        frame = (measure(picture(biq / "images" / row["f"])), float(row["mos"]))
        scenes.setdefault(row["group"], []).append(frame)
    opinions, good = [], 0
    for frames in scenes.values():
        best = max(opinion for _, opinion in frames)
        behind = octaves_behind([one for one, _ in frames])
        for (one, opinion), octaves in zip(frames, behind, strict=True):
            if technical_failure(one, octaves_behind=float(octaves)) is not None:
                opinions.append(opinion)
                good += opinion > best - PLAIN
    mean = float(np.mean(opinions)) if opinions else float("nan")
    print(f"scene series, in their bursts    {len(opinions):4d}, mean opinion {mean:.2f}, near the best {good}")


def _condemned(frames: Iterable[Measures]) -> int:
    return sum(technical_failure(one) is not None for one in frames)


def print_triplets(folder: Path, head: Head) -> None:
    """Check that the sharp frame of a real triplet beats the defocused and the moved one."""
    print("\nReal triplets: keeper score and measures")
    for sharp in sorted(folder.glob("*_S.*")):
        looks = [_look(sharp.with_name(sharp.name.replace("_S.", f"_{kind}.")), 0.0, head) for kind in "SFM"]
        scores = keeper_scores([x.measures for x in looks], None if head is None else [x.quality or 0.0 for x in looks])
        for kind, look, score in zip(("sharp", "defocused", "moved"), looks, scores, strict=True):
            one = look.measures
            numbers = f"focus {one.focus:+.2f}  detail {one.detail:+.2f}  motion {one.motion:.2f}"
            print(f"{sharp.stem[:20]:22s}{kind:10s} score {score:+.2f}  {numbers}")


def print_spoiled(folder: Path, head: Head, count: int) -> None:
    """Ask head and keeper to choose between good photographs, which nothing learned from, and their spoiled copies."""
    rows = [row for row in _rows(folder / "unsplash_mos.csv") if float(row["mos"]) > 0.7]
    chosen = np.random.default_rng(5).permutation(len(rows))[:count]
    table: dict[str, list[tuple[float, ...]]] = {}
    for place in chosen:
        photo = picture(folder / "images" / rows[place]["f"])
        first = _seen(photo, 0.0, head)
        for name, copy in spoiled(photo).items():
            then = _seen(copy, 0.0, head)
            table.setdefault(name, []).append(_duel(first, then))
    print(f"\nSpoiled copies of {len(chosen)} photographs: how often the original wins, and median changes")
    changes_of = "".join(f"{name:>8s}" for name in ("focus", "detail", "motion", "noise"))
    print(f"{'':26s}{'measures':>9s}{'head':>8s}{'keeper':>8s}{'laplacian':>10s}{changes_of}")
    for name, duels in table.items():
        values = np.array(duels)
        wins, changes = values[:, :4].mean(axis=0), np.median(values[:, 4:], axis=0)
        won = f"{wins[0]:9.2f}{wins[1]:8.2f}{wins[2]:8.2f}{wins[3]:10.2f}"
        print(f"{name:26s}{won}" + "".join(f"{change:+8.2f}" for change in changes))


def _duel(first: Look, then: Look) -> tuple[float, ...]:
    both = [first.measures, then.measures]
    bare = keeper_scores(both)
    full = bare if first.quality is None or then.quality is None else keeper_scores(both, [first.quality, then.quality])
    before, after = both
    return (
        float(bare[0] > bare[1]),
        float("nan") if first.quality is None or then.quality is None else float(first.quality > then.quality),
        float(full[0] > full[1]),
        float(first.laplacian > then.laplacian),
        after.focus - before.focus,
        after.detail - before.detail,
        after.motion - before.motion,
        after.noise - before.noise,
    )


HOSTILE = (
    *("Moon", "Galaxy", "Satellite", "Sun", "Sunset", "Rainbow", "Lightning", "Thunderstorm", "Fireworks", "Candle"),
    *("Lava", "Snow", "Cold", "Sky", "Tornado", "Fire", "Paper", "Cottonswabs"),
)  # themes of the night, of silhouettes, of fog, of hardly anything but white


def print_hostile(folder: Path, head: Head) -> None:
    """Look at photographs that simple rules reject: night, silhouettes, fog, high key, low key."""
    made = {"moon": moon(), "fog": fog(), "sunset": sunset()}
    made |= {f"{name}, brightened": _lifted(photo) for name, photo in made.items() if name != "moon"}
    photos = {name: [photo] for name, photo in made.items()}
    for path in sorted((folder / "images").glob("*.jpg")):
        theme = path.stem.rstrip("0123456789 ")
        if theme in HOSTILE:
            photos.setdefault(f"photographs: {theme}", []).append(picture(path))
    print("\nPhotographs that simple rules reject: least quality, greatest probability of a failure, 1 star")
    print(f"{'':32s}{'n':>4s}{'head':>8s}{'technical':>11s}{'failure':>9s}{'condemned':>11s}")
    for name, some in photos.items():
        looks = [_seen(photo, 0.0, head) for photo in some]
        scores = [technical_score(technical_terms(look.measures, look.quality)) for look in looks]
        least, likely = min((look.quality or 0.0) for look in looks), max(map(technical_failure_probability, scores))
        condemned = _condemned(look.measures for look in looks)
        print(f"{name:32s}{len(looks):4d}{least:8.2f}{min(scores):11.2f}{likely:9.3f}{condemned:11d}")


def _lifted(photo: Picture) -> Picture:
    """Return a high-key version: hardly anything darker than light grey."""
    return (255 - (255 - photo.astype(np.float64)) * 0.35).round().astype(np.uint8)


def print_cost(folder: Path) -> None:
    """Print the CPU time of `measure` at common preview sizes."""
    print("\nCPU time of measure(), least of 20")
    photo = Image.fromarray(picture(folder / "images" / _rows(folder / "unsplash_mos.csv")[0]["f"]))
    for size in ((512, 512), (1024, 683), (1500, 1000), (2000, 1333)):
        small = np.asarray(photo.resize(size))
        best = min(_timed(lambda small=small: measure(small)) for _ in range(20))  # type: ignore[misc]
        print(f"{size[0]:5d} x {size[1]:<5d}{best * 1e3:8.2f} ms")


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _head(cache: Path) -> Head:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from safelight.models.embedded import open_embedded  # loads onnxruntime, which must see the variable

    encoder = open_embedded(cache=cache)

    def quality(photo: Picture) -> float:
        image = Image.fromarray(photo)
        thumb = image.resize((224, 224), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return encoder.encode(np.asarray(thumb), np.asarray(closeup(image, 224))).quality

    return quality


def _look(path: Path, opinion: float, head: Head) -> Look:
    return _seen(picture(path), opinion, head)


def _seen(photo: Picture, opinion: float, head: Head) -> Look:
    return Look(measure(photo), None if head is None else head(photo), laplacian(photo), opinion)


def laplacian(photo: Picture) -> float:
    """Return the baseline: variance of the Laplacian after a Gaussian of one pixel."""
    luma = (photo @ np.array([0.299, 0.587, 0.114]))[..., None]
    soft = defocused(luma, 1.0)[..., 0]
    curved = soft[:-2, 1:-1] + soft[2:, 1:-1] + soft[1:-1, :-2] + soft[1:-1, 2:] - 4 * soft[1:-1, 1:-1]
    return float(curved.var())


def picture(path: Path) -> Picture:
    """Return the preview of a JPEG."""
    with Image.open(path) as opened:
        opened.draft("RGB", (1024, 1024))
        return np.asarray(opened.convert("RGB"))


def _rows(path: Path) -> list[Mapping[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places], dtype=np.float64)


if __name__ == "__main__":
    main()
