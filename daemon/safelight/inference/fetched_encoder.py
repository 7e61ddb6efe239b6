"""Opens the vision tower of a fetched bundle, on the GPU when that truly works, otherwise on the processor.

Before a session may judge, it has to see the known picture as the processor saw it when the bundle was installed, by
the same file: a GPU that does not is left aside with a sentence, a processor that does not makes the bundle unusable.
Invariant: an encoder that is returned has been proved, and says what it runs on and why.
"""

import io
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedFile, VisionGraph
from safelight.inference.golden import check_golden, read_golden, reference_picture
from safelight.inference.gpu import read_gpu, together
from safelight.inference.installed import DIRECTIONS, Installed, golden_name, read_installed, spoiled
from safelight.inference.providers import MIN_COSINE, Accelerator, Provider, gpu_sentence, open_on_gpu, why_not_tried
from safelight.inference.session import Session, installed_packages, load_runtime, open_session
from safelight.inference.square_encoder import SquareEncoder, fitting, sound

NAMES = ("quality", "appeal")  # of the directions

Directions = Mapping[str, NDArray[np.float32]]


def open_vision(
    folder: Path,
    *,
    accelerator: Accelerator = "auto",
    threads: int = 1,
    say: Callable[[str], None] = lambda _: None,
    runtime: Any = None,
) -> SquareEncoder:
    """Load the vision tower of the bundle installed in `folder`, on what runs it best, and prove it.

    `say` is told one line: what it runs on, and why. `runtime`: the module onnxruntime, or one like it. Raises
    BundleError when files are missing or damaged, or when the processor does not see the known picture as it should.
    """
    installed = read_installed(folder)
    module = load_runtime() if runtime is None else runtime
    directions = read_directions(installed)
    encoder, refusal = _on_gpu(installed, directions, accelerator=accelerator, runtime=module)
    if encoder is None:
        encoder = _on_cpu(installed, directions, refusal=refusal, threads=threads, runtime=module)
    say(encoder.provider.told)
    return encoder


def encoder_on_cpu(
    installed: Installed, file: FetchedFile, *, reason: str, threads: int, runtime: Any, directions: Directions
) -> SquareEncoder:
    """Load one vision tower for the processor, unproved. Raises BundleError when it is damaged or does not fit."""
    graph = graph_of(installed)
    session = session_of(installed, file, threads=threads, runtime=runtime)
    fit = fitting(session, graph, name=installed.name)
    return SquareEncoder(
        run=lambda batch: session.run([graph.output], {graph.tensor: batch})[0],
        graph=graph,
        kind=fit.kind,
        name=installed.name,
        bundle=installed.id_of(file),
        provider=Provider("cpu", reason),
        directions=directions,
    )


def session_of(installed: Installed, file: FetchedFile, *, threads: int, runtime: Any) -> Session:
    """Load a model of a bundle for the processor; raises BundleError that names the bundle."""
    content = installed.content(file)
    try:
        return open_session(content, threads=threads, runtime=runtime)
    except BundleError as error:
        raise spoiled(installed.name, f"{file.path}: {error.summary.rstrip('.')}") from error


def graph_of(installed: Installed) -> VisionGraph:
    """Return what the vision tower takes and answers; raises BundleError for a bundle of another kind."""
    if installed.manifest.vision is None:
        raise spoiled(installed.name, "it is not a bundle that embeds pictures")
    return installed.manifest.vision


def read_directions(installed: Installed) -> dict[str, NDArray[np.float32]]:
    """Return the directions that were computed at install, none without a text tower; raises BundleError if damaged."""
    content = installed.made(DIRECTIONS)
    if content is None:
        return {}
    length = graph_of(installed).length
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            read = {name: np.asarray(file[name], np.float32) for name in NAMES}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise spoiled(installed.name, f"its directions cannot be read ({error})") from error
    if any(direction.shape != (length,) or not np.isfinite(direction).all() for direction in read.values()):
        raise spoiled(installed.name, "its directions do not fit its model")
    return read


def _on_gpu(
    installed: Installed, directions: Directions, *, accelerator: Accelerator, runtime: Any
) -> tuple[SquareEncoder | None, str]:
    """Return an encoder on the GPU that sees the known picture rightly, or None and why."""
    packages = installed_packages()
    refusal = why_not_tried(accelerator=accelerator, runtime=runtime, packages=packages)
    file = None if refusal else installed.vision("gpu")
    if file is None:
        return None, refusal or "The bundle was installed without its file for a GPU."
    tried = open_on_gpu(installed.content(file), runtime=runtime, packages=packages)
    if tried.session is None:
        return None, tried.refusal
    try:
        encoder = _bound(installed, file, tried.session, directions)
        _prove(encoder, installed, file)
    except BundleError as error:
        return None, f"The GPU is left alone: {error.summary}"
    return encoder, ""


def _bound(installed: Installed, file: FetchedFile, session: Session, directions: Directions) -> SquareEncoder:
    graph = graph_of(installed)
    fit = fitting(session, graph, name=installed.name)
    found = read_gpu(os.environ)
    squares = together(found.free_bytes if found else None, graph.side_px) if fit.several else 1
    return SquareEncoder(
        run=session.bound(graph.tensor, graph.output, device="cuda").run,
        graph=graph,
        kind=fit.kind,
        name=installed.name,
        bundle=installed.id_of(file),
        provider=Provider("cuda", gpu_sentence(found, squares)),
        squares=squares,
        directions=directions,
    )


def _on_cpu(installed: Installed, directions: Directions, *, refusal: str, threads: int, runtime: Any) -> SquareEncoder:
    file = installed.vision("cpu")
    if file is None:
        hint = "Use a bundle that runs on the processor, such as the embedded one: safelight models use embedded"
        raise BundleError(f"The model bundle '{installed.name}' needs a GPU. {refusal}", hint=hint)
    encoder = encoder_on_cpu(installed, file, reason=refusal, threads=threads, runtime=runtime, directions=directions)
    _prove(encoder, installed, file)
    return encoder


def _prove(encoder: SquareEncoder, installed: Installed, file: FetchedFile) -> None:
    """Raise BundleError unless the encoder sees the known picture as the processor did at install."""
    content = installed.made(golden_name(installed, file))
    if content is None:
        raise spoiled(installed.name, f"what {file.path} should make of the known picture was not computed")
    golden = read_golden(content, length=encoder.length)
    answer = sound(encoder.embed(reference_picture(encoder.side_px)[None]), name=installed.name)[0]
    check_golden(answer, golden, min_cosine=MIN_COSINE)
