"""Lets the fetched bundle in use look at the whole library now, and says how far it has come.

The daemon does the same in quiet moments. Whatever ends it, the next time goes on where it was. What is not on the disk
as it was known (deleted, copied back, edited) is found out about first, as the daemon does all the time.
"""

from dataclasses import dataclass, replace

from safelight.app import bundle_word
from safelight.app.bundle_in_use import InUse, read_in_use
from safelight.app.bundle_word import Word
from safelight.app.progress import Progress
from safelight.app.settings import EMBEDDED, Settings
from safelight.app.wiring import Parts
from safelight.domain.judges import beside
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
    fails: bool = False  # whether it cannot be used, as far as is known
    provider: str = ""  # what it runs on, as who loaded it last left word
    trouble: str = ""  # what keeps it from looking, as sentences
    waits_for_absent: bool = False  # whether it does not judge because too many photographs cannot be reached


def standing(parts: Parts) -> Progressed:
    """Return how far the bundle in use has come, as far as catalog and disk tell without loading it."""
    found = read_in_use(parts.settings)
    word = bundle_word.read(parts.store.memos.get(bundle_word.MEMO), parts.settings)
    fails = bool(found.trouble) or word.fails
    trouble = " ".join(filter(None, (found.trouble or word.of_bundle, word.of_faces)))
    told = Progressed(found.name, fails=fails, provider="" if fails else word.provider, trouble=trouble)
    if found.name == EMBEDDED:
        return replace(told, judges=not fails)
    judge = _judge(parts, found, word)
    successions = parts.store.successions
    unseen = successions.count_unseen(judge)
    has = successions.has(judge)
    return replace(
        told,
        seen=successions.count_seen_there(judge),
        unseen=unseen,
        out_of_reach=successions.count_out_of_reach(judge),
        passed_over=successions.count_passed_over(judge),
        judges=not fails and not unseen and has,
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


def _judge(parts: Parts, found: InUse, word: Word) -> str:
    """Return the judge that looks with the bundle in use, or a name that nobody looks by where it never looked."""
    ids = _running(found.ids, parts.settings, word)
    known = (*parts.store.judges(), *parts.store.successions.judges())
    running = replace(found, ids=ids)
    looked = next((each for each in known if running.looked(each)), None)
    return looked or beside(ids[0] if ids else found.name, EMBEDDED)


def _running(ids: tuple[str, ...], settings: Settings, word: Word) -> tuple[str, ...]:
    """Return what the bundle goes by on what it runs on, as far as that is known."""
    if settings.accelerator == "cpu" or word.provider.startswith("cpu:"):
        return ids[:1]
    return ids[-1:] if word.provider.startswith("cuda:") else ids
