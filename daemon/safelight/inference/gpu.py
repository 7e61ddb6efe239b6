"""Tells what GPU there is and how much of its memory is free, and how many pictures that lets a model take at once.

ONNX Runtime does not tell memory, so NVIDIA's management library is asked, which every driver brings along and which
neither starts a program nor touches the GPU (NVML API reference: functions, structure and return codes).
Invariant: a missing or unwilling library is None, never an error; the answer is a guess that a run may correct.
"""

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass

LIBRARY = "libnvidia-ml.so.1"
DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # the driver's own, and that of the Windows subsystem
MOST_TOGETHER = 64  # beyond it a GPU computes as many a second, and a batch only takes longer to gather
UNKNOWN_TOGETHER = 8  # where nobody tells the memory
# Generous for vision transformers in half precision: one picture of 224 pixels takes about 5 MB of activations in the
# base size, one of 384 about 70 MB in the so400m size.
_PICTURE_BYTES, _PICTURE_PX = 32 << 20, 224
_SHARE = 0.5  # of what is free: weights, workspaces and other programs want some as well
_NAME_BYTES = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: what it is called, and its free memory."""

    name: str
    free_bytes: int


class _Memory(ctypes.Structure):
    """The structure nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def gpu_may_be_there() -> bool:
    """Tell whether a driver of a GPU is loaded; cheap, and loads nothing."""
    return any(os.path.exists(device) for device in DEVICES)


def read_gpu(environ: Mapping[str, str], *, library: str = LIBRARY) -> Gpu | None:
    """Return the GPU that CUDA uses first, or None when the driver does not tell."""
    try:
        nvml = ctypes.CDLL(library)
    except OSError:
        return None
    try:
        if nvml.nvmlInit_v2() != 0:
            return None
        try:
            return _read(nvml, _first_visible(environ))
        finally:
            nvml.nvmlShutdown()
    except AttributeError:  # too old for these functions
        return None


def together(free_bytes: int | None, side_px: int) -> int:
    """Return how many squares a GPU takes at once, a power of two, 1 to 64, from its free memory."""
    if free_bytes is None:
        return UNKNOWN_TOGETHER
    each = _PICTURE_BYTES * (side_px / _PICTURE_PX) ** 2
    room = int(free_bytes * _SHARE / each)
    return min(MOST_TOGETHER, 1 << max(0, room.bit_length() - 1))


def _first_visible(environ: Mapping[str, str]) -> int:
    """Return the number of the first GPU that CUDA may use; it is 0 where they are named by something else."""
    first = environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def _read(nvml: ctypes.CDLL, number: int) -> Gpu | None:
    device, memory, name = ctypes.c_void_p(), _Memory(), ctypes.create_string_buffer(_NAME_BYTES)
    asked = (
        nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)),
        nvml.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)),
        nvml.nvmlDeviceGetName(device, name, ctypes.c_uint(_NAME_BYTES)),
    )
    if any(status != 0 for status in asked):
        return None
    return Gpu(name.value.decode("utf-8", "replace"), int(memory.free))
