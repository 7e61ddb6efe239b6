"""Checks what a file of settings says, and tells each mistake as one sentence with its line.

pydantic is loaded here and nowhere else in the settings, and only when there is a file: it takes about a tenth of a
second. Values are checked strictly, as TOML has kinds of its own ("15" is no number there). Whatever is wrong, the
sentence says which key in which line, what is said there, and what may be.
Invariant: what comes out has passed every bound of configuration_sections; nothing is corrected silently.
"""

import difflib
import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from safelight.app.configuration_sections import SECTIONS, Between, BundleName, Folder, Template
from safelight.app.toml_lines import Place

_LONGEST = 60  # characters of a wrong value that are repeated in the message

# In the file, nothing between the quotes means that the setting is not made.
_MAY_BE_EMPTY = (("cards", "import_folder"), ("cards", "backup_folder"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: where, and a whole sentence without the line."""

    place: Place
    told: str


class Mistaken(Exception):
    """The settings cannot be meant like this; `mistakes` in the order of the sections."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(mistakes[0].told)
        self.mistakes = tuple(mistakes)


def checked(values: Mapping[str, Any], *, home: Path) -> dict[str, Any]:
    """Return one object for each section, with defaults for what is not said. Raises Mistaken."""
    mistakes = [Mistake((name,), _no_section(name)) for name in values if name not in SECTIONS]
    sections: dict[str, Any] = {}
    for name, kind in SECTIONS.items():
        said = values.get(name, {})
        try:
            sections[name] = TypeAdapter(kind).validate_json(_as_json(name, said), strict=True, context={"home": home})
        except ValidationError as error:
            mistakes += [_mistake(name, dict(each), said) for each in error.errors(include_url=False)]
    if not mistakes:
        mistakes = list(_repeated(sections["watch"].folders))
    if mistakes:
        raise Mistaken(mistakes)
    return sections


def _as_json(section: str, said: Any) -> str:
    """Return a section as JSON, in which lists and paths may be checked as strictly as numbers."""
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if value != "" or (section, key) not in _MAY_BE_EMPTY}
        if section == "watch" and isinstance(said.get("folders"), list):
            tables = [{"path": each} if isinstance(each, str) else each for each in said["folders"]]
            said["folders"] = tables
    return json.dumps(said, default=lambda moment: {"date": str(moment)})  # of no kind that a setting has


def _repeated(folders: Sequence[Any]) -> typing.Iterator[Mistake]:
    paths = [each.path for each in folders]
    for number, path in enumerate(paths):
        if path in paths[:number]:
            yield Mistake(("watch", "folders", number), f"The folder {path} is named twice.")


def _mistake(section: str, error: Mapping[str, Any], said: Any) -> Mistake:
    loc = tuple(error["loc"])
    place = (section, *loc)
    key = _dotted(place)
    match error["type"]:
        case "unexpected_keyword_argument":
            return Mistake(place, _unknown(key, "setting", _beside(section, loc)))
        case "missing":
            return Mistake(place[:-1], f"{_dotted(place[:-1])} needs a {loc[-1]}.")
        case "dataclass_type" if not loc:
            return Mistake(place, f"{key} must be a section, [{key}], but it is {_shown(said)}.")
        case "value_error":
            return Mistake(
                _said_at(place, said), f"{_dotted(place)} is {_shown(error['input'])}: {error['ctx']['error']}"
            )
        case _:
            expected = _expected(_kind_at(SECTIONS[section], loc))
            return Mistake(place, f"{key} must be {expected}, but it is {_shown(error['input'])}.")


def _said_at(place: Place, said: Any) -> Place:
    """Return the place in the file: a folder written as a plain text has no key `path` there."""
    match place:
        case ("watch", "folders", int(number), "path") if isinstance(said["folders"][number], str):
            return place[:-1]
    return place


def _beside(section: str, loc: Place) -> Sequence[str]:
    kind = _kind_at(SECTIONS[section], loc[:-1])
    return [each.name for each in fields(kind)]


def _kind_at(kind: Any, loc: Place) -> Any:
    """Return the annotation of the setting that a place within a section leads to."""
    for step in loc:
        plain = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
        kind = (
            typing.get_args(plain)[0]
            if isinstance(step, int)
            else typing.get_type_hints(plain, include_extras=True)[step]
        )
    return kind


def _expected(kind: Any) -> str:
    """Return in words what a setting of this kind may be."""
    marks: tuple[Any, ...] = ()
    if typing.get_origin(kind) is typing.Annotated:
        kind, *rest = typing.get_args(kind)
        marks = tuple(rest)
    bounds = next((f" from {each.least:g} to {each.most:g}" for each in marks if isinstance(each, Between)), "")
    if typing.get_origin(kind) is typing.Literal:
        *most, last = map(json.dumps, typing.get_args(kind))
        return f"{', '.join(most)} or {last}"
    if any(isinstance(each, Folder) for each in marks):
        return 'a folder in quotes, such as "~/Pictures"'
    if any(isinstance(each, BundleName) for each in marks):
        return 'the name of a model bundle, such as "embedded"'
    if any(isinstance(each, Template) for each in marks):
        return "a text in quotes"
    if typing.get_origin(kind) is tuple:
        return 'a list of folders, such as ["~/Pictures"]'
    names = {bool: "true or false", int: "a whole number", float: "a number"}
    return (
        names.get(kind, 'a folder in quotes, or a table such as { path = "~/Pictures", existing = "leave" }') + bounds
    )


def _no_section(name: str) -> str:
    for section, kind in SECTIONS.items():
        if name in (each.name for each in fields(kind)):
            return f"{name} belongs below the line [{section}]."
    return _unknown(name, "section", SECTIONS)


def _unknown(named: str, what: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    name = named.rpartition(".")[2]
    near = difflib.get_close_matches(name, list(known), n=1)
    there = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
    return f"There is no {what} {named}. {there}"


def _dotted(place: Place) -> str:
    """Return a place as people read it: "watch.folders, entry 2, existing"."""
    steps = place[:-1] if len(place) > 3 and place[-1] == "path" else place  # a plain text is all the entry there is
    told = [f"entry {step + 1}" if isinstance(step, int) else step for step in steps]
    return ", ".join([".".join(told[:2]), *told[2:]])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
