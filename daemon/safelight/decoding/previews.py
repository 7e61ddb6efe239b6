"""Fetches the previews of a RAW file by exiftool, for the files in which LibRaw finds none.

One run of exiftool for one file, as few files need it. The file is handed over as an open descriptor, so that its name
does not matter; it is read, never written.
Invariant: returns previews or nothing; no failure of exiftool is a failure of the frame.
"""

import base64
import json
import shutil
import subprocess
from typing import BinaryIO

_PREVIEW_TAGS = ("JpgFromRaw", "PreviewImage", "OtherImage", "JpgFromRaw2")
_ALLOWED_S = 15.0
_MAX_ANSWER = 64 << 20  # bytes


def previews_of(file: BinaryIO, *, executable: str = "exiftool") -> list[bytes]:
    """Return the JPEG previews that exiftool finds in an open RAW file, largest first; none if there is no exiftool."""
    program = shutil.which(executable)
    if program is None:
        return []
    command = [
        program,
        "-config",
        "",
        "-j",
        "-b",
        "-q",
        "-q",
        *(f"-{tag}" for tag in _PREVIEW_TAGS),
        f"/dev/fd/{file.fileno()}",
    ]
    try:
        answer = subprocess.run(
            command,
            pass_fds=(file.fileno(),),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ALLOWED_S,
            check=False,
        ).stdout
        record = json.loads(answer[:_MAX_ANSWER])[0] if answer else {}
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return []
    values = (record.get(tag) for tag in _PREVIEW_TAGS)
    found = [base64.b64decode(value[7:]) for value in values if isinstance(value, str) and value.startswith("base64:")]
    return sorted((jpeg for jpeg in found if jpeg.startswith(b"\xff\xd8")), key=len, reverse=True)
