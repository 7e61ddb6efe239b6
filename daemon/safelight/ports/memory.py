"""What services need to remember: the catalog, judgements, receipts and the journal, and transactions over them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from safelight.domain.frame import CaptureFacts, FileStamp, FoundFile, Stage

if TYPE_CHECKING:
    from safelight.domain.entries import Entry
    from safelight.domain.records import Assessment, KnownFile, KnownFrame, Loss, Rating, Receipt, Reread, Run
    from safelight.ports.successions import Successions
    from safelight.ports.tastes import Tastes
    from safelight.ports.traces import Trace, VolumeIdentity


class Catalog(Protocol):
    """Frames, their files, and how far each has come."""

    def files_in(self, folder: Path) -> tuple[KnownFile, ...]:
        """Return the files known in exactly this folder that were there at the last look."""
        ...

    def files_of(self, frame_id: int) -> tuple[KnownFile, ...]:
        """Return the files of a frame that were there at the last look, the main one first."""
        ...

    def with_content(self, content: bytes) -> tuple[KnownFile, ...]:
        """Return every file ever seen with this content, the oldest frame first."""
        ...

    def homeless(self, content: bytes) -> int | None:
        """Return the oldest frame that was judged by this content and has no file left, None without one."""
        ...

    def folders(self, root: Path) -> tuple[Path, ...]:
        """Return the folders at and below `root` with files that were there at the last look."""
        ...

    def files_named(self, stems: Collection[str]) -> Iterator[KnownFile]:
        """Yield every file ever seen, also those that are gone, whose name without suffix is one of `stems`.

        `stems` are in lower case; names are compared so.
        """
        ...

    def gone_sizes(self) -> set[int]:
        """Return the sizes, in bytes, of all files that are gone."""
        ...

    def frame(self, frame_id: int) -> KnownFrame:
        """Return one frame. Raises IndexError when there is none with this id."""
        ...

    def frame_at(self, path: Path) -> KnownFrame | None:
        """Return the frame that a file belongs to, None when the file is not known."""
        ...

    def frames(self, ids: Collection[int], *stages: Stage) -> Iterator[KnownFrame]:
        """Yield the frames with these ids (in these stages, if any are named), by id."""
        ...

    def at_stage(self, stage: Stage) -> tuple[KnownFrame, ...]:
        """Return the frames at one stage that have a file left, by id."""
        ...

    def frames_in(self, folder: Path, *stages: Stage) -> tuple[KnownFrame, ...]:
        """Return the frames that have a file in exactly this folder and stand at one of the stages."""
        ...

    def counts(self) -> dict[Stage, int]:
        """Return how many frames stand at each stage, of those with a file left."""
        ...

    def below(self, folder: Path) -> tuple[int, ...]:
        """Return the ids of all frames with a file at or below a folder, also of those that are gone."""
        ...

    def with_reason(self, stage: Stage, reason: str) -> int:
        """Return how many frames with a file left stand at a stage for this very reason."""
        ...

    def all_ids(self, *stages: Stage) -> tuple[int, ...]:
        """Return the ids of all frames with a file left that stand at one of the stages."""
        ...

    def add_frame(self, main: Path, *, arrived_s: float) -> int:
        """Make a frame that has just arrived and return its id."""
        ...

    def put_file(self, file: FoundFile, *, frame_id: int, content: bytes) -> None:
        """Remember a file as it is now, as one of a frame's."""
        ...

    def give_file(self, path: Path, *, frame_id: int) -> None:
        """Let a known file belong to another frame."""
        ...

    def mark_gone(self, paths: Iterable[Path]) -> None:
        """Remember that nothing is at these paths any more; what they were stays known."""
        ...

    def drop_file(self, path: Path) -> None:
        """Forget a path whose file is known at another path now."""
        ...

    def set_main(self, frame_id: int, path: Path) -> None:
        """Let another file stand for the frame."""
        ...

    def set_content(self, frame_id: int, content: bytes, *, embedded: int | None) -> None:
        """Remember whose pixels the frame is judged by, and the rating that the file itself carries."""
        ...

    def set_stage(
        self, frame_id: int, stage: Stage, reason: str = "", *, passing: bool = False, given: int | None = None
    ) -> None:
        """Move a frame on; `reason` is for people, `passing`: try again in the next run, `given`: a person's rating."""
        ...


