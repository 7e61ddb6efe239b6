"""What models run on: the GPU when it truly works and sees what the processor sees, otherwise the processor, and why.

There is no GPU here: the runtime of a computer with one is scripted, and kept honest by the first examples, which run
on it and on the installed onnxruntime.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import read_fetched
from safelight.inference.fetched_encoder import open_vision
from safelight.inference.gpu import MOST_TOGETHER, UNKNOWN_TOGETHER, Gpu, gpu_may_be_there, read_gpu, together
from safelight.inference.providers import (
    CUDA,
    PROBE,
    Provider,
    describe_provider,
    gpu_sentence,
    open_on_gpu,
    why_not_tried,
)
from safelight.inference.session import CPU, Session, Tensor, open_session, packages_problem, short_of_memory
from safelight.inference.square_encoder import SquareEncoder
from safelight.models.prepare import prepare
from tests.fakes.graphs import LENGTH, SIDE, bundle, checked, tower
from tests.fakes.runtime import FakeRuntime

GPU = [(CUDA, {}), *CPU]
NONE: Mapping[str, str] = {}


# --- the scripted runtime and the real one agree ----------------------------------------------------------------------


@pytest.fixture(params=["real", "scripted without CUDA", "scripted with CUDA"])
def session(request: pytest.FixtureRequest) -> Session:
    if request.param == "real":
        return open_session(tower())
    if request.param == "scripted without CUDA":
        return open_session(tower(), runtime=FakeRuntime(listed=False))
    return open_session(tower(), providers=GPU, runtime=FakeRuntime())


def device(session: Session) -> str:
    return "cuda" if session.provider == CUDA else "cpu"


def batch(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


def test_a_session_tells_what_it_takes_and_answers(session: Session) -> None:
    assert session.inputs == {"pixel_values": Tensor("tensor(float)", (None, 3, SIDE, SIDE))}
    assert session.outputs == {"pooler_output": LENGTH}


def test_a_bound_run_answers_what_a_plain_one_does(session: Session) -> None:
    bound = session.bound("pixel_values", "pooler_output", device=device(session))
    for count, seed in ((3, 1), (3, 2), (1, 3), (3, 4)):  # the same size again, another one, back
        plain = session.run(["pooler_output"], {"pixel_values": batch(count, seed)})[0]
        answer = bound.run(batch(count, seed))
        assert answer.shape == (count, LENGTH)
        assert np.array_equal(answer, plain)


def test_an_answer_of_a_bound_run_is_not_changed_by_the_next(session: Session) -> None:
    bound = session.bound("pixel_values", "pooler_output", device=device(session))
    first = bound.run(batch(2, 1))
    before = first.copy()
    bound.run(batch(2, 2))
    assert np.array_equal(first, before)


def test_a_wrong_input_ends_in_our_error(session: Session) -> None:
    bound = session.bound("pixel_values", "pooler_output", device=device(session))
    with pytest.raises(BundleError):
        bound.run(np.zeros((1, 3, SIDE + 1, SIDE), np.float32))
    with pytest.raises(BundleError):
        session.run(["pooler_output"], {"pixel_values": np.zeros((1, 2, 2, 2), np.float32)})
    assert bound.run(batch(1)).shape == (1, LENGTH)


@pytest.mark.parametrize("runtime", [None, FakeRuntime(), FakeRuntime(listed=False)])
def test_a_damaged_model_is_refused(runtime: Any) -> None:
    for content in (b"", b"not a model", tower()[:300]):
        with pytest.raises(BundleError, match="could not be run"):
            open_session(content, runtime=runtime)


def test_weights_in_another_file_are_refused_though_the_file_lies_where_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be numbers that nobody verified; the library takes them from there where it is let."""
    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 31):
        pytest.skip("older versions of the library read the file whatever they are told")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.ones((3 * SIDE * SIDE, LENGTH), np.float32).tobytes())
    with pytest.raises(BundleError) as caught:
        open_session(tower(wrong="external"))
    assert caught.value.summary == "The model keeps its weights in another file, which is not supported."


def test_what_the_library_says_of_a_model_is_one_short_line_without_its_own_code() -> None:
    for edit in ({"ir_version": 99}, {"opset": 99}):
        model = checked(tower())
        model.ir_version = edit.get("ir_version", model.ir_version)
        model.opset_import[0].version = edit.get("opset", model.opset_import[0].version)
        with pytest.raises(BundleError) as caught:
            open_session(model.SerializeToString())
        summary = caught.value.summary
        assert summary.startswith("The model could not be run: ") and "99" in summary
        assert len(summary) < 240 and "ONNXRuntimeError" not in summary and "::" not in summary


