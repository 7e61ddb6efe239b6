"""Decides whose rating a sidecar holds: a person's, our own, or nobody's.

Our rating is stored twice, as `xmp:Rating` for every editor and as our own copy that no editor touches. As long as the
two agree nobody has decided otherwise; once they differ a person has, for good. This needs no memory outside the file,
so it survives a lost state folder, a copied sidecar and another computer.
Invariant: in doubt the answer is PERSON, which leaves the file alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.domain.opinion import Opinion


@dataclass(frozen=True, slots=True)
class OurFacts:
    """What an earlier run wrote of itself; None where a fact is missing or unreadable."""

    rating: int | None = None
    score: str | None = None  # as written, three decimals
    reason: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class SidecarFacts:
    """What a sidecar says that matters to a rating decision."""

    rating: int | None = None  # xmp:Rating, -1..5; -1 is a reject
    unclear: bool = False  # xmp:Rating says something we cannot read, or two different things
    ours: OurFacts | None = None
    label: str | None = None
    flag: int | None = None  # 1 picked, -1 rejected, by xmpDM:pick or digiKam's PickLabel; None: no flag
    other_stars: bool = False  # stars above 0 in another program's vocabulary
    written_by_darktable: bool = False
    darktable_untouched: bool = False  # darktable wrote it and no one has edited the picture there


def decide(facts: SidecarFacts) -> Opinion:
    """Say whose rating a sidecar holds.

    With our copy present:
    - OURS while xmp:Rating is the same number;
    - PERSON otherwise. A rating that was changed, set to 0 or taken out was changed by someone: clearing our stars is
      a decision too, and stars that come back after they were cleared would be a nuisance.

    Without our copy:
    - PERSON for any rating but 0, for -1 (a reject), for one that we cannot read, for a pick or reject flag, and for
      stars that another program keeps under its own name;
    - NONE without a rating, with 0 (cameras, darktable and digiKam write it for "not rated"), and with the 1 star that
      darktable's import gives to every picture, as long as the history in that sidecar is the automatic one.
      A colour label is no rating: it says "to print" or "edited" as often as "good".
    """
    if facts.ours is not None:
        agree = not facts.unclear and facts.rating is not None and facts.rating == facts.ours.rating
        return Opinion.OURS if agree else Opinion.PERSON
    if facts.unclear or facts.flag is not None or facts.other_stars:
        return Opinion.PERSON
    if not facts.rating:
        return Opinion.NONE
    if facts.rating == 1 and facts.written_by_darktable and facts.darktable_untouched:
        return Opinion.NONE
    return Opinion.PERSON


def decide_together(sidecars: Iterable[SidecarFacts]) -> Opinion:
    """Say whose rating a frame with several sidecars has: a person's decision in one of them holds for all."""
    opinions = {decide(facts) for facts in sidecars}
    return next((each for each in (Opinion.PERSON, Opinion.OURS) if each in opinions), Opinion.NONE)
