"""Makes a bundle: loads a checkpoint, writes every file asked for, compares each with torch, and describes the whole.

Everything is written into a folder beside the wanted one, which takes the wanted name at the very end.
Invariant: a folder under the wanted name is complete, checked, and read back as a bundle.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import FetchedManifest, Precision, Role
from safelight.inference.session import open_session
from safelight.models.export.agreement import compare, refuse_strangers
from safelight.models.export.checkpoint import Checkpoint, load
from safelight.models.export.description import Made, describe
from safelight.models.export.graphs import OUTPUT, beside
from safelight.models.export.precisions import write_fp16, write_fp32, write_int8
from safelight.models.export.samples import planes, sample_squares, sample_texts
from safelight.models.export.towers import trace_text, trace_vision
from safelight.models.export.wanted import Wanted

Say = Callable[[str], None]
SAMPLES = 8  # of each kind; at full size torch needs seconds for each
TOKENIZER = "tokenizer.json"
_FOLDER_MODE = 0o755
_FAILURES = (RuntimeError, ValueError, TypeError, KeyError, NotImplementedError)  # of torch, optimum, onnx, onnxruntime
_WRITERS: dict[Precision, Callable[[Path, Path], None]] = {"fp32": write_fp32, "fp16": write_fp16, "int8": write_int8}


@dataclass(frozen=True, slots=True, eq=False)
class _Tower:
    """A traced tower with what it is tried on, and what torch answers to that."""

    role: Role
    traced: Path
    tensor: str
    inputs: NDArray[Any]
    known: NDArray[np.float32]


def make(wanted: Wanted, *, say: Say) -> FetchedManifest:
    """Make the bundle `wanted` in its folder and return its manifest; raises BundleError with nothing left behind."""
    torch.set_num_threads(wanted.threads)
    say("Loading the weights ...")
    checkpoint = load(wanted.origin, text=bool(wanted.text))
    with _staged(wanted.folder) as folder, tempfile.TemporaryDirectory(prefix=".export-", dir=folder.parent) as scratch:
        try:
            files = _everything(wanted, checkpoint, folder, Path(scratch), say)
        except _FAILURES as error:
            raise BundleError(
                f"The model could not be turned into ONNX: {(str(error) or type(error).__name__).splitlines()[0]}.",
                hint="Use the versions of the libraries that pyproject.toml names: 'make export' installs them.",
            ) from error
        return describe(wanted, checkpoint.shape, files, folder=folder)


def _everything(wanted: Wanted, checkpoint: Checkpoint, folder: Path, scratch: Path, say: Say) -> list[Made]:
    say("Tracing the vision tower with optimum ...")
    files = _files(_vision(checkpoint, scratch), wanted.vision, folder, wanted.threads, say)
    if checkpoint.text is not None:
        say("Tracing the text tower with torch.onnx ...")
        files += _files(_text(checkpoint, scratch), wanted.text, folder, wanted.threads, say)
        (folder / TOKENIZER).write_bytes(checkpoint.tokenizer)
        files.append(Made("tokenizer", TOKENIZER))
    return files


def _vision(checkpoint: Checkpoint, scratch: Path) -> _Tower:
    shape = checkpoint.shape
    inputs = planes(sample_squares(shape.side_px, SAMPLES), mean=shape.mean, deviation=shape.deviation)
    traced = trace_vision(checkpoint.vision, scratch / "vision", side_px=shape.side_px, length=shape.length)
    return _Tower("vision", traced, "pixel_values", inputs, _torch_answers(checkpoint.vision, inputs))


def _text(checkpoint: Checkpoint, scratch: Path) -> _Tower:
    shape, vocabulary = checkpoint.shape, checkpoint.vocabulary
    inputs = sample_texts(
        SAMPLES, tokens=shape.tokens, vocabulary=vocabulary, pad_id=shape.pad_id, eos_id=checkpoint.end_id
    )
    traced = trace_text(checkpoint.text, scratch / "text", tokens=shape.tokens, length=shape.length)
    return _Tower("text", traced, "input_ids", inputs, _torch_answers(checkpoint.text, inputs))


def _files(tower: _Tower, asked: Iterable[Precision], folder: Path, threads: int, say: Say) -> list[Made]:
    """Write the tower in every precision asked for, each compared with torch before the next is begun."""
    files = []
    for precision in asked:
        path = folder / f"{tower.role}_{precision}.onnx"
        begun = time.monotonic()
        _WRITERS[precision](tower.traced, path)
        if beside(path).exists():
            raise BundleError(
                f"The {tower.role} tower in {precision} is over 2 GB, more than an ONNX file holds.",
                hint=f"Leave {precision} out of --{tower.role}.",
            )
        agreement = compare(_onnx_answers(path, tower, threads), tower.known)
        seconds, megabytes = time.monotonic() - begun, path.stat().st_size / 1e6
        say(f"{path.name}: {megabytes:.1f} MB in {seconds:.0f} s, against torch: {agreement}")
        refuse_strangers(agreement, precision)
        files.append(Made(tower.role, path.name, precision, agreement))
    return files


def _torch_answers(tower: Any, inputs: NDArray[Any]) -> NDArray[np.float32]:
    """Return what torch answers to each row by itself, float32 (n, length)."""
    with torch.inference_mode():
        rows = [tower(torch.from_numpy(inputs[n : n + 1])).pooler_output for n in range(len(inputs))]
        return np.asarray(torch.cat(rows).numpy(), np.float32)


def _onnx_answers(path: Path, tower: _Tower, threads: int) -> NDArray[np.float32]:
    """Return what the written graph answers to each row by itself, as Safelight runs it."""
    session = open_session(path.read_bytes(), threads=threads)
    rows = [session.run([OUTPUT], {tower.tensor: tower.inputs[n : n + 1]})[0] for n in range(len(tower.inputs))]
    return np.asarray(np.concatenate(rows), np.float32)


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Give a new folder beside `target` that becomes it when all went well, and is removed when not."""
    target = target.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            yield folder
            folder.chmod(_FOLDER_MODE)
            folder.replace(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise BundleError(
            f"The bundle could not be written to {target}: {error.strerror or error}.",
            hint="Free some room there, or name another folder.",
        ) from error
