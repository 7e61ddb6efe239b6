"""Searching: recall against exact, time a query, what the index costs, and the whole command.

    python -m tests.bench.search --data DIR [--frames 10000 100000] [--photographs 400] [--work FOLDER]

Embeddings are those of photographs below DIR and of views of them (cut, turned, mirrored, brighter: the *pictures* are
changed and embedded). That is not enough for a library, so the rest lies between two views of photographs that are near
each other, with noise: nearer to real than random, and not real. 768 numbers are a random projection of the 1,280,
because no bundle of that length may be at hand. Random vectors, which have no near neighbours, are the worst case.
Every size is written and searched in processes of their own. The whole command is measured with the catalog thrown
out of memory (cold) and again; processor time is that of all its threads. The limits are those that were asked for.
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFile

from safelight import paths
from safelight.domain.frame import CaptureFacts
from safelight.domain.wanted import Wanted
from safelight.services.search import EXACT_UP_TO
from safelight.storage.store import SqliteStore, open_store
from safelight.storage.vectors import Vectors
from safelight.storage.vectors_reading import VectorsReader
from tests.bench.cards import forget
from tests.fakes.search import looked_at

LEAST_RECALL = 0.95
MOST_MS = 50.0
VIEWS = 4  # of each photograph
QUERIES = 60
NOISE = 0.25  # length of the noise, where an embedding has 1
JUDGE = "embedded:bench0000000:fp32/m1"
_FACTS = CaptureFacts(
    taken_s=1_760_000_000.0, make="Maker", camera="Maker Model 5", lens="24-105mm F4", focal_mm=50.0, aperture_f=4.0,
    shutter_s=0.01, iso=100.0,
)  # fmt: skip

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]


@dataclass(frozen=True)
class Case:
    """So many vectors of one kind."""

    kind: str
    rows: int
    length: int


def main() -> int:
    """Print the tables; exit status 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--photographs", type=int, default=400)
    parser.add_argument("--work", type=Path, help="a folder on the disk to measure")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safelight-bench-", dir=chosen.work) as name:
        work = Path(name)
        photographs, views = embedded(chosen.data, chosen.photographs, work)
        print(f"{len(photographs)} photographs, {views.size // 1280} views of them, load {os.getloadavg()[0]:.1f}")
        print(
            f"{'':<32}{'@10':>7}{'@50':>7}{'p50':>9}{'p95':>9}{'CPU':>9}{'first':>9}{'build':>9}{'peak':>9}{'disk':>9}"
        )
        cases = [Case(kind, rows, 1280) for rows in chosen.frames for kind in ("photographs", "random")]
        cases += [Case("photographs", rows, 768) for rows in chosen.frames]
        good = [measured(case, photographs, views, work) for case in cases]
        print(f"\n{'the whole command, by a known file':<40}{'wall':>9}{'CPU':>9}")
        for rows in (1000, *chosen.frames):
            commands(grown(photographs, views, rows), work)
    return 0 if all(good) else 1


def embedded(data: Path, number: int, work: Path) -> tuple[Floats, Floats]:
    """Return embeddings of photographs (n, 1280) and of views of each (n, VIEWS, 1280)."""
    from safelight.models.embedded import open_embedded

    encoder = open_embedded(cache=paths.models_folder(os.environ | {"HOME": str(work)}))
    found = sorted(path for path in data.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp"))
    rng = np.random.default_rng(5)
    rng.shuffle(found)  # type: ignore[arg-type]
    whole, views = [], []
    for picture in pictures(found):
        if len(whole) == number:
            break
        whole.append(encoder.encode(_square(picture)).embedding)
        views.append([encoder.encode(_square(changed(picture, rng))).embedding for _ in range(VIEWS)])
    return np.array(whole), np.array(views)


def pictures(found: list[Path]) -> Iterator[Image.Image]:
    """Yield reduced photographs of those that can be read."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    for path in found:
        try:
            with Image.open(path) as image:
                image.draft("RGB", (512, 512))
                picture = image.convert("RGB")
        except OSError:
            continue
        picture.thumbnail((512, 512))
        if min(picture.size) >= 64:
            yield picture


def changed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return another view of a photograph."""
    share = rng.uniform(0.6, 0.95)
    left, top = rng.uniform(0, 1 - share, 2) * picture.size
    box = (int(left), int(top), int(left + share * picture.width), int(top + share * picture.height))
    view = picture.crop(box).rotate(rng.uniform(-6, 6))
    if rng.random() < 0.3:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(0.6, 1.5))
    return ImageEnhance.Color(view).enhance(rng.uniform(0.5, 1.4))


