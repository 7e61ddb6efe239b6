"""Reads a rating out of a sidecar's bytes and merges ours into them.

Pure: bytes in, bytes out; `writer` does the files. A merge is proved before it is handed out: the result is parsed
again and must be the same document but for `xmp:Rating` and our own four facts, and must say what it was told to say.
Invariant: what cannot be proved is refused, and the file stays as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from safelight.domain.opinion import OurRating
from safelight.errors import SidecarBusy
from safelight.sidecars.facts import OurFacts, SidecarFacts
from safelight.sidecars.markup import Document, Property, locate, refused
from safelight.sidecars.splice import Spliced, plain, splice
from safelight.sidecars.vocabulary import (
    ADOBE_PICK,
    DARKTABLE,
    DARKTABLE_CURRENT,
    DARKTABLE_HISTORY,
    DARKTABLE_HISTORY_END,
    DARKTABLE_UNTOUCHED,
    DIGIKAM_PICK,
    LABEL,
    META,
    OTHER_STARS,
    OUR_RATING,
    OUR_REASON,
    OUR_SCORE,
    OUR_VERSION,
    RATING,
    RDF,
    SAFELIGHT,
    XMP,
    Name,
)

# XMP specification part 1, section 7.3.2: the packet's fixed id; the byte-order mark inside begin="" is U+FEFF.
_UTF_8 = "utf-8"
# The byte order mark is decoded to a character and encoded back with the text, so the codecs without one are meant.
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}

_NEW = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="{META}" x:xmptk="Safelight">
 <rdf:RDF xmlns:rdf="{RDF}">
  <rdf:Description rdf:about=""
    xmlns:xmp="{XMP}"
    xmlns:safelight="{SAFELIGHT}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
""".encode()


@dataclass(frozen=True, slots=True, eq=False)
class Sidecar:
    """A sidecar that has been parsed once, for a caller that reads it and then merges."""

    data: bytes
    text: bytes  # the same in UTF-8, which is what is edited
    codec: str  # "utf-8", or the UTF-16 that `data` is in
    document: Document
    facts: SidecarFacts

    def merge(self, rating: OurRating) -> bytes:
        """Return the bytes with our rating in them; see `merge`."""
        if _says(self.facts, rating):
            return self.data
        if len({_stars(text) for text in _texts(self.document, RATING)}) > 1:
            raise refused("The sidecar holds two different ratings.")
        spliced = splice(self.text, self.document, _values(self.document, rating))
        _prove(self.document, spliced, rating, declared=_declared(self.codec))
        return spliced.data if self.codec == _UTF_8 else spliced.data.decode().encode(self.codec)


def parse(data: bytes) -> Sidecar:
    """Parse a sidecar. Raises SidecarBusy for what may be half-written, SidecarRefused for what we cannot edit."""
    codec = _UTF_8 if data[2:4] == b"\0\0" else _MARKS.get(data[:2], _UTF_8)  # with two zeros it is UTF-32's mark
    text = data if codec == _UTF_8 else _brought_over(data, codec)
    document = locate(text, declared=_declared(codec))
    return Sidecar(data, text, codec, document, _facts(document))


def _brought_over(data: bytes, codec: str) -> bytes:
    """Return UTF-16 text in UTF-8, its mark included: the way back gives the same bytes for all that is well-formed."""
    try:
        return data.decode(codec).encode()
    except UnicodeError as error:
        raise SidecarBusy(
            "The sidecar is not whole: it breaks off within a character.",
            hint="Another program may be writing it just now; it is looked at again later.",
        ) from error


def _declared(codec: str) -> str:
    return "" if codec == _UTF_8 else "utf-16"


def read(data: bytes) -> SidecarFacts:
    """Return what a sidecar says that matters to a rating. Raises as `parse`."""
    return parse(data).facts


def merge(data: bytes | None, rating: OurRating) -> bytes:
    """Return a sidecar with our rating in it: `data` edited in place, or a new one for None.

    The same bytes come back when the stars, score and reason already stand there. Whether a person's rating may be
    replaced is not asked here: `decide` says whose it is, and `writer.plan` obeys.
    Raises as `parse`; SidecarRefused also for a rating that stands there twice with different values or with parts,
    and when the result does not prove to be the same document otherwise.
    """
    return (_fresh() if data is None else parse(data)).merge(rating)


@cache
def _fresh() -> Sidecar:
    """Return the sidecar that every new one starts from; it is the same each time, so it is parsed once."""
    return parse(_NEW)


