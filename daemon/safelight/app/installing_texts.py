"""Decides what the files of an installation say: units and desktop entries for the program where it really lies.

The repository has them as a package of the system needs them, with the program in /usr/bin, and every other
installation is the same text with another path: so what systemd checks in the tests is what a person gets. Paths go
through the quoting of systemd.syntax(7) and of the Desktop Entry Specification 1.5, as both start programs from them.
Invariant: a path that a line cannot hold is refused, never cut or altered.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from safelight.errors import CannotStart

SOURCES = Path(__file__).parent / "placed"
DAEMON_UNIT = "safelight.service"
TRAY_UNIT = "safelight-tray.service"
DROP_IN = f"{DAEMON_UNIT}.d/50-safelight.conf"

_PACKAGED = {"safelight": "/usr/bin/safelight", "safelight-tray": "/usr/bin/safelight-tray"}
_PRIVATE = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  # named, not used: PrivateTmp hides what lies there
_DROP_IN = "# Written by `safelight install-user`. What you put into a file beside it stays.\n[Service]\n"


def unit(name: str, programs: Mapping[str, Path]) -> str:
    """Return the unit of that name; `programs` has the paths of `safelight` and `safelight-tray`."""
    text = (SOURCES / "units" / name).read_text(encoding="utf-8")
    return _with_programs(text, "ExecStart=", {key: for_systemd(path) for key, path in programs.items()})


def entry(name: str, programs: Mapping[str, Path]) -> str:
    """Return the desktop entry of that name below `placed/entries`."""
    text = (SOURCES / "entries" / name).read_text(encoding="utf-8")
    return _with_programs(text, "Exec=", {key: for_desktop(path) for key, path in programs.items()})


def icons() -> Iterator[tuple[str, Path]]:
    """Yield the icons: where each belongs below the theme hicolor, and the file to copy."""
    folder = SOURCES / "icons"
    yield from ((str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*")) if path.is_file())


def _with_programs(text: str, start: str, quoted: Mapping[str, str]) -> str:
    lines = []
    for line in text.splitlines():
        for name, packaged in _PACKAGED.items():
            program, blank, arguments = line.removeprefix(start).partition(" ")
            if line.startswith(start) and program == packaged:
                line = f"{start}{quoted[name]}{blank}{arguments}"  # noqa: PLW2901  # the line goes on as that
        lines.append(line)
    return "\n".join(lines) + "\n"


def drop_in(unit_text: str, *, home: Path, folders: Sequence[Path], environment: Mapping[str, str]) -> str:
    """Return what the unit needs besides: folders that it could not write otherwise, and where state and settings are.

    `folders` are absolute; empty when nothing is needed.
    """
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(environment.items())]
    outside = beyond(unit_text, home=home, folders=folders)
    lines += [f"ReadWritePaths={_quoted(f'-{folder}')}" for folder in outside]
    if any(folder.is_relative_to(place) for folder in outside for place in _PRIVATE):
        lines.append("PrivateTmp=no")
    return _DROP_IN + "\n".join(lines) + "\n" if lines else ""


def beyond(unit_text: str, *, home: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return those of the folders that the unit lets nobody write, as what they really are (links followed)."""
    may_write = _paths(unit_text, "ReadWritePaths", home)
    may_not = (Path("/"), *_PRIVATE, *_paths(unit_text, "ReadOnlyPaths", home))
    found = []
    for folder in dict.fromkeys(each.resolve() for each in folders):
        covering = [place for place in (*may_write, *may_not) if folder.is_relative_to(place)]
        deepest = max(covering, key=lambda place: len(place.parts))
        if deepest not in may_write:
            found.append(folder)
    return tuple(found)


def _paths(unit_text: str, setting: str, home: Path) -> tuple[Path, ...]:
    named = [
        word.removeprefix("-").replace("%h", str(home))
        for line in unit_text.splitlines()
        if line.startswith(f"{setting}=")
        for word in line.removeprefix(f"{setting}=").split()
    ]
    return tuple(Path(path).resolve() for path in named if not path.startswith("%"))


def for_systemd(program: Path) -> str:
    """Return a program as the first word of ExecStart. Raises CannotStart for a path that no unit can name."""
    return _quoted(str(program))


def _quoted(word: str) -> str:
    """Return a word in the quotes of systemd.syntax(7), which keep their escapes and let %-specifiers through."""
    _check(word)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    plain = escaped == word and not any(letter in word for letter in " \t'#;")
    return word if plain else f'"{escaped}"'


def for_desktop(program: Path) -> str:
    """Return a program as the first word of Exec. Raises CannotStart for a path that no entry can name.

    Two layers: quotes with backslashes inside, then the backslashes of a desktop entry's text again.
    """
    word = str(program)
    _check(word)
    if not any(letter in word for letter in " \t\n\"'\\><~|&;$*?#()`%"):
        return word
    escaped = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'


def _check(word: str) -> None:
    if all(letter.isprintable() for letter in word):
        return
    raise CannotStart(
        f"The path {word!r} has a sign in it that no unit and no desktop entry can hold.",
        hint="Move Safelight, or the folder, to a path of ordinary letters and run the same command again.",
    )
