"""Looks at the settings for `doctor`: what is in effect and where each comes from, and whether the daemon runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safelight import paths
from safelight.app import configuration
from safelight.app.configuration import Configuration
from safelight.app.finding import Finding, Level
from safelight.app.folder_names import text_of
from safelight.app.settings import Settings
from safelight.errors import ControlError, SettingsError

_START = "'safelight install-user' starts it with your session, 'safelight run' in a terminal."


def settings_findings(environ: Mapping[str, str]) -> tuple[Configuration | None, tuple[Finding, ...]]:
    """Return the settings in effect, None when the file cannot be meant, and what there is to say of them."""
    try:
        found = configuration.read(environ)
    except SettingsError as error:
        return None, (Finding("Settings", Level.BAD, error.summary, error.hint),)
    there = (
        str(found.file) if found.lines or found.file.is_file() else f"{found.file} does not exist; the defaults hold"
    )
    home = paths.home_folder(environ)
    listed = (Finding(key, Level.OK, f"{_shown(value, home)} ({origin})") for key, value, origin in found.effective())
    return found, (Finding("Settings", Level.OK, there), *listed)


def daemon_findings(settings: Settings, environ: Mapping[str, str], *, needed: bool) -> Iterator[Finding]:
    """Say whether the daemon works with this state folder; `needed`: there are folders that only it looks after."""
    from safelight.app import remote

    try:
        client = remote.connected(settings, environ)
        if client is None:
            level = Level.NOTE if needed else Level.OK
            lost = "does not run: nothing is watched, and cards are not seen"
            yield Finding("Daemon", level, lost, _START if needed else "")
            return
        with client:
            status = client.status()
    except ControlError as error:
        yield Finding("Daemon", Level.BAD, error.summary, error.hint)
        return
    yield Finding("Daemon", Level.OK, " ".join(filter(None, (f"runs ({status.state})", status.why))))
    for trouble in status.trouble:
        yield Finding("Daemon", Level(trouble.level), trouble.told, trouble.hint)


def _shown(value: Any, home: Path) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case Path():
            return text_of(value, home)
        case tuple():
            return ", ".join(text_of(each.path, home) for each in value) or "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