@pytest.mark.parametrize("runtime", [None, FakeRuntime(listed=False)])
def test_cuda_that_is_not_listed_is_named(runtime: Any) -> None:
    with pytest.raises(BundleError, match="CUDAExecutionProvider"):
        open_session(tower(), providers=GPU, runtime=runtime)


def test_the_scripted_runtime_has_what_the_real_one_has() -> None:
    used = {name for name in dir(FakeRuntime) if not name.startswith("_")}
    own = {"listed", "works", "fails", "printed", "memory", "fault", "sees"}
    assert {name for name in used - own if not hasattr(onnxruntime, name)} == set()


# --- is it tried, does it work ----------------------------------------------------------------------------------------


def test_the_settings_may_forbid_it() -> None:
    runtime = FakeRuntime()
    assert why_not_tried(accelerator="cpu", runtime=runtime, packages=NONE) == "The settings ask for the processor."
    assert runtime.loaded == []


def test_a_build_without_cuda_is_not_tried() -> None:
    said = why_not_tried(accelerator="auto", runtime=FakeRuntime(listed=False), packages=NONE)
    assert said == "The installed onnxruntime has no CUDA."


def test_both_packages_at_once_are_named_as_the_reason() -> None:
    both = {"onnxruntime": "1.31.1", "onnxruntime-gpu": "1.31.1"}
    said = why_not_tried(accelerator="auto", runtime=FakeRuntime(listed=False), packages=both)
    assert said == packages_problem(both)
    assert "Both onnxruntime and onnxruntime-gpu are installed" in said
    silent = open_on_gpu(PROBE, runtime=FakeRuntime(works=False), packages=both)
    assert "Both onnxruntime and onnxruntime-gpu are installed" in silent.refusal


def test_a_session_that_falls_back_in_silence_is_not_believed() -> None:
    tried = open_on_gpu(PROBE, runtime=FakeRuntime(works=False), packages=NONE)
    assert tried.session is None
    assert tried.refusal.startswith("CUDA does not work here: the driver, CUDA or cuDNN is missing")


def test_the_library_that_is_missing_is_named_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    printed = "Failed to load libcudnn.so.9: cannot open shared object file\nPlease follow https://example.org"
    tried = open_on_gpu(PROBE, runtime=FakeRuntime(works=False, printed=printed), packages=NONE)
    assert tried.refusal == "CUDA does not work here: libcudnn.so.9 cannot be loaded."
    assert capfd.readouterr() == ("", "")


def test_cuda_that_fails_while_it_is_loaded_is_a_sentence() -> None:
    tried = open_on_gpu(PROBE, runtime=FakeRuntime(fails="CUDA failure 35: driver too old\nat here"), packages=NONE)
    assert tried.session is None
    assert "driver too old" in tried.refusal
    assert "at here" not in tried.refusal


def test_libraries_that_cannot_be_looked_for_are_a_sentence() -> None:
    class Broken(FakeRuntime):
        def preload_dlls(self) -> None:
            raise RuntimeError("Invalid parameter")

    tried = open_on_gpu(PROBE, runtime=Broken(works=False), packages=NONE)
    assert "Invalid parameter" in tried.refusal


def test_an_older_runtime_without_preloading_works() -> None:
    class Older(FakeRuntime):
        preload_dlls = None  # type: ignore[assignment]

    assert open_on_gpu(PROBE, runtime=Older(), packages=NONE).refusal == ""


def test_the_probe_is_a_model() -> None:
    (node,) = checked(PROBE).graph.node
    assert node.op_type == "Identity"
    (answer,) = open_session(PROBE).run(["y"], {"x": np.array([7], np.float32)})
    assert answer.tolist() == [7]


@pytest.mark.parametrize(
    "runtime, name",
    [
        (FakeRuntime(), "cuda"),
        (FakeRuntime(works=False), "cpu"),
        (FakeRuntime(listed=False), "cpu"),
        (FakeRuntime(fails="no"), "cpu"),
        (None, "cpu"),
    ],
)
def test_doctor_is_told_what_a_probe_runs_on(runtime: Any, name: str) -> None:
    said = describe_provider("auto", runtime=runtime)
    assert said.name == name
    assert said.told == f"{name}: {said.reason}"
    assert said.reason.endswith(".")


