"""A pickle is a program: weights are read without running any, and a file that asks for more is refused."""

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from safelight.errors import BundleError
from safelight.models.build.legacy_pth import MAGIC, PROTOCOL, read_state


def tensor(
    *, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, count: int = 6, key: str = "k"
) -> bytes:
    """Write by hand what torch pickles for a tensor: a call of _rebuild_tensor_v2 on a storage named by key."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(Vstorage\nctorch\nFloatStorage\nV%s\nVcpu\nI%d\nNtQ" % (key.encode(), count)
    arguments = storage + b"I%d\n" % offset + numbers(shape) + numbers(strides) + b"I00\nN"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def weights(tensors: dict[str, bytes], *, state: bytes | None = None, count: int = 6) -> bytes:
    named = b"".join(b"V%s\n" % name.encode() + body + b"s" for name, body in tensors.items())
    raw = struct.pack("<q", count) + np.arange(6, dtype="<f4").tobytes()
    pickles = [pickle.dumps(MAGIC, 2), pickle.dumps(PROTOCOL, 2), pickle.dumps({"little_endian": True}, 2)]
    return b"".join([*pickles, state or b"}" + named + b".", pickle.dumps(["k"], 2), raw])


class Evil:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.arguments


def test_tensors_are_read_with_their_strides() -> None:
    content = weights({"plain": tensor(shape=(2, 3), strides=(3, 1)), "turned": tensor(shape=(3, 2), strides=(1, 3))})
    state = read_state(content)
    assert state["plain"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert state["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert state["plain"].dtype == np.float32
    assert state["turned"].flags.c_contiguous


def test_a_single_number_and_an_offset_are_read() -> None:
    state = read_state(
        weights({"one": tensor(shape=(), strides=(), offset=5), "none": tensor(shape=(0,), strides=(1,))})
    )
    assert state["one"].item() == 5
    assert state["none"].shape == (0,)


@pytest.mark.parametrize("place", ["first", "state", "entry"])
def test_a_pickle_that_runs_a_command_is_refused(tmp_path: Path, place: str) -> None:
    trace = tmp_path / "was_here"
    evil = pickle.dumps(Evil(os.system, f"touch '{trace}'"), 2)
    content = {
        "first": evil + weights({}),
        "state": weights({}, state=evil),
        "entry": weights({}, state=b"}Vx\n" + pickle.dumps(Evil(os.system, f"touch '{trace}'"), 0)[:-1] + b"s."),
    }[place]
    with pytest.raises(BundleError, match="system"):
        read_state(content)
    assert not trace.exists()


@pytest.mark.parametrize("call", [eval, getattr, __import__, bytes.fromhex])
def test_other_calls_are_refused_too(call: Callable[..., object]) -> None:
    with pytest.raises(BundleError, match="no need of"):
        read_state(weights({}, state=pickle.dumps(Evil(call, "1"), 2)))


def test_the_harmless_pickle_of_that_test_would_have_run() -> None:
    assert pickle.loads(pickle.dumps(Evil(int, "7"), 2)) == 7


@pytest.mark.parametrize("kept", [0, 1, 30, 80, -1, -20])
def test_a_file_that_was_cut_short_is_refused(kept: int) -> None:
    with pytest.raises(BundleError):
        read_state(weights({"x": tensor(shape=(2, 3), strides=(3, 1))})[:kept])


@pytest.mark.parametrize(
    "body",
    [
        tensor(shape=(7,), strides=(1,)),
        tensor(shape=(2, 3), strides=(4, 1)),
        tensor(shape=(2,), strides=(1,), offset=5),
        tensor(shape=(2,), strides=(-1,)),
        tensor(shape=(-2,), strides=(1,)),
        tensor(shape=(1,), strides=(1,), offset=-1),
        tensor(shape=(2, 3), strides=(1,)),
        tensor(shape=(6,), strides=(1,), count=7),
        tensor(shape=(6,), strides=(1,), key="missing"),
    ],
)
def test_a_tensor_that_reaches_outside_its_numbers_is_refused(body: bytes) -> None:
    with pytest.raises(BundleError):
        read_state(weights({"x": body}))


def test_a_zip_archive_is_refused_as_no_such_file() -> None:
    with pytest.raises(BundleError, match="cannot be used"):
        read_state(b"PK\x03\x04" + bytes(100))
