"""Tells whether this computer's processor multiplies 8-bit numbers without losing any of a sum.

Without the VNNI instructions ONNX Runtime adds pairs of products of 8-bit numbers in 16 bits, which run over where
weights use all 8 bits. Emulated on a processor without them, such files came out at a cosine of 0.92 to 0.95 to the
exact answer, files with weights of 7 bits (`models/export`) at 0.9996. A reference that was computed on the same
computer cannot notice that. Invariant: where the processor says nothing of itself, nothing is held against it.
"""

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_EXACT = frozenset({"avx512_vnni", "avx_vnni"})  # as the kernel names them; other architectures list no `flags`


def sums_run_over(cpuinfo: Path = _CPUINFO) -> bool:
    """Tell whether sums of 8-bit products may run over: an x86 processor without VNNI."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return flags is not None and _EXACT.isdisjoint(flags)
