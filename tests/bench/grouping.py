"""Measures grouping: pairs rightly together, wrongly together, wrongly apart, on real and on self-made photographs.

    python -m tests.bench.grouping [--data DIR] [--sources N]

Self-made groups are made from photographs in the folder (shift, zoom, turn, exposure, blur, noise, crop), with close
times, without times and in shuffled names; pictures of one theme taken "seconds apart" are the hard unlike pairs.
The limits in `safelight.domain` were chosen with these photographs in view, so the figures are no held-out test.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from safelight.decoding.exif_pillow import facts_of_image
from safelight.domain.frame import CaptureFacts
from safelight.domain.grouping import bursts
from safelight.domain.shots import Shot
from safelight.domain.signature import THUMB_PX, signature
from safelight.models.embedded import open_embedded
from safelight.ports import Encoder

Truth = dict[int, str]
Edit = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Pool:
    """Photographs as shots in one folder under their own names, and the group that each belongs to."""

    shots: list[Shot] = field(default_factory=list)
    truth: Truth = field(default_factory=dict)

    def add(self, image: Image.Image, *, name: str, group: str, facts: CaptureFacts, encoder: Encoder) -> None:
        thumb = np.asarray(image.resize((THUMB_PX, THUMB_PX), Image.Resampling.BILINEAR, reducing_gap=3.0))
        key = len(self.shots)
        shot = Shot(
            key=key,
            folder=b"/photos",
            name=os.fsencode(name),
            facts=facts,
            embedding=encoder.encode(thumb).embedding,
            signature=signature(thumb),
            luma=float(thumb.mean()) / 255,
            aspect=image.width / image.height,
        )
        self.shots.append(shot)
        self.truth[key] = group


def opened(path: Path, side: int = 1024) -> tuple[Image.Image, CaptureFacts]:
    """Return a photograph at reduced size, oriented, and its capture facts."""
    with Image.open(path) as image:
        facts = facts_of_image(image)
        image.draft("RGB", (side, side))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((side, side))
    return upright, facts


def listed(data: Path, table: str, folder: str, columns: tuple[str, str], encoder: Encoder) -> Pool:
    """Return the readable photographs that a CSV file names, with the groups it tells."""
    pool = Pool()
    with (data / table).open(newline="") as lines:
        for row in csv.DictReader(lines):
            path = data / folder / row[columns[0]]
            try:
                image, facts = opened(path)
            except OSError as error:
                print(f"  left out, unreadable: {path.name} ({type(error).__name__})")
                continue
            pool.add(image, name=path.name, group=row[columns[1]], facts=facts, encoder=encoder)
    return pool


def loners(paths: Iterable[Path], encoder: Encoder) -> Pool:
    """Return photographs that have nothing to do with each other."""
    pool = Pool()
    for path in paths:
        image, facts = opened(path)
        pool.add(image, name=path.name, group=path.name, facts=facts, encoder=encoder)
    return pool


def window(left: float, top: float, width: float, height: float) -> Edit:
    """Return the edit that cuts out a part, in shares of the sides."""

    def cut(image: Image.Image) -> Image.Image:
        w, h = image.size
        return image.crop((int(left * w), int(top * h), int((left + width) * w), int((top + height) * h)))

    return cut


def exposed(stops: float) -> Edit:
    """Return the edit that multiplies the light by a power of two, display gamma 2.2."""

    def expose(image: Image.Image) -> Image.Image:
        light = (np.asarray(BASE(image), np.float32) / 255) ** 2.2 * 2**stops
        return Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8))

    return expose


def noisy(image: Image.Image) -> Image.Image:
    """Add noise of 25 display levels."""
    values = np.asarray(BASE(image), np.float32)
    noise = np.random.default_rng(values.size).normal(0, 25, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))


def turned_by(degrees: float) -> Edit:
    """Return the edit that turns the camera."""
    return lambda image: BASE(image.rotate(degrees, Image.Resampling.BICUBIC))


def blurred(share: float) -> Edit:
    """Return the edit that defocuses by a radius in shares of the width."""
    return lambda image: BASE(image).filter(ImageFilter.GaussianBlur(image.width * share))


BASE = window(0.08, 0.08, 0.84, 0.84)
EDITS: dict[str, Edit] = {
    "shift 2 %": window(0.10, 0.09, 0.84, 0.84),
    "shift 5 %": window(0.12, 0.11, 0.84, 0.84),
    "shift 10 %": window(0.0, 0.02, 0.84, 0.84),
    "zoom 15 %": window(0.135, 0.135, 0.73, 0.73),
    "turn 5 deg": turned_by(5),
    "turn -5 deg": turned_by(-5),
    "exposure +2": exposed(2),
    "exposure -2": exposed(-2),
    "soft": blurred(1 / 150),
    "very soft": blurred(1 / 60),
    "noise": noisy,
    "crop": window(0.16, 0.12, 0.68, 0.72),
    "mirrored": lambda image: ImageOps.mirror(BASE(image)),
}


def made(paths: Sequence[Path], encoder: Encoder) -> tuple[Pool, dict[int, str]]:
    """Return one group per photograph, the plain cut first and then every edit; and which edit each frame is."""
    pool, edit_of = Pool(), {}
    for number, path in enumerate(paths):
        image, _ = opened(path, 700)
        for place, (name, edit) in enumerate({"plain": BASE, **EDITS}.items()):
            edit_of[len(pool.shots)] = name
            file = f"IMG_{number * 20 + place:05d}.JPG"
            pool.add(edit(image), name=file, group=str(number), facts=CaptureFacts(), encoder=encoder)
    return pool, edit_of


def timed(shots: Sequence[Shot], step_s: float) -> list[Shot]:
    """Return the shots as one camera's, `step_s` apart."""
    fine = step_s < 1
    facts = [CaptureFacts(taken_s=1.7e9 + n * step_s, subsecond=fine, camera="One") for n in range(len(shots))]
    return [replace(shot, facts=fact) for shot, fact in zip(shots, facts, strict=True)]