class Assessments(Protocol):
    """What was seen in the pixels, by one judge."""

    judge: str  # bundle and version of the measures

    def assessment(self, content: bytes) -> Assessment | None:
        """Return what this judge saw in a content, or else who comes nearest to it; None: nobody has looked."""
        ...

    def put_assessment(self, made: Assessment) -> None:
        """Remember one look at a content, in place of an older one."""
        ...

    def put_facts(self, content: bytes, facts: CaptureFacts) -> None:
        """Replace the capture facts of a content by fuller ones."""
        ...

    def to_index(self, limit: int) -> tuple[Assessment, ...]:
        """Return assessments that the vectors do not have yet, at most `limit`."""
        ...

    def count_to_index(self) -> int:
        """Return how many assessments the vectors do not have yet."""
        ...

    def count_indexed(self) -> int:
        """Return how many assessments the vectors should have."""
        ...

    def mark_indexed(self, contents: Iterable[bytes]) -> None:
        """Remember that the vectors have these contents."""
        ...

    def unmark_indexed(self) -> None:
        """Remember that the vectors have nothing: they were lost and are to be filled again."""
        ...


class Ratings(Protocol):
    """What frames were found to be worth."""

    def rating(self, frame_id: int) -> Rating | None:
        """Return what a frame was found to be worth, None when it has not been ranked."""
        ...

    def ratings(self, ids: Collection[int]) -> Iterator[Rating]:
        """Yield the ratings of these frames, by id."""
        ...

    def put_rating(self, made: Rating, *, judge: str) -> None:
        """Remember what a frame is worth, in place of an older finding."""
        ...

    def in_burst(self, burst: str) -> tuple[Rating, ...]:
        """Return the ratings of a burst's frames, best score first."""
        ...

    def in_shoot(self, shoot: str) -> tuple[int, ...]:
        """Return the ids of the frames that were ranked as one shoot."""
        ...

    def library_scores(self, judge: str, *, without: Collection[int] = ()) -> list[float]:
        """Return the scores of all keepers and lone frames on the scale of a judge, one per burst, oldest first.

        Frames whose id is in `without` do not count; a burst is as old as its oldest keeper, whose score it has.
        """
        ...


class Receipts(Protocol):
    """Every sidecar that was written, what it replaced, and in which run."""

    def start_run(self, folders: Sequence[Path], *, at_s: float) -> int:
        """Make a run and return its id."""
        ...

    def finish_run(self, run_id: int, *, at_s: float) -> None:
        """Remember that a run came to its end."""
        ...

    def rated_folders(self) -> tuple[Path, ...]:
        """Return every folder that a run was ever asked to rate, without those inside others, in order."""
        ...

    def run(self, run_id: int) -> Run | None:
        """Return one run, None when there is none with this id."""
        ...

    def last_run(self) -> Run | None:
        """Return the newest run, None before the first."""
        ...

    def run_to_undo(self) -> Run | None:
        """Return the newest run with writes that still stand, None when there is nothing to take back."""
        ...

    def mark_undone(self, run_id: int, *, at_s: float) -> None:
        """Remember that a run was taken back."""
        ...

    def plan(self, *, run_id: int, frame_id: int, path: Path, before: bytes | None, digest: bytes, stars: int) -> int:
        """Remember what is about to be written and return the receipt's id."""
        ...

    def done(self, receipt_id: int, stamp: FileStamp) -> None:
        """Remember that the bytes of a receipt are on the disk."""
        ...

    def close(self, ids: Iterable[int], state: str) -> None:
        """End receipts: `undone`, or `void` when nothing was written."""
        ...

    def planned(self) -> tuple[Receipt, ...]:
        """Return what a process that was killed may or may not have written."""
        ...

    def of_run(self, run_id: int) -> tuple[Receipt, ...]:
        """Return a run's writes, the last first."""
        ...

    def stamps(self, frame_id: int) -> dict[Path, FileStamp]:
        """Return the sidecars that held a frame's rating after our last look, whoever wrote them, and their stamps."""
        ...

    def stamps_in(self, folder: Path) -> dict[Path, FileStamp]:
        """Return what `stamps` returns for all frames with a file in exactly this folder."""
        ...

    def see(self, frame_id: int, stamps: Mapping[Path, FileStamp]) -> None:
        """Remember which sidecars hold a frame's rating and how they look; in place of what was known."""
        ...


