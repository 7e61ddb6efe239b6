"""Prints how much better unseen photographs are ranked after a person has acted on some: on real people and files.

    python -m tests.bench.taste [--data DIR] [--people N] [--actions N ...] [--ways honest contaminated random]

For each person of `taste_oasis/ratings_dev.csv` shoots are made from photographs that they rated, three frames of each;
the real program rates them, the person acts on the files (`tests.bench.people`), the real program reconciles, learns
and rates photographs that were not in any shoot. What is compared is the score with taste and without. The ways:

    honest        every act follows the person's ratings
    contaminated  15 % of the acts hit photographs at random, 30 % of the shoots are cleared, archived or culled by our
                  stars instead of being gone through
    random        the person's ratings are shuffled among the photographs before they act; judged by the true ones

The general head of appeal was fitted to these very photographs, so one that has not seen a photograph's theme is fitted
for each here (`--shipped` leaves it as it is, which flatters the generic score). The start of the taste knows of these
people how they weigh eleven measures on average, and nothing of single photographs.
"""

import argparse
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from safelight.app import rating_run, wiring
from safelight.app.settings import Settings, settings
from safelight.domain.score import Part
from safelight.models.build.ridge import spearman
from safelight.storage.database import open_database
from tests.bench.people import (
    FRAMES,
    SHOOT,
    Act,
    Person,
    acts,
    categories,
    copy_shoot,
    file_name,
    make_frames,
    people,
    theme,
)

DAY_S = 86400.0
HELD_OUT = 0.28  # share of a person's photographs that is never acted on
SLIPS, BULK = 0.15, 0.3
WAYS = ("honest", "contaminated", "random")
COUNTS = (10, 20, 50, 100, 200)
ASKED = {50: 0.03, 100: 0.05, 200: 0.08}


class Silent:
    """A progress that says nothing."""

    def begin(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, frames: int) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Bed:
    """What all people share: photographs, their frames on the disk, and what was seen in them."""

    names: Sequence[str]
    frames: Path
    catalog: Path  # with the looks at all frames
    home: Path
    models: Path


@dataclass(frozen=True)
class Result:
    """How well unseen photographs were ranked for one person after some actions."""

    actions: int
    generic: float
    personal: float
    generic_pairs: float
    personal_pairs: float
    gate: float


class Life:
    """One person's library, and the program that looks after it."""

    def __init__(self, bed: Bed, folder: Path) -> None:
        self._bed = bed
        self.folder = folder / "pictures"
        self.state = folder / "state"
        self.now_s = float(int(time.time()))
        self.folder.mkdir(parents=True)
        self.state.mkdir()
        database = open_database(self.state / "catalog.sqlite")
        database.connection.execute("ATTACH ? AS looked", (str(bed.catalog),))
        database.connection.execute("INSERT INTO assessments SELECT * FROM looked.assessments")
        database.close()

    def settings(self) -> Settings:
        """Return the settings of one command, as of now."""
        made = settings({"HOME": str(self._bed.home)}, state=self.state, jobs=1, as_of_s=self.now_s)
        return replace(made, models=self._bed.models)

    def rate(self, folder: Path) -> dict[str, tuple[float, float]]:
        """Rate a folder; return each file's score without and with taste."""
        with wiring.writing(self.settings()) as parts:
            outcome = rating_run.rate([folder], parts=parts, progress=Silent())
            ratings = {made.frame_id: made for made in parts.store.ratings.ratings(outcome.frames)}
            return {
                frame.path.name: (ratings[frame.id].score - ratings[frame.id].part(Part.TASTE), ratings[frame.id].score)
                for frame in parts.store.catalog.frames(outcome.frames)
                if frame.id in ratings
            }

    def act(self, act: Act, rng: np.random.Generator) -> None:
        """Do one thing to one file, as a file manager, an editor or a shell would."""
        shoot = self.folder / f"shoot_{act.shoot:02d}"
        path = shoot / file_name(act.photograph, act.frame)
        sidecar = path.with_name(path.name + ".xmp")
        self.now_s += 20.0
        if act.what == "rate":
            text = re.sub(r'xmp:Rating="\d"', f'xmp:Rating="{act.value}"', sidecar.read_text(), count=1)
            sidecar.write_text(text)
            os.utime(sidecar, (self.now_s, self.now_s))
            return
        if act.what == "move":
            target = shoot / "selects"
            target.mkdir(exist_ok=True)
            for each in (path, sidecar):
                each.rename(target / each.name)
            return
        if rng.random() < 0.5:
            path.unlink()
        else:
            self._trash(path)
        sidecar.unlink(missing_ok=True)

    def _trash(self, path: Path) -> None:
        can = self._bed.home / ".local" / "share" / "Trash"
        name = f"{self.state.parent.name}-{path.parent.name}-{path.name}"
        for part in ("files", "info"):
            (can / part).mkdir(parents=True, exist_ok=True)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.now_s))
        (can / "info" / f"{name}.trashinfo").write_text(f"[Trash Info]\nPath={path}\nDeletionDate={when}\n")
        shutil.move(path, can / "files" / name)

    def pass_days(self, days: float) -> None:
        """Let days pass without anybody doing anything, the program looking in between."""
        with wiring.writing(self.settings()) as parts:
            _reconcile(parts)
        self.now_s += days * DAY_S
        with wiring.writing(self.settings()) as parts:
            _reconcile(parts)

    def gate(self) -> float:
        """Return how far the program leans on the person."""
        with wiring.reading(self.settings()) as parts:
            last = parts.store.tastes.last()
            return last.gate if last else 0.0


