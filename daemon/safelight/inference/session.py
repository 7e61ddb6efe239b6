"""Owns onnxruntime: how it is imported, how a session is set up, and what is said when it is missing.

ONNX Runtime switches its telemetry on while it is imported, so the variable that forbids it is set here, before the
only import of it in the program. The import is late: the daemon that idles for weeks never pays for it. One thread per
session, as frames are already worked on side by side; threads that spin while they wait would burn half of a core.
Invariant: no session exists without ORT_DISABLE_TELEMETRY=1 having been set before the library was loaded.
"""

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from safelight.errors import BundleError

TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
CPU = ("CPUExecutionProvider",)
PACKAGES = ("onnxruntime", "onnxruntime-gpu")  # both install the module `onnxruntime` over each other
_QUIET = 3  # errors only; the library warns on stderr about every odd CPU and GPU
_MODULE = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What there is to run models with; `problem` is a whole sentence, or empty when all is well."""

    version: str | None
    providers: tuple[str, ...]
    packages: Mapping[str, str]  # installed distribution -> version
    problem: str


class Session:
    """One loaded model; `run` is all it does."""

    def __init__(self, loaded: Any, failures: tuple[type[Exception], ...]) -> None:
        self._loaded = loaded
        self._failures = failures

    @property
    def outputs(self) -> dict[str, int | None]:
        """Names of the outputs with the length of their last axis, None where the model leaves it open."""
        lengths = {node.name: node.shape[-1] if node.shape else None for node in self._loaded.get_outputs()}
        return {name: length if isinstance(length, int) else None for name, length in lengths.items()}

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the named outputs in order; raises BundleError when the model refuses its input or fails."""
        try:
            return list(self._loaded.run(list(outputs), dict(inputs)))
        except self._failures as error:
            raise _unusable(error) from error


def open_session(model: bytes, *, threads: int = 1, providers: Sequence[str] = CPU) -> Session:
    """Load an ONNX model from its bytes, to run on `threads` CPU threads.

    Raises BundleError when onnxruntime is missing, a provider is not there or the model is damaged.
    """
    runtime = _load()
    missing = [name for name in providers if name not in runtime.get_available_providers()]
    if missing:
        raise BundleError(
            f"The installed onnxruntime cannot run models with {', '.join(missing)}.",
            hint="Run 'safelight doctor' to see what it offers.",
        )
    failures = _failures()
    try:
        loaded = runtime.InferenceSession(model, _options(runtime, threads), providers=list(providers))
    except failures as error:
        raise _unusable(error) from error
    # It keeps the bytes to begin again with another provider; that would be 13 MB for a model that then is another.
    loaded.disable_fallback()
    vars(loaded).pop("_model_bytes", None)
    return Session(loaded, failures)


def describe_runtime() -> Runtime:
    """Return what is installed to run models with, and what is wrong with it; for `safelight doctor`."""
    packages = installed_packages()
    if len(packages) > 1:
        both = " and ".join(packages)
        problem = f"Both {both} are installed and overwrite each other's files; uninstall both, then install one."
    else:
        problem = ""
    try:
        runtime = _load()
    except BundleError as error:
        return Runtime(version=None, providers=(), packages=packages, problem=problem or error.summary)
    providers = tuple(runtime.get_available_providers())
    return Runtime(version=str(runtime.__version__), providers=providers, packages=packages, problem=problem)


def installed_packages() -> dict[str, str]:
    """Return the distributions that bring the module onnxruntime, with their versions; nothing is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _load() -> Any:
    """Import onnxruntime with its telemetry off, and say in a sentence why when that is impossible."""
    if sys.modules.get(_MODULE) is None:
        os.environ[TELEMETRY_VARIABLE] = "1"
    elif os.environ.get(TELEMETRY_VARIABLE) != "1":
        raise BundleError(
            "Another part of this program has loaded onnxruntime with its telemetry on.",
            hint=f"Set {TELEMETRY_VARIABLE}=1 before the program starts.",
        )
    try:
        return importlib.import_module(_MODULE)
    except (ImportError, AttributeError, OSError) as error:  # AttributeError: two packages mixed in one folder
        raise BundleError(
            f"The library that runs models, onnxruntime, cannot be loaded: {error}.",
            hint="Install it with: pip install 'safelight[cpu]'",
        ) from error


def _options(runtime: Any, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The arena stays on: without it every run maps and unmaps its buffers, 1.6 times the CPU for 32 MB more (measured).
    return options


def _failures() -> tuple[type[Exception], ...]:
    """Return the exceptions onnxruntime raises; they have no common ancestor below Exception."""
    state = importlib.import_module(f"{_MODULE}.capi.onnxruntime_pybind11_state")
    own = (kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*own, RuntimeError, ValueError)


def _unusable(error: Exception) -> BundleError:
    lines = str(error).splitlines()
    return BundleError(
        f"The model could not be run: {lines[0] if lines else type(error).__name__}.",
        hint="Remove the folder of built models, which 'safelight doctor' names; they are built again.",
    )
