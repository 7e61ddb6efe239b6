"""Prints the installed packages that Safelight does not need to run, one a line; runs in the environment it looks at.

The lock names what installs Safelight, too (hatchling and its company), which has no place in a package.
"""

import re
from importlib.metadata import distribution, distributions

from packaging.requirements import Requirement

EXTRAS = frozenset({"cpu"})


def normal(name: str) -> str:
    """Return a name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed() -> set[str]:
    """Return the normal names of all that Safelight needs, itself included."""
    found: set[str] = set()
    waiting = [("safelight", EXTRAS)]
    while waiting:
        name, extras = waiting.pop()
        found.add(normal(name))
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in (*extras, "")
            )
            if wanted and normal(requirement.name) not in found:
                waiting.append((requirement.name, frozenset(requirement.extras)))
    return found


def main() -> None:
    """Print the names."""
    keep = needed()
    for name in sorted({normal(each.name) for each in distributions()} - keep):
        print(name)  # noqa: T201  # what this program is for


if __name__ == "__main__":
    main()