def grown(photographs: Floats, views: Floats, rows: int) -> Halves:
    """Return a library (rows, 1280): photographs, their views, and what lies between views of near ones."""
    rng = np.random.default_rng(1)
    have = np.concatenate([photographs, views.reshape(-1, views.shape[-1])])
    rng.shuffle(have)
    near = photographs @ photographs.T
    np.fill_diagonal(near, -1)
    neighbours = np.argsort(-near, axis=1)[:, :8]
    missing = max(0, rows - len(have))
    one = rng.integers(0, len(photographs), missing)
    other = neighbours[one, rng.integers(0, 8, missing)]
    share = rng.uniform(0, 0.5, (missing, 1)).astype(np.float32)
    between = (1 - share) * _view(views, one, rng) + share * _view(views, other, rng)
    noise = unit(rng.normal(size=between.shape).astype(np.float32))
    library = np.concatenate([have, unit(unit(between) + np.float32(NOISE) * noise)])[:rows]
    rng.shuffle(library)
    return library.astype(np.float16)


def made(case: Case, photographs: Floats, views: Floats) -> Halves:
    """Return the vectors of a case."""
    if case.kind == "random":
        rng = np.random.default_rng(2)
        return unit(rng.normal(size=(case.rows, case.length)).astype(np.float32)).astype(np.float16)
    library = grown(photographs, views, case.rows)
    if case.length == library.shape[1]:
        return library
    projection = np.random.default_rng(3).normal(size=(library.shape[1], case.length)).astype(np.float32)
    return unit(library.astype(np.float32) @ projection).astype(np.float16)


def measured(case: Case, photographs: Floats, views: Floats, work: Path) -> bool:
    """Print a line of the table; tell whether it is within the limits."""
    folder, file = work / "vectors", work / "library.npy"
    library = made(case, photographs, views)
    np.save(file, library)
    build_s, peak_mb = _apart(_written, file, folder)
    disk_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    queries = np.random.default_rng(7).integers(0, case.rows, QUERIES)
    truth = _exact(library, queries)
    recalls, (p50, p95, cpu, first) = _apart(_searched, file, folder, queries, truth)
    at_once = np.dtype(np.float16).itemsize * library.size / 1e6
    name = f"{case.rows:,} x {case.length:,} {case.kind}"
    print(
        f"{name:<32}{recalls[0]:>7.3f}{recalls[1]:>7.3f}{p50:>6.1f} ms{p95:>6.1f} ms{cpu:>6.1f} ms{first:>6.0f} ms"
        f"{build_s:>7.1f} s{peak_mb:>6.0f} MB{disk_mb:>6.0f} MB  ({at_once:.0f} MB of numbers)",
        flush=True,
    )
    shutil.rmtree(folder)
    return min(recalls) >= LEAST_RECALL and p95 < MOST_MS


def _written(file: Path, folder: Path) -> tuple[float, float]:
    """Write vectors as the worker does; return the processor time of the index and all of the rest's peak memory."""
    library = np.load(file, mmap_mode="r")
    vectors = Vectors(folder, judge=JUDGE, length=library.shape[1], indexed_from=EXACT_UP_TO)
    for start in range(0, len(library), 1024):
        some = library[start : start + 1024]
        vectors.put([looked_at((start + n).to_bytes(16, "big"), each, _FACTS) for n, each in enumerate(some)])
    begun = time.process_time()
    vectors.compact()
    return time.process_time() - begun, _peak_mb()


