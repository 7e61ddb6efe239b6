"""Looks at the machine for `doctor`: what works, what is lost where something is missing, and what to do about it.

Invariant: looking changes nothing but may make the empty state folder.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from safelight.app.finding import Finding, Level
from safelight.app.health_bundles import bundle_findings
from safelight.app.health_folders import FolderHealth
from safelight.app.health_models import provider_findings
from safelight.app.health_settings import daemon_findings, settings_findings
from safelight.app.settings import EMBEDDED, Settings

LOW_SPACE_BYTES = 500 << 20  # the catalog takes about 6 KB a frame: room for a large library


def findings(settings: Settings, *, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything that a rating needs, at the settings, and at the folders that they name."""
    yield Finding("Python", Level.OK, sys.version.split()[0])
    yield _exiftool()
    yield _runtime()
    yield _bundle(settings)
    configuration, told = settings_findings(environ)
    in_use = configuration.models.bundle if configuration else EMBEDDED
    yield from bundle_findings(settings, in_use=in_use)
    yield from provider_findings(settings, in_use=in_use)
    profile = configuration.sidecars.profile if configuration else settings.profile
    yield Finding("Sidecars", Level.OK, f"new ones are named in the {profile} way; existing ones are taken up")
    yield _state(settings.state)
    yield _space(settings.state)
    yield from told
    seen = list(FolderHealth(configuration).findings()) if configuration is not None else []
    yield from seen
    needed = bool(configuration and configuration.watch.folders)
    said = {each.sentence for each in seen}  # the daemon has looked at the same folders
    yield from (each for each in daemon_findings(settings, environ, needed=needed) if each.told not in said)


def _exiftool() -> Finding:
    from safelight.decoding.exif import exiftool_version

    version = exiftool_version()
    if version is None:
        return Finding(
            "exiftool",
            Level.NOTE,
            "missing: capture facts of RAW files, drive and bracket modes and some RAW previews are lost",
            "Install the package libimage-exiftool-perl (exiftool elsewhere).",
        )
    return Finding("exiftool", Level.OK, version)


def _runtime() -> Finding:
    from safelight.inference.session import describe_runtime

    runtime = describe_runtime()
    if runtime.problem:
        hint = "Install one, and one only: pip install onnxruntime, or onnxruntime-gpu for a GPU."
        return Finding("ONNX Runtime", Level.BAD, runtime.problem, hint)
    return Finding("ONNX Runtime", Level.OK, f"{runtime.version}, providers: {', '.join(runtime.providers)}")


def _bundle(settings: Settings) -> Finding:
    from safelight.app.judging import open_encoder
    from safelight.errors import BundleError

    try:
        encoder = open_encoder(settings)
    except BundleError as error:
        return Finding("Model bundle", Level.BAD, error.summary, error.hint)
    return Finding("Model bundle", Level.OK, f"{encoder.bundle}, {encoder.length} numbers a frame")


def _state(state: Path) -> Finding:
    existing = next((folder for folder in (state, *state.parents) if folder.exists()), Path("/"))
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "State folder", Level.BAD, f"{state} cannot be written", "Make it writable, or name another with --state."
        )
    return Finding("State folder", Level.OK, str(state) if state.exists() else f"{state} (made by the first rating)")


def _space(state: Path) -> Finding:
    existing = next((folder for folder in (state, *state.parents) if folder.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    told = f"{free / 1e9:.1f} GB free where the state folder is"
    if free < LOW_SPACE_BYTES:
        return Finding("Disk", Level.NOTE, told, "Free some space: a library of 100,000 frames takes about 0.6 GB.")
    return Finding("Disk", Level.OK, told)
