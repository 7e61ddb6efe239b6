"""Decides which folders below a watched one are watched, by their names alone.

The same ones that a scan looks into, and those in which Capture One keeps its settings, because a scan reads these from
beside the pictures. Links are never followed; that is for whoever opens the folder to see to.
Invariant: no folder in which a scan finds a file is left out here.
"""

import re
from fnmatch import translate

from safelight.domain.names import SETTINGS_FOLDER, SKIPPED_FOLDERS, role_of, skipped_file

# All rules in one: twenty thousand folders are asked about at the start.
_SKIPPED = re.compile("|".join(translate(rule.pattern) for rule in SKIPPED_FOLDERS))


def looked_into(inside: str, name: str) -> bool:
    """Tell whether the folder `name`, which lies in a folder of the name `inside`, is watched."""
    lowered = name.lower()
    if inside.lower() == SETTINGS_FOLDER:
        return lowered.startswith("settings")
    return lowered == SETTINGS_FOLDER or _SKIPPED.match(lowered) is None


def looked_at(name: str) -> bool:
    """Tell whether a file of this name is a picture or says something of one, and is nobody's temporary."""
    return role_of(name) is not None and skipped_file(name) is None
