"""Knows which folder a watch belongs to, also after folders were renamed, moved in, out or around.

The kernel's watch follows the folder itself and not its path, so the path is put together from where the folder hangs
in the tree: a rename of a folder with ten thousand below it changes one name here.
Invariant: every branch that has a watch is found by it, and no branch is above itself.
"""

from collections.abc import Iterator


class Branch:
    """One watched folder. `walk` is the number of the walk that last met it."""

    __slots__ = ("below", "name", "over", "walk", "watch")

    def __init__(self, name: str, over: "Branch | None", watch: int, walk: int) -> None:
        self.name = name
        self.over = over
        self.watch = watch
        self.walk = walk
        self.below: dict[str, Branch] | None = None  # most folders have none, and a dictionary takes room

    def child(self, name: str) -> "Branch | None":
        """Return the folder of this name in this one, None when none is watched."""
        return None if self.below is None else self.below.get(name)


class Tree:
    """The watched folders at and below a root."""

    def __init__(self, root: str, watch: int) -> None:
        self.root = Branch(root.rstrip("/"), None, watch, 0)
        self._by_watch = {watch: self.root}

    def __len__(self) -> int:
        return len(self._by_watch)

    def of(self, watch: int) -> Branch | None:
        """Return the folder that a watch belongs to."""
        return self._by_watch.get(watch)

    def path(self, branch: Branch) -> str | None:
        """Return where a folder is; None for one that was moved away and has not been seen again."""
        names = []
        at: Branch | None = branch
        while at is not None and at is not self.root:
            names.append(at.name)
            at = at.over
        if at is None:
            return None
        names.append(self.root.name)
        return "/".join(reversed(names)) or "/"

    def put(self, over: Branch, name: str, watch: int, walk: int) -> Branch | None:
        """Hang the folder of a watch here; None when it is above this place, as through a bind mount."""
        branch = self._by_watch.get(watch)
        if branch is None:
            branch = self._by_watch[watch] = Branch(name, over, watch, walk)
        elif branch.over is not over or branch.name != name:
            if branch is self.root or self._above(branch, over):
                return None
            self.cut(branch)
        self.hang(branch, over, name)
        branch.walk = walk
        return branch

    def hang(self, branch: Branch, over: Branch, name: str) -> None:
        """Hang a folder that hangs nowhere, with all below it, at this place."""
        branch.over, branch.name = over, name
        if over.below is None:
            over.below = {}
        over.below[name] = branch

    def cut(self, branch: Branch) -> None:
        """Take a folder, with all below it, from where it hangs."""
        if branch.over is not None and branch.over.child(branch.name) is branch:
            assert branch.over.below is not None
            del branch.over.below[branch.name]
        branch.over = None

    def forget(self, branch: Branch) -> list[int]:
        """Cut a folder off and forget it with all below it; return the watches that they had."""
        self.cut(branch)
        watches = [each.watch for each in at_and_below(branch)]
        for watch in watches:
            self._by_watch.pop(watch, None)
        return watches

    def not_met(self, walk: int) -> list[Branch]:
        """Return the folders below the root that this walk has not met."""
        return [branch for branch in self._by_watch.values() if branch.walk < walk and branch is not self.root]

    @staticmethod
    def _above(branch: Branch, place: Branch | None) -> bool:
        while place is not None:
            if place is branch:
                return True
            place = place.over
        return False


def at_and_below(branch: Branch) -> Iterator[Branch]:
    """Yield a folder and all that hang below it."""
    waiting = [branch]
    while waiting:
        each = waiting.pop()
        yield each
        if each.below is not None:
            waiting.extend(each.below.values())
