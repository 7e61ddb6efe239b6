"""The daemon's one thread that changes anything: reads its letters, then does the most urgent thing, a short one.

Order of urgency: what clients ask; what has settled; folders that changed; a slice of frames to judge; shoots that have
arrived; whole folders to scan; upkeep. Everything is done in steps of a few seconds, so that nothing waits long, and
what is half done when the daemon ends stands in the catalog and goes on at the next start.
Invariant: nothing of this runs while another process holds a lease on the state folder.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from safelight.app.arrival import Arrival
from safelight.app.board import Board
from safelight.app.delivery import Delivery
from safelight.app.letters import (
    Asked,
    Bell,
    CardsChanged,
    Copied,
    CopyEnded,
    CopyProgress,
    LeaseBegins,
    LeaseEnds,
    Letter,
    Letterbox,
    Pressed,
    Reconfigured,
    Unshown,
)
from safelight.app.upkeep import Upkeep
from safelight.app.worker_messages import Worker
from safelight.control.messages import Trouble
from safelight.domain.frame import Role
from safelight.domain.names import role_of
from safelight.errors import SafelightError
from safelight.ports.watching import Hint, Missed, Noticed

FIRST_BACKOFF_S = (
    20.0  # after something that must not go wrong (full disk, no model) has; doubled each time it does again
)
LAST_BACKOFF_S = 900.0
# What a duty may meet without the daemon's end. The adapters speak of what a file or a folder refuses; of the system's
# own limits (open files, processes, memory), which may show anywhere, only OSError speaks.
_FAILURES = (SafelightError, OSError)
_TRY_NOW = ("rescan", "resume")  # a person who asks for it has mended what was wrong
_ARRIVING = (Hint.STARTED, Hint.CLOSED, Hint.ARRIVED)
_LONGEST_BREATH_S = 10.0
_ASK_S = 1.0  # whether a command that borrowed the state folder has ended
_PAUSE_S = 5.0  # after a failure that is no single duty's: that of the catalog, as a rule
LONGEST_WAIT_S = 100.0  # so that the service manager hears often enough that this thread still answers


@dataclass(frozen=True, slots=True)
class Desk:
    """What the conductor works with; each is used by its thread alone."""

    arrival: Arrival
    delivery: Delivery
    upkeep: Upkeep
    worker: Worker


@dataclass(frozen=True, slots=True)
class Says:
    """Whom the conductor asks and tells, beside the desk."""

    requests: Callable[[Letter], None]  # what clients, cards, buttons and settings bring
    lend: Callable[[LeaseBegins], bool]  # lets go of the state folder; False: it could not
    take_back: Callable[[], bool]  # holds the state folder again; False: somebody else still does
    ring: Callable[[Bell], None]
    slowly: Callable[[], bool]  # whether others need the machine, so that work takes half of its time
    paused: Callable[[], bool]  # whether it is the person who wants no work done
    may_work: Callable[[], str]  # why heavy work has to wait, one sentence; empty: it may be done
    changes_s: Callable[[], float | None]  # when that may be otherwise, by the clock; None: not by time alone
    beat: Callable[[], None]  # this thread is alive and has done something
    acted: Callable[[], bool]  # whether a person did something since the last question
    refresh: Callable[[], None]  # counts what is shown anew, after something was done


class Lent(StrEnum):
    """Whether another process writes to the state folder."""

    NO = "no"
    YES = "yes"
    RETURNING = "returning"  # its lease has ended; it may still hold the lock for a moment


class Rest:
    """A rest after a failure, which grows with each one: a full disk is emptied, a folder comes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._length_s = 0.0
        self._until_s = 0.0

    @property
    def over(self) -> bool:
        """Tell whether it is time to try again, also after the clock was set back."""
        return not 0.0 < self._until_s - self._clock() <= self._length_s

    def not_before(self, due_s: float) -> float:
        """Return when something that is due will be tried."""
        return due_s if self.over else max(due_s, self._until_s)

    def begin(self) -> None:
        """Rest, twice as long as the last time."""
        self._length_s = min(LAST_BACKOFF_S, 2 * self._length_s) if self._length_s else FIRST_BACKOFF_S
        self._until_s = self._clock() + self._length_s

    def end(self) -> None:
        """Note that all is well again."""
        self._length_s = self._until_s = 0.0


