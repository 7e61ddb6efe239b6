"""Places the frames of a burst, or a lone frame, by what their faces say: shut eyes, and a face softer than elsewhere.

A blink is worth some octaves of sharpness and no more, so the frame with open eyes is the keeper unless it is clearly
blurred. What every frame of a burst has in common (a sleeper, a statue) is held against it as mildly as against a lone
frame. Faces stand in a part of their own, which a taste does not weigh; that a frame is behind its burst because of
them does count.
Invariant: contributions named "eyes" and "faces" are exactly what faces change, and 1 star is never due to them alone,
as that needs a technical reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from safelight.domain.faces import Face, Faults, faults
from safelight.domain.score import BURST_STEP, Contribution, Part, Score, steps_down, tidy

EYES, FACES = "eyes", "faces"  # names of the contributions
# Keeper units (two octaves of sharpness each) that a fault costs beside the other frames of a burst.
_SHUT_IN_BURST = 1.25
_SOFT_IN_BURST = 1.0
_SHUT_ALONE = 0.5  # score units, about two thirds of a star: a lone frame's shut eyes may be meant
_NOTICED = 0.35  # a smaller fault is not worth a word
_SHUT_WORDS = 0.8  # from here eyes are called shut


@dataclass(frozen=True, slots=True)
class FaceTerm:
    """What the faces of one frame say: contributions in score units, and lower-case phrases for the sentence."""

    eyes: float
    faces: float
    against: tuple[str, ...] = ()  # what hurt; its contribution is negative
    favour: tuple[str, ...] = ()  # what helped; its contribution is positive

    @property
    def value(self) -> float:
        """Return the sum of both contributions."""
        return tidy(self.eyes + self.faces)


NO_FACES = FaceTerm(0.0, 0.0)


def lone_term(seen: Sequence[Face] | None) -> FaceTerm:
    """Return what the faces of a lone frame say; never above 0."""
    (fault,) = faults([seen])
    return _term(tidy(-_SHUT_ALONE * fault.shut), 0.0, fault)


def burst_terms(keeper_scores: Sequence[float], seen: Sequence[Sequence[Face] | None]) -> tuple[FaceTerm, ...]:
    """Return what faces change in a burst that `score.spread` has placed by `keeper_scores`, in the same order.

    The frames are placed anew with the faults in their keeper scores, and the differences are told. A frame that
    becomes the keeper thereby gains what it was behind, so the burst is still judged by its best frame.
    """
    own = faults(seen)
    common = min((fault.shut for fault in own), default=0.0)
    eyes = [score - _SHUT_IN_BURST * (fault.shut - common) for score, fault in zip(keeper_scores, own, strict=True)]
    both = [score - _SOFT_IN_BURST * fault.soft for score, fault in zip(eyes, own, strict=True)]
    steps = zip(steps_down(keeper_scores), steps_down(eyes), steps_down(both), own, strict=True)
    return tuple(
        _term(tidy(first - second - _SHUT_ALONE * common), tidy(second - third), fault)
        for first, second, third, fault in steps
    )


def with_faces(score: Score, term: FaceTerm) -> Score:
    """Return a score with what faces say added as contributions, none for nothing."""
    named = ((EYES, term.eyes), (FACES, term.faces))
    return Score((*score.contributions, *(Contribution(Part.FACES, name, value) for name, value in named if value)))


def _term(eyes: float, faces: float, fault: Faults) -> FaceTerm:
    """Return the contributions with words for those that are worth one."""
    against = []
    if fault.told and fault.shut >= _NOTICED and eyes < 0:
        against.append("eyes shut" if fault.shut >= _SHUT_WORDS else "eyes nearly shut")
    if fault.soft >= _NOTICED and faces < 0:
        against.append("a face softer than in another frame of the burst")
    favour = ("eyes open, which another frame's are not",) if fault.told and eyes >= BURST_STEP else ()
    return FaceTerm(eyes, faces, tuple(against), favour)
