"""Reads settings.toml: what a person set, with the line of each setting, and defaults for the rest.

The file need not exist; then nothing is validated and pydantic is not loaded. A file that says something that cannot
be meant is refused as a whole with its line, because half of what a person wanted may be the opposite of it.
Invariant: a Configuration is complete and consistent, every folder in it is absolute, and it never changes.
"""

import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from safelight import paths
from safelight.app.configuration_sections import (
    SECTIONS,
    CardsSection,
    Learn,
    Models,
    Notify,
    Sidecars,
    Watch,
    Watched,
    Work,
)
from safelight.app.settings import Settings
from safelight.app.settings import settings as settings_of
from safelight.errors import SettingsError

MOST_BYTES = 256 << 10  # a file of settings has a few KB; what is larger is something else

_LINE = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings that are in effect, the file they come from, and the line of each that the file makes."""

    watch: Watch = field(default_factory=Watch)
    cards: CardsSection
    sidecars: Sidecars = field(default_factory=Sidecars)
    work: Work = field(default_factory=Work)
    notify: Notify = field(default_factory=Notify)
    learn: Learn = field(default_factory=Learn)
    models: Models = field(default_factory=Models)
    file: Path
    lines: Mapping[str, int] = field(default_factory=dict)  # "watch.folders" -> line; only what the file says

    def origin(self, key: str) -> str:
        """Return where a setting such as "work.jobs" comes from. Raises KeyError for one that does not exist."""
        section, _, name = key.partition(".")
        if name not in (each.name for each in fields(SECTIONS[section])):
            raise KeyError(key)
        line = self.lines.get(key)
        return "default" if line is None else f"{self.file.name} line {line}"

    def effective(self) -> Iterator[tuple[str, Any, str]]:
        """Yield every setting: its key, its value and its origin, in the order of the sections."""
        for section, kind in SECTIONS.items():
            for each in fields(kind):
                key = f"{section}.{each.name}"
                yield key, getattr(getattr(self, section), each.name), self.origin(key)

    def watched(self, *, importing: bool = False) -> tuple[Watched, ...]:
        """Return the folders to watch: those that are named, and the import folder while cards may be imported.

        `importing`: some card is, whatever is done with those that were never seen. Of the import folder only what
        arrives is rated, unless the person names it as a folder to watch.
        """
        folders = self.watch.folders
        into = self.cards.import_folder
        never = self.cards.new in ("rate", "ignore") and not importing
        if never or any(into.is_relative_to(each.path) for each in folders):
            return folders
        return (*folders, Watched(path=into, existing="leave"))

    def settings(
        self,
        environ: Mapping[str, str],
        *,
        state: Path | None = None,
        profile: str | None = None,
        jobs: int | None = None,
        as_of_s: float | None = None,
    ) -> Settings:
        """Return what the services are given: as a command was asked, else as the file says."""
        return settings_of(
            environ,
            state=state,
            profile=profile or self.sidecars.profile,
            jobs=jobs or self.work.jobs,
            undo_s=self.learn.undo_hours * 3600.0,
            as_of_s=as_of_s,
            bundle=self.models.bundle,
            accelerator=self.models.accelerator,
            faces=self.models.faces,
        )


def settings(
    environ: Mapping[str, str],
    *,
    state: Path | None = None,
    profile: str | None = None,
    jobs: int | None = None,
    as_of_s: float | None = None,
) -> Settings:
    """Return the settings of a command that the file of settings concerns. Raises SettingsError."""
    return read(environ).settings(environ, state=state, profile=profile, jobs=jobs, as_of_s=as_of_s)


def tolerant(environ: Mapping[str, str], *, state: Path | None = None) -> Settings:
    """Return the settings of a command that only looks: where the file cannot be meant, the defaults.

    What is wrong with it is told by `doctor` and by every command that works by it.
    """
    try:
        return settings(environ, state=state)
    except SettingsError:
        return settings_of(environ, state=state)


def read(environ: Mapping[str, str]) -> Configuration:
    """Return the settings in effect. Raises SettingsError, with file, line and key, when the file cannot be meant."""
    file = paths.settings_file(environ)
    text = read_text(file)
    return parse(text or "", file=file, environ=environ)


def parse(text: str, *, file: Path, environ: Mapping[str, str]) -> Configuration:
    """Return the settings that a text makes, as `read` would if it stood in `file`. Raises SettingsError."""
    from safelight.watching.elsewhere import pictures_folder

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(error, text, file) from error
    sections, lines = _sections(values, text, file=file, home=paths.home_folder(environ)) if values else ({}, {})
    cards = sections.pop("cards", None) or CardsSection()
    if cards.import_folder == Path():
        cards = replace(cards, import_folder=pictures_folder(environ))
    return Configuration(**sections, cards=cards, file=file, lines=lines)


def read_text(file: Path) -> str | None:
    """Return the text of the file of settings, None when there is none. Raises SettingsError when it cannot be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if file.is_symlink():
            raise _unreadable(file, "it is a link to a file that does not exist") from None
        return None
    except OSError as error:
        if error.errno == errno.ENOTDIR:  # a file stands where one of its folders would be
            return None
        raise _unreadable(file, error.strerror or "the system refuses") from error
    try:
        return _text_of(descriptor, file)
    except OSError as error:
        raise _unreadable(file, error.strerror or "the system refuses") from error
    finally:
        os.close(descriptor)


