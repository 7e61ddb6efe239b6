"""Holds the watches of one tree of folders: puts them where folders are, and takes them from where none are left.

Two threads come here: the one that reads raw events and follows each folder as it comes, moves and goes, and the one
that walks the tree from time to time, because events get lost. The kernel answers a second watch on a folder with the
watch that it has already, which tells a walk which folder is where, whatever was missed.
Invariant: whoever changes the tree holds `lock`, and a walk holds it for one folder at a time, so that reading goes on.
"""

import os
import threading
from collections.abc import Callable, Iterable
from errno import ENOMEM, ENOSPC

from safelight.watching.folders import looked_at, looked_into
from safelight.watching.inotify import FOLDER_MASK, RawEvents
from safelight.watching.inotify_tree import Branch, Tree, at_and_below

_NO_MORE = (ENOSPC, ENOMEM)
_DEEPEST = 200  # levels; what lies deeper is found by the walk


class Watches:
    """The watches at and below one root; `outside` names folders below it that others look after.

    Raises OSError when the root cannot be watched.
    """

    def __init__(self, *, root: str, kernel: RawEvents, outside: Callable[[str], bool]) -> None:
        self.lock = threading.RLock()
        self.short = False  # the system has no watch left for some folder
        self.tree = Tree(root, kernel.add(root, FOLDER_MASK))
        self._kernel = kernel
        self._outside = outside
        self._walk = 0

    def put(self, over: Branch, name: str, place: str | None = None) -> Branch | None:
        """Watch the folder `name` in another; None when it cannot be, or need not be. The caller holds `lock`.

        `place`: where the other is, from who knows that.
        """
        place = place or self.tree.path(over)
        if place is None or not looked_into(over.name.rpartition("/")[2], name):
            return None
        path = f"{place}/{name}"
        if self._outside(path):
            return None
        try:
            watch = self._kernel.add(path, FOLDER_MASK)
        except OSError as error:  # gone again, a link, not ours to read: a scan says what is to be said
            self.short |= error.errno in _NO_MORE
            return None
        self._clear(over, name, watch)
        return self.tree.put(over, name, watch, self._walk)

    def put_known(self, paths: Iterable[str]) -> None:
        """Watch folders of which it is known that they were there, without looking for others."""
        branches: dict[str, Branch | None] = {self.tree.root.name: self.tree.root}
        with self.lock:
            for path in paths:
                inside = path.startswith(f"{self.tree.root.name}/") and path.count("/") < _DEEPEST
                if inside and not self.short:
                    self._put_path(path, branches)

    def forget(self, branch: Branch) -> None:
        """Take the watches from a folder and all below it. The caller holds `lock`."""
        for watch in self.tree.forget(branch):
            self._kernel.drop(watch)

    def move(self, branch: Branch, over: Branch, name: str) -> None:
        """Let a folder that was cut off hang here. The caller holds `lock`."""
        self._clear(over, name, branch.watch)
        self.tree.hang(branch, over, name)
        for each in at_and_below(branch):
            each.walk = self._walk  # a walk that is under way may have passed this place already

    def come(self, branch: Branch) -> list[str]:
        """Watch all below a folder that has just come; return the pictures that lie there already."""
        found: list[str] = []
        waiting = [branch]
        while waiting:
            waiting.extend(self._put_below(waiting.pop(), found))
        return found

    def walk(self, stopped: Callable[[], bool]) -> None:
        """Put a watch on each folder that is there, and take away those of folders that are not."""
        with self.lock:
            self._walk += 1
            self.short = False
        waiting = [self.tree.root]
        while waiting and not stopped() and not self.short:
            waiting.extend(self._put_below(waiting.pop()))
        if waiting or self.short or stopped():
            return
        with self.lock:
            for branch in self.tree.not_met(self._walk):
                if self.tree.of(branch.watch) is branch:
                    self.forget(branch)

    def _put_path(self, path: str, branches: dict[str, Branch | None]) -> Branch | None:
        """Watch a folder and those on the way to it; `branches` remembers them by path."""
        if path not in branches:
            place, _, name = path.rpartition("/")
            over = self._put_path(place, branches)
            branches[path] = None if over is None else over.child(name) or self.put(over, name, place)
        return branches[path]

    def _clear(self, over: Branch, name: str, watch: int) -> None:
        """Forget another folder that was at this place."""
        before = over.child(name)
        if before is not None and before.watch != watch:
            self.forget(before)

    def _put_below(self, over: Branch, files: list[str] | None = None) -> list[Branch]:
        """Watch the folders in a folder, and add to `files`, if asked, the pictures and what belongs to them."""
        with self.lock:
            path = self.tree.path(over)
        names: list[str] = []
        try:
            with os.scandir(path or "") as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        names.append(entry.name)
                    elif files is not None and looked_at(entry.name):
                        files.append(f"{path}/{entry.name}")
        except OSError:  # moved or gone meanwhile, which events tell, or unreadable, which a scan tells
            return []
        with self.lock:
            return [branch for name in names if (branch := self.put(over, name)) is not None]
