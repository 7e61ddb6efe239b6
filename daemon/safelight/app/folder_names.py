"""Decides how a folder is written in a text file, and which folder such a text means.

A folder below the home folder is written with a tilde, because a person reads and copies the file. Names are bytes and
a text file is UTF-8: a folder whose name is not is written as a file URI (RFC 8089), in which every byte has a place.
Invariant: `folder_of(text_of(folder))` is the same folder, byte for byte; nothing here looks at the disk.
"""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

_URI = "file://"


def folder_of(text: str, home: Path) -> Path:
    """Return the folder that a text means. Raises ValueError, a whole sentence, for one that means none.

    Accepted are whole paths (/mnt/photos), paths below the home folder (~/Pictures) and file:///mnt/photos.
    """
    if text.startswith(f"{_URI}/"):
        text = os.fsdecode(unquote_to_bytes(text.removeprefix(_URI)))
    elif text == "~" or text.startswith("~/"):
        text = f"{home}/{text[2:]}"
    if "\0" in text:
        raise ValueError("The name of a folder cannot hold a NUL.")
    if not text.startswith("/"):
        raise ValueError("A folder is written as a whole path that begins with / or with ~/.")
    return Path("/" + text.lstrip("/"))  # POSIX gives exactly two slashes a meaning of their own, Linux does not


def text_of(folder: Path, home: Path) -> str:
    """Return the text that means `folder` (absolute)."""
    try:
        os.fsencode(folder).decode("utf-8")
    except UnicodeDecodeError:
        return _URI + quote_from_bytes(os.fsencode(folder))
    if folder != home and home != Path("/") and folder.is_relative_to(home):
        return f"~/{folder.relative_to(home)}"
    return str(folder)
