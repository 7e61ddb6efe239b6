"""Looks at frames with a further bundle, beside the one that every frame is judged by.

What it sees is kept under a judge of its own: the same facts, measures and faces, its own embedding, and the heads of
the first judge, with what words say added once this bundle has taken over. When its model fails, the first judge alone
goes on, and that is told once: a second look is never a reason not to rate. A rare picture to which it has no answer
(half precision may overflow) is no failure; more than a few are.
Invariant: a second look changes nothing that the first one saw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from safelight.domain.judges import bundle_of
from safelight.domain.records import Assessment
from safelight.domain.succession import Succession
from safelight.errors import BundleError
from safelight.ports import Assessments, Examined, Refused, VisionEncoder

NO_ANSWER = "The bundle answers nothing to this picture."
_FEW, _RARE = 8, 0.05  # pictures without an answer, and their share: from here on it is the model and not the picture


class SecondLook:
    """One further bundle, with the table of what it has seen."""

    def __init__(
        self,
        *,
        encoder: VisionEncoder,
        assessments: Assessments,
        took_over: Callable[[], Succession | None],
        seen: int = 0,
        threads: int = 1,
        say: Callable[[BundleError], None] = lambda _: None,
    ) -> None:
        """Look with `encoder`, in at most `threads` threads.

        `took_over` loads what was made when this bundle took over, None before that; `seen`: how many frames it has
        seen before; `say` is told a failure.
        """
        self._encoder = encoder
        self._assessments = assessments
        self._load = took_over
        self._most_threads = threads
        self._say = say
        self._succession = took_over()
        self._seen = seen
        self._unanswered = 0  # in this session
        self.failed = False

    @property
    def judge(self) -> str:
        """Who looks."""
        return self._assessments.judge

    @property
    def length(self) -> int:
        """How many numbers its embeddings have."""
        return self._encoder.length

    @property
    def directions(self) -> Mapping[str, NDArray[np.float32]]:
        """Directions in its embeddings that words gave."""
        return self._encoder.directions

    @property
    def together(self) -> int:
        """How many frames the encoder likes at once."""
        return self._encoder.together

    @property
    def threads(self) -> int:
        """How many threads may ask at once: one where frames go together, as on a GPU, else one a processor."""
        return 1 if self._encoder.together > 1 else self._most_threads

    @property
    def threads_of_first(self) -> int:
        """How many threads the first bundle is to have, so that this one never waits for it."""
        return self._most_threads

    def see(self, examined: Sequence[Examined]) -> list[NDArray[np.float16] | None]:
        """Return the embeddings of some frames, None for those without; may be asked by threads.

        A frame is without one when the model answers nothing finite to it, and always once the model has failed.
        """
        if self.failed or not examined:
            return [None] * len(examined)
        squares = np.stack([each.squares[self._encoder.side_px] for each in examined])
        try:
            answers = self._encoder.embed(squares).astype(np.float16)
        except BundleError as error:
            self._fail(error)
            return [None] * len(examined)
        finite = [bool(np.isfinite(answer).all()) for answer in answers]
        self._seen += len(finite)
        self._unanswered += finite.count(False)
        if self._unanswered >= max(_FEW, _RARE * self._seen) and not self.failed:
            summary = f"The model bundle '{bundle_of(self.judge)}' answers numbers that are not finite."
            self._fail(BundleError(summary, hint="'safelight models verify' tells whether its files are damaged."))
        return [answer if good else None for answer, good in zip(answers, finite, strict=True)]

    def _fail(self, error: BundleError) -> None:
        self.failed = True
        self._say(error)

    def beside(self, seen: Assessment, embedding: NDArray[np.float16]) -> Assessment:
        """Return what this bundle says of a frame that the first judge has seen."""
        quality, appeal = seen.quality, seen.appeal
        if self._succession is not None:
            quality = self._succession.tilted("quality", quality, embedding)
            appeal = self._succession.tilted("appeal", appeal, embedding)
        return replace(seen, embedding=embedding, quality=quality, appeal=appeal, judge=self.judge)

    def put(self, made: Assessment) -> None:
        """Remember what was seen."""
        self._assessments.put_assessment(made)

    def renew(self) -> None:
        """Go on with what was made since, when this bundle took over."""
        if self._succession is None:  # what was made stays as it is
            self._succession = self._load()


def see_readable(look: SecondLook, answers: Sequence[Examined | Refused]) -> list[NDArray[np.float16] | None]:
    """Return what `look` sees of the answers of a decoder, None for frames that could not be decoded."""
    seen = iter(look.see([each for each in answers if isinstance(each, Examined)]))
    return [next(seen) if isinstance(each, Examined) else None for each in answers]
