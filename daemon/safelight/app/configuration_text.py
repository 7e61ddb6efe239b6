"""Composes the text of settings.toml: a new one with every setting explained, or an old one with some of them changed.

A new file holds every setting with what it is for; those that were not chosen stand as comments, so that a better
default reaches them later. In an old text only the chosen settings change: comments, order and spacing stay, because
tomlkit edits the text's own tree. Whoever writes the result proves first that it means what was wanted.
Invariant: an entry of a list of folders that stays keeps its place and the comment beside it.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from safelight.app.configuration import Configuration
from safelight.app.configuration_sections import SECTIONS, Told, Watched
from safelight.app.folder_names import folder_of, text_of

_TOP = (
    "# The settings of Safelight. A line that begins with # changes nothing: it says what a setting is for, or what\n"
    "# holds as long as you set nothing else. `safelight doctor` shows what is in effect and finds mistakes.\n"
)
_ALWAYS = "watch.folders"  # stands in every new file, because it is what a person changes first


def fresh(configuration: Configuration, *, chosen: frozenset[str], home: Path) -> str:
    """Return a whole file; the settings that are not `chosen` stand as comments."""
    lines = [_TOP]
    for section, kind in SECTIONS.items():
        lines.append(f"[{section}]")
        told = get_type_hints(kind, include_extras=True)
        for each in fields(kind):
            words = next(mark.text for mark in get_args(told[each.name]) if isinstance(mark, Told))
            lines += [f"# {line}" for line in words.splitlines()]
            value = _toml(getattr(getattr(configuration, section), each.name), home).as_string()
            set_here = f"{section}.{each.name}" in {*chosen, _ALWAYS}
            lines.append(f"{'' if set_here else '# '}{each.name} = {value}")
        lines.append("")
    return "\n".join(lines)


def edited(text: str, changes: Mapping[str, Any], *, home: Path) -> str:
    """Return the text with each key ("cards.new") set. Raises ValueError where its form does not allow that."""
    for key in changes:
        text = _uncommented(text, *key.split("."))
    try:
        document = tomlkit.parse(text)
        for key, value in changes.items():
            section, _, name = key.partition(".")
            if section not in document:
                document.add(section, tomlkit.table())
            _put(document[section], name, value, home)
        return tomlkit.dumps(document)
    except (TOMLKitError, LookupError, TypeError) as error:
        raise ValueError(str(error)) from error


def _put(table: Any, name: str, value: Any, home: Path) -> None:
    if name != "folders" or name not in table:
        wanted = _toml(value, home)
        if name not in table or table[name] != wanted:  # else it stays as the person wrote it
            table[name] = wanted
    elif isinstance(table[name], AoT) and not value:
        del table[name]
    else:
        _put_folders(table[name], value, home)


def _uncommented(text: str, section: str, name: str) -> str:
    """Return the text with a setting's line of default taken out of its comment, so that it stands by its words."""
    pattern = re.compile(rf"(^\[{section}\][^\n]*\n(?:(?!\[)[^\n]*\n)*?)# ?({name} = [^\n]*)", re.MULTILINE)
    changed = pattern.sub(r"\1\2", text, count=1)
    with suppress(tomllib.TOMLDecodeError):  # what looked like our comment was something else
        was, now = tomllib.loads(text), tomllib.loads(changed)
        if name not in was.get(section, {}) and now.get(section, {}).pop(name, None) is not None and now == was:
            return changed
    return text


def _put_folders(listed: Any, folders: Sequence[Watched], home: Path) -> None:
    """Change a list of folders where it differs from what is wanted."""
    missing = {each.path: each for each in folders}
    whole = isinstance(listed, AoT)
    for number in reversed(range(len(listed))):
        entry = listed[number]
        wanted = missing.pop(folder_of(str(entry if isinstance(entry, str) else entry["path"]), home), None)
        if wanted is None:
            del listed[number]
        elif wanted.existing != ("rate" if isinstance(entry, str) else entry.get("existing", "rate")):
            listed[number] = _folder(wanted, home, whole=whole)
    for each in missing.values():
        listed.append(_folder(each, home, whole=whole))


def _folder(folder: Watched, home: Path, *, whole: bool) -> Any:
    """Return an entry of a list of folders; `whole`: as a table of its own, [[watch.folders]]."""
    path = text_of(folder.path, home)
    if folder.existing == "rate" and not whole:
        return tomlkit.item(path)
    table = tomlkit.table() if whole else tomlkit.inline_table()
    table.update({"path": path} | ({} if folder.existing == "rate" else {"existing": folder.existing}))
    return table


def _toml(value: Any, home: Path) -> Any:
    """Return a value as tomlkit wants it."""
    match value:
        case None:
            return tomlkit.item("")
        case Path():
            return tomlkit.item(text_of(value, home))
        case tuple():
            listed = tomlkit.array()
            for each in value:
                listed.append(_folder(each, home, whole=False))
            return listed.multiline(len(value) > 1)
        case float() if value.is_integer():
            return tomlkit.item(int(value))
        case _:
            return tomlkit.item(value)