class Sightings(Protocol):
    """What reconciling remembers of the disk beside frames and files."""

    def volumes(self) -> dict[Path, tuple[VolumeIdentity, bool]]:
        """Return the volume that each folder lay on, and whether it was a card."""
        ...

    def put_volume(self, folder: Path, volume: VolumeIdentity, *, card: bool) -> None:
        """Remember which volume a folder lies on."""
        ...

    def looks(self, folder: Path) -> dict[int, bytes]:
        """Return for the frames in exactly this folder the digest of the files that their traces were read from."""
        ...

    def traces(self, frame_id: int) -> tuple[Trace, ...]:
        """Return a frame's traces as last read."""
        ...

    def put_traces(self, frame_id: int, look: bytes, traces: Iterable[Trace]) -> None:
        """Remember a frame's traces and the digest of the files they were read from, in place of what was known."""
        ...

    def has_looked(self, frame_id: int) -> bool:
        """Tell whether a frame's traces have ever been read."""
        ...

    def losses(self) -> tuple[Loss, ...]:
        """Return all losses that are not final."""
        ...

    def loss(self, frame_id: int) -> Loss | None:
        """Return the loss of a frame that is not there, None for one that is."""
        ...

    def put_loss(self, loss: Loss) -> None:
        """Remember that a frame is not there, in place of what was known of it."""
        ...

    def end_loss(self, frame_id: int) -> None:
        """Forget a loss: the frame is back."""
        ...

    def rereads(self) -> tuple[Reread, ...]:
        """Return the files that were written again and not compared yet."""
        ...

    def put_reread(self, reread: Reread) -> None:
        """Remember to compare a file, unless that is remembered already: the oldest content counts."""
        ...

    def end_reread(self, reread: Reread) -> None:
        """Forget a comparison that is done or will never be possible."""
        ...


class Journal(Protocol):
    """What happened, in order."""

    def append(self, kind: str, *, at_s: float, frame_id: int | None = None, **payload: object) -> int:
        """Write one entry and return its number."""
        ...

    def newest(self, *kinds: str) -> int:
        """Return the number of the newest entry (of these kinds, if any are named), 0 without one."""
        ...

    def last_s(self, frame_ids: Collection[int], *kinds: str) -> float | None:
        """Return when the newest entry of these kinds about any of these frames was written, None without one."""
        ...

    def entries(self, *kinds: str, after: int = 0) -> Iterator[Entry]:
        """Yield the entries (of these kinds, if any are named) with a number above `after`, oldest first."""
        ...

    def last(self, frame_id: int, *kinds: str) -> tuple[str, dict[str, object]] | None:
        """Return kind and payload of the newest entry of these kinds about a frame, None without one."""
        ...


class Store(Protocol):
    """Everything that is remembered, and transactions over it."""

    @property
    def catalog(self) -> Catalog:
        """Frames and files."""
        ...

    @property
    def ratings(self) -> Ratings:
        """What frames are worth."""
        ...

    @property
    def receipts(self) -> Receipts:
        """What was written."""
        ...

    @property
    def sightings(self) -> Sightings:
        """What was seen of the disk beside frames and files."""
        ...

    @property
    def journal(self) -> Journal:
        """What happened."""
        ...

    @property
    def tastes(self) -> Tastes:
        """What was learned."""
        ...

    @property
    def successions(self) -> Successions:
        """What bundles beside the embedded one have seen."""
        ...

    def assessments(self, judge: str) -> Assessments:
        """Return what one judge saw; `judge` names the bundle and the version of the measures."""
        ...

    def forget_content(self, content: bytes) -> None:
        """Forget what any judge saw in a content, so that it is looked at again."""
        ...

    def transaction(self) -> AbstractContextManager[object]:
        """Do everything inside or nothing of it. Raises StateError when it cannot be remembered."""
        ...
