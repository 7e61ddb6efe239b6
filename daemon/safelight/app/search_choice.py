"""Decides whose embeddings are searched: those of the bundle in use, as it is installed now, wherever that can be.

What is known already can be compared whoever looked at it. What has to be looked at first, a file or words, needs the
very bundle whose embeddings are searched; where another version of it is installed by now, a file is compared by the
next judge that can be asked, and words have to wait.
Invariant: words are never compared with what another version of their bundle saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from safelight.app.bundle_in_use import InUse, ids_of
from safelight.app.settings import EMBEDDED
from safelight.domain.judges import bundle_of
from safelight.errors import BundleError, SearchError
from safelight.ports.search import JudgeRows

if TYPE_CHECKING:
    from safelight.inference.installed import Installed

_ALMOST_ALL = 0.9  # of the rows of the judge that has most: below, one is still getting to know the library
CATCH_UP = "'safelight models catch-up' lets this one look at what is rated; the daemon does so when it has time."
_OTHERS = (
    "'safelight models fetch siglip2-base --text' gets one that does, 'safelight models use siglip2-base'"
    " lets it look at your photographs. 'safelight similar FILE' works with any."
)


def in_order(judges: Sequence[JudgeRows], in_use: InUse) -> list[JudgeRows]:
    """Return whose embeddings can be searched, who is to be asked first: who has seen almost all, the one in use first.

    `judges`: the one with the youngest look first. Those that have seen less follow, for where no other can be asked.
    Raises SearchError when nobody has looked at anything.
    """
    if not judges:
        raise SearchError(
            "No photograph has been looked at yet.", hint="'safelight rate FOLDER' looks at those of a folder."
        )
    full = _full(judges)
    own = [each for each in full if in_use.looked(each.judge)]
    rest = sorted((each for each in judges if each not in full), key=lambda each: -each.rows)
    return [*own, *(each for each in full if each not in own), *rest]


def of_words(judges: Sequence[JudgeRows], bundle: Installed) -> JudgeRows:
    """Return whose embeddings can be compared with words by `bundle`, as it is installed.

    Raises BundleError when it knows no words, SearchError when it has not looked at anything.
    """
    _refuse_wordless(bundle)
    in_use = InUse(bundle.name, ids_of(bundle))
    own = [each for each in judges if in_use.looked(each.judge)]
    if own:
        return _full(own)[0]
    if any(bundle_of(each.judge) == bundle.name for each in judges):
        raise SearchError(
            f"The library was looked at by another version of '{bundle.name}' than the one that is installed,"
            " so its words cannot be compared with that.",
            hint=CATCH_UP,
        )
    raise SearchError(f"The bundle '{bundle.name}' has not looked at any photograph yet.", hint=CATCH_UP)


def refuse_embedded() -> BundleError:
    """Return the refusal of the embedded bundle, which has no text tower."""
    return BundleError(f"The bundle in use, the {EMBEDDED} one, knows no words.", hint=_OTHERS)


def _refuse_wordless(bundle: Installed) -> None:
    """Raise BundleError when nothing of a bundle turns words into vectors."""
    if bundle.manifest.text is None:
        raise BundleError(f"The bundle in use, '{bundle.name}', knows no words.", hint=_OTHERS)
    if bundle.text() is None or bundle.tokenizer() is None:
        place = " --from FOLDER" if bundle.manifest.source.local else ""
        raise BundleError(
            f"The model bundle '{bundle.name}' was installed without a text tower, so it knows no words.",
            hint=f"Fetch it as well: safelight models fetch {bundle.name} --text{place}",
        )


def _full(judges: Sequence[JudgeRows]) -> list[JudgeRows]:
    most = max(each.rows for each in judges)
    return [each for each in judges if each.rows >= _ALMOST_ALL * most]
