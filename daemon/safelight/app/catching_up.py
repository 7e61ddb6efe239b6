"""Lets the fetched bundle in use look at the whole library now, and says how far it has come.

The daemon does the same in quiet moments. Whatever ends it, the next time goes on where it was.
"""

from dataclasses import dataclass

from safelight.app.progress import Progress
from safelight.app.settings import EMBEDDED
from safelight.app.wiring import Parts
from safelight.domain.judges import bundle_of, looks_alone

_TOGETHER = 256  # photographs between two questions of what is left


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the bundle in use has come."""

    bundle: str
    seen: int = 0  # photographs that it has seen
    unseen: int = 0  # of those that are there
    judges: bool = False  # whether its looks count; else those of the embedded one do
    trouble: str = ""  # what keeps it from looking, as sentences


def standing(parts: Parts) -> Progressed:
    """Return how far the bundle in use has come, as far as the catalog tells without loading it."""
    bundle = parts.settings.bundle
    if bundle == EMBEDDED:
        return Progressed(bundle, judges=True)
    judge = next((each for each in parts.store.judges() if _is_of(each, bundle)), None)
    if judge is None:
        return Progressed(bundle, unseen=parts.store.count_assessed())
    successions = parts.store.successions
    unseen = successions.count_unseen(judge)
    return Progressed(bundle, successions.count_seen(judge), unseen, not unseen and successions.has(judge))


def catch_up(parts: Parts, progress: Progress) -> Progressed:
    """Let the bundle in use look at all that it has not seen. Raises BundleError without the embedded one."""
    before = standing(parts)
    progress.begin("Getting to know the library", before.unseen)
    with parts.judging(0) as judging:
        look = parts.scanner.look
        while judging.look_again(stamp=look, at_most=_TOGETHER, progress=progress.advance) == _TOGETHER:
            pass
        trouble = judging.trouble
    now = standing(parts)
    return Progressed(now.bundle, now.seen, now.unseen, now.judges, trouble)


def _is_of(judge: str, bundle: str) -> bool:
    return not looks_alone(judge) and bundle_of(judge) == bundle
