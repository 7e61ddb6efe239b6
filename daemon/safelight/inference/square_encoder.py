"""Turns squares into embeddings over a session that somebody has loaded: preprocessing, batches, and what is refused.

How many squares a run takes is told from outside: one on a processor, as dynamic int8 takes its scale from the whole
batch and a picture's embedding would depend on its neighbours; as many as fit on a GPU, and half as many when memory
ran out after all.
Invariant: every embedding is finite and of length 1; anything else is a BundleError that names the bundle.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import VisionGraph
from safelight.inference.installed import spoiled
from safelight.inference.providers import Provider
from safelight.inference.session import Session, short_of_memory

Kind = type[np.float32] | type[np.float16]
Run = Callable[[NDArray[Any]], NDArray[Any]]  # (n, 3, side, side) -> (n, length)

_KINDS: Mapping[str, Kind] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_HINT = "Run 'safelight doctor'. With accelerator = \"cpu\" in the settings a GPU is left alone."


@dataclass(frozen=True, slots=True)
class Fit:
    """How a session is spoken to: the type of its input, and whether it takes several pictures at once."""

    kind: Kind
    several: bool


class SquareEncoder:
    """The `VisionEncoder` port over a session."""

    def __init__(
        self,
        *,
        run: Run,
        graph: VisionGraph,
        kind: Kind,
        name: str,
        bundle: str,
        provider: Provider,
        squares: int = 1,
        directions: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        """`run` takes a batch of `kind`; `name` is how messages call the bundle, `bundle` how vectors do."""
        self._run, self._graph, self._kind = run, graph, kind
        self._name, self._bundle, self._provider = name, bundle, provider
        self._together = squares
        self._directions = dict(directions or {})

    @property
    def bundle(self) -> str:
        """Name, sum and precision, "siglip2-base:<12 hex>:int8"."""
        return self._bundle

    @property
    def length(self) -> int:
        """Numbers in an embedding."""
        return self._graph.length

    @property
    def side_px(self) -> int:
        """Edge of the square it takes."""
        return self._graph.side_px

    @property
    def together(self) -> int:
        """How many squares it likes at once; fewer after memory ran out."""
        return self._together

    @property
    def directions(self) -> Mapping[str, NDArray[np.float32]]:
        """Directions (length,) that words gave: "quality" and "appeal", or none."""
        return self._directions

    @property
    def provider(self) -> Provider:
        """What it runs on, and why."""
        return self._provider

    def embed(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (n, side_px, side_px, 3) sRGB squares: float32 (n, length), each L2-normalised.

        A row is NaN where the model answers nothing, or nothing finite, to that picture. Raises BundleError when the
        model fails. From several threads only with `together` 1.
        """
        wanted = (self.side_px, self.side_px, 3)
        if squares.ndim != 4 or squares.shape[1:] != wanted or squares.dtype != np.uint8:
            raise BundleError(f"The model was given squares of {squares.dtype} {squares.shape} instead of {wanted}.")
        embeddings = np.empty((len(squares), self.length), np.float32)
        done = 0
        while done < len(squares):
            some = squares[done : done + self._together]
            answer = self._answer(some)
            if answer is not None:
                embeddings[done : done + len(some)] = self._checked(answer, len(some))
                done += len(some)
        return embeddings

    def _answer(self, squares: NDArray[np.uint8]) -> NDArray[Any] | None:
        """Return what the model says, or None when memory ran out and fewer at once are to be tried."""
        try:
            return self._run(prepared(squares, self._graph).astype(self._kind, copy=False))
        except BundleError as error:
            if len(squares) == 1 or not short_of_memory(error):
                raise BundleError(f"The model bundle '{self._name}' failed: {error.summary}", hint=_HINT) from error
        self._together = len(squares) // 2
        return None

    def _checked(self, answer: NDArray[Any], pictures: int) -> NDArray[np.float32]:
        if answer.shape != (pictures, self.length):
            raise spoiled(self._name, f"it answers numbers of shape {answer.shape} for {pictures} pictures")
        return normalised(answer)


def prepared(squares: NDArray[np.uint8], graph: VisionGraph) -> NDArray[np.float32]:
    """Return (x - mean) / deviation of uint8 (n, side, side, 3) as float32 (n, 3, side, side)."""
    batch: NDArray[np.float32] = np.empty((len(squares), 3, graph.side_px, graph.side_px), np.float32)
    np.subtract(squares.transpose(0, 3, 1, 2), np.float32(graph.mean), out=batch)
    batch /= np.float32(graph.deviation)
    return batch


def normalised(answer: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows (n, length) as float32 of length 1, NaN throughout where a row is nothing or not finite."""
    rows = answer.astype(np.float64)
    norms = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    usable = np.isfinite(norms) & (norms > 0)
    return np.asarray(np.divide(rows, norms, out=np.full_like(rows, np.nan), where=usable), np.float32)


def unit_rows(answer: NDArray[Any], *, name: str) -> NDArray[np.float32]:
    """Return rows (n, length) as float32 of length 1; raises BundleError when one is nothing or not finite."""
    return sound(normalised(answer), name=name)


def sound(rows: NDArray[np.float32], *, name: str) -> NDArray[np.float32]:
    """Return rows as they are; raises BundleError, which names the bundle, when the model had no answer to one."""
    if not np.isfinite(rows).all():
        raise spoiled(name, "it answers numbers that are not finite or all zero")
    return rows


def fitting(session: Session, graph: VisionGraph, *, name: str) -> Fit:
    """Return how to speak to a session. Raises BundleError when it is not the model that `graph` describes."""
    inputs = session.inputs
    if set(inputs) != {graph.tensor}:
        raise spoiled(name, f"its model takes {listed(inputs)} instead of {graph.tensor}")
    tensor = inputs[graph.tensor]
    wanted = (None, 3, graph.side_px, graph.side_px)
    sizes = zip(tensor.shape, wanted, strict=False)
    if len(tensor.shape) != 4 or any(None not in {told, size} and told != size for told, size in sizes):
        raise spoiled(name, f"its model takes pictures of the shape {tensor.shape[1:]} instead of {wanted[1:]}")
    if tensor.kind not in _KINDS or tensor.shape[0] not in {None, 1}:
        raise spoiled(name, f"its model takes {tensor.kind} in batches of {tensor.shape[0]}")
    refuse_other_output(session, graph.output, graph.length, name=name)
    return Fit(_KINDS[tensor.kind], several=tensor.shape[0] is None)


def refuse_other_output(session: Session, output: str, length: int | None, *, name: str) -> None:
    """Raise BundleError unless the session has that output: a row for each input, of that length where it tells one."""
    if output not in session.outputs:
        raise spoiled(name, f"its model answers {listed(session.outputs)} and no {output}")
    axes, told = len(session.answers[output]), session.outputs[output]
    if axes not in {0, 2}:  # 0: it does not tell
        raise spoiled(name, f"its model answers with numbers along {axes} axes instead of 2")
    if None not in {told, length} and told != length:
        raise spoiled(name, f"its model answers {told} numbers instead of {length}")


def listed(names: Mapping[str, object]) -> str:
    """Return names as words of a sentence."""
    return ", ".join(names) or "nothing"
