"""Turns the ratings of real people into shoots of files, and acts on the files as those people would.

A photograph becomes a moment of five frames: itself, and four that are framed and focused a little worse, a fraction
of a second apart. A person goes through a shoot in the order it was taken and culls it by their own ratings of the
photographs: what they like least goes, of what they like most the best frame is marked or moved and the others go, the
rest stays as it is.
"""

import csv
import datetime
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

START = datetime.datetime(2026, 3, 1, 9, 0, 0)
SHOOT = 16  # photographs in a shoot
LOW, HIGH = 0.35, 0.3  # shares of a shoot that a person acts on
MOVED = 0.3  # share of what is liked that is moved into a folder instead of rated
FRAMES = 5  # of one moment


@dataclass(frozen=True)
class Person:
    """One person's own ratings, 1-7, by photograph."""

    name: str
    ratings: Mapping[str, float]


def people(table: Path) -> list[Person]:
    """Read `user,image,rating,...` and return everybody, in a fixed order."""
    given: dict[str, dict[str, float]] = defaultdict(dict)
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            given[row["user"]][row["image"]] = float(row["rating"])
    return [Person(name, given[name]) for name in sorted(given)]


def categories(table: Path) -> dict[str, str]:
    """Return the category of each photograph: animal, object, person or scene."""
    with table.open(newline="", encoding="utf-8") as stream:
        return {row["image"]: row["category"] for row in csv.DictReader(stream)}


def theme(photograph: str) -> str:
    """Return what a photograph is one of several of: its name without number and suffix."""
    return re.sub(r"\s*\d+\.\w+$", "", photograph)


def file_name(number: int, frame: int) -> str:
    """Return the name of one frame of photograph `number`."""
    return f"IMG_{number:04d}{'abcde'[frame]}.jpg"


def make_frames(images: Path, names: Sequence[str], folder: Path) -> None:
    """Write all frames of every photograph, with capture times, as if long ago."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        with Image.open(images / name) as opened:
            picture = opened.convert("RGB")
        wide, high = picture.size
        for frame in range(FRAMES):
            made = picture
            if frame:
                left = wide // 40 * frame
                box = (left, high // 50, wide - wide // 60, high - high // 60 * frame)
                made = picture.crop(box).resize(picture.size).filter(ImageFilter.GaussianBlur(0.7 * frame))
            path = folder / file_name(number, frame)
            made.save(path, quality=92, exif=_exif(number, frame))
            os.utime(path, (START.timestamp(), START.timestamp()))


def _exif(number: int, frame: int) -> Image.Exif:
    exif = Image.Exif()
    exif[271], exif[272] = "Maker", "Bench One"
    shot = exif.get_ifd(0x8769)
    shot[36867] = (START + datetime.timedelta(seconds=40 * number)).strftime("%Y:%m:%d %H:%M:%S")
    shot[37521] = f"{300 * frame:03d}"
    return exif


@dataclass(frozen=True)
class Act:
    """One thing a person does to one frame: `what` is delete, rate (with `value` stars) or move."""

    shoot: int
    photograph: int
    frame: int
    what: str
    value: int = 0


def acts(
    person: Person, shoots: Sequence[Sequence[int]], names: Sequence[str], rng: np.random.Generator
) -> Iterator[Act]:
    """Yield what a person does, shoot by shoot."""
    for place, shoot in enumerate(shoots):
        liking = {number: person.ratings[names[number]] + rng.uniform(0, 0.5) for number in shoot}
        order = sorted(shoot, key=lambda number: liking[number])
        low, high = set(order[: round(LOW * len(order))]), set(order[len(order) - round(HIGH * len(order)) :])
        for number in sorted(shoot):
            if number in low:
                yield from (Act(place, number, frame, "delete") for frame in range(FRAMES))
            if number in high:
                yield from (Act(place, number, frame, "delete") for frame in range(1, FRAMES))
                moved = rng.random() < MOVED
                stars = 5 if person.ratings[names[number]] >= 6 else 4
                yield Act(place, number, 0, "move") if moved else Act(place, number, 0, "rate", stars)


def copy_shoot(frames: Path, numbers: Sequence[int], target: Path) -> None:
    """Copy all frames of some photographs into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        for frame in range(FRAMES):
            shutil.copy2(frames / file_name(number, frame), target)
