"""The module onnxruntime of a computer with a GPU: its CUDA sessions compute on the processor.

Everything that is asked of it is answered by the installed onnxruntime; only which provider a session names, how a GPU
runs out of memory, how it sees and how it fails are told beforehand. tests/adapters/test_session_providers.py runs the
same examples on this and on the real one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@dataclass
class FakeRuntime:
    """`listed`: the build has CUDA; `works`: a session really uses it."""

    listed: bool = True
    works: bool = True
    fails: str = ""  # what loading on CUDA raises
    printed: str = ""  # what looking for CUDA's libraries prints
    memory: int = 1_000_000  # pictures at once that fit
    fault: str = ""  # what running on CUDA raises
    sees: Callable[[NDArray[Any]], NDArray[Any]] = lambda picture: picture
    batches: list[int] = field(default_factory=list)  # sizes of the batches that were computed on CUDA
    loaded: list[tuple[str, ...]] = field(default_factory=list)  # providers that sessions were asked for

    capi = onnxruntime.capi
    SessionOptions = onnxruntime.SessionOptions
    ExecutionMode = onnxruntime.ExecutionMode
    __version__ = onnxruntime.__version__

    def get_available_providers(self) -> list[str]:
        return [CUDA, CPU] if self.listed else [CPU]

    def preload_dlls(self) -> None:
        if self.printed:
            print(self.printed)  # noqa: T201  # as the real one does

    @property
    def OrtValue(self) -> type["FakeValue"]:  # noqa: N802
        return FakeValue

    def InferenceSession(  # noqa: N802
        self, model: bytes, options: Any, *, providers: Sequence[Any], enable_fallback: int
    ) -> "FakeSession":
        names = tuple(each if isinstance(each, str) else each[0] for each in providers)
        self.loaded.append(names)
        if CUDA in names and self.fails:
            raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException(self.fails)
        inner = onnxruntime.InferenceSession(model, options, providers=[CPU], enable_fallback=enable_fallback)
        return FakeSession(self, inner, list(names) if self.works else [CPU])


class FakeValue:
    """A tensor in the memory of a device."""

    def __init__(self, array: NDArray[Any], device: str) -> None:
        self.array, self.device = array.copy(), device

    @staticmethod
    def ortvalue_from_numpy(array: NDArray[Any], device: str, _number: int) -> "FakeValue":
        return FakeValue(array, device)

    def shape(self) -> list[int]:
        return list(self.array.shape)

    def update_inplace(self, array: NDArray[Any]) -> None:
        assert array.shape == self.array.shape
        self.array[...] = array


class FakeSession:
    """A session that says that it runs on what it was asked for."""

    def __init__(self, runtime: FakeRuntime, inner: Any, providers: list[str]) -> None:
        self._runtime, self._inner, self._providers = runtime, inner, providers

    def get_providers(self) -> list[str]:
        return self._providers

    def get_inputs(self) -> Any:
        return self._inner.get_inputs()

    def get_outputs(self) -> Any:
        return self._inner.get_outputs()

    def disable_fallback(self) -> None:
        self._inner.disable_fallback()

    def io_binding(self) -> "FakeBinding":
        return FakeBinding()

    def run(self, outputs: list[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        if self._providers[0] != CUDA:
            return list(self._inner.run(outputs, inputs))
        if self._runtime.fault:
            raise onnxruntime.capi.onnxruntime_pybind11_state.Fail(self._runtime.fault)
        size = max(len(value) for value in inputs.values())
        if size > self._runtime.memory:
            told = (
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer of size 99"
            )
            raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException(told)
        self._runtime.batches.append(size)
        seen = {name: self._runtime.sees(value) for name, value in inputs.items()}
        return list(self._inner.run(outputs, seen))

    def run_with_iobinding(self, binding: "FakeBinding") -> None:
        binding.answers = self.run([binding.wanted], {binding.given: binding.value.array})


class FakeBinding:
    """What is bound for one run."""

    def bind_ortvalue_input(self, name: str, value: FakeValue) -> None:
        self.given, self.value = name, value

    def bind_output(self, name: str, device: str) -> None:
        self.wanted, self.device = name, device

    def copy_outputs_to_cpu(self) -> list[NDArray[Any]]:
        assert self.device == self.value.device
        return [np.array(answer) for answer in self.answers]
