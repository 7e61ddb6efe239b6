"""Reads capture facts with exiftool, many files at once.

exiftool knows makers' notes that Pillow does not. It takes its arguments line by line, and a file name with a newline
becomes arguments that run code; so it never sees a file's name. Each file is opened here as any picture is, and
exiftool gets a link with a name of our own that leads to that open file. exiftool opens it once more through that link,
which moves the time of its last access; of a file that must keep it, one on a card, it gets head and tail in memory.
Invariant: no byte of a photograph's name reaches exiftool, except letters and digits of its extension; a hung or
crashed exiftool costs the files it stumbled over, and after three failures exiftool is done without.
"""

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import exiftool

from safelight.decoding.facts import facts_from_tags, text
from safelight.decoding.opening import open_picture
from safelight.domain.frame import CaptureFacts
from safelight.errors import Unreadable

_BATCH = 32  # files; that many stay open meanwhile
_MAX_FAILURES = 3
_START_S = 10.0
_PER_FILE_S = 2.0
# Of a file that must keep its time of access: cameras write metadata into the head, a few (CRW, X3F) into the tail.
_HEAD_BYTES, _TAIL_BYTES = 1 << 20, 1 << 18
_COMMON_ARGUMENTS = ["-G0", "-fast", "-q", "-q"]

_RAW_VALUES = (
    "DateTimeOriginal",
    "CreateDate",
    "SubSecTimeOriginal",
    "SubSecTimeDigitized",
    "OffsetTimeOriginal",
    "OffsetTimeDigitized",
    "ExposureTime",
    "FNumber",
    "ISO",
    "RecommendedExposureIndex",
    "StandardOutputSensitivity",
    "ExposureCompensation",
    "FocalLength",
    "ExposureMode",
    "Orientation",
    "Rating",
    "RatingPercent",
    "Composite:GPSLatitude",
    "Composite:GPSLongitude",
    "GPSStatus",
    "ShutterSpeedValue",
    "ApertureValue",
    "AEBBracketValue",
    "ExposureBracketValue",
)
_NAMED_VALUES = (
    "Make",
    "Model",
    "LensModel",
    "Composite:LensID",
    "MakerNotes:Lens",
    "MakerNotes:LensType",
    "ImageUniqueID",
    "DriveMode",
    "ContinuousDrive",
    "ReleaseMode",
    "ReleaseMode2",
    "BurstMode",
    "SequenceMode",
    "ShootingMode",
    "BracketMode",
    "BracketSettings",
    "AutoBracketing",
    "FocusBracket",
    "FocusBracketing",
    "FocusShiftShooting",
    "MakerNoteVersion",
    "BurstUUID",
    "SequenceNumber",
)
_ASKED = ("-j", *(f"-{name}#" for name in _RAW_VALUES), *(f"-{name}" for name in _NAMED_VALUES))
_SAFE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")


class _ExiftoolError(Exception):
    """exiftool hung, ended or answered nonsense; stays within this module."""


