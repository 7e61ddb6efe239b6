"""Measures the bundle `faces`: openness beside what is true, detection by size and turn, false alarms, and cost.

    python -m tests.bench.faces [PORTRAIT] [--bundle DIR] [--data DIR]

PORTRAIT is a picture with one face that looks into the camera, eyes open; without one the astronaut of scikit-image
serves, if that is installed or the package index can be reached. The bundle is the installed one, `--bundle`, or made
of what the index has. False alarms are counted on the public photographs of the data folder, where they are.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from safelight.domain.faces import Face
from safelight.errors import BundleError
from safelight.inference.face_crops import Halves
from safelight.inference.face_marks import LIDS, mark
from safelight.inference.faces import FaceModels, open_faces
from safelight.paths import bundles_folder
from tests.adapters.face_files import PORTRAIT, NotToBeHad, face_file, installed_bundle
from tests.adapters.portraits import Eye, Head, Picture, astronaut, backdrop, blurred, darkened, noisy, scene
from tests.bench.__main__ import data_folder

CLOSED = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
WIDTHS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.15, 0.20, 0.30, 0.45)
TURNS = (-90, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90)
SCENES = 8


def main() -> int:
    """Print the tables; the exit status is 0 too where there is nothing to measure with."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.faces", description=__doc__)
    parser.add_argument("portrait", nargs="?", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--data", type=Path, default=data_folder())
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        try:
            reader = _reader(chosen.bundle, Path(made))
            head = _head(chosen.portrait, reader, Path(made))
        except (NotToBeHad, BundleError) as error:
            print(f"faces: skipped, {error}")
            return 0
        _openness(reader, head)
        _eyes_by_size(reader, head)
        _detection(reader, head)
        _harmed(reader, head)
        _cost(reader, head)
        _false_alarms(reader, chosen.data)
    return 0


def _reader(bundle: Path | None, made: Path) -> FaceModels:
    folder = bundle or bundles_folder(os.environ) / "faces"
    if bundle or folder.is_dir():
        return open_faces(folder)
    return open_faces(installed_bundle(made / "faces", lambda name: face_file(name, made)))


def _head(portrait: Path | None, reader: FaceModels, made: Path) -> Head:
    if portrait is not None:
        return _any_head(np.asarray(Image.open(portrait).convert("RGB")), reader)
    found = find_spec("skimage")
    ours = Path(found.origin).parent / "data" / PORTRAIT if found and found.origin else None
    return astronaut(Image.open(ours if ours and ours.is_file() else face_file(PORTRAIT, made)))


def _any_head(picture: Picture, reader: FaceModels) -> Head:
    """Take the eyes of a portrait from the model itself: for moving lids that is near enough."""
    halves = Halves(picture)
    found = max(reader.finds(halves), key=lambda each: each.confidence, default=None)
    if found is None:
        raise NotToBeHad("no face is found in the portrait")
    points = mark(reader.landmarks, halves, found).points
    left, top, right, bottom = found.box
    eyes = tuple(Eye(points[list(upper)], points[list(lower)]) for upper, lower in LIDS)
    return Head(picture, ((left + right) / 2, (top + bottom) / 2), right - left, eyes)


def _openness(reader: FaceModels, head: Head) -> None:
    print("\nOpenness read (right, left) where a share of the opening was closed, from above and from below")
    rows = [(share, 0.0) for share in CLOSED] + [(0.2, 0.2), (0.3, 0.3), (0.4, 0.4), (0.5, 0.5)]
    for above, below in rows:
        (face, *_) = reader.read(head.closed(above, from_below=below).picture) or (None,)
        print(f"  {above:4.0%} {below:4.0%}   open {1 - above - below:4.0%}   read {_eyes(face)}")


def _eyes_by_size(reader: FaceModels, head: Head) -> None:
    print("\nMean openness by width of the face in a scene of 1024 px, for", ", ".join(f"{1 - c:.0%}" for c in CLOSED))
    closed = [head.closed(share) for share in CLOSED]
    for width in (0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.15, 0.20):
        cells = [_near(reader.read(scene(backdrop(), [(one, 0.5, 0.5, width)])), 0.5, 0.5) for one in closed]
        print(f"  {width:4.0%}  " + "  ".join(_mean(face) for face in cells))


def _detection(reader: FaceModels, head: Head) -> None:
    print(f"\nFaces found in {SCENES} scenes, by width of the frame, upright")
    for width in WIDTHS:
        print(f"  {width:4.0%}  {sum(_found(reader, head, width, 0, seed) for seed in range(SCENES))}/{SCENES}")
    print(f"Faces found in {SCENES} scenes, 12 % wide, by turn")
    for turn in TURNS:
        print(f"  {turn:4d}°  {sum(_found(reader, head, 0.12, turn, seed) for seed in range(SCENES))}/{SCENES}")
    several = [(0.2, 0.4, 0.15), (0.5, 0.6, 0.10), (0.7, 0.3, 0.07), (0.88, 0.75, 0.06)]
    faces = reader.read(scene(backdrop(), [(head, *place) for place in several]))
    print("Four faces of 15, 10, 7 and 6 % in one scene:", sum(_near(faces, x, y) is not None for x, y, _ in several))


def _found(reader: FaceModels, head: Head, width: float, turn: float, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    x, y = (float(rng.uniform(0.5 - free, 0.5 + free)) for free in (0.45 - width / 2, max(0.4 - width * 0.9, 0.02)))
    faces = reader.read(scene(backdrop(seed=seed), [(head, x, y, width)], angle=turn))
    return _near(faces, x, y) is not None


def _harmed(reader: FaceModels, head: Head) -> None:
    print("\nMean openness of open, half shut and shut eyes, face 19 % of the frame, when the picture is harmed")
    heads = [head.closed(share).picture for share in (0.0, 0.5, 1.0)]
    unit = head.width / 197
    harms: dict[str, Callable[[Picture], Picture]] = {
        **{f"blur {s} px": lambda p, s=s: blurred(p, s * unit) for s in (1, 2, 3, 4, 5, 8)},
        **{f"noise {s} levels": lambda p, s=s: noisy(p, s) for s in (10, 25, 50)},
        **{f"{s:.0%} of the light": lambda p, s=s: darkened(p, s) for s in (0.5, 0.25, 0.12, 0.06)},
    }
    for name, harm in harms.items():
        faces = [max(reader.read(harm(picture)), key=lambda each: each.width, default=None) for picture in heads]
        detail = f"{faces[0].detail:6.2f}" if faces[0] else "  none"
        print(f"  {name:18} {'  '.join(_mean(face) for face in faces)}   detail {detail}")


def _cost(reader: FaceModels, head: Head) -> None:
    empty, one = np.asarray(backdrop()), scene(backdrop(), [(head, 0.5, 0.5, 0.15)])
    four = scene(backdrop(), [(head, x, y, 0.12) for x in (0.25, 0.75) for y in (0.3, 0.7)])
    print("\nCPU ms a preview of 1024 x 683, least of 15")
    for name, picture in (("no face", empty), ("one face", one), ("four faces", four)):
        print(f"  {name:10} {min(_timed(reader, picture) for _ in range(15)) * 1e3:6.1f}")


def _timed(reader: FaceModels, picture: Picture) -> float:
    start = time.process_time()
    reader.read(picture)
    return time.process_time() - start


def _false_alarms(reader: FaceModels, data: Path) -> None:
    photographs = list(_without_people(data))
    if not photographs:
        print(f"\nFalse alarms: skipped, the public photographs are not in {data}.")
        return
    alarms = []
    for path in photographs:
        with Image.open(path) as opened:
            opened.draft("RGB", (1024, 1024))
            picture = opened.convert("RGB")
            picture.thumbnail((1024, 1024))
        alarms += [(path.name, face) for face in reader.read(np.asarray(picture))]
    shut = [name for name, face in alarms if face.openness is not None and face.openness < 0.25]
    print(
        f"\nFaces in {len(photographs)} photographs of objects, scenes and animals: {len(alarms)}; eyes 'shut': {shut}"
    )
    for name, face in alarms:
        print(f"  {name:22} width {face.width:4.0%} confidence {face.confidence:.2f} eyes {_eyes(face)}")


def _without_people(data: Path) -> Iterator[Path]:
    ratings = data / "taste_oasis" / "ratings_dev.csv"
    if ratings.is_file():
        with ratings.open(newline="") as stream:
            names = {row["image"] for row in csv.DictReader(stream)}
        yield from (path for path in sorted((data / "taste_oasis" / "images").iterdir()) if path.name in names)
    for folder in ("blur_triplets", "hdr_brackets", "focus_pcb", "ukbench_simbench"):
        yield from sorted(
            each for each in (data / "burst" / folder).rglob("*") if each.suffix.lower() in {".jpg", ".jpeg"}
        )


def _near(faces: tuple[Face, ...], x: float, y: float) -> Face | None:
    """Return the face whose middle is at a place, or None."""
    for face in faces:
        across, down = face.left + face.width / 2 - x, face.top + face.height / 2 - y
        if abs(across) < face.width / 2 and abs(down) < face.height / 2:
            return face
    return None


def _eyes(face: Face | None) -> str:
    if face is None:
        return "no face"
    return " ".join("  -  " if each is None else f"{each:5.2f}" for each in (face.open_right, face.open_left))


def _mean(face: Face | None) -> str:
    if face is None:
        return "none"
    return " -  " if face.openness is None else f"{face.openness:4.2f}"


if __name__ == "__main__":
    sys.exit(main())
