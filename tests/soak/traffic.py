"""Does to files what a person and their programs do in an ordinary week, in an order that a seed decides.

Copies of every sort, ratings written by other programs, deletions, moves, exports, disks that are pulled. Everything is
noted in the ledger as it is done. What takes long (a slow copy) goes on by a piece with every step.
Invariant: no original is changed once it has arrived, and nothing is written where a disk is missing.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from tests.faults.shoot import jpeg
from tests.soak.disks import Volume
from tests.soak.ledger import RATING, Ledger, Picture, rating_in, sidecar_of

_PIECES = 6  # of a slow copy
_SIDE = 240  # pixels
_FOREIGN = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="%d"/></rdf:RDF></x:xmpmeta>'
)


@dataclass
class _Slow:
    """A copy under way: whoever copies keeps the file open."""

    path: Path
    data: bytes
    file: BinaryIO


@dataclass(frozen=True)
class Ground:
    """Where it all happens. The first root is no disk of its own, and holds one picture that stays for ever."""

    roots: Sequence[Path]
    outside: Path  # on the disk of the first root, not watched
    trash: Path  # of the same disk
    volumes: Sequence[Volume] = ()


class Traffic:
    """One person's week."""

    def __init__(self, *, seed: int, ground: Ground, ledger: Ledger) -> None:
        self._random = random.Random(seed)
        self._seed = seed
        self._ground = ground
        self._ledger = ledger
        self._number = 0
        self._fixed = list(dict.fromkeys([*ground.roots, *(each.place for each in ground.volumes)]))
        self._folders = list(self._fixed)
        self._slow: list[_Slow] = []
        self._doings: dict[Callable[[], str], int] = {
            self._copy: 8,
            self._burst: 3,
            self._rsync: 4,
            self._copy_slowly: 2,
            self._whole_folder: 2,
            self._damaged: 1,
            self._rate: 6,
            self._export: 2,
            self._unlink: 3,
            self._throw_away: 2,
            self._bring_back: 1,
            self._move: 5,
            self._move_folder: 1,
            self._to_other_disk: 1,
            self._disk: 2,
        }
        for root in self._fixed:
            self._write(root / f"stays{self._next()}.jpg")

    def step(self) -> str:
        """Do one thing and return what it was."""
        for slow in list(self._slow):
            self._go_on(slow)
        doings = list(self._doings)
        doing = self._random.choices(doings, [self._doings[each] for each in doings])[0]
        told = doing()
        self._ledger.told.append(told)
        return told

    def rest(self) -> None:
        """End what is under way and plug in every disk."""
        for volume in self._ground.volumes:
            self._plug_in(volume)
        while self._slow:
            self._go_on(self._slow[0])

    def _copy(self) -> str:
        folder = self._folder()
        made = [self._write(folder / self._name()) for _ in range(self._random.randint(1, 3))]
        return f"copied {len(made)} into {folder}"

    def _burst(self) -> str:
        folder, scene = self._folder(), self._next()
        for second in range(self._random.randint(2, 4)):
            self._write(folder / self._name(), scene=scene, second=second)
        return f"copied a burst into {folder}"

    def _rsync(self) -> str:
        name = self._name()
        path = self._folder() / name
        data = self._data()
        hidden = path.with_name(f".{name}.{self._random.randrange(16**6):06x}")
        hidden.write_bytes(data)
        os.replace(hidden, path)
        self._ledger.add(path, data)
        return f"rsync {path}"

    def _copy_slowly(self) -> str:
        path = self._folder() / self._name()
        slow = _Slow(path, self._data(), path.open("wb", buffering=0))
        self._slow.append(slow)
        self._go_on(slow)
        return f"began to copy {path}"

    def _go_on(self, slow: _Slow) -> None:
        done = slow.file.tell()
        slow.file.write(slow.data[done : done + len(slow.data) // _PIECES + 1])
        if slow.file.tell() == len(slow.data):
            slow.file.close()
            self._slow.remove(slow)
            self._ledger.add(slow.path, slow.data)

    def _whole_folder(self) -> str:
        name = f"shoot{self._next()}"
        source = self._ground.outside / name
        source.mkdir(parents=True)
        names = [self._name() for _ in range(self._random.randint(2, 5))]
        written = {each: self._data() for each in names}
        for each, data in written.items():
            (source / each).write_bytes(data)
        target = self._ground.roots[0] / name
        os.rename(source, target)
        for each, data in written.items():
            self._ledger.add(target / each, data)
        self._folders.append(target)
        return f"moved in {target}"

    def _damaged(self) -> str:
        path, data = self._folder() / self._name(), self._data()[:300]
        path.write_bytes(data)
        self._ledger.add(path, data, readable=False)
        return f"copied the damaged {path}"

    def _rate(self) -> str:
        """Rate as another program does: by a rename, or in place."""
        picture = self._any()
        if picture is None or not picture.readable:
            return "rated nothing"
        path = sidecar_of(picture.path)
        try:
            before = path.read_bytes()
        except FileNotFoundError:
            before = b""
        stars = self._random.choice([each for each in (1, 2, 3, 4, 5) if each != rating_in(before)])
        after = RATING.sub(rb"\g<1>%d\g<3>" % stars, before, count=1) if before else _FOREIGN % stars
        if self._random.random() < 0.5:
            hidden = path.with_name(f".{path.name}.new")
            hidden.write_bytes(after)
            os.replace(hidden, path)
        else:
            with path.open("wb", buffering=0) as file:
                file.write(after[: len(after) // 2])
                file.write(after[len(after) // 2 :])
        picture.given = stars
        return f"rated {picture.path} {stars}"

    def _export(self) -> str:
        picture = self._any()
        if picture is None:
            return "exported nothing"
        folder = picture.path.parent / "darktable_exported"
        folder.mkdir(exist_ok=True)
        path = folder / f"{picture.path.stem}_{self._next():02d}.jpg"
        self._write(path)
        return f"exported {path}"

    def _unlink(self) -> str:
        picture = self._any()
        if picture is None:
            return "deleted nothing"
        alone = self._random.random() < 0.3
        picture.path.unlink()
        if not alone:
            sidecar_of(picture.path).unlink(missing_ok=True)
        self._gone(picture)
        return f"deleted {picture.path}{' without its sidecar' if alone else ''}"

    def _throw_away(self) -> str:
        picture = self._any(disk=_disk(self._ground.roots[0]))
        if picture is None:
            return "threw nothing away"
        files, info = self._ground.trash / "files", self._ground.trash / "info"
        for folder in (files, info):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        when = time.strftime("%Y-%m-%dT%H:%M:%S")
        told = f"[Trash Info]\nPath={quote(os.fsencode(picture.path))}\nDeletionDate={when}\n"
        (info / f"{picture.path.name}.trashinfo").write_text(told)
        picture.trashed = files / picture.path.name
        os.rename(picture.path, picture.trashed)
        self._gone(picture)
        return f"threw away {picture.path}"

    def _bring_back(self) -> str:
        thrown = [each for each in self._ledger.pictures if each.trashed and each.path.parent.is_dir()]
        if not thrown:
            return "brought nothing back"
        picture = self._random.choice(thrown)
        assert picture.trashed is not None
        os.rename(picture.trashed, picture.path)
        (self._ground.trash / "info" / f"{picture.path.name}.trashinfo").unlink()
        picture.trashed, picture.alive = None, True
        return f"brought back {picture.path}"

    def _move(self) -> str:
        """Move a picture within its disk, usually with its sidecar, which goes before or after it."""
        picture = self._any()
        folders = [] if picture is None else self._on_disk(picture.path, same=True)
        if picture is None or not folders:
            return "moved nothing"
        source = picture.path
        name = source.name if self._random.random() < 0.5 else self._name()
        target = self._random.choice(folders) / name
        if target.exists():
            return "moved nothing"
        moves = [(sidecar_of(source), sidecar_of(target)), (source, target)]
        if self._random.random() < 0.5:
            moves.reverse()
        # A rating that nobody has read yet cannot be known where its sidecar is not.
        if (alone := self._random.random() < 0.2 and picture.given is None) or sidecar_of(target).exists():
            moves = [(source, target)]
        for old, new in moves:
            if old.exists():
                os.rename(old, new)
        picture.places.append(target)
        return f"moved {source} to {target}{' without its sidecar' if alone else ''}"

    def _move_folder(self) -> str:
        folders = [each for each in self._here() if each not in self._fixed]
        if not folders:
            return "moved no folder"
        source = self._random.choice(folders)
        target = source.with_name(f"{source.name.partition('-')[0]}-{self._next()}")
        os.rename(source, target)
        self._folders[self._folders.index(source)] = target
        for picture in self._ledger.pictures:
            if picture.path.is_relative_to(source) and (picture.alive or picture.trashed):
                picture.places.append(target / picture.path.relative_to(source))
        for slow in self._slow:
            if slow.path.is_relative_to(source):
                slow.path = target / slow.path.relative_to(source)
        return f"renamed {source} to {target}"

    def _to_other_disk(self) -> str:
        """Move as a file manager does between disks: a copy, then a deletion."""
        picture = self._any()
        folders = [] if picture is None else self._on_disk(picture.path, same=False)
        if picture is None or not folders:
            return "moved nothing to another disk"
        source, target = picture.path, self._random.choice(folders) / self._name()
        for old, new in ((source, target), (sidecar_of(source), sidecar_of(target))):
            if old.exists():
                shutil.copy2(old, new)
        source.unlink()
        sidecar_of(source).unlink(missing_ok=True)
        picture.places.append(target)
        picture.copied += 1
        return f"moved {source} to another disk, {target}"

    def _disk(self) -> str:
        if not self._ground.volumes:
            return "has no disk to pull"
        volume = self._random.choice(self._ground.volumes)
        if volume.here:
            volume.pull()
            self._ledger.away.add(volume.place)
            return f"pulled {volume.place}"
        self._plug_in(volume)
        return f"plugged in {volume.place}"

    def _plug_in(self, volume: Volume) -> None:
        volume.plug_in()
        self._ledger.away.discard(volume.place)

    def _gone(self, picture: Picture) -> None:
        picture.alive = False
        picture.deleted += 1

    def _write(self, path: Path, *, scene: int | None = None, second: int = 0) -> Picture:
        data = self._data(scene, second)
        path.write_bytes(data)
        return self._ledger.add(path, data)

    def _data(self, scene: int | None = None, second: int = 0) -> bytes:
        number = self._next() if scene is None else scene
        return jpeg(self._seed * 100_000 + number, second=(number * 11 + second) % 50_000, side=_SIDE)

    def _any(self, *, disk: int | None = None) -> Picture | None:
        some = [each for each in self._ledger.alive() if not each.path.name.startswith("stays")]
        if disk is not None:
            some = [each for each in some if _disk(each.path.parent) == disk]
        return self._random.choice(some) if some else None

    def _here(self) -> list[Path]:
        return [each for each in self._folders if not self._ledger.is_away(each)]

    def _on_disk(self, path: Path, *, same: bool) -> list[Path]:
        return [each for each in self._here() if (_disk(each) == _disk(path.parent)) is same]

    def _folder(self) -> Path:
        return self._random.choice(self._here())

    def _name(self) -> str:
        return f"IMG_{self._next():05d}.jpg"

    def _next(self) -> int:
        self._number += 1
        return self._number


def _disk(folder: Path) -> int:
    return folder.stat().st_dev
