"""Has the watched folders watched, from before the rest of the daemon is loaded until its end.

Separate from what is made of the hints, because to be ready means to watch, and everything else takes longer to load.
Invariant: on return from `watch` the folders that are known hold no change that nobody hears of.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from safelight.app.letters import Letterbox
from safelight.ports import Clock
from safelight.watching.watcher import FolderWatcher


class Eyes:
    """The watcher of one daemon; hints go into its letterbox."""

    def __init__(self, *, box: Letterbox, clock: Clock, network_s: float) -> None:
        """`network_s`: seconds between two looks at folders whose file system tells nothing."""
        self._watcher = FolderWatcher(sink=box.hints, clock=clock, network_s=network_s)
        self._watched: set[Path] = set()

    def watch(self, roots: Iterable[Path], *, known: Callable[[Path], Iterable[Path | str]]) -> None:
        """Watch these folders and no others; `known` returns the folders below one that are likely there."""
        wanted = set(roots)
        for root in self._watched - wanted:
            self._watcher.unwatch(root)
        for root in sorted(wanted - self._watched, key=bytes):
            self._watcher.watch(root, known=known(root))
        self._watched = wanted

    def directories(self, root: Path) -> int:
        """Return how many directories are watched at and below a root; 0 where it is looked at on a timer."""
        return self._watcher.directories(root)

    def close(self) -> None:
        """Watch nothing any more."""
        self._watcher.close()
