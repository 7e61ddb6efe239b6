"""`safelight watch`: which folders are watched; changes the file of settings and nothing else in it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from safelight import paths
from safelight.app import configuration, configuration_file
from safelight.app.configuration import Configuration
from safelight.app.configuration_sections import Existing, Watched
from safelight.app.folder_standing import resolved
from safelight.cli.asking import confirm, on_terminal
from safelight.cli.folder_answers import already_there, refuse_unwatchable, whole
from safelight.cli.telling import tell_daemon
from safelight.cli.wording import counted, printable
from safelight.control import messages
from safelight.errors import FolderError, SafelightError

_STATES = {
    "watched": "watched",
    "scanned": "looked at on a timer",
    "absent": "not there",
    "trouble": "in trouble",
}


def add(folder: Path, *, existing: Existing | None, environ: Mapping[str, str], as_json: bool) -> int:
    """Watch one folder more; exit status 0. Raises FolderError for one that cannot be watched."""
    folder = whole(folder)
    try:
        refuse_unwatchable(folder)
    except ValueError as error:
        raise FolderError(str(error), hint="Give a folder that holds photographs.", path=folder) from error
    before = configuration.read(environ).watch.folders
    around = next((each for each in before if folder.is_relative_to(each.path)), None)
    if around is not None and (around.path != folder or existing in (None, around.existing)):
        part = "" if around.path == folder else f", as a part of {printable(around.path)}"
        return _said(f"{printable(folder)} is watched already{part}.", before, as_json=as_json)
    added = Watched(path=folder, existing=existing or _chosen(folder, as_json=as_json))
    listed = configuration_file.change(environ, lambda now: _with(added, now)).watch.folders
    words = {"rate": "with what is in it already", "leave": "from now on; what is in it already is left alone"}
    _said(f"{printable(folder)} is watched, {words[added.existing]}.", listed, as_json=as_json)
    return tell_daemon(environ, quiet=as_json)


def remove(folder: Path, *, environ: Mapping[str, str], as_json: bool) -> int:
    """Watch one folder less; exit status 0. Raises FolderError for one that is not watched."""
    read = configuration.read(environ)
    before = read.watch.folders
    named = whole(folder)
    gone = next((each for each in before if each.path == named), None)
    if gone is None:  # by another way to the same folder
        gone = next((each for each in before if resolved(each.path) == resolved(named)), None)
    if gone is None:
        raise FolderError(f"{named} is not watched.", hint=_watched_words(before), path=named)
    after = configuration_file.change(environ, lambda now: _without(gone.path, now))
    text = f"{printable(gone.path)} is watched no longer; photographs and ratings stay as they are."
    if any(gone.path == each.path for each in after.watched()):
        text = f"{printable(gone.path)} stays watched as the folder that cards are imported into."
    _said(text, after.watch.folders, as_json=as_json)
    return tell_daemon(environ, quiet=as_json)


def show(*, environ: Mapping[str, str], as_json: bool) -> int:
    """List the watched folders; exit status 0."""
    read = configuration.read(environ)
    states = {Path(each.folder): each for each in _states(environ)}
    if as_json:
        click.echo(json.dumps([_record(each, read, _state(each.path, states)) for each in read.watched()]))
        return 0
    for each in read.watched():
        click.echo(_line(each, read, _state(each.path, states)))
    if not read.watch.folders:
        click.echo("No folder is set to be watched: 'safelight watch add FOLDER' adds one.")
    return 0


def _with(added: Watched, now: Configuration) -> dict[str, Any]:
    folders = now.watch.folders
    there = any(each.path == added.path for each in folders)
    listed = [added if each.path == added.path else each for each in folders]
    return {"watch.folders": tuple(listed if there else [*listed, added])}


def _without(path: Path, now: Configuration) -> dict[str, Any]:
    return {"watch.folders": tuple(each for each in now.watch.folders if each.path != path)}


def _chosen(folder: Path, *, as_json: bool) -> Existing:
    """Return what is done with the photographs that are there; asked where somebody can answer."""
    there = "" if as_json else already_there(folder)
    if there and on_terminal() and not confirm(f"It holds {there} already. Rate them too?", default=True):
        return "leave"
    return "rate"


def _said(text: str, folders: Sequence[Watched], *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps([{"folder": str(each.path), "existing": each.existing} for each in folders]))
    else:
        click.echo(text)
    return 0


def _states(environ: Mapping[str, str]) -> Sequence[messages.Watched]:
    """Return what the daemon says of its folders; nothing where none answers."""
    from safelight.control.client import Client

    try:
        client = Client.connect(paths.socket_file(environ))
        if client is None:
            return ()
        with client:
            return client.status().watched
    except SafelightError:
        return ()


def _state(folder: Path, states: Mapping[Path, messages.Watched]) -> messages.Watched | None:
    """Return the state of a folder, which the daemon knows by its path without links."""
    return states.get(folder) or states.get(resolved(folder))


def _record(each: Watched, read: Configuration, state: messages.Watched | None) -> dict[str, Any]:
    return {
        "folder": str(each.path),
        "existing": each.existing,
        "origin": read.origin("watch.folders" if each in read.watch.folders else "cards.import_folder"),
        "state": state and state.state,
        "told": state.told if state else "",
        "directories": state and state.directories,
    }


def _line(each: Watched, read: Configuration, state: messages.Watched | None) -> str:
    notes = [_STATES[state.state]] if state else []
    notes += [counted(state.directories, "folder")] if state and state.directories else []
    if each not in read.watch.folders:
        notes.append("cards are imported into it")
    notes.append("all of it is rated" if each.existing == "rate" else "only what arrives is rated")
    told = f"\n  {printable(state.told)}" if state and state.told else ""
    return f"{printable(each.path)}  {', '.join(notes)}{told}"


def _watched_words(folders: Sequence[Watched]) -> str:
    return f"Watched: {', '.join(str(each.path) for each in folders)}." if folders else "No folder is."
