"""Writes what a person is told by notification: one notice for each shoot, card or trouble, in whole plain sentences.

The texts are here and not where they are shown, so that they can be read, and tested, in one place. A notice has a key:
a later one of the same key takes its place. Names of files and cards come from outside; `shown` makes them readable.
Invariant: a text says only what the numbers say; a number that is nought is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

KEEP_CARD = "Do not format the card yet."
LONGEST_NAME = 60  # letters of a name in a sentence; a file name may have 255


class Topic(StrEnum):
    """What a notice is about; the settings can silence each."""

    SHOOT = "shoot"
    CARD = "card"
    TROUBLE = "trouble"


class Urgency(StrEnum):
    """How much a notice may disturb."""

    LOW = "low"
    NORMAL = "normal"


class Press(StrEnum):
    """What a person can press on a notice."""

    OPEN = "open"
    UNDO = "undo"
    PAUSE = "pause"
    EJECT = "eject"
    # The three answers are also the policies of a card.
    IMPORT = "import"
    RATE = "rate"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press, and what stands on it."""

    press: Press
    label: str


OPEN = Button(Press.OPEN, "Open folder")
UNDO = Button(Press.UNDO, "Undo")
PAUSE = Button(Press.PAUSE, "Pause")
EJECT = Button(Press.EJECT, "Eject")
ANSWERS = (
    Button(Press.IMPORT, "Import and rate"),
    Button(Press.RATE, "Only rate"),
    Button(Press.IGNORE, "Ignore"),
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification.

    `instead` says what to do where nothing can be pressed; `by_click` is what a click beside the buttons means.
    `progress`: only tells how far something has come. `waits`: a question, shown until it is answered.
    """

    key: str
    topic: Topic
    title: str
    body: str
    buttons: tuple[Button, ...] = ()
    urgency: Urgency = Urgency.NORMAL
    by_click: Press | None = None
    progress: bool = False
    waits: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Rated:
    """What came of rating a shoot, in frames; `withheld` were left without stars on purpose."""

    frames: int
    seconds: float
    five: int = 0
    low: int = 0  # one or two stars
    bursts: int = 0
    withheld: int = 0
    unreadable: int = 0
    unwritten: int = 0  # sidecars that could not be written


def shown(name: str) -> str:
    r"""Return a name of a file, folder or card as one readable line of at most `LONGEST_NAME` letters.

    Bytes that are no UTF-8 (held as surrogates) stand as \xff, control characters and marks that turn the direction
    of writing as their escapes. A long name loses its middle: beginning and end tell names apart.
    """
    told = "".join(_readable(letter) for letter in name)
    if len(told) <= LONGEST_NAME:
        return told
    half = (LONGEST_NAME - 1) // 2
    return f"{told[:half]}…{told[-half:]}"


def _readable(letter: str) -> str:
    if letter.isprintable():
        return letter
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # how Python holds a byte that is no UTF-8 (PEP 383)
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")


def duration(seconds: float) -> str:
    """Return a span of time as a person says it: "8 s", "3 min", "1 h 5 min"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def counted(number: int, noun: str) -> str:
    """Return "1 frame", "412 frames", "1,200 frames"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def outcome(rated: Rated) -> str:
    """Return what came of a shoot: "412 frames rated in 3 min: 37 five-star, 118 one- or two-star, 64 bursts."."""
    found = (
        f"{rated.five:,} five-star" if rated.five else "",
        f"{rated.low:,} one- or two-star" if rated.low else "",
        counted(rated.bursts, "burst") if rated.bursts else "",
    )
    told = ", ".join(part for part in found if part)
    return f"{counted(rated.frames, 'frame')} rated in {duration(rated.seconds)}{': ' if told else ''}{told}."


def _remarks(rated: Rated) -> Sequence[str]:
    """Return the sentences after the outcome: what was not rated, and why."""
    told = []
    if rated.withheld:
        told.append(_blind(rated.withheld))
    if rated.unreadable:
        told.append(f"{counted(rated.unreadable, 'frame')} could not be read and stay{_s(rated.unreadable)} unrated.")
    if rated.unwritten:
        told.append(f"{counted(rated.unwritten, 'sidecar')} could not be written, which is tried again.")
    return told


def _blind(frames: int) -> str:
    """Return why some frames have no stars: decisions made without them are the only honest measure."""
    get = "gets" if frames == 1 else "get"
    return (
        f"{counted(frames, 'frame')} {get} no stars until the folder has been quiet for a day: what you choose unaided "
        "shows how good the ratings are."
    )


def _s(number: int) -> str:
    return "s" if number == 1 else ""


def shoot_growing(*, key: str, name: str, done: int, total: int) -> Notice:
    """Return how far the rating of a shoot has come; `total` 0: not known."""
    far = f"{done:,} of {counted(total, 'frame')}." if total else f"{counted(done, 'frame')} so far."
    return Notice(key, Topic.SHOOT, f"Rating {shown(name)}", far, (PAUSE,), Urgency.LOW, progress=True)


def shoot_done(*, key: str, name: str, rated: Rated) -> Notice:
    """Return that a shoot is rated."""
    body = " ".join([outcome(rated), *_remarks(rated)])
    return Notice(key, Topic.SHOOT, f"Rated: {shown(name)}", body, (OPEN, UNDO, PAUSE), by_click=Press.OPEN)


def shoot_undone(*, key: str, name: str, frames: int) -> Notice:
    """Return that the ratings of a shoot were taken back."""
    body = f"The ratings of {counted(frames, 'frame')} were taken back. Ratings of your own were left alone."
    return Notice(key, Topic.SHOOT, f"Undone: {shown(name)}", body, (OPEN,), by_click=Press.OPEN)


def card_question(*, key: str, label: str, frames: int = 0) -> Notice:
    """Return the question what to do with a card that was never seen; `frames` 0: not counted yet."""
    held = f"It holds {counted(frames, 'frame')}. " if frames else ""
    return Notice(
        key,
        Topic.CARD,
        f"New card: {shown(label)}",
        f"{held}What should be done with it? Your answer is remembered for this card.",
        ANSWERS,
        waits=True,
        instead="To answer, type: safelight cards",
    )


def card_copying(*, key: str, label: str, done: int, total: int) -> Notice:
    """Return how far copying from a card has come, in files; `total` 0: not known."""
    far = f"{done:,} of {counted(total, 'file')}" if total else f"{counted(done, 'file')} so far"
    body = f"{far}. Please leave the card in."
    return Notice(key, Topic.CARD, f"Copying from {shown(label)}", body, (PAUSE,), Urgency.LOW, progress=True)


def card_copied(*, key: str, label: str, told: str, new: bool, safe: bool, rating: bool) -> Notice:
    """Return that copying from a card has ended; `told` says with what, `new`: something was copied.

    `safe`: nothing is left to copy, `rating`: its frames get their stars next.
    """
    goes_on = " Rating goes on." if rating else ""
    body = f"{told} {'Safe to remove.' if safe else KEEP_CARD}{goes_on}"
    title = f"Card {shown(label)} {'is copied' if new else 'holds nothing new'}"
    return Notice(key, Topic.CARD, title, body, (EJECT,))


def card_stopped(*, key: str, label: str, told: str) -> Notice:
    """Return that a card could not be copied, or not to its end; `told` says why and what can be done."""
    return Notice(key, Topic.TROUBLE, f"Card {shown(label)} is not copied", told, (EJECT,))


def card_pulled(*, key: str, label: str, files: int) -> Notice:
    """Return that a card was taken out while it was being copied; `files` were copied before."""
    whole = f"{counted(files, 'file')} {'is' if files == 1 else 'are'} copied and complete. " if files else ""
    body = f"{whole}Put the card in again: the rest is copied then, and nothing twice."
    return Notice(key, Topic.CARD, f"Card {shown(label)} was taken out too early", body)


def card_done(*, key: str, label: str, rated: Rated, safe: bool = True, failed: int = 0) -> Notice:
    """Return that a card is done with; `failed` files could not be copied, `safe`: it can be taken out."""
    told = [outcome(rated), *_remarks(rated)]
    if failed:
        told.append(f"{counted(failed, 'file')} could not be copied.")
    told.append("Safe to remove." if safe else KEEP_CARD)
    return Notice(
        key, Topic.CARD, f"Card {shown(label)} is done", " ".join(told), (OPEN, EJECT, UNDO), by_click=Press.OPEN
    )


def card_ejected(*, key: str, label: str) -> Notice:
    """Return that a card was unmounted."""
    return Notice(key, Topic.CARD, f"Card {shown(label)}", "It can be taken out now.", (), Urgency.LOW)


def trouble(*, key: str, summary: str, hint: str = "", bad: bool = True) -> Notice:
    """Return that something needs a person; `summary` and `hint` are those of an error."""
    urgency = Urgency.NORMAL if bad else Urgency.LOW
    return Notice(key, Topic.TROUBLE, "Safelight needs you", f"{summary} {hint}".strip(), (), urgency)