def untimed(shots: Sequence[Shot]) -> list[Shot]:
    """Return the shots without any capture facts."""
    return [replace(shot, facts=CaptureFacts()) for shot in shots]


def renamed(shots: Sequence[Shot]) -> list[Shot]:
    """Return the shots without facts, numbered in a random order."""
    order = np.random.default_rng(1).permutation(len(shots))
    return [replace(shots[at], facts=CaptureFacts(), name=b"%05d.jpg" % n) for n, at in enumerate(order)]


def report(title: str, shots: Sequence[Shot], truth: Truth) -> dict[int, int]:
    """Print one line of figures; return the number of each frame's group."""
    begun = time.process_time()
    groups = bursts(shots)
    spent = time.process_time() - begun
    place = {key: number for number, group in enumerate(groups) for key in group.members}
    right = wrong = missed = 0
    for one, other in combinations(sorted(place), 2):
        together, alike = place[one] == place[other], truth[one] == truth[other]
        right, wrong, missed = (
            right + (together and alike),
            wrong + (together and not alike),
            missed + (alike and not together),
        )
    precision = f"{right / (right + wrong):.3f}" if right + wrong else "    -"
    recall = f"{right / (right + missed):.3f}" if right + missed else "    -"
    sets = " ".join(f"{group.kind}:{len(group.members)}" for group in groups if group.kind) or "-"
    print(f"{title:44}{len(shots):6}{len(groups):7}  {precision}  {recall}{wrong:6}{missed:7}{spent:7.2f}  {sets}")
    return place


def report_scenarios(title: str, pool: Pool) -> None:
    """Print the figures of a pool in every scenario."""
    report(f"{title}, own EXIF and names", pool.shots, pool.truth)
    for step_s in (0.2, 1.0, 5.0):
        report(f"{title}, {step_s:g} s apart", timed(pool.shots, step_s), pool.truth)
    report(f"{title}, no times, own names", untimed(pool.shots), pool.truth)
    report(f"{title}, no times, shuffled names", renamed(pool.shots), pool.truth)


