"""Turns words into vectors that can be compared with a bundle's embeddings; owns tokenizers.

The tower was trained on texts of one fixed length: the sign of the end after the words, then padding up to that length,
and its answer is read at the last place, so that texts of another length would mean something else. Truncation keeps
the sign of the end. How a text is normalised and cut is written in the tokenizer's file. Texts go one by one: dynamic
int8 takes its scale from the whole batch. The tower runs on the processor, as a question comes one at a time.
Invariant: whatever the text, what the tower gets is exactly as many numbers as its description says.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import TextGraph
from safelight.inference.fetched_encoder import graph_of, session_of
from safelight.inference.installed import Installed, read_installed, spoiled
from safelight.inference.session import Session, load_runtime
from safelight.inference.square_encoder import listed, refuse_other_output, unit_rows

MOST_CHARACTERS = 10_000  # of a text; the tower reads a few dozen words
_KINDS: dict[str, type[np.int64] | type[np.int32]] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class Tokens:
    """Cuts texts into a fixed count of tokens."""

    def __init__(self, content: bytes, graph: TextGraph, *, name: str) -> None:
        """`content` is that of a tokenizer.json. Raises BundleError when it is not understood."""
        self._graph = graph
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise BundleError(
                f"The library that cuts texts into words, tokenizers, cannot be loaded: {error}.",
                hint="Install Safelight again; it is part of it.",
            ) from error
        with _refusals(name):
            self._tokenizer: Any = Tokenizer.from_str(content.decode("utf-8", "replace"))
            self._tokenizer.no_padding()
            # With a sign of the end from here, it is added by us, in a place that is kept for it.
            own = graph.eos_id is None
            self._tokenizer.enable_truncation(graph.tokens) if own else self._tokenizer.no_truncation()
        self._name = name

    def of(self, text: str) -> NDArray[np.int64]:
        """Return the tokens of a text, (tokens,)."""
        graph = self._graph
        plain = text[:MOST_CHARACTERS].encode("utf-8", "replace").decode("utf-8")  # bytes of a terminal may be no UTF-8
        text = plain.lower() if graph.lower_case else plain
        with _refusals(self._name):
            # Where the sign of the end is ours to add, nothing else of the kind may be added either.
            ids = list(self._tokenizer.encode(text, add_special_tokens=graph.eos_id is None).ids)
        if graph.eos_id is not None:
            ids = [*ids[: graph.tokens - 1], graph.eos_id]
        return np.array(ids + [graph.pad_id] * (graph.tokens - len(ids)), np.int64)


class TowerEncoder:
    """The `TextEncoder` port over a session."""

    def __init__(
        self, *, session: Session, tokens: Tokens, graph: TextGraph, name: str, bundle: str, length: int
    ) -> None:
        self._session, self._tokens, self._graph = session, tokens, graph
        self._name, self._bundle, self._length = name, bundle, length
        self._kind = _kind(session, graph, name=name)
        refuse_other_output(session, graph.output, length, name=name)

    @property
    def bundle(self) -> str:
        """The bundle whose embeddings these vectors can be compared with."""
        return self._bundle

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: float32 (n, length), each L2-normalised. Raises BundleError when the model fails."""
        vectors = np.empty((len(texts), self._length), np.float32)
        for row, text in enumerate(texts):
            vectors[row] = self._embedded(self._tokens.of(text))
        return vectors

    def _embedded(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        batch = tokens[None].astype(self._kind, copy=False)
        try:
            (answer,) = self._session.run([self._graph.output], {self._graph.tensor: batch})
        except BundleError as error:
            raise spoiled(self._name, f"its text tower failed ({error.summary.rstrip('.')})") from error
        if answer.shape != (1, self._length):
            raise spoiled(self._name, f"its text tower answers numbers of shape {answer.shape}")
        row: NDArray[np.float32] = unit_rows(answer, name=self._name)[0]
        return row


def open_text(folder: Path, *, threads: int = 1, bundle: str | None = None) -> TowerEncoder:
    """Load the text tower of the bundle installed in `folder`.

    `bundle`: what the embeddings are called that its vectors are compared with; None: those that a processor makes.
    Raises BundleError when it is missing, or damaged, or was not fetched.
    """
    installed = read_installed(folder)
    return text_encoder_of(installed, threads=threads, bundle=bundle or installed.id, runtime=load_runtime())


def text_encoder_of(installed: Installed, *, threads: int, bundle: str, runtime: Any) -> TowerEncoder:
    """Load the text tower of a bundle; raises BundleError when there is none."""
    file, words, graph = installed.text(), installed.tokenizer(), installed.manifest.text
    if file is None or words is None or graph is None:
        raise BundleError(
            f"The model bundle '{installed.name}' was installed without a text tower, so it knows no words.",
            hint=f"Fetch it as well, where the bundle has one: safelight models fetch {installed.name} --text",
        )
    return TowerEncoder(
        tokens=Tokens(installed.content(words), graph, name=installed.name),
        session=session_of(installed, file, threads=threads, runtime=runtime),
        graph=graph,
        name=installed.name,
        bundle=bundle,
        length=graph_of(installed).length,
    )


def _kind(session: Session, graph: TextGraph, *, name: str) -> type[np.int64] | type[np.int32]:
    inputs = session.inputs
    if set(inputs) != {graph.tensor}:
        raise spoiled(name, f"its text tower takes {listed(inputs)} instead of {graph.tensor}")
    tensor = inputs[graph.tensor]
    if tensor.kind not in _KINDS or len(tensor.shape) != 2 or tensor.shape[1] not in {None, graph.tokens}:
        raise spoiled(name, f"its text tower takes {tensor.kind} of shape {tensor.shape}")
    return _KINDS[tensor.kind]


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn what the library raises into our error; it raises Exception itself and nothing more special."""
    try:
        yield
    except Exception as error:
        if type(error) not in {Exception, ValueError, TypeError}:
            raise
        raise spoiled(name, f"its tokenizer is not understood ({error})") from error
