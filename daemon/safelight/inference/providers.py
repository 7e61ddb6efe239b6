"""Decides what models run on: the GPU when that truly works, otherwise the processor, and says why in one sentence.

What a build of ONNX Runtime lists says nothing: without a fitting driver, CUDA or cuDNN it goes on with the processor
and does not complain. So a session is made and asked what it runs on, and a GPU has to see a known picture as the
processor sees it (`fetched_encoder`). A GPU that fails either way costs speed and a sentence, never a rating.
Invariant: nothing here raises because of a GPU; a Provider always says what is used and why.
"""

import contextlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from safelight.errors import BundleError
from safelight.inference.gpu import Gpu, read_gpu
from safelight.inference.session import (
    CPU,
    Session,
    Wanted,
    installed_packages,
    load_runtime,
    open_session,
    packages_problem,
)

CUDA = "CUDAExecutionProvider"
MIN_COSINE = 0.99  # between what a provider and the processor make of the known picture, by the same file
# Memory grows by what is needed and not by doubling, so that other programs keep some; the exhaustive search for the
# fastest convolution would be repeated for every new size of a batch.
CUDA_OPTIONS = {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC"}
# A graph that returns its one number (ONNX, opset 13): enough for a session to say what it runs on.
PROBE = bytes.fromhex(
    "080812003a370a100a0178120179220849"
    "64656e74697479120167"
    "5a0f0a0178120a0a08080112040a020801"
    "620f0a0179120a0a08080112040a020801"
    "42040a00100d"
)  # fmt: skip

Accelerator = Literal["auto", "cpu"]


@dataclass(frozen=True, slots=True)
class Provider:
    """What models run on; `reason` is a whole sentence."""

    name: Literal["cuda", "cpu"]
    reason: str

    @property
    def told(self) -> str:
        """Return the line for the log, `status` and `doctor`."""
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Tried:
    """A session on the GPU, or why there is none."""

    session: Session | None
    refusal: str  # a whole sentence, empty with a session


def why_not_tried(*, accelerator: Accelerator, runtime: Any, packages: Mapping[str, str]) -> str:
    """Return why a GPU is not even tried, as a whole sentence, or nothing when it is worth it.

    `runtime` is the module onnxruntime, `packages` are the installed distributions of it.
    """
    if accelerator == "cpu":
        return "The settings ask for the processor."
    if CUDA not in runtime.get_available_providers():
        return packages_problem(packages) or "The installed onnxruntime has no CUDA."
    return ""


def open_on_gpu(model: bytes, *, runtime: Any, packages: Mapping[str, str]) -> Tried:
    """Load a model on the GPU if that works. Never raises because of the GPU; a damaged model is one more refusal."""
    missing = _preload(runtime)
    wanted: Wanted = [(CUDA, CUDA_OPTIONS), *CPU]
    try:
        session = open_session(model, providers=wanted, tried=True, runtime=runtime)
    except BundleError as error:
        return Tried(None, f"CUDA does not work here: {error.summary}")
    if session.provider == CUDA:
        return Tried(session, "")
    detail = missing or "the driver, CUDA or cuDNN is missing or does not fit."
    return Tried(None, " ".join(filter(None, [f"CUDA does not work here: {detail}", packages_problem(packages)])))


def describe_provider(accelerator: Accelerator, *, runtime: Any = None) -> Provider:
    """Return what a fetched bundle would run on, by trying; for `doctor`.

    Raises BundleError when onnxruntime is missing.
    """
    module = load_runtime() if runtime is None else runtime
    packages = installed_packages()
    refusal = why_not_tried(accelerator=accelerator, runtime=module, packages=packages)
    refusal = refusal or open_on_gpu(PROBE, runtime=module, packages=packages).refusal
    return Provider("cpu", refusal) if refusal else Provider("cuda", gpu_sentence(read_gpu(os.environ)))


def gpu_sentence(found: Gpu | None, squares: int | None = None) -> str:
    """Return the sentence about the GPU that is used, with how many pictures it takes at once if that is known."""
    name = found.name if found else "A GPU"
    return f"{name} is used, {squares} pictures at once." if squares else f"{name} is used."


def _preload(runtime: Any) -> str:
    """Load CUDA's libraries where pip put them; return what is missing, as the end of a sentence.

    ONNX Runtime prints what it did not find; that would end between the lines of our own output.
    """
    preload = getattr(runtime, "preload_dlls", None)  # since 1.21
    if preload is None:
        return ""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            preload()
    except (RuntimeError, OSError) as error:
        return f"{error}."
    first = next((line for line in printed.getvalue().splitlines() if line.startswith("Failed to load ")), "")
    library = first.removeprefix("Failed to load ").split(": ")[0]
    return f"{os.path.basename(library)} cannot be loaded." if library else ""
