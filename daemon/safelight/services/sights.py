"""Lets every model that there is look at decoded frames: the first bundle, a further one, and what finds faces.

The first bundle alone is asked at once, as it takes less time than the next decode. A further one costs many times
that: then frames are looked at in threads while the workers decode on, and the caller remembers what is done.
Invariant: every answer of the decoder comes out once, in its order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from safelight.domain.faces import Face
from safelight.ports import Encoded, Encoder, Examined, Refused
from safelight.services.ahead import ahead
from safelight.services.face_look import FaceLook
from safelight.services.second_look import SecondLook, see_readable

_Answer = Examined | Refused


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What the models say of one frame."""

    examined: Examined
    encoded: Encoded
    faces: tuple[Face, ...] | None
    beside: NDArray[np.float16] | None  # the further bundle's embedding


class Sights:
    """Looks at what a decoder gives."""

    def __init__(self, *, encoder: Encoder, second: SecondLook | None = None, faces: FaceLook | None = None) -> None:
        """`second`: a further bundle that looks beside `encoder`; `faces`: what finds faces, where it is installed."""
        self._encoder = encoder
        self._second = second
        self._faces = faces

    def of(self, answers: Iterable[_Answer]) -> Iterator[Sight | Refused]:
        """Yield what was seen of each frame, or why not. Raises BundleError when the first bundle fails."""
        second = self._second
        if second is None:
            yield from (_paired(answer, self._first(answer), None) for answer in answers)
            return
        first = ahead(answers, lambda some: [self._first(each) for each in some], threads=second.threads_of_first)
        both = ahead(
            # Faces are read by now; a batch of previews would be hundreds of megabytes.
            ((_without_preview(answer), seen) for answer, seen in first),
            lambda some: see_readable(second, [answer for answer, _ in some]),
            threads=second.threads,
            together=second.together,
        )
        yield from (_paired(answer, seen, embedding) for (answer, seen), embedding in both)

    def _first(self, answer: _Answer) -> tuple[Encoded, tuple[Face, ...] | None] | None:
        if isinstance(answer, Refused):
            return None
        return self._encoder.encode(answer.thumb, answer.closeup), self._faces.of(answer) if self._faces else None


def _without_preview(answer: _Answer) -> _Answer:
    return answer if isinstance(answer, Refused) else replace(answer, preview=None)


def _paired(
    answer: _Answer,
    seen: tuple[Encoded, tuple[Face, ...] | None] | None,
    embedding: NDArray[np.float16] | None,
) -> Sight | Refused:
    if isinstance(answer, Refused):
        return answer
    assert seen is not None
    return Sight(answer, *seen, embedding)
