"""Changes settings.toml on the disk.

What is to be written is read from memory first and must mean exactly the old settings with the change: an edit that
cannot be proved right is not made, and neither is one over a file that cannot be read.
Invariant: the file is complete at every moment (written beside itself, then renamed), a link to it stays a link, and
of two programs that change it at once neither loses the other's change.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from safelight import paths
from safelight.app.configuration import Configuration, parse, read_text
from safelight.app.configuration_sections import SECTIONS
from safelight.errors import SettingsError

Change = Callable[[Configuration], Mapping[str, Any]]  # from what holds: each key ("cards.new") with its new value


def put(environ: Mapping[str, str], changes: Mapping[str, Any]) -> Configuration:
    """Set each key to its value, as a Configuration has it; otherwise as `change`."""
    return change(environ, lambda _: changes)


def change(environ: Mapping[str, str], asked: Change) -> Configuration:
    """Set what `asked` makes of the settings that hold, while nobody else changes them; return what holds then.

    A file that does not exist is made, with every setting explained. Raises SettingsError when the file cannot be read
    or written, or cannot be edited without a risk to what is in it.
    """
    file = paths.settings_file(environ)
    with _held(file):
        old = read_text(file)
        before = parse(old or "", file=file, environ=environ)
        changes = asked(before)
        wanted = _changed(before, changes)
        text = _text(old or "", wanted, changes, home=paths.home_folder(environ))
        after = parse(text, file=file, environ=environ)
        if _meaning(after) != _meaning(wanted):
            raise _cannot_edit(file, changes)
        if text != old:
            if read_text(file) != old:
                raise _not_written(file, "another program is changing it", "Run this again.")
            _replace(file, text.encode())
    return after


def _changed(before: Configuration, changes: Mapping[str, Any]) -> Configuration:
    sections: dict[str, Any] = {}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        sections[section] = replace(sections.get(section, getattr(before, section)), **{name: value})
    return replace(before, **sections)


def _meaning(configuration: Configuration) -> list[Any]:
    """Return what is set; the order of folders means nothing."""
    watch = replace(configuration.watch, folders=())
    others = [getattr(configuration, section) for section in SECTIONS if section != "watch"]
    return [frozenset(configuration.watch.folders), watch, *others]


def _text(old: str, wanted: Configuration, changes: Mapping[str, Any], *, home: Path) -> str:
    from safelight.app.configuration_text import edited, fresh

    if not old.strip():
        return fresh(wanted, chosen=frozenset(changes), home=home)
    try:
        return edited(old, changes, home=home)
    except ValueError as error:
        raise _cannot_edit(wanted.file, changes) from error


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Keep other programs that write settings out meanwhile; the folder is made if it is missing."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(file, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # held by others for the milliseconds of an edit
        yield
    finally:
        os.close(descriptor)


def _replace(file: Path, data: bytes) -> None:
    target = file.resolve()  # people keep their settings elsewhere and link to them
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(data)
                _like(target, descriptor)
                opened.flush()
                os.fsync(descriptor)
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _settle(target.parent)
    except OSError as error:
        raise _refused(file, error) from error


def _like(target: Path, descriptor: int) -> None:
    """Give a new file the owner and the permissions of the one that it takes the place of."""
    with suppress(FileNotFoundError):
        status = target.stat()
        os.fchmod(descriptor, status.st_mode & 0o7777)
        with suppress(PermissionError):
            os.fchown(descriptor, status.st_uid, status.st_gid)


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(file: Path, error: OSError) -> SettingsError:
    return _not_written(file, error.strerror or "the system refuses", "See that its folder is writable and not full.")


def _cannot_edit(file: Path, changes: Mapping[str, Any]) -> SettingsError:
    named = ", ".join(sorted(changes))
    return _not_written(file, "its form is one that this program cannot edit safely", f"Change {named} by hand.")


def _not_written(file: Path, reason: str, hint: str) -> SettingsError:
    return SettingsError(f"The settings in {file} were left as they are: {reason}.", hint=hint, path=file)
