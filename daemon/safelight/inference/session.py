"""Owns onnxruntime: how it is imported, how a session is set up, and what is said when it is missing.

ONNX Runtime switches its telemetry on while it is imported, so the variable that forbids it is set here, before the
only import of it in the program. The import is late: the daemon that idles for weeks never pays for it. One thread per
session, as frames are already worked on side by side; threads that spin while they wait would burn half of a core.
What a session runs on is asked of the session: the library lists what it was built with, and goes on without it when
that does not work. Which one is wanted is decided in `providers`.
Invariant: no session exists without ORT_DISABLE_TELEMETRY=1 having been set before the library was loaded.
"""

import importlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from numpy.typing import NDArray

from safelight.errors import BundleError

TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"
CPU = ("CPUExecutionProvider",)
PACKAGES = ("onnxruntime", "onnxruntime-gpu")  # both install the module `onnxruntime` over each other
_QUIET = 3  # errors only; the library warns on stderr about every odd CPU and GPU
_SILENT = 4  # fatal only; a provider that is merely tried writes errors, and why it failed is told by us
_MODULE = "onnxruntime"
_PREAMBLE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:\S+\.(?:cc|h):\d+ .*?\) )?")  # codes, a place in C++
_ELSEWHERE = ("external data", "external initializer", f"{os.devnull}/")
_MOST_TOLD = 200  # characters of what the library says; its paths and signatures help no photographer
_NO_MEMORY = ("out of memory", "failed to allocate", "alloc_failed", "bad_alloc", "bad allocation")

Wanted = Sequence[str | tuple[str, Mapping[str, str]]]  # providers, the best first, with options where they have any


@dataclass(frozen=True, slots=True)
class Runtime:
    """What there is to run models with; `problem` is a whole sentence, or empty when all is well."""

    version: str | None
    providers: tuple[str, ...]
    packages: Mapping[str, str]  # installed distribution -> version
    problem: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a model takes at one place: `kind` as ONNX Runtime writes it, None in `shape` where it takes any size."""

    kind: str
    shape: tuple[int | None, ...]


class Session:
    """One loaded model; `run` is all it does, `bound` does the same with buffers that stay where the model is."""

    def __init__(self, loaded: Any, failures: tuple[type[Exception], ...], runtime: Any) -> None:
        self._loaded = loaded
        self._failures = failures
        self._runtime = runtime

    @property
    def provider(self) -> str:
        """What the session really runs on, "CPUExecutionProvider" or another."""
        return str(self._loaded.get_providers()[0])

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Names of the inputs with their type and shape."""
        return {node.name: Tensor(str(node.type), _sizes(node.shape)) for node in self._loaded.get_inputs()}

    @property
    def outputs(self) -> dict[str, int | None]:
        """Names of the outputs with the length of their last axis, None where the model leaves it open."""
        return {name: (shape or (None,))[-1] for name, shape in self.answers.items()}

    @property
    def answers(self) -> dict[str, tuple[int | None, ...]]:
        """Names of the outputs with their shape, () where the model does not tell it."""
        return {node.name: _sizes(node.shape) for node in self._loaded.get_outputs()}

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the named outputs in order; raises BundleError when the model refuses its input or fails."""
        try:
            return list(self._loaded.run(list(outputs), dict(inputs)))
        except self._failures as error:
            raise _unusable(error) from error

    def bound(self, given: str, wanted: str, *, device: str) -> "Bound":
        """Return a runner from one input to one output, with its buffers on `device` ("cuda" or "cpu")."""
        return Bound(self._loaded, self._failures, self._runtime, given=given, wanted=wanted, device=device)


class Bound:
    """Runs a model from one input to one output; what goes in and comes out lies in the memory of the device.

    Only the wanted output is copied back, and one batch is written over the one before it. Not for several threads.
    """

    def __init__(
        self, loaded: Any, failures: tuple[type[Exception], ...], runtime: Any, *, given: str, wanted: str, device: str
    ) -> None:
        self._loaded, self._failures, self._runtime = loaded, failures, runtime
        self._given, self._wanted, self._device = given, wanted, device
        self._held: Any = None

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Return the wanted output for `batch`; raises BundleError as `Session.run` does."""
        try:
            held = self._hold(batch)
            binding = self._loaded.io_binding()
            binding.bind_ortvalue_input(self._given, held)
            binding.bind_output(self._wanted, self._device)
            self._loaded.run_with_iobinding(binding)
            answer: NDArray[Any] = binding.copy_outputs_to_cpu()[0]
        except self._failures as error:
            self._held = None  # after a lack of memory nothing of ours may stay behind
            raise _unusable(error) from error
        return answer

    def _hold(self, batch: NDArray[Any]) -> Any:
        if self._held is not None and tuple(self._held.shape()) == batch.shape:
            self._held.update_inplace(batch)
        else:
            self._held = None  # let go of the old one first
            self._held = self._runtime.OrtValue.ortvalue_from_numpy(batch, self._device, 0)
        return self._held


