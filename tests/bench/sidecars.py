"""Prints what a rating does to real sidecars: `python -m tests.bench.sidecars [FOLDER of .xmp files]`.

For each file: size, the rating before and whose it is, whether everything else is the same by another parser, lines of
text that changed (removed + added), whether exiftool, exiv2 and darktable read the rating back, and the CPU
milliseconds of a merge and of a whole write with its syncs (the least of several).
"""

import difflib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from safelight.domain.opinion import OurRating
from safelight.errors import SafelightError
from safelight.sidecars.facts import decide
from safelight.sidecars.files import load
from safelight.sidecars.writer import Write, apply, plan
from safelight.sidecars.xmp import merge, read
from tests.adapters.test_xmp_splice_property import others

RATING = OurRating(4, 0.7312, "Sharpest of 5", "0.1.0")
REPEATS = 7


def least_ms(step: Callable[[], object]) -> float:
    """Return the least CPU milliseconds of a step."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times) * 1000


def lines_changed(before: bytes, after: bytes) -> int:
    """Return lines removed plus lines added."""
    old, new = before.split(b"\n"), after.split(b"\n")
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum((i2 - i1) + (j2 - j1) for tag, i1, i2, j1, j2 in codes if tag != "equal")


def exiftool(path: Path) -> str | None:
    """Return the rating that exiftool reads, None where it is not installed."""
    return _output("exiftool", "-q", "-s3", "-XMP-xmp:Rating", str(path))


def exiv2(path: Path) -> str | None:
    """Return the rating that exiv2 reads."""
    found = _output("exiv2", "-q", "-PXkv", "-K", "Xmp.xmp.Rating", "pr", str(path))
    return found if found is None else found.replace("Xmp.xmp.Rating", "").strip()


def darktable(sidecars: list[Path], pixels: Path) -> dict[str, str]:
    """Import a picture beside each sidecar into a private darktable library; return the stars it then shows."""
    if shutil.which("darktable-cli") is None or shutil.which("sqlite3") is None:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder, library = Path(name) / "pictures", Path(name) / "library.db"
        folder.mkdir()
        for path in sidecars:
            shutil.copy(pixels, folder / (path.stem + ".png"))
            shutil.copy(path, folder / (path.stem + ".png.xmp"))
        private = ["--library", str(library), "--configdir", name, "--cachedir", name, "--disable-opencl"]
        size = ["--out-ext", "png", "--width", "16"]
        _output("darktable-cli", str(folder), name + "/", *size, "--core", *private)
        stars = "select filename, case when flags & 8 then -1 else flags & 7 end from images"
        rows = _output("sqlite3", str(library), stars)
        return dict(line.rsplit("|", 1) for line in (rows or "").splitlines())


def _output(*command: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.stdout.strip()


def row(source: Path, folder: Path) -> tuple[list[str], Path | None]:
    """Return one line of the table, and the rated copy."""
    before = source.read_bytes()
    try:
        after = merge(before, RATING)
    except SafelightError as error:
        return [source.name, str(len(before)), "", type(error).__name__, error.summary], None
    target = folder / source.name
    facts = read(before)

    def write() -> None:
        apply(Write(target, before, after))
        target.write_bytes(before)

    target.write_bytes(before)
    merging, writing = least_ms(lambda: merge(before, RATING)), least_ms(write)
    apply(Write(target, before, after))
    programs = [{None: "-", "4": "yes"}.get(found, f"no:{found}") for found in (exiftool(target), exiv2(target))]
    whose = "unclear" if facts.unclear else str(facts.rating)
    same = "same" if others(before) == others(after) else "DIFFERENT"
    columns = [f"{whose} {decide(facts)}", same, str(lines_changed(before, after)), *programs]
    return [source.name, str(len(before)), *columns, f"{merging:.2f}", f"{writing:.2f}"], target


def new_sidecars(folder: Path) -> None:
    """Print what a new sidecar costs."""
    paths = iter(range(10**6))

    def make() -> None:
        (write,) = plan([load(folder / f"new{next(paths)}.CR2.xmp")], RATING).writes
        apply(write)

    print(f"new sidecar: merge {least_ms(lambda: merge(None, RATING)):.2f} ms, plan and write {least_ms(make):.2f} ms")


def main() -> None:
    """Print the table."""
    shared = Path(os.environ.get("SAFELIGHT_SHARED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "xmp"
    header = ["file", "bytes", "rating before", "others", "lines", "exiftool", "exiv2", "merge ms", "write ms"]
    print("\t".join(header))
    rated = []
    with tempfile.TemporaryDirectory() as name:
        for path in sorted(source.glob("*.[xX][mM][pP]")):
            columns, target = row(path, Path(name))
            print("\t".join(columns))
            rated += [target] if target else []
        new_sidecars(Path(name))
        pixels = Path(name) / "pixels.png"
        Image.new("RGB", (64, 48), (90, 120, 150)).save(pixels)
        seen = darktable(rated, pixels)
    if seen:
        wrong = {name: stars for name, stars in seen.items() if stars != "4"}
        print(f"darktable shows 4 stars for {len(seen) - len(wrong)} of {len(seen)}; others: {wrong}")
    else:
        print("darktable-cli or sqlite3 is not installed: not asked")


if __name__ == "__main__":
    main()
