"""Decides which frames belong to one outing.

Time parts outings; a folder parts them too, for that is how people file them, unless the frames of two
neighbouring folders were taken in between each other (two cameras, RAW and JPEG apart).
Invariant: every frame is in exactly one shoot, whatever the order of the input.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.domain.shots import Shot, home, name_key, times

OUTING_S = 6 * 3600.0  # a longer pause ends the outing: longer than lunch, shorter than a night


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Frames of one folder without a long pause."""

    folder: bytes
    first_s: float
    last_s: float
    keys: tuple[int, ...]


def shoots(shots: Iterable[Shot]) -> tuple[tuple[int, ...], ...]:
    """Return the keys of each shoot's frames in the order they were taken, shoots by folder and time.

    Frames without a believable time go with the frame before them by name in their folder, or after them where none
    is before, and are a shoot of their own where nothing in the folder has a time.
    """
    given = tuple(shots)
    when = times(given)
    rooms: dict[bytes, list[Shot]] = {}
    for shot in given:
        rooms.setdefault(home(shot.folder), []).append(shot)
    stretches: list[_Stretch] = []
    alone: list[tuple[int, ...]] = []
    for folder, room in sorted(rooms.items()):
        moments = _filled(room, when)
        found = _stretches(folder, moments)
        stretches.extend(found)
        if not found:
            alone.append(tuple(shot.key for shot in sorted(room, key=_by_name)))
    merged = [_in_order(parts) for parts in _interleaved(stretches)]
    return tuple(merged + alone)


def _by_name(shot: Shot) -> tuple[object, ...]:
    return (name_key(shot.name), shot.folder, shot.name, shot.key)


def _filled(room: list[Shot], when: dict[int, float | None]) -> list[tuple[float, Shot]]:
    """Return the room's frames with times, the untimed with the time of their neighbour by name; [] without any."""
    line = sorted(room, key=_by_name)
    known = [when[shot.key] for shot in line]
    last = next((moment for moment in known if moment is not None), None)
    moments: list[tuple[float, Shot]] = []
    for moment, shot in zip(known, line, strict=True):
        last = moment if moment is not None else last
        if last is not None:
            moments.append((last, shot))
    return sorted(moments, key=lambda entry: (entry[0], _by_name(entry[1])))


def _stretches(folder: bytes, moments: list[tuple[float, Shot]]) -> list[_Stretch]:
    found: list[list[tuple[float, Shot]]] = []
    for entry in moments:
        if not found or entry[0] - found[-1][-1][0] > OUTING_S:
            found.append([])
        found[-1].append(entry)
    return [_Stretch(folder, part[0][0], part[-1][0], tuple(shot.key for _, shot in part)) for part in found]


def _interleaved(stretches: list[_Stretch]) -> list[list[_Stretch]]:
    """Join stretches of neighbouring folders whose times overlap."""
    joined: list[list[_Stretch]] = []
    lasting: list[list[_Stretch]] = []
    for stretch in sorted(stretches, key=lambda part: (part.first_s, part.folder)):
        lasting = [parts for parts in lasting if max(part.last_s for part in parts) >= stretch.first_s]
        for parts in lasting:
            if any(_neighbours(part.folder, stretch.folder) and stretch.first_s <= part.last_s for part in parts):
                parts.append(stretch)
                break
        else:
            lasting.append([stretch])
            joined.append(lasting[-1])
    return sorted(joined, key=lambda parts: (parts[0].folder, parts[0].first_s))


def _neighbours(one: bytes, other: bytes) -> bool:
    parents = (one.rpartition(b"/")[0], other.rpartition(b"/")[0])
    return parents[0] == parents[1] or one == parents[1] or other == parents[0]


def _in_order(parts: list[_Stretch]) -> tuple[int, ...]:
    return tuple(key for part in parts for key in part.keys)
