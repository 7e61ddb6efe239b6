"""Puts the conductor's desk together over one open catalog, and takes it apart again.

The only place that knows all of the daemon's parts. Nothing is decided here but who is given what.
Invariant: what was started is ended in `close`, in the opposite order, also when starting failed half-way.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from safelight.app import learning_run
from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.card_desk import CardDesk, CardWork
from safelight.app.card_import import CardImporter
from safelight.app.conductor import Conductor, Desk, Says
from safelight.app.configuration import Configuration
from safelight.app.delivery import Delivery
from safelight.app.eyes import Eyes
from safelight.app.letters import Bell, LeaseBegins, Letter, Letterbox, Reconfigured
from safelight.app.looking import Looking
from safelight.app.memory import give_back
from safelight.app.pausing import Pausing
from safelight.app.requests import Requests
from safelight.app.roots import Roots
from safelight.app.settings import EMBEDDED
from safelight.app.shoots_done import ShootsDone, kept_shoots
from safelight.app.state_lock import StateLock
from safelight.app.surroundings import Surroundings
from safelight.app.telling import Screen, Telling
from safelight.app.upkeep import Upkeep
from safelight.app.wiring import Parts
from safelight.app.worker_link import WorkerLink
from safelight.app.worker_messages import Limits
from safelight.control.messages import ShootDone, Trouble
from safelight.domain.cards import Card, Policy
from safelight.domain.history import FACTS
from safelight.domain.notices import Topic, card_ejected
from safelight.domain.restraint import Rules
from safelight.ports.watching import Why
from safelight.services.settle import Settle
from safelight.sidecars.naming import Profile
from safelight.watching.suspend import SuspendTeller
from safelight.watching.writers import LeaseWriters

_SCAN_SHARE = 200.0  # a look at everything takes at most one part in so many of the time


@dataclass(frozen=True, slots=True)
class Outside:
    """What the main thread has for this one."""

    box: Letterbox
    board: Board
    surroundings: Surroundings
    beat: Callable[[], None]
    eyes: Eyes
    longest_s: float


class Shift:
    """One conductor at work. Made and used in its thread; only `stop` may be called from another."""

    def __init__(self, *, parts: Parts, lock: StateLock, chosen: Configuration, outside: Outside) -> None:
        self._parts = parts
        self._lock = lock
        self._chosen = chosen
        self._outside = outside
        self._ending = ExitStack()
        self._suspend = SuspendTeller()
        self._absent: set[Path] = set()
        self._seen = parts.store.journal.newest(*FACTS)
        now = parts.clock.now
        self._roots = Roots(
            memory=parts.store.memos,
            clock=now,
            cards=lambda: self._cards.roots(),  # noqa: PLW0108  # made below
            importing=parts.store.cards.any_imported,
        )
        self._roots.configure(chosen)
        surroundings = outside.surroundings
        self._pausing = Pausing(memory=parts.store.memos, clock=now, machine=surroundings.restraint, words=_moment)
        self._telling = Telling(
            screen=Screen(surroundings.show, surroundings.take_away, surroundings.can_ask), root_of=self._roots.of
        )
        self._worker = WorkerLink(
            parts=parts, beat=outside.beat, progress=self._progress, limits=Limits(idle_s=chosen.work.idle_minutes * 60)
        )
        self._ending.callback(self._worker.close)
        self._desk = self._made_desk()
        self._requests = self._made_requests()
        self._looking = Looking(
            eyes=outside.eyes,
            parts=parts,
            roots=self._roots,
            arrival=self._desk.arrival,
            board=outside.board,
            box=outside.box,
        )
        self._ending.callback(self._looking.close)
        self._conductor = Conductor(
            box=outside.box,
            desk=self._desk,
            says=self._made_says(),
            board=outside.board,
            clock=now,
            longest_s=outside.longest_s,
        )
        self._configured()

    def work(self) -> None:
        """Work until `stop`."""
        from safelight.app.schedule import Schedule

        self._outside.board.say(shoots=self._shoots.newest, paused_until_s=self._pausing.until_s)
        self._schedule = Schedule(ring=self._outside.box.put)
        self._schedule.start(rescan_minutes=self._chosen.watch.rescan_minutes)
        self._ending.callback(self._schedule.close)
        learning_run.forgetting(self._parts).step(frozenset())  # what a killed process left of a forgetting is ended
        self._desk.delivery.recall()
        self._refresh()
        self._conductor.run()

    def stop(self) -> None:
        """End soon; from any thread."""
        self._conductor.stop()
        self._worker.stop()

    def close(self) -> None:
        """End everything that was started."""
        self._ending.close()

    def _made_desk(self) -> Desk:
        parts, now, board = self._parts, self._parts.clock.now, self._outside.board
        arrival = Arrival(
            parts=parts,
            settle=Settle(scanner=parts.scanner, clock=parts.clock, writers=LeaseWriters()),
            roots=self._roots,
        )
        self._shoots = ShootsDone(kept=kept_shoots(parts.store.memos), clock=now, told=self._shoot_done)
        delivery = Delivery(
            parts=parts,
            worker=self._worker,
            shoots=self._shoots,
            root_of=self._roots.of,
            card_ranked=lambda root, done: self._cards.ranked(root, done),  # noqa: PLW0108  # made below
            leaves=self._roots.leaves,
            withhold=self._chosen.learn.blind_share,
        )
        self._importer = CardImporter(
            settings=parts.settings, chosen=lambda: self._chosen, box=self._outside.box, clock=parts.clock
        )
        self._ending.callback(self._importer.close)
        self._cards = CardDesk(
            work=CardWork(arrival, delivery, self._importer, self._telling, self._mark_card, self._watch_imports),
            memory=parts.store.cards,
            board=board,
            new=lambda: Policy(self._chosen.cards.new),
            default=lambda: Policy(self._chosen.cards.default),
            clock=now,
        )
        self._ending.callback(self._cards.close)
        upkeep = Upkeep(worker=self._worker, clock=now, closer=parts.settings.bundle != EMBEDDED)
        return Desk(arrival, delivery, upkeep, self._worker)

    def _made_requests(self) -> Requests:
        return Requests(
            desk=self._desk,
            cards=self._cards,
            pausing=self._pausing,
            shoots=self._shoots,
            board=self._outside.board,
            roots=self._roots.all,
            clock=self._parts.clock.now,
            open_folder=self._outside.surroundings.open_folder,
            card_of=self._telling.card_of,
            eject_soon=self._eject_soon,
            is_undone=self._is_undone,
            undone=self._undone,
        )

    def _made_says(self) -> Says:
        return Says(
            requests=self._read,
            lend=self._lend,
            take_back=self._take_back,
            ring=self._ring,
            slowly=self._outside.surroundings.slowly,
            paused=lambda: self._pausing.until_s is not None,
            may_work=self._pausing.why,
            changes_s=self._pausing.changes_s,
            beat=self._beat,
            acted=self._acted,
            refresh=self._refresh,
        )

    def _read(self, letter: Letter) -> None:
        if isinstance(letter, Reconfigured):
            assert isinstance(letter.configuration, Configuration)
            self._chosen = letter.configuration
            self._configured()
            self._renew()
        else:
            self._requests(letter)

    def _configured(self) -> None:
        """Give the parts that depend on settings what they say now."""
        chosen = self._chosen
        rules = Rules(
            processors=len(os.sched_getaffinity(0)),
            jobs=chosen.work.jobs,
            battery_percent=chosen.work.battery_percent,
            pause_in_power_saver=chosen.work.in_power_saver == "pause",
            yield_when_busy=chosen.work.when_busy == "yield",
        )
        topics = ((Topic.SHOOT, chosen.notify.shoots), (Topic.CARD, chosen.notify.cards))
        self._outside.surroundings.configure(rules=rules, silent=frozenset(topic for topic, on in topics if not on))

    def _renew(self) -> None:
        """Go on with other settings: folders that are new are watched, and all are looked through by what holds now."""
        chosen = self._chosen
        self._roots.configure(chosen)
        settings = replace(
            self._parts.settings,
            profile=Profile(chosen.sidecars.profile),
            jobs=chosen.work.jobs or len(os.sched_getaffinity(0)),
            undo_s=chosen.learn.undo_hours * 3600.0,
            bundle=chosen.models.bundle,
            accelerator=chosen.models.accelerator,
            faces=chosen.models.faces,
        )
        self._parts = replace(self._parts, settings=settings, lock=self._lock.descriptor)
        self._worker.renew(self._parts)
        self._desk.arrival.renew(self._parts)
        self._desk.delivery.renew(withhold=chosen.learn.blind_share)
        self._desk.upkeep.renewed(closer=settings.bundle != EMBEDDED)
        self._looking.watch_these()
        self._looking.scan_all(Why.TIMER)
        self._looking.examine(self._chosen)
        self._refresh()

    def _lend(self, letter: LeaseBegins) -> bool:
        if not letter.free.set_running_or_notify_cancel():
            return False
        self._worker.close()
        self._lock.release()
        self._outside.board.say(state="leased", why="Another command of yours is at work.")
        letter.free.set_result(None)
        return True

    def _take_back(self) -> bool:
        if not self._lock.try_claim():
            return False
        self._parts = replace(self._parts, lock=self._lock.descriptor)
        self._worker.renew(self._parts)
        for root in self._roots.all():
            self._desk.arrival.scan(root, Why.TIMER)
        return True

    def _ring(self, bell: Bell) -> None:
        match bell:
            case Bell.RESCAN | Bell.RESUMED:
                self._looking.scan_all(Why.RESUMED if bell is Bell.RESUMED else Why.TIMER)
                self._cards.again()
                self._desk.upkeep.returned()
            case Bell.DESKTOP:
                self._looking.look_for_cards()
                self._looking.examine(self._chosen)
            case Bell.HOURLY:
                self._desk.upkeep.hourly()
                self._looking.examine(self._chosen)
                self._desk.delivery.recall()  # sidecars that could not be written are tried again
            case Bell.NIGHTLY:
                self._desk.upkeep.nightly()
            case Bell.POWER:
                self._pausing.ask_again()

    def _beat(self) -> None:
        self._outside.beat()
        if self._suspend.slept():
            self._outside.box.put(Bell.RESUMED)

    def _acted(self) -> bool:
        before, self._seen = self._seen, self._parts.store.journal.newest(*FACTS)
        return self._seen != before

    def _refresh(self) -> None:
        """Show what has to be counted, and see that waiting work is thought of again."""
        self._cards.rest()
        self._looking.show(self._desk.delivery)
        self._welcome_back()
        if self._desk.arrival.take_scanned():
            self._parts.store.give_back()
            give_back()
        scan_minutes = self._desk.arrival.scanned_s * _SCAN_SHARE / 60
        self._schedule.rescan_every(max(self._chosen.watch.rescan_minutes, scan_minutes))
        self._schedule.watch_power(on=bool(self._pausing.why()) and self._pausing.waits_for_machine)

    def _welcome_back(self) -> None:
        """Think of watched folders that are there again."""
        before, self._absent = self._absent, set(self._desk.arrival.absent)
        if before - self._absent:
            self._desk.upkeep.returned()
            self._looking.examine(self._chosen)

    def _progress(self, what: str, done: int, total: int) -> None:
        if what != "Rating":  # of a slice; the whole is shown by the conductor
            self._outside.board.begin(what, done, total)

    def _shoot_done(self, root: Path, shoot: ShootDone) -> None:
        self._outside.board.say(shoots=self._shoots.newest)
        self._telling.shoot(root, shoot)

    def _eject_soon(self, card: Card) -> None:
        board = self._outside.board

        def done(wrong: str) -> None:
            board.trouble("eject", Trouble(level="note", told=wrong) if wrong else None)
            if not wrong:
                self._outside.surroundings.show(card_ejected(key=f"ejected:{card.id}", label=card.label))

        self._outside.surroundings.eject_soon(card.root, label=card.label, done=done)

    def _undone(self, run: int) -> None:
        for shoot in self._shoots.newest:
            if shoot.run == run:
                self._telling.undone(shoot)

    def _is_undone(self, run: int) -> bool:
        known = self._parts.store.receipts.run(run)
        return known is not None and known.undone_s is not None

    def _mark_card(self, card: Card) -> None:
        identity = self._parts.mounts.identity(card.root)
        if identity is not None:
            with self._parts.store.transaction():
                self._parts.store.sightings.put_volume(card.root, identity, card=True)

    def _watch_imports(self) -> None:
        """Watch the folder that cards are copied into, which is of no interest before the first one is."""
        self._roots.configure(self._chosen)
        self._looking.watch_these()


def _moment(at_s: float) -> str:
    """Return a moment as a person reads it on the clock."""
    return time.strftime("%H:%M" if at_s - time.time() < 12 * 3600 else "%A %H:%M", time.localtime(at_s))  # noqa: TID251  # words only