def open_session(
    model: bytes, *, threads: int = 1, providers: Wanted = CPU, tried: bool = False, runtime: Any = None
) -> Session:
    """Load an ONNX model from its bytes, to run on `threads` CPU threads.

    `tried`: the providers may turn out not to work, and that is not to be written on stderr. Ask the session what it
    runs on then. `runtime` is the module onnxruntime, or one like it; None: the installed one. Raises BundleError when
    onnxruntime is missing, a provider is not there, the model is damaged or keeps its weights in another file.
    """
    module = load_runtime() if runtime is None else runtime
    names = [each if isinstance(each, str) else each[0] for each in providers]
    missing = [name for name in names if name not in module.get_available_providers()]
    if missing:
        raise BundleError(
            f"The installed onnxruntime cannot run models with {', '.join(missing)}.",
            hint="Run 'safelight doctor' to see what it offers.",
        )
    failures = _failures(module)
    options = _options(module, threads, _SILENT if tried else _QUIET)
    try:
        # Without the fallback of its Python part, which prints banners on stdout and begins again with the CPU.
        loaded = module.InferenceSession(model, options, providers=list(providers), enable_fallback=0)
    except failures as error:
        raise _not_loaded(error) from error
    # It keeps the bytes to begin again with another provider; that would be 13 MB for a model that then is another.
    loaded.disable_fallback()
    vars(loaded).pop("_model_bytes", None)
    return Session(loaded, failures, module)


def short_of_memory(error: BundleError) -> bool:
    """Tell whether a run failed because memory did not suffice, so that a smaller batch may do."""
    told = f"{error.summary} {error.__cause__ or ''}".lower()
    return any(sign in told for sign in _NO_MEMORY)


def describe_runtime() -> Runtime:
    """Return what is installed to run models with, and what is wrong with it; for `safelight doctor`."""
    packages = installed_packages()
    problem = packages_problem(packages)
    try:
        runtime = load_runtime()
    except BundleError as error:
        return Runtime(version=None, providers=(), packages=packages, problem=problem or error.summary)
    providers = tuple(runtime.get_available_providers())
    return Runtime(version=str(runtime.__version__), providers=providers, packages=packages, problem=problem)


def packages_problem(packages: Mapping[str, str]) -> str:
    """Return what is wrong with the installed distributions as a sentence, or nothing."""
    if len(packages) < 2:
        return ""
    both = " and ".join(packages)
    return f"Both {both} are installed and overwrite each other's files; uninstall both, then install one."


def installed_packages() -> dict[str, str]:
    """Return the distributions that bring the module onnxruntime, with their versions; nothing is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def load_runtime() -> Any:
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
            hint="Install it where Safelight is installed: pip install onnxruntime",
        ) from error


def _options(runtime: Any, threads: int, severity: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = severity
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Weights in another file would be read from wherever the program runs, unverified; no file lies in this "folder".
    # (The library heeds that in 1.31; 1.20 does not for a model that is loaded from bytes.)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    # The arena stays on: without it every run maps and unmaps its buffers, 1.6 times the CPU for 32 MB more (measured).
    return options


def _sizes(shape: Sequence[object]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape or ())


def _failures(runtime: Any) -> tuple[type[Exception], ...]:
    """Return the exceptions onnxruntime raises; they have no common ancestor below Exception."""
    state = vars(runtime.capi.onnxruntime_pybind11_state)
    own = (kind for kind in state.values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*own, RuntimeError, ValueError)


def _not_loaded(error: Exception) -> BundleError:
    if any(sign in str(error).lower() for sign in _ELSEWHERE):
        return BundleError(
            "The model keeps its weights in another file, which is not supported.",
            hint="Use a model that is one file.",
        )
    return _unusable(error)


def _unusable(error: Exception) -> BundleError:
    line = _PREAMBLE.sub("", next(iter(str(error).splitlines()), "")).rstrip(".")
    return BundleError(
        f"The model could not be run: {shorten(line, _MOST_TOLD, placeholder=' (...)') or type(error).__name__}.",
        hint="Remove the folder of built models, which 'safelight doctor' names; they are built again.",
    )
