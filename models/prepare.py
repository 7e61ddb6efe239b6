"""Makes a fetched bundle ready before it is installed: proves that its models run, and computes what they are held to.

The vision towers run on the processor, which is slow for one that is meant for a GPU and is done once: what it makes of
the known picture is what any other way of running it is compared with. With a text tower the directions of quality
and appeal are computed too, so that nobody needs that tower to rate. All of it is computed first and written together.
The reference of a tower that is installed already stays: computed anew, by another library, it might be another one,
and what is said of photographs under one name would not be comparable. One without a sum in the receipt may be damaged
and still a reference: it stays only where judging would pass with it here.
Invariant: a bundle that comes out of here has been run; one that cannot be used leaves no file of ours behind.
"""

import io
import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, FetchedManifest
from safelight.inference.fetched_encoder import encoder_on_cpu, graph_of, read_directions
from safelight.inference.golden import check_golden, read_golden, reference_picture
from safelight.inference.installed import DIRECTIONS, MADE, Installed, golden_name, read_staged, spoiled
from safelight.inference.providers import MIN_COSINE
from safelight.inference.session import load_runtime
from safelight.inference.square_encoder import sound
from safelight.inference.text_encoder import text_encoder_of
from safelight.models.zero_shot import directions

_UNFINISHED = f"{MADE}.unfinished"


def prepare(folder: Path, manifest: FetchedManifest, *, threads: int, before: Installed | None = None) -> None:
    """Run the models of the bundle staged in `folder` and write what is computed with them into its folder `made`.

    `before`: the bundle of this name that is installed; its references stay for the towers that are the same. The files
    in `folder` have been verified by who calls. Raises BundleError when the bundle cannot be used, or, with an OSError
    as its cause, when the folder cannot be written.
    """
    installed = read_staged(folder, manifest)
    runtime = load_runtime()
    fresh = _goldens(installed, threads=threads, runtime=runtime)
    made = {**fresh, **_kept(before, installed, fresh)}
    if installed.text() is not None:
        words = text_encoder_of(installed, threads=threads, bundle=installed.id, runtime=runtime)
        made[DIRECTIONS] = packed(directions(words))
    _write(folder, made, name=manifest.name)


def unreadable(there: Installed) -> str:
    """Return why what was computed at install cannot be used, empty when it can; it is read as before judging.

    For bundles whose receipt has no sums of it. The models are run, those for a GPU on the processor.
    """
    try:
        read_golden(there.made(golden_name(there, there.known_by)) or b"", length=graph_of(there).length)
        read_directions(there)
        old = {name: there.made(name) for name in (golden_name(there, file) for file in _towers(there))}
    except BundleError as error:
        return error.summary
    fresh: dict[str, bytes] = {}
    with suppress(BundleError):  # what cannot be run says nothing of its reference
        fresh = _goldens(there, threads=1, runtime=load_runtime())
    for name, content in fresh.items():
        noted = old[name]
        if noted is not None and not _agree(noted, content, length=graph_of(there).length):
            return f"{MADE}/{name}, which was computed at install, does not agree with its model."
    return ""


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the content of a `.npz` file; the same arrays give the same bytes, whenever it is made."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), saved(values))
    return buffer.getvalue()


def saved(values: NDArray[Any]) -> bytes:
    """Return the content of a `.npy` file."""
    part = io.BytesIO()
    np.save(part, values, allow_pickle=False)
    return part.getvalue()


def _goldens(installed: Installed, *, threads: int, runtime: Any) -> dict[str, bytes]:
    """Return the references of the tower that the bundle is known by and of the one for a GPU, by file name."""
    known, *others = _towers(installed)
    made = {golden_name(installed, known): saved(_golden(installed, known, threads=threads, runtime=runtime))}
    for other in others:
        # Where a processor cannot run a file that is meant for a GPU, the GPU is left alone for want of a reference.
        with suppress(BundleError):
            made[golden_name(installed, other)] = saved(_golden(installed, other, threads=threads, runtime=runtime))
    return made


def _towers(installed: Installed) -> tuple[FetchedFile, ...]:
    """Return the tower that the bundle is known by, and the one for a GPU where that is another."""
    known, other = installed.known_by, installed.vision("gpu")
    return (known,) if other in {None, known} else (known, other)


def _kept(before: Installed | None, installed: Installed, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the references of towers that are installed already, as far as they can be read, by file name.

    `fresh`: those that were computed now, by file name. One without a sum has to agree with them.
    """
    kept: dict[str, bytes] = {}
    if before is None:
        return kept
    now = {file.path: file for file in installed.manifest.files if file.path in installed.received}
    for file in before.manifest.files:
        same = file.path in now and file.path in before.received and _sum(before, file) == _sum(installed, file)
        if not same or file.role != "vision" or now[file.path].role != "vision":
            continue
        name = golden_name(installed, now[file.path])
        with suppress(BundleError):  # what is damaged is computed
            content = before.made(golden_name(before, file))
            if content is None:
                continue
            length = graph_of(installed).length
            read_golden(content, length=length)
            if before.computed is not None or name not in fresh or _agree(content, fresh[name], length=length):
                kept[name] = content
    return kept


def _agree(old: bytes, fresh: bytes, *, length: int) -> bool:
    """Tell whether a processor that makes `fresh` of the known picture would be held to judge by `old`."""
    try:
        with np.errstate(all="ignore"):  # a damaged one may hold anything
            check_golden(read_golden(fresh, length=length), read_golden(old, length=length), min_cosine=MIN_COSINE)
    except BundleError:
        return False
    return True


def _sum(bundle: Installed, file: FetchedFile) -> str:
    return bundle.received[file.path].sha256


def _golden(installed: Installed, file: FetchedFile, *, threads: int, runtime: Any) -> NDArray[np.float16]:
    encoder = encoder_on_cpu(installed, file, reason="", threads=threads, runtime=runtime, directions={})
    picture = reference_picture(encoder.side_px)[None]
    golden = sound(encoder.embed(picture), name=installed.name)
    if np.array_equal(golden, encoder.embed(255 - picture)):
        raise spoiled(installed.name, f"{file.path} says the same of a picture and its negative")
    rounded: NDArray[np.float16] = golden[0].astype(np.float16)
    return rounded


def _write(folder: Path, made: Mapping[str, bytes], *, name: str) -> None:
    """Write files into the folder `made`, all of them or none."""
    unfinished = folder / _UNFINISHED
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        for path, content in made.items():
            _write_file(unfinished / path, content)
        shutil.rmtree(folder / MADE, ignore_errors=True)
        unfinished.rename(folder / MADE)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(unfinished)
        raise BundleError(
            f"What was computed for the model bundle '{name}' cannot be written ({error.strerror}).",
            hint="Free some space on the disk, or make the folder of the bundles writable.",
            path=folder,
        ) from error


def _write_file(path: Path, content: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