def _reconcile(parts: wiring.Parts) -> None:
    from safelight.app import reconcile_run

    reconcile_run.reconcile(None, parts=parts)


def live(person: Person, bed: Bed, folder: Path, *, way: str, counts: Sequence[int]) -> Iterator[Result]:
    """Let one person work through their shoots; yield how well the rest is ranked after each number of actions."""
    rng = np.random.default_rng(int(person.name))
    place_of = {name: number for number, name in enumerate(bed.names)}
    unseen, shoots = _parted(person, place_of, rng)
    foreign = [number for name, number in place_of.items() if name not in person.ratings]
    others = [foreign[start : start + SHOOT] for start in range(0, len(foreign), SHOOT)]  # for bulk operations
    life = Life(bed, folder)
    liking = person if way != "random" else Person(person.name, _shuffled(person.ratings, rng))
    done = 0
    planned = list(acts(liking, shoots, bed.names, rng))
    if way == "contaminated":
        planned = _slipped(planned, shoots, rng)
    waiting = [count for count in counts if count <= len(planned)]
    for place, shoot in enumerate(shoots):
        copy_shoot(bed.frames, shoot, life.folder / f"shoot_{place:02d}")
        life.rate(life.folder)
        life.now_s += 3600
        for act in [act for act in planned if act.shoot == place]:
            if not waiting:
                return
            life.act(act, rng)
            done += 1
            if done == waiting[0]:
                yield _examined(life, bed, person, unseen, waiting.pop(0))
        life.pass_days(9)
        if way == "contaminated" and rng.random() < BULK and others:
            extra = others.pop()
            copy_shoot(bed.frames, extra, life.folder / f"shoot_{50 + place:02d}")
            life.rate(life.folder)
            _bulk(life, 50 + place, extra, rng)
            life.pass_days(9)


def _bulk(life: Life, place: int, shoot: Sequence[int], rng: np.random.Generator) -> None:
    """Do something to a whole shoot that says nothing about taste."""
    folder = life.folder / f"shoot_{place:02d}"
    life.now_s += 60.0
    match rng.integers(3):
        case 0:  # cleared, but for a frame or two
            for path in sorted(folder.glob("*.jpg"))[:-2]:
                path.unlink()
        case 1:  # archived
            folder.rename(life.folder / f"archive_{place:02d}")
        case _:  # culled by our stars
            for path in sorted(folder.glob("*.jpg")):
                sidecar = path.with_name(path.name + ".xmp")
                if re.search(r'xmp:Rating="[12]"', sidecar.read_text()):
                    path.unlink()
                    sidecar.unlink()


