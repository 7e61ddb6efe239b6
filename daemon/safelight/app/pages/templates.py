"""Fills templates: whatever is put in is escaped, so a file's name can never become part of a page.

Jinja (BSD) because escaping by default is what matters here and is easily got wrong by hand.
Invariant: a template that names a value it was not given fails instead of leaving a hole.
"""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def filled(template: str, values: Mapping[str, object]) -> str:
    """Return the template of that file name, beside this module, filled with values."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
