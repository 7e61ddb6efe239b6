"""Works on what a source gives in threads of its own, while the source goes on and the caller takes what is done.

For work that lets other threads run, as models do: looking at one frame then neither waits for the next to be decoded
nor keeps its workers waiting. Only a few are under way at once, so that memory does not grow with the source.
Invariant: what comes out is what went in, each with its result, in the same order; no thread outlives the iteration.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(
    source: Iterable[T], work: Callable[[Sequence[T]], Sequence[R]], *, threads: int = 1, together: int = 1
) -> Iterator[tuple[T, R]]:
    """Yield everything from `source` with what `work` makes of it.

    `work` gets up to `together` at once, in one of `threads` threads, and returns as many results; `source` is only
    asked from the caller's thread, at most `together` times two for each thread ahead. What `work` or `source` raises
    is raised here; whatever is under way is waited for then.
    """
    batches = iter(source)
    under_way: deque[tuple[Sequence[T], Future[Sequence[R]]]] = deque()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ahead") as pool:
        try:
            while batch := tuple(islice(batches, together)):
                under_way.append((batch, pool.submit(work, batch)))
                # One batch more than there are threads waits, so that no thread has to.
                while under_way and (len(under_way) > threads or under_way[0][1].done()):
                    yield from _finished(*under_way.popleft())
            while under_way:
                yield from _finished(*under_way.popleft())
        finally:
            for _, future in under_way:
                future.cancel()


def _finished(batch: Sequence[T], future: Future[Sequence[R]]) -> Iterator[tuple[T, R]]:
    yield from zip(batch, future.result(), strict=True)
