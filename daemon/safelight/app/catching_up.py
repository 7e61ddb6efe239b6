"""Lets the fetched bundle in use look at the whole library now, and says how far it has come.

The daemon does the same in quiet moments. Whatever ends it, the next time goes on where it was. What is not on the disk
as it was known (deleted, copied back, edited) is found out about first, as the daemon does all the time.
"""

from dataclasses import dataclass, replace

from safelight.app.progress import Progress
from safelight.app.settings import EMBEDDED, Settings
from safelight.app.wiring import Parts
from safelight.domain.judges import bundle_of, looks_alone
from safelight.errors import BundleError, SafelightError, StateError
from safelight.services.succeed import waits

_TOGETHER = 256  # photographs between two questions of what is left


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the bundle in use has come."""

    bundle: str
    seen: int = 0  # photographs that it has seen, of those that are there
    unseen: int = 0  # likewise, that it has not
    out_of_reach: int = 0  # that it has not because they could not be reached, as on a disk that is not plugged in
    passed_over: int = 0  # that could not be read any more
    judges: bool = False  # whether its looks count; else those of the embedded one do
    trouble: str = ""  # what keeps it from looking, as sentences
    waits_for_absent: bool = False  # whether it does not judge because too many photographs cannot be reached


def standing(parts: Parts) -> Progressed:
    """Return how far the bundle in use has come, as far as catalog and disk tell without loading it."""
    bundle = parts.settings.bundle
    if bundle == EMBEDDED:
        return Progressed(bundle, judges=True)
    trouble = _trouble(parts.settings)
    known = (*parts.store.judges(), *parts.store.successions.judges())
    judge = next((each for each in known if _is_of(each, bundle)), None)
    if judge is None:
        return Progressed(bundle, unseen=parts.store.count_assessed(), trouble=trouble)
    successions = parts.store.successions
    unseen = successions.count_unseen(judge)
    has = successions.has(judge)
    return Progressed(
        bundle=bundle,
        seen=successions.count_seen_there(judge),
        unseen=unseen,
        out_of_reach=successions.count_out_of_reach(judge),
        passed_over=successions.count_passed_over(judge),
        judges=not trouble and not unseen and has,
        trouble=trouble,
        waits_for_absent=not has and not unseen and waits(successions, judge),
    )


def catch_up(parts: Parts, progress: Progress, *, leave: bool = False) -> Progressed:
    """Let the bundle in use look at all that it has not seen. Raises BundleError without the embedded one.

    `leave`: it takes over without the photographs that are out of reach, however many they are.
    """
    trouble = "" if parts.settings.bundle == EMBEDDED else _reconciled(parts)
    before = standing(parts)
    progress.begin("Getting to know the library", before.unseen + before.out_of_reach)
    with parts.judging(0) as judging:
        look = parts.scanner.look
        while judging.look_again(stamp=look, at_most=_TOGETHER, progress=progress.advance, leave=leave):
            pass
        trouble = judging.trouble or trouble
    after = standing(parts)
    return replace(after, trouble=trouble or after.trouble)


def _reconciled(parts: Parts) -> str:
    """Find out what happened to known files; what goes wrong there keeps nobody from looking, and is returned."""
    from safelight.app import reconcile_run  # `status` needs none of it

    try:
        reconcile_run.reconcile(None, parts=parts)
    except (BundleError, StateError):
        raise
    except SafelightError as error:
        return error.told
    return ""


def _trouble(settings: Settings) -> str:
    """Return what is wrong with the bundle in use as it lies on the disk, without reading its models."""
    from safelight.inference.installed import read_installed

    try:
        read_installed(settings.bundles / settings.bundle)
    except BundleError as error:
        return error.told
    return ""


def _is_of(judge: str, bundle: str) -> bool:
    return not looks_alone(judge) and bundle_of(judge) == bundle
