"""Every failure Safelight speaks of, as one drawn tree.

    SafelightError
    ├── CannotStart            the command ends with status 2
    │   ├── FolderError        a folder to rate is missing or is no folder
    │   ├── SettingsError      settings.toml says what cannot be meant, or cannot be read or written
    │   ├── StateError         the state folder cannot be used (damaged, full, not writable)
    │   │   └── StateBusy      another process writes to it just now
    │   ├── BundleError        a model bundle is missing, damaged or answers nonsense
    │   ├── SearchError        there is nothing that could be searched
    │   └── ControlError       the daemon is not there, does not answer, or refuses what was asked
    ├── EjectError             a card could not be unmounted, and stays in use
    ├── FrameError             one frame is concerned, the run goes on
    │   ├── Unreadable         the pixels cannot be trusted: unrated, never rated low
    │   │   └── OutOfReach     no permission, gone, a failing disk: tried again in every run
    │   └── StillChanging      the file is being written: looked at again later
    ├── WorkerError            what the daemon's worker was asked for is not done; it is asked again later
    ├── SidecarError           the frame is rated, its sidecar could not be written
    │   ├── SidecarBusy        half-written by another program: retried
    │   ├── SidecarRefused     cannot be edited without risk: left as it is
    │   └── SidecarUnwritable  read-only folder, full disk, a link: retried next run
    └── CardError              a card, or one file of it, cannot be copied
        ├── CardGone           the card was taken out or does not answer
        ├── NoRoom             the disk that is copied to is full, or would be
        ├── TargetUnusable     nothing can be written where the frames are to go
        ├── CopyFailed         one file: unreadable, changing, or other than what was read when read back
        └── CopyStopped        somebody asked to stop

A library's exception stops at the adapter that called the library and becomes one of these. Each carries a summary
(what happened, to which file) and a hint (what the person can do), both whole sentences without a traceback.
"""

from pathlib import Path


class SafelightError(Exception):
    """Root of the tree; `summary` says what happened, `hint` what a person can do, `path` which file it was."""

    def __init__(self, summary: str, *, hint: str = "", path: Path | None = None) -> None:
        super().__init__(summary)
        self.summary = summary
        self.hint = hint
        self.path = path

    @property
    def told(self) -> str:
        """Return summary and hint as one text."""
        return f"{self.summary} {self.hint}".strip()


class CannotStart(SafelightError):
    """Nothing was done; the command ends with exit status 2."""


class FolderError(CannotStart):
    """A folder to rate is missing, is no folder or may not be listed."""


class SettingsError(CannotStart):
    """The file of settings cannot be read or written, or says something that cannot be meant; it names the line."""


class StateError(CannotStart):
    """The state folder cannot be used: locked by another run, damaged, not writable or full."""


class StateBusy(StateError):
    """Another process holds the state folder to write to it."""


class BundleError(CannotStart):
    """A model bundle is missing, damaged, or gives implausible output."""


class SearchError(CannotStart):
    """No photograph has been looked at yet by the bundle whose embeddings are to be searched."""


class ControlError(CannotStart):
    """The daemon is not there, does not answer, speaks another version, or refuses what it was asked."""


class EjectError(SafelightError):
    """A card could not be unmounted; it stays in use, and nothing on it was changed."""


class FrameError(SafelightError):
    """One frame is concerned; the run goes on without it."""


class Unreadable(FrameError):
    """The pixels of a frame cannot be had or cannot be trusted; it stays unrated."""


class OutOfReach(Unreadable):
    """A file cannot be opened or read just now (permission, vanished, failing disk); every run tries again."""


class StillChanging(FrameError):
    """A file is still being written; it is looked at again later."""


class WorkerError(SafelightError):
    """The daemon's worker ended before it had done what it was asked for; nothing is lost, it is asked again later."""


class SidecarError(SafelightError):
    """The rating of a frame could not be written; the rating itself is kept in the catalog."""


class SidecarBusy(SidecarError):
    """The sidecar is half-written or changed while we read it; try again later."""


class SidecarRefused(SidecarError):
    """The sidecar cannot be edited without a risk to what others wrote in it; it is left as it is."""


class SidecarUnwritable(SidecarError):
    """The sidecar cannot be written where it belongs: read-only folder, full disk, a link in its place."""


class CardError(SafelightError):
    """A card, or one file of it, cannot be copied; the card is as it was."""


class CardGone(CardError):
    """The card was taken out or does not answer any more; what was copied stays, the rest follows the next time."""


class NoRoom(CardError):
    """The disk that is copied to is full, or would be; what was copied stays."""


class TargetUnusable(CardError):
    """Nothing can be written where the frames are to go: no permission, read-only, gone, a failing disk."""


class CopyFailed(CardError):
    """One file could not be copied; the others go on."""


class CopyStopped(CardError):
    """Somebody asked to stop; the rest follows the next time."""