def _peak_mb() -> float:
    """Return the most memory that this process has had; what rusage tells begins with that of the parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def _searched(
    file: Path, folder: Path, queries: NDArray[np.int64], truth: NDArray[np.int64]
) -> tuple[tuple[float, float], tuple[float, float, float, float]]:
    """Return recall of 10 and 50, and ms: the middle, the 95th of a hundred, processor time, the first query."""
    library = np.load(file, mmap_mode="r")
    reader = VectorsReader(folder, judge=JUDGE)
    vectors = [np.array(library[each], np.float32) for each in queries]

    def ask(query: Floats, limit: int) -> tuple[set[int], float]:
        begun = time.perf_counter()
        near = reader.nearest(query, limit=limit, wanted=Wanted())
        taken = 1e3 * (time.perf_counter() - begun)
        return {int.from_bytes(each.content, "big") for each in near}, taken

    _, first = ask(vectors[0], 10)
    recalls, times, before = [], [], time.process_time()
    for limit in (10, 50):
        answers = [ask(query, limit) for query in vectors]
        hits = [len(found & set(best[:limit].tolist())) for (found, _), best in zip(answers, truth, strict=True)]
        recalls.append(sum(hits) / (limit * len(hits)))
        times += [taken for _, taken in answers]
    times.sort()
    cpu = 1e3 * (time.process_time() - before) / len(times)
    return (recalls[0], recalls[1]), (times[len(times) // 2], times[int(len(times) * 0.95)], cpu, first)


def commands(library: Halves, work: Path) -> None:
    """Print what the whole command takes in a library, cold and warm, by the catalog and by the vectors."""
    state = work / "state"
    with_catalog(state, library)
    file = "/pictures/0000/00000007.jpg"
    for where in ("cold", "warm"):
        if where == "cold":
            forget(state)
        _command(f"{len(library):,} frames, {where}", ["similar", file, "--state", str(state), "--limit", "10"])
    command = ["similar", file, "--state", str(state), "--limit", "10", "--since", "2020", "--stars", "4.."]
    _command(f"{len(library):,} frames, warm, with demands", command)
    shutil.rmtree(state)


def with_catalog(state: Path, library: Halves) -> None:
    """Write a state folder of a library, in the vectors if it is large enough for them."""
    state.mkdir()
    store = open_store(state)
    statements = {
        "INSERT INTO frames (id, path, stage, content, arrived_s) VALUES (?, ?, 'published', ?, 0)": _frame,
        "INSERT INTO files VALUES (?, ?, ?, 'image', 1, 1, 1, 1, ?, 0)": _file,
        "INSERT INTO ratings VALUES (?, 'bench', 0.0, ?, '[]', 'shoot', NULL, 1, NULL, '')": _rating,
    }
    vectors = Vectors(paths.vectors_folder(state), judge=JUDGE, length=library.shape[1])
    for start in range(0, len(library), 1024):
        some = range(start, min(start + 1024, len(library)))
        looks = [looked_at(_content(each), library[each], _FACTS) for each in some]
        _filled(store, statements, some, looks)
        if len(library) >= EXACT_UP_TO:
            vectors.put(looks)
    vectors.compact()
    store.close()


def _filled(store: SqliteStore, statements: dict[str, Callable[[int], tuple[object, ...]]], some: range, looks) -> None:
    assessments = store.assessments(JUDGE)
    with store.transaction():
        for statement, values in statements.items():
            store._database.connection.executemany(statement, map(values, some))
        for look in looks:
            assessments.put_assessment(look)
        assessments.mark_indexed([look.content for look in looks])


def _command(name: str, command: list[str]) -> None:
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["/usr/bin/env", sys.executable, "-m", "safelight", *command], capture_output=True, text=True, check=False
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name:<40}{wall:>7.2f} s{cpu:>7.2f} s", flush=True)


def _apart(work: Callable[..., object], *arguments: object):
    """Return what a function answers in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _exact(library: Halves, queries: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = library.astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.array([np.argsort(-(rows @ rows[each]), kind="stable")[:50] for each in queries])


def _view(views: Floats, of: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    return views[of, rng.integers(0, VIEWS, len(of))]


def unit(rows: Floats) -> Floats:
    """Return rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _square(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.resize((224, 224), Image.Resampling.BICUBIC))


def _content(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _place(number: int) -> tuple[bytes, bytes]:
    folder = b"/pictures/%04d" % (number // 1000)
    return folder, folder + b"/%08d.jpg" % number


def _frame(number: int) -> tuple[object, ...]:
    return number + 1, _place(number)[1], _content(number)


def _file(number: int) -> tuple[object, ...]:
    folder, path = _place(number)
    return path, folder, number + 1, _content(number)


def _rating(number: int) -> tuple[object, ...]:
    return number + 1, 1 + number % 5


if __name__ == "__main__":
    sys.exit(main())
