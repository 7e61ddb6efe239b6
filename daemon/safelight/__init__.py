"""Safelight rates photographs into sidecars and never touches an original."""

import os

# Else pydantic looks through every installed package for plugins, which is a third of what it costs to load, and would
# let any of them into what reads settings and messages.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

__version__ = "0.1.0"
