"""Remembers: the SQLite catalog with its journal, and the vectors beside it."""
