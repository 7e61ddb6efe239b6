"""Prints the copyright file of the Debian package: Safelight's own licence, then every bundled package with its texts.

The texts are those that the packages bring themselves, word for word, because their licences ask for that.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINE = "=" * 100


def texts(package: Distribution) -> Iterator[tuple[str, str]]:
    """Yield the licence texts of a package: name and content."""
    folder = Path(str(package.locate_file("")))
    for info in sorted(folder.glob("*.dist-info")):
        if info.name.split("-")[0].lower().replace("_", "-") == package.name.lower().replace("_", "-"):
            for path in sorted(info.rglob("*")):
                if path.is_file() and any(
                    word in path.name.upper() for word in ("LICEN", "COPYING", "NOTICE", "AUTHORS")
                ):
                    yield str(path.relative_to(info)), path.read_text(encoding="utf-8", errors="replace")


def lines(packages: Path) -> Iterator[str]:
    """Yield the pieces of the file."""
    yield "Safelight is Copyright 2026 The Safelight authors, under the Apache License, Version 2.0, whose text is in"
    yield "/usr/share/common-licenses/Apache-2.0 on Debian.\n"
    yield (ROOT / "NOTICE").read_text(encoding="utf-8")
    yield "Bundled below /usr/lib/safelight, unchanged but for files that are of no use at run time:\n"
    found = sorted(distributions(path=[str(packages)]), key=lambda package: package.name.lower())
    for package in found:
        told = package.metadata
        named = [told[field].splitlines()[0] for field in ("License-Expression", "License") if told[field]]
        named += [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if "License ::" in each]
        known = (each for each in named if each != "UNKNOWN")
        yield f"  {package.name} {package.version}: {next(known, 'see above, or its texts below')}"
    for package in found:
        for name, text in texts(package) if package.name != "safelight" else ():
            yield f"\n{LINE}\n{package.name} {package.version}, {name}\n{LINE}\n{text.rstrip()}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines(Path(sys.argv[1])))