def _text_of(descriptor: int, file: Path) -> str:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _unreadable(file, "it is no file")
    if status.st_size > MOST_BYTES:
        raise _unreadable(file, f"it is larger than {MOST_BYTES >> 10} KB")
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            return opened.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(file, f"its line {_line_of(error)} is not UTF-8") from error


def _sections(values: Mapping[str, Any], text: str, *, file: Path, home: Path) -> tuple[dict[str, Any], dict[str, int]]:
    from safelight.app.configuration_checking import Mistaken, checked
    from safelight.app.toml_lines import lines

    found = lines(text)
    try:
        sections = checked(values, home=home)
    except Mistaken as mistaken:
        told = sorted((_line(each.place, found), each.told) for each in mistaken.mistakes)
        raise _wrong(told, file) from mistaken
    return sections, {".".join(map(str, place)): line for place, line in found.items() if len(place) == 2}


def _line(place: tuple[str | int, ...], found: Mapping[tuple[str | int, ...], int]) -> int:
    """Return the line of a place, else of the nearest around it."""
    return next((found[place[:end]] for end in range(len(place), 0, -1) if place[:end] in found), 1)


def _wrong(told: list[tuple[int, str]], file: Path) -> SettingsError:
    line, first = told[0]
    more = f" There {'is 1 more mistake' if len(told) == 2 else f'are {len(told) - 1} more mistakes'} below."
    return SettingsError(
        f"{file}, line {line}: {first}",
        hint=f"Correct that line, or remove it to have the default.{more if len(told) > 1 else ''}",
        path=file,
    )


def _no_toml(error: tomllib.TOMLDecodeError, text: str, file: Path) -> SettingsError:
    found = _LINE.match(str(error))
    what = found[1] if found else str(error)
    line = (found and found[2]) or text.rstrip("\n").count("\n") + 1
    return SettingsError(
        f"{file}, line {line}: This cannot be read as settings: {what[:1].lower()}{what[1:]}.",
        hint='Texts and folders stand in quotes, as in import_folder = "~/Pictures"; each setting stands once.',
        path=file,
    )


def _unreadable(file: Path, reason: str) -> SettingsError:
    return SettingsError(
        f"The settings in {file} cannot be read: {reason}.",
        hint="Put it right, or move it away to have the defaults.",
        path=file,
    )


def _line_of(error: UnicodeDecodeError) -> int:
    return bytes(error.object).count(b"\n", 0, error.start) + 1
