"""Decides from a file's name what the file is, and which names are nobody's photographs.

Names only: the decoder judges by content later. A name is looked at as text with surrogate escapes, compared in lower
case. Invariant: what is not listed here as a picture is never opened.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate

from safelight.domain.frame import Role

IMAGE_SUFFIXES = frozenset(".jpg .jpeg .jpe .jfif .heic .heif .hif .tif .tiff .png .avif".split())

# Formats that LibRaw 0.21 and later opens, by the suffixes their makers use (LibRaw's list of supported cameras).
RAW_SUFFIXES = frozenset(
    (
        ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .cs1 .dc2 .dcr .dcs .dng .drf .erf .fff .gpr .iiq .k25 .kc2 .kdc "
        ".mdc .mef .mos .mrw .nef .nrw .orf .ori .pef .ptx .pxn .qtk .raf .raw .rdc .rw2 .rwl .rwz .sr2 .srf .srw "
        ".sti .x3f"
    ).split()
)

SIDECAR_SUFFIX = ".xmp"

# RawTherapee (and ART), DxO PhotoLab, Capture One, ON1, Nikon NX Studio.
SETTINGS_SUFFIXES = frozenset(".pp3 .arp .dop .cos .on1 .nksc".split())

# Capture One keeps its settings in CaptureOne/Settings*/, beside the pictures and not among them.
SETTINGS_FOLDER = "captureone"


@dataclass(frozen=True, slots=True)
class Skip:
    """A name pattern that is passed over, and whose droppings it names."""

    pattern: str  # shell pattern over the lower-case name
    whose: str


SKIPPED_FOLDERS = (
    Skip(".*", "hidden folders, also of trash cans, version control and sync tools"),
    Skip("@eadir", "Synology's thumbnails"),
    Skip("#recycle", "Synology's recycle bin"),
    Skip("#snapshot", "Synology's snapshots"),
    Skip("@recycle", "QNAP's recycle bin"),
    Skip("@recently-snapshot", "QNAP's snapshots"),
    Skip("$recycle.bin", "Windows' recycle bin"),
    Skip("system volume information", "Windows"),
    Skip("lost+found", "a file-system check"),
    Skip("lost.dir", "Android's file-system check"),
    Skip("__macosx", "macOS archives"),
    Skip("thumbnails", "thumbnail caches"),
    Skip("thumbs", "thumbnail caches"),
    Skip("*.lrdata", "Lightroom's previews"),
    Skip("*.lrcat-data", "Lightroom's catalog"),
    Skip("captureone", "Capture One's settings and previews"),
    Skip("*.cocatalog", "Capture One's catalog"),
    Skip("*.photoslibrary", "Apple Photos' library"),
    Skip("*.aplibrary", "Aperture's library"),
)

SKIPPED_FILES = (
    Skip(".*", "hidden files, also macOS's ._ companions, Syncthing's and rsync's temporaries"),
    Skip("thumbs.db", "Windows' thumbnails"),
    Skip("*~", "editors' backups"),
    Skip("*.tmp", "temporaries"),
    Skip("*.part", "unfinished downloads"),
    Skip("*.crdownload", "unfinished downloads"),
    Skip("*.sync-conflict-*", "Syncthing's conflict copies"),
    Skip("*.!sync", "Resilio Sync's temporaries"),
    Skip("~syncthing~*", "Syncthing's temporaries"),
    Skip("*.owncloudsync*", "ownCloud's temporaries"),
    Skip("* (conflicted copy *)*", "Dropbox' conflict copies"),
    Skip("*conflicted copy*", "Nextcloud's conflict copies"),
)

# All rules in one, because most names match none of them.
_SKIPPED_FILE = re.compile("|".join(translate(rule.pattern) for rule in SKIPPED_FILES))


def role_of(name: str) -> Role | None:
    """Return what a file of this name is, None for a file that is no picture and says nothing of one."""
    dot = name.rfind(".")  # a Path for each of a hundred thousand names takes a second
    suffix = name[dot:].lower() if dot > 0 else ""
    if suffix in RAW_SUFFIXES:
        return Role.RAW
    if suffix in IMAGE_SUFFIXES:
        return Role.IMAGE
    if suffix in SETTINGS_SUFFIXES:
        return Role.SETTINGS
    return Role.SIDECAR if suffix == SIDECAR_SUFFIX else None


def skipped_folder(name: str) -> Skip | None:
    """Return the rule that passes over a folder of this name, None if it is to be looked into."""
    return _first(SKIPPED_FOLDERS, name)


def skipped_file(name: str) -> Skip | None:
    """Return the rule that passes over a file of this name, None if it is to be looked at."""
    return _first(SKIPPED_FILES, name) if _SKIPPED_FILE.match(name.lower()) else None


def _first(rules: tuple[Skip, ...], name: str) -> Skip | None:
    lowered = name.lower()
    return next((rule for rule in rules if fnmatchcase(lowered, rule.pattern)), None)