# --- a bundle on a GPU ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle with a tower for each; that of the processor has other weights, as int8 has."""
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower(), ("fp16", "gpu"): tower(kind=10)})
    prepare(folder, read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml"), threads=1)
    return folder


def opened(folder: Path, runtime: Any, **more: Any) -> tuple[SquareEncoder, str]:
    said: list[str] = []
    encoder = open_vision(folder, runtime=runtime, say=said.append, **more)
    (line,) = said
    assert line == encoder.provider.told
    return encoder, line


def squares(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_a_gpu_that_works_uses_its_file_several_at_once(folder: Path) -> None:
    runtime = FakeRuntime()
    encoder, line = opened(folder, runtime)
    assert line.startswith("cuda: ")
    assert encoder.bundle.endswith(":fp16")
    runtime.batches.clear()
    many = squares(encoder.together * 2 + 1)
    on_gpu = encoder.embed(many)
    assert runtime.batches == [encoder.together, encoder.together, 1]
    on_cpu, _ = opened(folder, runtime, accelerator="cpu")
    assert on_cpu.bundle.endswith(":int8")
    assert np.einsum("ij,ij->i", on_gpu, on_cpu.embed(many)).min() > 0.999


@pytest.mark.parametrize(
    "runtime, why",
    [
        (FakeRuntime(listed=False), "has no CUDA"),
        (FakeRuntime(works=False), "CUDA does not work here"),
        (FakeRuntime(fails="out of luck"), "out of luck"),
        (FakeRuntime(sees=lambda picture: -picture), "comes out wrong"),
        (FakeRuntime(sees=lambda picture: picture * np.nan), "not finite"),
        (FakeRuntime(fault="an illegal memory access was encountered"), "illegal memory access"),
        (FakeRuntime(memory=0), "Failed to allocate memory"),
    ],
)
def test_a_gpu_that_fails_or_sees_wrongly_costs_only_speed(folder: Path, runtime: FakeRuntime, why: str) -> None:
    encoder, line = opened(folder, runtime)
    assert line.startswith("cpu: ")
    assert why in line
    assert line.endswith(".")
    assert encoder.bundle.endswith(":int8")
    assert encoder.together == 1
    plain, _ = opened(folder, None)
    assert np.array_equal(encoder.embed(squares(2)), plain.embed(squares(2)))


def test_a_gpu_that_is_nearly_right_is_used_and_one_that_is_a_little_off_is_not(folder: Path) -> None:
    noise = np.random.default_rng(1).normal(size=(1, 3, SIDE, SIDE))
    nearly = FakeRuntime(sees=lambda picture: (picture + 0.01 * noise).astype(picture.dtype))
    off = FakeRuntime(sees=lambda picture: (picture + 0.2 * noise).astype(picture.dtype))
    assert opened(folder, nearly)[0].provider.name == "cuda"
    _, line = opened(folder, off)
    agreement = float(line.split("agreement ")[1].split(",")[0])
    assert 0.8 < agreement < 0.99


def test_a_batch_is_halved_when_memory_runs_out_and_stays_small(folder: Path) -> None:
    runtime = FakeRuntime()
    encoder, _ = opened(folder, runtime)
    many = squares(13)
    whole = encoder.embed(many)
    runtime.memory = 3
    assert encoder.together > 3
    again = encoder.embed(many)
    assert np.allclose(again, whole, atol=2e-3)
    assert encoder.together <= 3
    runtime.batches.clear()
    encoder.embed(many)
    assert max(runtime.batches) == encoder.together


def test_a_gpu_without_room_for_one_picture_fails_in_a_sentence(folder: Path) -> None:
    runtime = FakeRuntime()
    encoder, _ = opened(folder, runtime)
    runtime.memory = 0
    with pytest.raises(BundleError, match=r"'stand-in' failed: .*Failed to allocate memory"):
        encoder.embed(squares(5))


def test_another_failure_is_not_tried_again_in_halves(folder: Path) -> None:
    runtime = FakeRuntime()
    encoder, _ = opened(folder, runtime)
    before = encoder.together
    runtime.fault = "unspecified launch failure"
    with pytest.raises(BundleError, match="launch failure"):
        encoder.embed(squares(8))
    assert encoder.together == before


@pytest.mark.parametrize(
    "told, short",
    [
        ("CUDA failure 2: out of memory", True),
        ("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4294967296", True),
        ("CUBLAS_STATUS_ALLOC_FAILED", True),
        ("CUDA failure 700: an illegal memory access was encountered", False),
        ("Non-zero status code returned while running MatMul node", False),
    ],
)
def test_lack_of_memory_is_known_by_what_the_library_says(told: str, short: bool) -> None:
    session = open_session(PROBE, providers=GPU, runtime=FakeRuntime(fault=f"first line\n{told}"))
    with pytest.raises(BundleError) as caught:
        session.run(["y"], {"x": np.array([7], np.float32)})
    assert short_of_memory(caught.value) == short


def test_a_bundle_for_a_gpu_only_says_that_it_needs_one(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("fp16", "gpu"): tower(kind=10)})
    prepare(folder, read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml"), threads=1)
    assert opened(folder, FakeRuntime())[0].provider.name == "cuda"
    with pytest.raises(
        BundleError, match=r"'stand-in' needs a GPU\. The installed onnxruntime has no CUDA\."
    ) as caught:
        open_vision(folder)
    assert "safelight models use embedded" in caught.value.hint


def test_a_bundle_without_a_file_for_a_gpu_says_so(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): tower()})
    prepare(folder, read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml"), threads=1)
    assert opened(folder, FakeRuntime())[1] == "cpu: The bundle was installed without its file for a GPU."


def test_a_damaged_file_for_a_gpu_is_no_reason_to_judge_by_another_one(folder: Path) -> None:
    content = bytearray((folder / "vision_fp16.onnx").read_bytes())
    content[200] ^= 1
    (folder / "vision_fp16.onnx").write_bytes(content)
    with pytest.raises(BundleError, match=r"vision_fp16\.onnx is not the one that was verified"):
        open_vision(folder, runtime=FakeRuntime())
    assert open_vision(folder, runtime=FakeRuntime(listed=False)).provider.name == "cpu"


# --- memory of a GPU --------------------------------------------------------------------------------------------------

NVML = r"""
#include <string.h>
#include <stdlib.h>
typedef struct { unsigned long long total, free, used; } memory;
static int open_ = 0;
int nvmlInit_v2(void) { if (getenv("NVML_INIT")) return atoi(getenv("NVML_INIT")); open_ = 1; return 0; }
int nvmlShutdown(void) { open_ = 0; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned number, void **device) {
    static int devices[2] = {7, 8};
    if (!open_ || number > 1) return 2;
    *device = &devices[number];
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, memory *told) {
    if (!open_ || !device) return 1;
    told->total = 24ULL << 30; told->free = *(int *)device == 7 ? 20ULL << 30 : 3ULL << 30; told->used = 1; return 0;
}
int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    if (!open_ || !device) return 1;
    strncpy(name, *(int *)device == 7 ? "Great GPU" : "Small GPU", length); return 0;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library with the functions of NVIDIA's, compiled from C, so that what is passed to them is what C expects."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler to make a stand-in of NVIDIA's library")
    folder = tmp_path_factory.mktemp("nvml")
    (folder / "nvml.c").write_text(NVML)
    built = folder / "libnvml-stand-in.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", built, folder / "nvml.c"], check=True)
    ctypes.CDLL(str(built))
    return str(built)


@pytest.mark.parametrize(
    "visible, found",
    [
        (None, Gpu("Great GPU", 20 << 30)),
        ("", Gpu("Great GPU", 20 << 30)),
        ("1", Gpu("Small GPU", 3 << 30)),
        ("1,0", Gpu("Small GPU", 3 << 30)),
        ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", Gpu("Great GPU", 20 << 30)),
        ("5", None),
    ],
)
def test_the_first_gpu_that_cuda_may_use_is_read(library: str, visible: str | None, found: Gpu | None) -> None:
    environ = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert read_gpu(environ, library=library) == found


def test_a_driver_that_does_not_answer_is_no_gpu(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_INIT", "9")
    assert read_gpu({}, library=library) is None


def test_without_the_library_there_is_no_gpu_and_with_another_one_neither() -> None:
    assert read_gpu({}, library="libno-such-thing.so.1") is None
    assert read_gpu({}, library="libm.so.6") is None


def test_a_computer_without_the_driver_has_no_gpu() -> None:
    if any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg")):
        pytest.skip("there is a GPU in this computer")
    assert not gpu_may_be_there()


@given(free=st.integers(0, 200 << 30), side=st.integers(16, 1024))
def test_a_batch_is_a_power_of_two_that_fits_half_the_memory(free: int, side: int) -> None:
    squares = together(free, side)
    assert 1 <= squares <= MOST_TOGETHER
    assert squares & (squares - 1) == 0
    each = (32 << 20) * (side / 224) ** 2
    assert squares == 1 or squares * each <= free / 2
    assert squares == MOST_TOGETHER or 2 * squares * each > free / 2


@pytest.mark.parametrize("free, side, squares", [(None, 224, UNKNOWN_TOGETHER), (8 << 30, 224, 64), (8 << 30, 384, 32)])
def test_the_size_of_a_batch_of_some_gpus(free: int | None, side: int, squares: int) -> None:
    assert together(free, side) == squares


def test_what_is_said_of_a_gpu() -> None:
    assert (
        Provider("cuda", gpu_sentence(Gpu("Great GPU", 1), 32)).told == "cuda: Great GPU is used, 32 pictures at once."
    )
    assert gpu_sentence(None) == "A GPU is used."