def _values(document: Document, rating: OurRating) -> dict[Name, str]:
    values = {
        OUR_RATING: str(rating.rating),
        OUR_SCORE: _score(rating),
        OUR_REASON: plain(rating.reason),
        OUR_VERSION: plain(rating.version),
    }
    standing = _texts(document, RATING)
    if standing and all(_stars(text) == rating.rating for text in standing):
        return values  # "5.0" is as good as "5"
    return {RATING: str(rating.rating), **values}


def _prove(before: Document, spliced: Spliced, rating: OurRating, *, declared: str) -> None:
    try:
        after = locate(spliced.data, skip=spliced.block, declared=declared)
    except SidecarBusy as error:
        raise refused("The sidecar would not be well-formed after the change.") from error
    if after.tokens != before.tokens:
        raise refused("The change would have touched something else in the sidecar.")
    if not _says(_facts(after), rating):
        raise refused("The rating could not be read back from the changed sidecar.")


def _says(facts: SidecarFacts, rating: OurRating) -> bool:
    """Tell whether the sidecar already says all of it; an older version of us saying the same is good enough."""
    ours = facts.ours
    return (
        ours is not None
        and not facts.unclear
        and facts.rating == ours.rating == rating.rating
        and ours.score == _score(rating)
        and (ours.reason or "") == plain(rating.reason)
    )


def _score(rating: OurRating) -> str:
    text = f"{rating.score:.3f}"
    return "0.000" if text == "-0.000" else text


def _facts(document: Document) -> SidecarFacts:
    ratings = {_stars(text) for text in _texts(document, RATING)}
    readable = {stars for stars in ratings if isinstance(stars, int)}
    qualified = any(not each.simple for each in _elements(document, RATING))
    return SidecarFacts(
        rating=next(iter(readable)) if len(ratings) == len(readable) == 1 else None,
        unclear=qualified or len(ratings) > 1 or "unreadable" in ratings,
        ours=_ours(document),
        label=_first(document, LABEL),
        flag=_flag(document),
        other_stars=any(_number(text) > 0 for name in OTHER_STARS for text in _texts(document, name)),
        written_by_darktable=any(name[0] == DARKTABLE for name in document.texts),
        darktable_untouched=_untouched(document),
    )


def _ours(document: Document) -> OurFacts | None:
    if not any(name[0] == SAFELIGHT for name in document.texts):
        return None
    stars = {_stars(text) for text in _texts(document, OUR_RATING)}
    only = stars.pop() if len(stars) == 1 else None
    return OurFacts(
        rating=only if isinstance(only, int) else None,
        score=_first(document, OUR_SCORE),
        reason=_first(document, OUR_REASON),
        version=_first(document, OUR_VERSION),
    )


def _flag(document: Document) -> int | None:
    picks = [_number(text) for text in _texts(document, ADOBE_PICK)]
    labels = [_number(text) for text in _texts(document, DIGIKAM_PICK)]
    if -1 in picks or 1 in labels:
        return -1
    return 1 if 1 in picks or 3 in labels else None


def _untouched(document: Document) -> bool:
    """Tell whether darktable's history in this sidecar is the one it made by itself.

    Versions since 3.0 leave hashes of the automatic and of the current history; a sidecar without them is untouched
    only while it has no history at all.
    """
    current = _first(document, DARKTABLE_CURRENT)
    automatic = {_first(document, name) for name in DARKTABLE_UNTOUCHED} - {None}
    if current is not None or automatic:
        return current in automatic
    steps = sum(each.rows for each in _elements(document, DARKTABLE_HISTORY))
    return steps == 0 and not any(_number(text) > 0 for text in _texts(document, DARKTABLE_HISTORY_END))


def _stars(text: str) -> int | str:
    """Return the rating a text means: -1..5, "none" for an empty one, "unreadable" for everything else.

    Adobe's "5.0" is 5; 4.5, 6 or "good" are some person's or program's statement that we cannot read.
    """
    stripped = text.strip()
    if not stripped:
        return "none"
    number = _number(stripped)
    return int(number) if number in (-1, 0, 1, 2, 3, 4, 5) else "unreadable"


def _number(text: str) -> float:
    """Return a text's number, NaN (which equals and exceeds nothing) for anything else."""
    try:
        return float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        return math.nan


def _first(document: Document, name: Name) -> str | None:
    return next((text for text in _texts(document, name) if text.strip()), None)


def _texts(document: Document, name: Name) -> Sequence[str]:
    return document.texts.get(name, ())


def _elements(document: Document, name: Name) -> Sequence[Property]:
    return document.elements.get(name, ())
