"""Safelight rates photographs into sidecars and never touches an original."""

__version__ = "0.1.0"