def report_edits(place: dict[int, int], edit_of: dict[int, str]) -> None:
    """Print for each edit how often it stands in one group with its original."""
    plain = 0
    together: dict[str, list[bool]] = {}
    for key, name in edit_of.items():
        plain = key if name == "plain" else plain
        together.setdefault(name, []).append(place[key] == place[plain])
    print("  with the original: " + ", ".join(f"{name} {np.mean(found):.2f}" for name, found in together.items()))


def report_kinds(data: Path, pool: Pool) -> None:
    """Print the recall of each kind of group in GROUPS.csv, with its own EXIF."""
    with (data / "burst/GROUPS.csv").open(newline="") as lines:
        kind_of = {row["group"]: row["kind"].partition(":")[0] for row in csv.DictReader(lines)}
    place = {key: n for n, group in enumerate(bursts(pool.shots)) for key in group.members}
    found: dict[str, list[bool]] = {}
    for one, other in combinations(sorted(place), 2):
        if pool.truth[one] == pool.truth[other]:
            found.setdefault(kind_of[pool.truth[one]], []).append(place[one] == place[other])
    print("  by kind: " + ", ".join(f"{kind} {sum(hits)}/{len(hits)}" for kind, hits in found.items()))


def report_speed(shots: Sequence[Shot]) -> None:
    """Print the CPU time for 10,000 frames made of these, a little apart in their embeddings."""
    chance = np.random.default_rng(2)
    many: list[Shot] = []
    for n, at in enumerate(np.repeat(chance.integers(0, len(shots), 2500), 4).tolist()):
        embedding = shots[at].embedding + chance.normal(0, 0.008, shots[at].embedding.shape)
        unit = (embedding / np.linalg.norm(embedding)).astype(np.float32)
        many.append(replace(shots[at], key=n, name=b"IMG_%05d.JPG" % n, embedding=unit))
    for title, frames in (("timed", timed(many, 2.0)), ("untimed", untimed(many))):
        begun = time.process_time()
        groups = bursts(frames)
        print(f"10,000 {title} frames: {len(groups)} groups, {time.process_time() - begun:.2f} s CPU")


def photographs(data: Path) -> Iterator[Path]:
    """Yield photographs that have nothing to do with each other, many of them of one theme."""
    yield from sorted((data / "taste_oasis/images").glob("*.jpg"))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description="Measure grouping.")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data")
    parser.add_argument("--sources", type=int, default=60, help="photographs to make groups from")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        encoder = open_embedded(cache=Path(cache))
    print(f"{'':44}{'frames':>6}{'groups':>7}  prec.  recall wrong missed  CPU s  sets")
    groups = listed(chosen.data, "burst/GROUPS.csv", "burst", ("file", "group"), encoder)
    report_scenarios("GROUPS.csv", groups)
    report_kinds(chosen.data, groups)
    scenes = listed(chosen.data, "quality_biq/scene_series_mos.csv", "quality_biq/images", ("f", "group"), encoder)
    report_scenarios("scene series", scenes)
    unlike = list(photographs(chosen.data))
    report_scenarios("themes, all unlike", loners(unlike, encoder))
    sources = [unlike[at] for at in np.random.default_rng(3).permutation(len(unlike))[: chosen.sources]]
    copies, edit_of = made(sources, encoder)
    report_edits(report("self-made, 1 s apart", timed(copies.shots, 1.0), copies.truth), edit_of)
    report_edits(report("self-made, no times", untimed(copies.shots), copies.truth), edit_of)
    report_edits(report("self-made, no times, shuffled names", renamed(copies.shots), copies.truth), edit_of)
    report_speed(copies.shots)


if __name__ == "__main__":
    main()
