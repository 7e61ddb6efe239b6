"""Takes in what lies in folders: which frames there are, which are new, moved or changed.

The disk is compared with the catalog folder by folder. A frame is known by its content, so a file that was renamed or
moved keeps its frame; a copy is a frame of its own that shares the look at the pixels. Files that were written a moment
ago are looked at again, together, before anything is believed about them.
A frame of which nothing is left is passed over: whether it is lost, and what that means, is not for a scan of some
folders to say (`services.reconcile`).
Invariant: a frame and its `frame_arrived` entry are written in one transaction, so each arrives exactly once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.changes import Vanished, differences
from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp, FoundFile, Role, Stage
from safelight.domain.framing import Draft, drafts
from safelight.domain.records import KnownFile, Loss, Reread
from safelight.domain.stability import QUIET_S, Look, Verdict, judge, long_settled
from safelight.errors import OutOfReach
from safelight.ports import Clock, Identifier, Listing, NotLooked, Scanner, Store
from safelight.services.moves import Moves
from safelight.services.publish import ON_CARD

_TOGETHER = 200  # frames in one transaction: a commit waits for the disk

Believes = Callable[[FoundFile], bool]  # whether a file that is new or was written again has settled

STILL_CHANGING = "It is still being written; run again when the copy has finished."


@dataclass(slots=True)
class Arrivals:
    """What a scan found: the frames in scope, in the order of the scan, and what was not looked at."""

    frames: dict[int, None] = field(default_factory=dict)  # an ordered set
    sidecars: dict[Path, FileStamp] = field(default_factory=dict)
    not_looked: list[NotLooked] = field(default_factory=list)
    unsettled: list[Path] = field(default_factory=list)  # for whoever watches: to be looked at again
    copied: int = 0  # frames on a card that are known from another place


class Intake:
    """Compares folders with the catalog and remembers the difference."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        identifier: Identifier,
        store: Store,
        clock: Clock,
        imported: bool = False,
        wanted: Callable[[FoundFile], bool] = lambda _: True,
    ) -> None:
        """With `imported` what is new was there before Safelight, and only its past counts so far.

        `wanted` tells of a file that is not known whether it is to be taken in at all.
        """
        self._imported = imported
        self._wanted = wanted
        self._scanner = scanner
        self._identifier = identifier
        self._store = store
        self._clock = clock
        self._moves = Moves(scanner=scanner, identifier=identifier, store=store, on_card=self._on_card)
        self._cards: tuple[Path, ...] = ()

    def take_in(self, folders: Sequence[Path], *, believes: Believes | None = None) -> Arrivals:
        """Scan folders with all below them and return what is in scope.

        What was written a moment ago is waited for; with `believes`, which knows better, it is left for later and
        told as unsettled, and only frames that are new or have changed are in scope. Raises FolderError when a folder
        cannot be scanned.
        """
        return self._take((listing for folder in folders for listing in self._scanner.scan(folder)), believes)

    def look_into(self, folders: Iterable[Path], *, believes: Believes) -> Arrivals:
        """Do the same with exactly these folders, without what lies below them; one that is gone is passed over."""
        return self._take((self._scanner.listing(folder) for folder in folders), believes)

    def _take(self, listings: Iterable[Listing], believes: Believes | None) -> Arrivals:
        arrivals = Arrivals()
        waiting: list[Draft] = []
        self._cards = tuple(folder for folder, (_, card) in self._store.sightings.volumes().items() if card)
        for listing in listings:
            if listing.failure:
                arrivals.not_looked.append(NotLooked(listing.path, f"It cannot be listed: {listing.failure}."))
                continue
            arrivals.not_looked.extend(listing.not_looked)
            self._take_listing(listing.path, listing.files, arrivals, waiting, believes)
        for draft in self._settled(waiting, arrivals):
            self._take_drafts([draft], self._known(draft), arrivals)
        return arrivals

    def take_drafts(self, folder: Path, some: Sequence[Draft]) -> None:
        """Bring some frames of one folder up to date; their files must have settled."""
        self._take_drafts(some, {file.path: file for file in self._store.catalog.files_in(folder)}, Arrivals())

    def part_with(self, frame_id: int, gone: Sequence[Path], found: Sequence[FoundFile] = ()) -> None:
        """Remember, in the caller's transaction, that files of a frame are gone; it goes on with what is left."""
        self._store.catalog.mark_gone(gone)
        self._make_do(frame_id, found)

    def _take_listing(
        self,
        folder: Path,
        files: Sequence[FoundFile],
        arrivals: Arrivals,
        waiting: list[Draft],
        believes: Believes | None,
    ) -> None:
        if believes is None:
            arrivals.sidecars.update({file.path: file.stamp for file in files if file.role is Role.SIDECAR})
        known = {file.path: file for file in self._store.catalog.files_in(folder)}
        now_s = self._clock.now()
        rests = believes or (lambda file: long_settled(file.stamp, now_s))
        found = drafts(files)
        fresh: list[Draft] = []
        for draft in found:
            if not any(file.path in known or self._wanted(file) for file in draft.files):
                continue
            if all(_unchanged(file, known) for file in draft.files):
                if believes is not None:
                    continue  # whoever watches asks for what is new: the rest of a library is too much to remember
                arrivals.frames.update(dict.fromkeys(known[file.path].frame_id for file in draft.files))
            elif not (moving := [file for file in draft.files if not _unchanged(file, known) and not rests(file)]):
                fresh.append(draft)
            elif believes is None:
                waiting.append(draft)
            else:
                arrivals.unsettled.extend(file.path for file in moving)
        self._take_drafts(fresh, known, arrivals)
        self._mark_vanished(known, [file for draft in found for file in draft.files])

    def _mark_vanished(self, known: Mapping[Path, KnownFile], found: Sequence[FoundFile]) -> None:
        stamps = {path: file.stamp for path, file in known.items()}
        changes = differences(stamps, {file.path: file.stamp for file in found})
        gone = {change.path for change in changes if isinstance(change, Vanished)}
        for frame_id in sorted({known[path].frame_id for path in gone}):
            files = {file.path for file in self._store.catalog.files_of(frame_id)}
            if files - gone:
                with self._store.transaction():
                    self.part_with(frame_id, sorted(files & gone), found)

    def _make_do(self, frame_id: int, found: Sequence[FoundFile]) -> None:
        """Let a frame that has lost a file go on with what is left of it, in the order of drafts if it is `found`."""
        files = [file.path for file in self._store.catalog.files_of(frame_id)]
        if main := next((file.path for file in found if file.path in files), files[0] if files else None):
            self._store.catalog.set_main(frame_id, main)
            self._publish_again(frame_id)

    def _settled(self, waiting: Sequence[Draft], arrivals: Arrivals) -> Iterable[Draft]:
        """Wait, once for all, until files written a moment ago rest; yield their frames as they are then."""
        looks = {file.path: [Look(self._clock.now(), file.stamp)] for draft in waiting for file in draft.files}
        verdicts = dict.fromkeys(looks, Verdict.WAIT)
        while Verdict.WAIT in verdicts.values():
            self._clock.sleep(QUIET_S)
            for path in [path for path, verdict in verdicts.items() if verdict is Verdict.WAIT]:
                if (stamp := self._scanner.look(path)) is None:
                    verdicts[path] = Verdict.GIVEN_UP
                    continue
                looks[path].append(Look(self._clock.now(), stamp))
                verdicts[path] = judge(looks[path])
        for draft in waiting:
            if any(verdicts[file.path] is Verdict.GIVEN_UP for file in draft.files):
                arrivals.not_looked.append(NotLooked(draft.main.path, STILL_CHANGING))
                continue
            yield Draft(tuple(FoundFile(file.path, file.role, looks[file.path][-1].stamp) for file in draft.files))

    def _known(self, draft: Draft) -> dict[Path, KnownFile]:
        return {file.path: file for file in self._store.catalog.files_in(draft.main.path.parent)}

    def _take_drafts(self, fresh: Sequence[Draft], known: Mapping[Path, KnownFile], arrivals: Arrivals) -> None:
        """Bring frames up to date in the catalog, some in each transaction, and put them in scope."""
        changed = any(file.path in known for draft in fresh for file in draft.files)
        together = len(fresh) if changed else _TOGETHER  # which names have changed places is told from all of them
        for start in range(0, len(fresh), together or 1):
            some = fresh[start : start + together]
            files = [file for draft in some for file in draft.files]
            contents = {file.path: self._content(file, known.get(file.path)) for file in files}
            some = [draft for draft in some if not self._is_copied(draft, known, contents)]
            arrivals.copied += len(fresh[start : start + together]) - len(some)
            files = [file for draft in some for file in draft.files]
            with self._store.transaction():
                moves = self._moves.find(files, known, contents)
                left = {old.path for old in moves.values()}
                staying = {path: file for path, file in known.items() if path not in left}
                for path in left:
                    self._store.catalog.drop_file(path)
                for draft in some:
                    owners = self._take_draft(draft, staying, contents, moves)
                    arrivals.frames.update(dict.fromkeys(owners[file.path] for file in draft.files))

    def _take_draft(
        self,
        draft: Draft,
        known: Mapping[Path, KnownFile],
        contents: Mapping[Path, bytes],
        moves: Mapping[Path, KnownFile],
    ) -> dict[Path, int]:
        """Bring one frame's files up to date and return which frame each belongs to."""
        owners: dict[Path, int] = {}
        for file in draft.files:
            if (old := moves.get(file.path)) is not None:
                if self._moves.stays_whole(old.frame_id, draft):
                    self._move(file, old)
                    owners[file.path] = old.frame_id
            elif file.path in known:
                self._renew(file, known[file.path], contents[file.path])
                owners[file.path] = known[file.path].frame_id
        self._adopt(draft, contents, owners)
        return owners

    def _content(self, file: FoundFile, known: KnownFile | None) -> bytes:
        if known is not None and known.stamp == file.stamp and known.content:
            return known.content
        try:
            return self._identifier.content(file.path)
        except OutOfReach:
            # The decoder will meet the same obstacle and says it to the person; here it only means "not known yet".
            return b""

    def _renew(self, file: FoundFile, known: KnownFile, content: bytes) -> None:
        """Take note of a known file whose stamp or content is another than before."""
        if known.stamp == file.stamp and known.content == content:
            return
        catalog = self._store.catalog
        catalog.put_file(file, frame_id=known.frame_id, content=content)
        same_time = (known.stamp.size, known.stamp.mtime_ns) == (file.stamp.size, file.stamp.mtime_ns)
        if same_time and known.content == content:
            return  # restored or copied back: the same bytes in another inode
        # A file written again may differ where the samples of its identity do not, so it is looked at again.
        self._store.forget_content(content)
        catalog.set_stage(known.frame_id, Stage.ARRIVED)
        self._tell(Kind.FRAME_CHANGED, known.frame_id, path=str(file.path))
        if known.content and known.content != content:
            self._store.sightings.put_reread(Reread(known.frame_id, file.path, known.content))

    def _move(self, file: FoundFile, old: KnownFile) -> None:
        self._store.catalog.put_file(file, frame_id=old.frame_id, content=old.content)
        if (loss := self._store.sightings.loss(old.frame_id)) is not None:
            self._return(file.path, loss)
        if self._on_card(old.path) and not self._on_card(file.path):
            self._import(old.frame_id, old.path, file.path)
        elif old.path != file.path:
            self._tell(Kind.FRAME_MOVED, old.frame_id, source=str(old.path), path=str(file.path))
        self._publish_again(old.frame_id)

    def _import(self, frame_id: int, source: Path, path: Path) -> None:
        """Let a frame that was looked at on a card live where it was copied to; what it was found worth goes along."""
        left = [file.path for file in self._store.catalog.files_of(frame_id) if self._on_card(file.path)]
        self._store.catalog.mark_gone(left)
        self._tell(Kind.FRAME_IMPORTED, frame_id, source=str(source), path=str(path))
        frame = self._store.catalog.frame(frame_id)
        if frame.stage is Stage.RANKED and frame.reason == ON_CARD:
            self._store.catalog.set_stage(frame_id, Stage.RANKED)  # nothing stands in the way of its sidecar any more

    def _on_card(self, path: Path) -> bool:
        return any(path.is_relative_to(card) for card in self._cards)

    def _is_copied(self, draft: Draft, known: Mapping[Path, KnownFile], contents: Mapping[Path, bytes]) -> bool:
        """Tell whether a new frame on a card lies in the library already, where it was copied to."""
        content = contents[draft.main.path]
        if not content or not self._on_card(draft.main.path) or any(file.path in known for file in draft.files):
            return False
        return any(not each.gone and not self._on_card(each.path) for each in self._store.catalog.with_content(content))

    def _return(self, path: Path, loss: Loss) -> None:
        reason = "It is back." if path == loss.path else f"It is back, at {path}."
        self._tell(Kind.FRAME_RETURNED, loss.frame_id, path=str(path), of=loss.seq, confidence=1.0, reason=reason)
        self._store.sightings.end_loss(loss.frame_id)

    def _tell(self, kind: Kind, frame_id: int, **payload: object) -> None:
        self._store.journal.append(kind, at_s=self._clock.now(), frame_id=frame_id, **payload)

    def _adopt(self, draft: Draft, contents: Mapping[Path, bytes], owners: dict[Path, int]) -> None:
        """Give every file of the draft a frame: one that a companion has already, or a new one."""
        orphans = [file for file in draft.files if file.path not in owners]
        frame_id = next(iter(owners.values()), None)
        if frame_id is None:
            frame_id = self._come_home(draft, contents) or self._arrive(draft)
        elif orphans:
            # Whether they are the same exposure is told by the capture times, which a look at the files finds out.
            self._store.catalog.set_stage(frame_id, Stage.ARRIVED)
        for file in orphans:
            self._store.catalog.put_file(file, frame_id=frame_id, content=contents[file.path])
            owners[file.path] = frame_id
        for owner in dict.fromkeys(owners.values()):
            main = next(file.path for file in draft.files if owners[file.path] == owner)
            self._store.catalog.set_main(owner, main)

    def _come_home(self, draft: Draft, contents: Mapping[Path, bytes]) -> int | None:
        """Return the frame of these pixels whose old place another file has taken, as cards do with their names."""
        content, path = contents[draft.main.path], draft.main.path
        frame_id = self._store.catalog.homeless(content) if content and not self._on_card(path) else None
        if frame_id is None:
            return None
        if (loss := self._store.sightings.loss(frame_id)) is not None:
            self._return(path, loss)
        else:
            self._import(frame_id, self._store.catalog.frame(frame_id).path, path)
        self._publish_again(frame_id)
        return frame_id

    def _arrive(self, draft: Draft) -> int:
        now_s = self._clock.now()
        frame_id = self._store.catalog.add_frame(draft.main.path, arrived_s=now_s)
        names = [str(file.path) for file in draft.files]
        told: dict[str, object] = {"imported": True} if self._imported else {}
        self._tell(Kind.FRAME_ARRIVED, frame_id, files=names, **told)
        return frame_id

    def _publish_again(self, frame_id: int) -> None:
        """Let a frame whose files have changed places be published where it is now; its rating stays."""
        self._store.receipts.see(frame_id, {})
        if self._store.catalog.frame(frame_id).stage is Stage.PUBLISHED:
            self._store.catalog.set_stage(frame_id, Stage.RANKED)


def _unchanged(file: FoundFile, known: Mapping[Path, KnownFile]) -> bool:
    before = known.get(file.path)
    return before is not None and before.stamp == file.stamp and before.content != b""