class _TimedExifTool(exiftool.ExifTool):  # type: ignore[misc]  # pyexiftool has no types
    """pyexiftool's process with reading of our own: the original waits for ever when exiftool hangs or ends."""

    def __init__(self, executable: str, monotonic: Callable[[], float]) -> None:
        super().__init__(executable=executable, common_args=_COMMON_ARGUMENTS, config_file="", encoding="utf-8")
        self._monotonic = monotonic
        self._number = 0
        self.allowed_s = _START_S

    def execute(self, *params: str, raw_bytes: bool = False) -> str:
        """Run one command and return what exiftool prints. Raises _ExiftoolError when it is late or gone."""
        self._number += 1
        ready = f"{{ready{self._number}}}".encode()
        lines = "\n".join((*params, f"-execute{self._number}\n")).encode("ascii")
        try:
            self._process.stdin.write(lines)
            self._process.stdin.flush()
        except OSError as error:
            raise _ExiftoolError("exiftool ended") from error
        return self._until(ready).decode("utf-8", "replace")

    def _until(self, ready: bytes) -> bytes:
        answers, errors = self._process.stdout.fileno(), self._process.stderr.fileno()
        deadline, answer = self._monotonic() + self.allowed_s, b""
        while not answer.rstrip().endswith(ready):
            waiting, _, _ = select.select([answers, errors], [], [], max(0.0, deadline - self._monotonic()))
            if not waiting:
                raise _ExiftoolError("exiftool did not answer in time")
            if errors in waiting:
                os.read(errors, 1 << 16)
            if answers in waiting:
                piece = os.read(answers, 1 << 16)
                if not piece:
                    raise _ExiftoolError("exiftool ended")
                answer += piece
        return answer.rstrip()[: -len(ready)]

    def stop(self) -> None:
        """End the process at once; it holds nothing that could be lost."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError):
                    stream.close()
            self._flag_running_false()


class ExiftoolReader:
    """Reads capture facts by exiftool (ports.FactsReader). `available` tells whether it can; `trouble` says why not."""

    def __init__(
        self,
        *,
        executable: str = "exiftool",
        monotonic: Callable[[], float] = time.monotonic,
        untouched: Callable[[Path], bool] = lambda _: False,
    ) -> None:
        """`untouched` tells of a file whether it must stay as it is to its time of access: it lies on a card."""
        self._untouched = untouched
        self._executable = shutil.which(executable)
        self._monotonic = monotonic
        self._tool: _TimedExifTool | None = None
        self._failures = 0
        self.trouble = "" if self._executable else "exiftool is not installed; only standard EXIF is read."

    @property
    def available(self) -> bool:
        """Whether exiftool is installed and has not failed too often."""
        return self._executable is not None and self._failures < _MAX_FAILURES

    def read(self, paths: Iterable[Path]) -> dict[Path, CaptureFacts]:
        """Return the facts of each file that exiftool can read; a file that it cannot is left out."""
        found: dict[Path, CaptureFacts] = {}
        waiting = iter(paths)
        while self.available and (batch := list(islice(waiting, _BATCH))):
            found.update(self._read_batch(batch))
        return found

    def close(self) -> None:
        """End exiftool."""
        if self._tool is not None:
            self._tool.stop()
            self._tool = None

    def _read_batch(self, batch: Sequence[Path]) -> dict[Path, CaptureFacts]:
        try:
            return self._ask(batch)
        except _ExiftoolError as error:
            self._give_up_after(error)
        found: dict[Path, CaptureFacts] = {}
        for path in batch:  # once more, one at a time: only the file that brings exiftool down is left out
            if not self.available:
                break
            try:
                found.update(self._ask([path]))
            except _ExiftoolError as error:
                self._give_up_after(error)
        return found

    def _give_up_after(self, error: _ExiftoolError) -> None:
        self.close()
        self._failures += 1
        if not self.available:
            self.trouble = f"exiftool failed {self._failures} times ({error}); only standard EXIF is read from here on."

    def _ask(self, batch: Sequence[Path]) -> dict[Path, CaptureFacts]:
        tool = self._running()
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safelight-")))
            names = self._links(batch, folder, stack)
            if not names:
                return {}
            tool.allowed_s = _START_S + _PER_FILE_S * len(names)
            records = _records(tool.execute(*_ASKED, *names))
        return {names[name]: facts_from_tags(record) for name, record in records.items() if name in names}

    def _links(self, batch: Sequence[Path], folder: Path, stack: contextlib.ExitStack) -> dict[str, Path]:
        """Open each file and make a harmless name for it; files that cannot be opened are left out."""
        names: dict[str, Path] = {}
        for number, path in enumerate(batch):
            try:
                file = stack.enter_context(open_picture(path))
                if _keeps_times(file) and self._untouched(path):
                    file = stack.enter_context(_excerpt(file))
            except (Unreadable, OSError):
                continue
            suffix = path.suffix if _SAFE_SUFFIX.fullmatch(path.suffix) else ""
            name = folder / f"{number:04d}{suffix}"
            name.symlink_to(_way_to(file, path))
            names[str(name)] = path
        return names

    def _running(self) -> _TimedExifTool:
        if self._tool is None:
            tool = _TimedExifTool(self._executable or "", self._monotonic)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    tool.run()
            except (OSError, ValueError, RuntimeError, exiftool.exceptions.ExifToolException, _ExiftoolError) as error:
                tool.stop()
                raise _ExiftoolError("exiftool does not start") from error
            self._tool = tool
        return self._tool


def exiftool_version(*, executable: str = "exiftool") -> str | None:
    """Return the version that exiftool says it has, or None if it is not there or does not answer."""
    program = shutil.which(executable)
    if program is None:
        return None
    command = [program, "-config", "", "-ver"]
    try:
        told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_START_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return text(told.stdout) if told.returncode == 0 else None


def _keeps_times(file: BinaryIO) -> bool:
    """Tell whether opening a file by name can move its time of access (Linux)."""
    if not hasattr(os, "memfd_create"):
        return False
    return not os.fstatvfs(file.fileno()).f_flag & (os.ST_RDONLY | os.ST_NOATIME)


def _excerpt(file: BinaryIO) -> BinaryIO:
    """Return a file in memory of the same length with the same head and tail, and a hole between them."""
    made = os.fdopen(os.memfd_create("safelight-excerpt", os.MFD_CLOEXEC), "w+b", buffering=0)
    size = os.fstat(file.fileno()).st_size
    try:
        os.ftruncate(made.fileno(), size)
        for start, length in ((0, _HEAD_BYTES), (max(_HEAD_BYTES, size - _TAIL_BYTES), _TAIL_BYTES)):
            os.pwrite(made.fileno(), os.pread(file.fileno(), length, start), start)
    except BaseException:
        made.close()
        raise
    return made


def _way_to(file: BinaryIO, path: Path) -> Path:
    """Return a path that leads another process to the very file that is open here (Linux); elsewhere its name."""
    opened = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
    return opened if opened.exists() else path.absolute()


def _records(answer: str) -> dict[str, Mapping[str, Any]]:
    if not answer.strip():
        return {}
    try:
        records = json.loads(answer)
        return {str(record.pop("SourceFile")): record for record in records}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise _ExiftoolError("exiftool answered nonsense") from error