class Conductor:
    """Reads letters and does what they ask for, until it is told to stop."""

    def __init__(
        self,
        *,
        box: Letterbox,
        desk: Desk,
        says: Says,
        board: Board,
        clock: Callable[[], float],
        longest_s: float = LONGEST_WAIT_S,
    ) -> None:
        """`longest_s`: after so long without anything to do a sign of life is given, in seconds."""
        self._longest_s = longest_s
        self._box = box
        self._desk = desk
        self._says = says
        self._board = board
        self._clock = clock
        self._stopping = threading.Event()
        self._lent = Lent.NO
        self._arrived = False  # the last step brought something in, so that judging has its turn
        self._judged = 0  # frames looked at since there was last nothing to do
        self._stale = False  # something was done since the last count
        self._breath_s = 0.0  # until when nothing is judged, because others need the machine
        self._light = Rest(clock)  # from watching and taking in, after a failure
        self._heavy = Rest(clock)  # from judging and rating

    def stop(self) -> None:
        """End after the step that is being done; may be called from any thread."""
        self._stopping.set()
        self._box.wake()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping.is_set():
            try:
                self.read(self._box.take(self.wait_s()))
                if not self._stopping.is_set():
                    self.step()
            except _FAILURES as error:
                self._fail(error)
                self._stopping.wait(_PAUSE_S)

    def read(self, letters: Iterable[Letter]) -> None:
        """Read letters, in their order; one that cannot be dealt with keeps nobody from the next."""
        for letter in letters:
            try:
                self._read(letter)
            except _FAILURES as error:
                self._light.begin()
                self._fail(error)

    def wait_s(self) -> float:
        """Return for how long there is nothing to do unless a letter comes, in seconds."""
        now_s = self._clock()
        if self._lent is not Lent.NO:
            return _ASK_S if self._lent is Lent.RETURNING else self._longest_s
        due = min(self._dues(now_s), default=now_s + self._longest_s)
        return min(self._longest_s, max(0.0, due - now_s))

    def _dues(self, now_s: float) -> Iterator[float]:
        """Yield when each kind of work has something to do; what has to wait for other things is left out."""
        arrival, delivery = self._desk.arrival, self._desk.delivery
        if self._stale:
            yield now_s  # what was done is to be counted and shown
        if (due_s := arrival.due_s()) is not None:
            yield self._light.not_before(due_s)
        if self._says.may_work():
            if (delivery.waiting or self._says.paused()) and (due_s := self._says.changes_s()) is not None:
                yield due_s
            return
        if self._desk.worker.degraded:
            return
        if delivery.to_judge:
            yield self._heavy.not_before(max(now_s, self._breath_s))
        elif (due_s := delivery.due_s(busy=arrival.busy())) is not None:
            yield self._heavy.not_before(due_s)
        if not delivery.waiting and (due_s := self._desk.upkeep.due_s()) is not None:
            yield self._heavy.not_before(max(due_s, self._breath_s))

    def step(self) -> bool:
        """Do the most urgent thing; False when there was nothing to do."""
        self._says.beat()
        if self._lent is Lent.RETURNING:
            self._take_back()
        if self._lent is not Lent.NO:
            return False
        did = False if self._judges_next() else self._tried(self._light, self._arrive)
        did = did or self._tried(self._heavy, self._work)
        if did:
            self._stale = True
        else:
            self._rest()
        return did

    def _judges_next(self) -> bool:
        """Tell whether it is judging's turn: what arrives without an end must not keep what has arrived waiting."""
        return self._arrived and self._heavy.over and bool(self._desk.delivery.to_judge) and not self._says.may_work()

    def _tried(self, rest: "Rest", work: Callable[[], bool]) -> bool:
        """Do something unless it failed a moment ago; a failure is shown, and tried again a little later."""
        if not rest.over:
            return False
        try:
            did = work()
        except _FAILURES as error:
            rest.begin()
            self._fail(error)
            return False
        if did:
            rest.end()
        return did

    def _work(self) -> bool:
        """Do what needs the worker, if it may be done now."""
        self._arrived = False
        why = self._says.may_work() or self._desk.worker.degraded
        waiting = self._desk.delivery.waiting
        self._board.say(waiting=waiting)
        if why:
            state = self._state(waiting)
            self._board.say(state=state, why="" if state == "idle" else why)  # nothing waits for anything
            return False
        return self._rate() or self._keep_up()

    def _state(self, waiting: int) -> str:
        if self._desk.worker.degraded:
            return "degraded"
        if self._says.paused():
            return "paused"
        return "waiting" if waiting else "idle"

    def _arrive(self) -> bool:
        arrival = self._desk.arrival
        due_s = arrival.due_s()
        if due_s is None or due_s > self._clock():
            return False
        if arrival.scanning:
            self._board.say(state="working")
            self._board.begin("Looking for changes")
        try:
            came = arrival.step()
        finally:
            self._board.end("Looking for changes")
        if came.frames:
            self._desk.delivery.gather(came.frames)
            if not self._says.may_work():
                self._desk.worker.warm_up()
        if came.looked and self._says.acted():
            self._desk.upkeep.person_acted()
        self._arrived = came.looked
        return came.looked

    def _rate(self) -> bool:
        if self._judge():
            return True
        done = self._desk.delivery.deliver(busy=self._desk.arrival.busy())
        if done is not None:
            self._desk.upkeep.delivered()
        return done is not None

    def _judge(self) -> bool:
        to_judge, begun_s = self._desk.delivery.to_judge, self._clock()
        if not to_judge or self._says.may_work() or 0.0 < self._breath_s - begun_s <= _LONGEST_BREATH_S:
            return False
        self._board.say(state="working", why="", paused_until_s=None, waiting=self._desk.delivery.waiting)
        self._board.begin("Rating", self._judged, self._judged + to_judge)
        did = self._desk.delivery.judge()
        self._judged += max(0, to_judge - self._desk.delivery.to_judge)
        self._breathe(begun_s)
        return did

    def _breathe(self, begun_s: float) -> None:
        """Leave the machine alone for as long as the work since `begun_s` took, where others need it."""
        if self._says.slowly():
            now_s = self._clock()
            self._breath_s = now_s + min(_LONGEST_BREATH_S, now_s - begun_s)

    def _keep_up(self) -> bool:
        what, begun_s = "", self._clock()
        breathes = 0.0 < self._breath_s - begun_s <= _LONGEST_BREATH_S
        if self._desk.upkeep.due_s() is not None and not self._desk.delivery.waiting and not breathes:
            what = self._desk.upkeep.step()
            self._breathe(begun_s)
        return bool(what)

    def _rest(self) -> None:
        """Show that nothing is being done."""
        self._judged = 0
        self._board.rest()
        if self._light.over and self._heavy.over:
            self._board.trouble("failure", None)
            if not self._says.may_work() and not self._desk.worker.degraded:
                waiting = self._desk.delivery.waiting
                self._board.say(state="idle", why="", paused_until_s=None, waiting=waiting)
        if self._stale:
            self._stale = False
            self._says.refresh()
        self._desk.worker.idle()

    def _fail(self, failure: SafelightError | OSError) -> None:
        """Say what went wrong."""
        error = failure if isinstance(failure, SafelightError) else _refused(failure)
        self._board.rest()
        self._board.trouble("failure", Trouble(level="bad", told=error.summary, hint=error.hint))
        self._board.say(state="degraded", why=error.summary)

    def _read(self, letter: Letter) -> None:
        match letter:
            case Noticed() | Missed():
                self._desk.arrival.hear(letter)
                if isinstance(letter, Noticed) and self._arrives(letter):
                    self._desk.worker.warm_up()  # loads while the file is still being copied
            case Bell():
                self._says.ring(letter)
            case LeaseBegins():
                self._lend(letter)
            case LeaseEnds():
                self._lent = Lent.RETURNING
                self._take_back()
            case (
                Asked()
                | CardsChanged()
                | CopyProgress()
                | Copied()
                | CopyEnded()
                | Pressed()
                | Unshown()
                | Reconfigured()
            ):
                self._says.requests(letter)
                if isinstance(letter, Asked) and letter.command in _TRY_NOW:
                    self._light.end()
                    self._heavy.end()

    def _arrives(self, noticed: Noticed) -> bool:
        """Tell whether a picture is arriving that may be rated at once."""
        worker = self._desk.worker
        if worker.alive or worker.degraded or self._lent is not Lent.NO or noticed.hint not in _ARRIVING:
            return False
        return role_of(noticed.path.name) in (Role.RAW, Role.IMAGE) and not self._says.may_work()

    def _lend(self, letter: LeaseBegins) -> None:
        if self._says.lend(letter):
            self._lent = Lent.YES

    def _take_back(self) -> None:
        """Hold the state folder again, if nobody else does by now; what changed meanwhile is in the catalog."""
        if self._says.take_back():
            self._lent = Lent.NO
            self._desk.delivery.recall()


def _refused(error: OSError) -> SafelightError:
    return SafelightError(
        f"The system has refused what Safelight needs: {error.strerror or error}.", hint="It is tried again by itself."
    )
