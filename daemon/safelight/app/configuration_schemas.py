"""The two kinds of text that a setting may be, as schemas for pydantic: a folder, and the template of an import.

Apart from configuration_sections, which names them, because loading pydantic is what a command without a file of
settings does not pay for.
"""

from pathlib import Path
from typing import Any

from pydantic_core import core_schema

from safelight.app.folder_names import folder_of
from safelight.domain.card_template import Template


def folder_schema() -> Any:
    """Return the schema of a folder: a text in the file, a path for the program; the context names the home folder."""
    return core_schema.with_info_after_validator_function(_folder, core_schema.str_schema())


def template_schema() -> Any:
    """Return the schema of the template of an import."""
    return core_schema.no_info_after_validator_function(_template, core_schema.str_schema())


def _folder(text: str, info: core_schema.ValidationInfo[dict[str, Path]]) -> Path:
    assert info.context is not None
    return folder_of(text, info.context["home"])


def _template(text: str) -> str:
    return Template.parse(text).text
