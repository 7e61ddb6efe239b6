"""What the daemon and its clients say to each other: one JSON object a line, validated on both sides.

A request names a command and its arguments; the daemon answers with one reply of the same id, or, to `watch`, with one
status after another. Paths travel as text in which a byte that is no UTF-8 stands as the surrogate that Python gives it
(`os.fsdecode`), which JSON escapes.
Invariant: every message carries the version of this protocol; a client of another version is told so.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL = 1


class Message(BaseModel):
    """What all messages share: they do not change, and say nothing that the other side does not know."""

    # Checked only when the first message comes: to be ready must not wait for it.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Doing(Message):
    """One thing that is being done, and how far it has come."""

    what: str  # "Rating", "Copying from EOS_DIGITAL", "Looking for changes", "Learning"
    done: int = 0
    total: int = 0  # 0: not known


class Watched(Message):
    """One watched folder and how it stands."""

    folder: str
    state: Literal["watched", "scanned", "absent", "trouble"]  # scanned: on a timer, as its file system tells nothing
    told: str = ""  # one sentence where something is wrong
    directories: int = 0


class ShootDone(Message):
    """One shoot that was rated, the newest deliveries to one place taken together."""

    run: int  # what `undo` takes back
    name: str
    folder: str
    at_s: float
    frames: int
    five: int  # five-star frames
    low: int  # one- or two-star frames
    bursts: int
    seconds: float
    withheld: int = 0  # frames left unrated on purpose, to measure
    undone: bool = False


class CardSeen(Message):
    """One card that is plugged in."""

    card: str  # its identity
    label: str
    root: str
    policy: Literal["ask", "import", "rate", "ignore"]
    state: Literal["waiting", "asking", "reading", "copying", "done", "ignored", "failed"]
    told: str = ""
    done: int = 0  # files copied, or frames looked at
    total: int = 0
    safe_to_remove: bool = True


class Trouble(Message):
    """Something that a person should know of, the worst first."""

    level: Literal["note", "bad"]
    told: str
    hint: str = ""


class Status(Message):
    """How the daemon stands; what tray, `status` and doctor show."""

    protocol: int = PROTOCOL
    version: str = ""
    pid: int = 0
    started_s: float = 0.0
    state: Literal["starting", "idle", "working", "paused", "waiting", "leased", "degraded", "stopping"] = "starting"
    why: str = ""  # why it is paused, waits or is degraded, as one sentence
    paused_until_s: float | None = None  # None: not paused by the person; 0: until resumed
    doing: tuple[Doing, ...] = ()
    waiting: int = 0  # frames that wait to be judged or rated
    frames: int = 0  # known
    watched: tuple[Watched, ...] = ()
    cards: tuple[CardSeen, ...] = ()
    shoots: tuple[ShootDone, ...] = ()  # the newest first, at most ten
    taste: str = ""  # in one line
    withheld: int = 0  # frames
    trouble: tuple[Trouble, ...] = ()


class Request(Message):
    """What a client asks for."""

    protocol: int = PROTOCOL
    id: int
    command: str = Field(max_length=40)
    arguments: dict[str, Any] = Field(default_factory=dict)


class Answer(Message):
    """What came of a command: what `--json` prints, what is shown to a person, and the exit status."""

    record: Any = None
    text: str = ""
    status: int = 0


class Failure(Message):
    """Why a command could not be done, in the words of errors.py."""

    kind: str  # the name of the class in errors.py, or "Refused" where the request itself was at fault
    summary: str
    hint: str = ""


class Reply(Message):
    """What the daemon answers: exactly one of the three."""

    protocol: int = PROTOCOL
    id: int
    answer: Answer | None = None
    status: Status | None = None
    failure: Failure | None = None
