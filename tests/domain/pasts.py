"""A small language to write a journal down, one line per fact, and to ask what is read from it.

    0    shoot wedding  a+b c d  bracket:e+f+g     frames arrive and are ranked; + joins a burst, `kind:` a series
    0    shoot wedding  a+b*+c                     b is the best frame of its burst; without a star, the first is
    1h   show a=4 b..d=2                           our stars stand in their sidecars; `hide a` takes them back
    2h   trash b every=0.1                         also unlink; found gone, and confirmed a day later
    2h   trash b unconfirmed / ignored=copy        without the confirmation / with a reason that it is none
    3h   back b       3h  move a to=/selects       3h  edit a by=darktable        3h  export a
    3h   rate a=5 c=-1 d=none act=x sure=0.5       flag a=1       label a=Red
    4d   veto deleted b                            the last fact of that kind about that frame
    5d   mark here ...  6d  rollback here          what was told since `here` does not count
    5d   regroup wedding a c                       the ranking has grouped them anew

Times are s, m, h or d after the beginning; `f1..f9` names a range. Frames lie in /photos/SHOOT/ unless `in=` says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from safelight.domain.actions import Action, State, read_actions
from safelight.domain.comparisons import compare
from safelight.domain.entries import Entry, Kind
from safelight.domain.history import History, read
from safelight.domain.preference import Comparison

BEGINNING_S = 1_700_000_000.0
UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
LATER = "60d"
KIND_OF_ACTION = {
    "deleted": Kind.FRAME_LOST, "moved": Kind.FRAME_MOVED, "edited": Kind.FRAME_DEVELOPED,
    "exported": Kind.FRAME_EXPORTED, "rated": Kind.PERSON_RATED, "flagged": Kind.PERSON_FLAGGED,
    "labelled": Kind.PERSON_LABELLED, "returned": Kind.FRAME_RETURNED,
}  # fmt: skip


@dataclass(slots=True)
class Fact:
    """An entry that is being written; numbers of other entries are filled in when all are in order."""

    at_s: float
    kind: Kind
    frame: str | None
    payload: dict[str, object]
    of: "Fact | None" = None
    seq: int = 0


@dataclass(slots=True)
class Journal:
    """What has been told so far."""

    facts: list[Fact] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Fact | None] = field(default_factory=dict)
    lost: dict[str, Fact] = field(default_factory=dict)

    def tell(self, text: str) -> "Journal":
        """Add what the lines of a text tell."""
        for line in text.strip().splitlines():
            words = line.split("#")[0].split()
            if words:
                at_s, verb = moment(words[0]), words[1]
                bare = [word for word in words[2:] if "=" not in word or _names_frames(verb, word)]
                options = dict(word.split("=", 1) for word in words[2:] if word not in bare)
                VERBS[verb](self, at_s, bare, options)
        return self

    def entries(self) -> list[Entry]:
        """Return the journal, in the order of time."""
        ordered = sorted(self.facts, key=lambda fact: fact.at_s)
        for seq, fact in enumerate(ordered, 1):
            fact.seq = seq
        return [
            Entry(
                fact.seq,
                fact.at_s,
                fact.kind,
                self.ids[fact.frame] if fact.frame else None,
                fact.payload | ({_REFERENCE.get(fact.kind, "of"): fact.of.seq} if fact.of else {}),
            )
            for fact in ordered
        ]

    @property
    def history(self) -> History:
        return read(self.entries())

    def actions(self, now: str = LATER) -> tuple[Action, ...]:
        return read_actions(self.history, now_s=moment(now))

    def action(self, kind: str, frame: str, now: str = LATER) -> Action:
        """Return the newest action of a kind about a frame."""
        found = [each for each in self.actions(now) if each.kind == kind and self.ids[frame] in each.frame_ids]
        assert found, f"no {kind} about {frame}"
        return max(found, key=lambda each: each.id)

    def states(self, kind: str, now: str = LATER) -> dict[str, State]:
        """Return the states of all actions of a kind, by frame."""
        names = {frame_id: name for name, frame_id in self.ids.items()}
        found = [each for each in self.actions(now) if each.kind == kind]
        return {names[frame_id]: each.state for each in found for frame_id in each.frame_ids}

    def comparisons(self, now: str = LATER) -> tuple[Comparison, ...]:
        return compare(self.actions(now), self.history, now_s=moment(now))

    def said(self, now: str = LATER) -> set[str]:
        """Return the comparisons as `winner>loser`."""
        return {self.named(each) for each in self.comparisons(now)}

    def named(self, comparison: Comparison) -> str:
        names = {frame_id: name for name, frame_id in self.ids.items()}
        return f"{names[comparison.winner]}>{names[comparison.loser]}"

    def between(self, pair: str, now: str = LATER) -> Comparison:
        """Return the one comparison `winner>loser`."""
        (found,) = [each for each in self.comparisons(now) if self.named(each) == pair]
        return found

    def add(self, at_s: float, kind: Kind, frame: str | None, of: Fact | None = None, **payload: object) -> Fact:
        self.facts.append(Fact(at_s, kind, frame, payload, of))
        return self.facts[-1]


_REFERENCE = {Kind.ACTION_VETOED: "action", Kind.TASTE_ROLLED_BACK: "through"}


def tell(text: str) -> Journal:
    """Return the journal that a text tells."""
    return Journal().tell(text)


def moment(text: str) -> float:
    """Return seconds since the epoch for a time after the beginning."""
    return BEGINNING_S + (float(text[:-1]) * UNIT_S[text[-1]] if text != "0" else 0.0)


def frames(word: str) -> Iterator[str]:
    """Yield the names that a word names: one, or a range such as f1..f9."""
    first, dots, last = word.partition("..")
    if not dots:
        yield first
        return
    stem = first.rstrip("0123456789")
    if first == stem:
        yield from (chr(code) for code in range(ord(first), ord(last) + 1))
    else:
        yield from (f"{stem}{number}" for number in range(int(first[len(stem) :]), int(last[len(stem) :]) + 1))


def content(frame: str) -> str:
    return frame.encode().hex()


def _names_frames(verb: str, word: str) -> bool:
    return verb in ("show", "rate", "flag", "label") and not word.startswith(("act=", "sure=", "by=", "happened="))


def _valued(words: list[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        names, _, value = word.partition("=")
        yield from ((name, value) for name in frames(names))


def _all(words: list[str]) -> list[str]:
    return [name for word in words for name in frames(word)]


def _groups(words: list[str]) -> Iterator[tuple[str | None, str, list[str]]]:
    """Yield kind, best frame and members of each group; a range of lone frames is many groups."""
    for word in words:
        kind, colon, members = word.rpartition(":")
        starred = [name.removesuffix("*") for name in members.split("+") if name.endswith("*")]
        names = _all([name.removesuffix("*") for name in members.split("+")])
        if colon or "+" in members:
            (best,) = starred or names[:1]
            yield kind or None, best, names
        else:
            yield from ((None, name, [name]) for name in names)


def _shoot(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    name, *groups = words
    home = options.get("in", f"/photos/{name}")
    imported = {"imported": True} if options.get("imported") else {}
    for _, _, members in _groups(groups):
        for frame in members:
            journal.ids[frame] = len(journal.ids) + 1
            journal.homes[frame] = home
            journal.add(at_s, Kind.FRAME_ARRIVED, frame, files=[f"{home}/{frame}.jpg"], **imported)
    _rank(journal, at_s, name, groups, Kind.FRAME_RATED, judge=options.get("judge", "judge"), stars=3, score=0.0)


def _regroup(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    name, *groups = words
    _rank(journal, at_s, name, groups, Kind.FRAME_GROUPED)


def _rank(journal: Journal, at_s: float, name: str, groups: list[str], kind: Kind, **rated: object) -> None:
    order = count()
    for set_kind, best, members in _groups(groups):
        burst = f"burst-{content(members[0])}" if len(members) > 1 else None
        for frame in members:
            keeper = set_kind is not None or frame == best  # a series has no lesser frames
            placed = {"shoot": name, "burst": burst, "set": set_kind, "keeper": keeper, "order": next(order)}
            journal.add(at_s, kind, frame, **placed, **({"content": content(frame)} if rated else {}), **rated)


def _show(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    for frame, star in _valued(words):
        journal.add(at_s, Kind.RATING_PUBLISHED, frame, stars=int(star))


def _hide(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    for frame in _all(words):
        journal.add(at_s, Kind.RATING_UNDONE, frame)


def _lose(how: str):
    def lose(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
        unconfirmed = "unconfirmed" in words
        pause_s = float(options["every"]) if "every" in options else None
        for place, frame in enumerate(_all([word for word in words if word != "unconfirmed"])):
            path = f"{journal.homes[frame]}/{frame}.jpg"
            told: dict[str, object] = {"how": how, "paths": [path], "confidence": {"trash": 0.95, "unlinked": 0.6}[how]}
            if pause_s is not None:
                told["happened_s"] = at_s + place * pause_s
            if "ignored" in options:
                told["ignored"] = options["ignored"]
            noted_s = at_s + (10_000.0 if pause_s is not None else 0.0)
            journal.lost[frame] = journal.add(noted_s, Kind.FRAME_LOST, frame, **told)
            if not unconfirmed and "ignored" not in options:
                journal.add(noted_s + UNIT_S["d"], Kind.LOSS_CONFIRMED, frame, of=journal.lost[frame])

    return lose


def _back(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    for frame in _all(words):
        path = f"{journal.homes[frame]}/{frame}.jpg"
        journal.add(at_s, Kind.FRAME_RETURNED, frame, of=journal.lost[frame], path=path)


def _move(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    for frame in _all(words):
        name = options.get("as", f"{frame}.jpg")
        source, target = f"{journal.homes[frame]}/{frame}.jpg", f"{options['to']}/{name}"
        journal.add(at_s, Kind.FRAME_MOVED, frame, source=source, path=target)
        journal.homes[frame] = options["to"]


def _work(kind: Kind):
    def work(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
        told: dict[str, object] = {"confidence": float(options["sure"])} if "sure" in options else {}
        if kind is Kind.FRAME_DEVELOPED:
            told |= {"program": options.get("by", "darktable"), "value": options.get("value", "settings")}
        for frame in _all(words):
            journal.add(at_s, kind, frame, **told)

    return work


def _say(kind: Kind, name: str):
    def say(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
        told: dict[str, object] = {"program": options.get("by", "darktable")}
        told |= {"act": options["act"]} if "act" in options else {}
        told |= {"confidence": float(options["sure"])} if "sure" in options else {}
        told |= {"happened_s": moment(options["happened"])} if "happened" in options else {}
        for frame, value in _valued(words):
            said = None if value == "none" else value if name == "label" else int(value)
            journal.add(at_s, kind, frame, **told, **{name: said})

    return say


def _veto(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    kind, frame = KIND_OF_ACTION[words[0]], words[1]
    fact = [each for each in journal.facts if each.kind is kind and each.frame == frame][-1]
    journal.add(at_s, Kind.ACTION_VETOED, None, of=fact)


def _mark(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    journal.marks[words[0]] = journal.add(at_s, Kind.TASTE_LEARNED, None, version=1)


def _roll_back(journal: Journal, at_s: float, words: list[str], options: dict[str, str]) -> None:
    journal.add(at_s, Kind.TASTE_ROLLED_BACK, None, of=journal.marks[words[0]], to=1)


VERBS = {
    "shoot": _shoot, "regroup": _regroup, "show": _show, "hide": _hide, "trash": _lose("trash"),
    "unlink": _lose("unlinked"), "back": _back, "move": _move, "edit": _work(Kind.FRAME_DEVELOPED),
    "export": _work(Kind.FRAME_EXPORTED), "rate": _say(Kind.PERSON_RATED, "rating"),
    "flag": _say(Kind.PERSON_FLAGGED, "flag"), "label": _say(Kind.PERSON_LABELLED, "label"),
    "veto": _veto, "mark": _mark, "rollback": _roll_back,
}  # fmt: skip