def _slipped(planned: Sequence[Act], shoots: Sequence[Sequence[int]], rng: np.random.Generator) -> list[Act]:
    """Let 15 % of the acts hit another photograph of their shoot, which nothing else is done to."""
    done: list[Act] = []
    hit = {(act.shoot, act.photograph, act.frame) for act in planned}
    for act in planned:
        free = sorted({(act.shoot, number, frame) for number in shoots[act.shoot] for frame in range(FRAMES)} - hit)
        aim = (act.shoot, act.photograph, act.frame)
        if free and rng.random() < SLIPS:
            aim = free[rng.integers(len(free))]
            hit.add(aim)
        done.append(replace(act, photograph=aim[1], frame=aim[2]))
    return done


def _shuffled(ratings: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    values = list(ratings.values())
    return dict(zip(ratings, rng.permutation(values), strict=True))


def _parted(person: Person, place_of: Mapping[str, int], rng: np.random.Generator) -> tuple[list[int], list[list[int]]]:
    """Return photographs that stay unseen, and shoots of the others."""
    numbers = [place_of[name] for name in sorted(person.ratings)]
    drawn = [numbers[place] for place in rng.permutation(len(numbers))]
    size = round(HELD_OUT * len(drawn))
    unseen, rest = drawn[:size], drawn[size:]
    return unseen, [rest[start : start + SHOOT] for start in range(0, len(rest) - SHOOT // 2, SHOOT)]


def _examined(life: Life, bed: Bed, person: Person, unseen: Sequence[int], done: int) -> Result:
    """Come back after a week, rate the unseen photographs, and compare with the person's own ratings."""
    before_s = life.now_s
    life.pass_days(8)
    folder = life.folder.parent / f"unseen_{done}"
    folder.mkdir()
    for number in unseen:
        shutil.copy2(bed.frames / file_name(number, 0), folder)
    scores = life.rate(folder)
    own = np.array([person.ratings[bed.names[number]] for number in unseen])
    generic, personal = np.array([scores[file_name(number, 0)] for number in unseen]).T
    result = Result(
        done, spearman(generic, own), spearman(personal, own), pairs(generic, own), pairs(personal, own), life.gate()
    )
    life.now_s = max(life.now_s, before_s)
    return result


def pairs(scores: np.ndarray, own: np.ndarray) -> float:
    """Return the share of pairs with different ratings that the scores order alike; a tie is half."""
    apart = own[:, None] > own[None, :]
    ahead = (scores[:, None] - scores[None, :])[apart]
    return float(((ahead > 0) + (ahead == 0) / 2).mean())


def make_bed(data: Path, folder: Path, *, shipped: bool) -> Bed:
    """Make the frames of all photographs, look at them with the real program, and take the flattery out of appeal."""
    names = sorted(path.name for path in (data / "images").iterdir())
    home = folder / "home"
    bed = Bed(names, folder / "frames", folder / "bed" / "catalog.sqlite", home, folder / "models")
    ready = folder / "ready"
    if not ready.exists():
        make_frames(data / "images", names, bed.frames)
        made = replace(settings({"HOME": str(home)}, state=bed.catalog.parent), models=bed.models)
        with wiring.writing(made) as parts:
            rating_run.rate([bed.frames], parts=parts, progress=Silent(), dry_run=True)
        if not shipped:
            _put_appeal(bed, data)
        ready.touch()
    return bed


def _put_appeal(bed: Bed, data: Path) -> None:
    """Replace the appeal of every frame by that of a head which has not seen any photograph of its theme."""
    appeal = held_out_appeal(bed, data)
    store = sqlite3.connect(bed.catalog)
    for number in range(len(bed.names)):
        for frame in range(FRAMES):
            path = os.fsencode(bed.frames / file_name(number, frame))
            values = (appeal[number, frame], path)
            store.execute(
                "UPDATE assessments SET appeal = ? WHERE content = (SELECT content FROM files WHERE path = ?)", values
            )
    store.commit()
    store.close()


def held_out_appeal(bed: Bed, data: Path) -> np.ndarray:
    """Return the appeal (photographs, frames) of heads that were fitted without the theme of each photograph."""
    from safelight.models.build.fit_appeal import KIND_SHARE
    from safelight.models.build.rated import outputs_as_rated
    from safelight.models.build.ridge import Table, fit, folds

    outputs, _ = outputs_as_rated()
    rows = [
        [outputs(bed.frames / file_name(number, frame), mirrored) for frame, mirrored in _VERSIONS]
        for number in range(len(bed.names))
    ]
    looks = np.array(rows, np.float64)[:, :, 0]  # of each frame as a whole
    given: dict[str, list[float]] = {}
    for person in people(data / "ratings_dev.csv"):
        for name, rating in person.ratings.items():
            given.setdefault(name, []).append(rating)
    themes = np.unique([theme(name) for name in bed.names], return_inverse=True)[1].astype(np.int64)
    target = np.array([np.mean(given[name]) for name in bed.names])
    category = categories(data / "ratings_dev.csv")
    kinds = np.array([category[name] for name in bed.names])
    table = Table(looks[:, [0, FRAMES]], target, themes, kinds)
    parts = folds(themes)
    found = np.zeros((len(target), FRAMES))
    for part in np.unique(parts):
        out = parts == part
        (made,) = fit(table.only(~out), [APPEAL_STRENGTH], kind_share=KIND_SHARE)
        for frame in range(FRAMES):
            found[out, frame] = made.predict(looks[out, frame])
    first = found[:, 0]
    return (found - first.mean()) / first.std()


_VERSIONS = [*((frame, False) for frame in range(FRAMES)), (0, True)]  # each frame as it is, and the first mirrored
APPEAL_STRENGTH = 10.0  # of the ridge; `fit_appeal` chooses among neighbours of it


def _tells_apart(person: Person) -> bool:
    """Tell whether a person has rated enough photographs to make shoots of, and not all of them alike."""
    given = list(person.ratings.values())
    return len(given) >= 80 and float(np.std(given)) >= 0.5


def show(way: str, results: Sequence[Result]) -> None:
    """Print a table of means over people, with the standard error of the difference."""
    print(f"\n{way}: rank correlation with the person's own ratings of unseen photographs, mean over people")
    print(
        f"{'actions':>8}{'people':>8}{'generic':>9}{'taste':>9}{'gain':>9}{'+-':>7}{'asked':>7}{'pairs':>9}{'gate':>7}"
    )
    for count in sorted({each.actions for each in results}):
        some = [each for each in results if each.actions == count]
        gain = np.array([each.personal - each.generic for each in some])
        pair = np.mean([each.personal_pairs - each.generic_pairs for each in some])
        asked = f"{ASKED[count]:+.2f}" if count in ASKED and way == "honest" else ""
        print(
            f"{count:>8}{len(some):>8}{np.mean([each.generic for each in some]):>9.3f}"
            f"{np.mean([each.personal for each in some]):>9.3f}{gain.mean():>+9.3f}"
            f"{gain.std(ddof=1) / np.sqrt(len(gain)):>7.3f}{asked:>7}{pair:>+9.3f}"
            f"{np.mean([each.gate for each in some]):>7.2f}",
            flush=True,
        )


def main() -> None:
    """Print one table a way of acting."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.taste", description=__doc__.splitlines()[0])
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SAFELIGHT_SHARED_DATA", beside)))
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--actions", type=int, nargs="*", default=list(COUNTS))
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    parser.add_argument("--shipped", action="store_true", help="judge with what is shipped, which has seen all of this")
    parser.add_argument("--keep", type=Path, help="folder for what is made once: frames and what was seen in them")
    chosen = parser.parse_args()
    data = chosen.data / "taste_oasis"
    with tempfile.TemporaryDirectory() as scratch:
        bed = make_bed(data, chosen.keep or Path(scratch), shipped=chosen.shipped)
        os.environ["HOME"] = str(bed.home)  # trash can and usual places
        os.environ.pop("XDG_DATA_HOME", None)
        everybody = [each for each in people(data / "ratings_dev.csv") if _tells_apart(each)]
        drawn = np.random.default_rng(0).permutation(len(everybody))[: chosen.people]
        for way in chosen.ways:
            results = []
            for number in drawn:
                person = everybody[number]
                with tempfile.TemporaryDirectory(dir=scratch) as folder:
                    results += live(person, bed, Path(folder), way=way, counts=chosen.actions)
            show(way, results)


if __name__ == "__main__":
    main()
