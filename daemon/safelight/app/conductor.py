"""The daemon's one thread that changes anything: reads its letters, then does the most urgent thing, a short one.

Order of urgency: what clients ask; what has settled; folders that changed; a slice of frames to judge; shoots that have
arrived; whole folders to scan; upkeep. Everything is done in steps of a few seconds, so that nothing waits long, and
what is half done when the daemon ends stands in the catalog and goes on at the next start.
Invariant: nothing of this runs while another process holds a lease on the state folder.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

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
_ARRIVING = (Hint.STARTED, Hint.CLOSED, Hint.ARRIVED)
LONGEST_WAIT_S = 300.0  # so that the service manager hears that this thread still answers


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
    paused: Callable[[], bool]  # whether it is the person who wants no work done
    may_work: Callable[[], str]  # why heavy work has to wait, one sentence; empty: it may be done
    beat: Callable[[], None]  # this thread is alive and has done something
    acted: Callable[[], bool]  # whether a person did something since the last question
    refresh: Callable[[], None]  # counts what is shown anew, after something was done


class Conductor:
    """Reads letters and does what they ask for, until it is told to stop."""

    def __init__(self, *, box: Letterbox, desk: Desk, says: Says, board: Board, clock: Callable[[], float]) -> None:
        self._box = box
        self._desk = desk
        self._says = says
        self._board = board
        self._clock = clock
        self._stopping = threading.Event()
        self._lent = 0
        self._judged = 0  # frames looked at since there was last nothing to do
        self._stale = False  # something was done since the last count
        self._backoff_s = 0.0
        self._resting_s = 0.0  # until when nothing is tried, after a failure

    def stop(self) -> None:
        """End after the step that is being done; may be called from any thread."""
        self._stopping.set()
        self._box.wake()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stopping.is_set():
            self.read(self._box.take(self.wait_s()))
            if not self._stopping.is_set():
                self.step()

    def read(self, letters: Iterable[Letter]) -> None:
        """Read letters, in their order."""
        for letter in letters:
            self._read(letter)

    def wait_s(self) -> float:
        """Return for how long there is nothing to do unless a letter comes, in seconds."""
        now_s = self._clock()
        if self._lent:
            return 1.0 if self._lent < 0 else LONGEST_WAIT_S
        if self._resting_s > now_s:
            return self._resting_s - now_s
        heavy = not self._says.may_work() and not self._desk.worker.degraded
        times = [self._desk.arrival.due_s()]
        if heavy:
            times += [
                self._desk.delivery.due_s(),
                self._desk.upkeep.due_s(),
                now_s if self._desk.delivery.to_judge else None,
            ]
        due = min((each for each in times if each is not None), default=now_s + LONGEST_WAIT_S)
        return min(LONGEST_WAIT_S, max(0.0, due - now_s))

    def step(self) -> bool:
        """Do the most urgent thing; False when there was nothing to do."""
        self._says.beat()
        if self._lent < 0 and self._says.take_back():
            self._lent = 0
            self._desk.delivery.recall()
        if self._lent or self._resting_s > self._clock():
            return False
        try:
            did = self._do()
        except SafelightError as error:
            self._fail(error)
            return False
        if did:
            self._stale, self._backoff_s = True, 0.0
        else:
            self._rest()
        return did

    def _do(self) -> bool:
        if self._arrive():
            return True
        why = self._says.may_work() or self._desk.worker.degraded
        waiting = self._desk.delivery.waiting
        self._board.say(waiting=waiting)
        if why:
            self._board.say(state=self._state(waiting), why=why)
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
        if arrival.scanning and self._desk.delivery.to_judge and self._judge():
            return True  # a scan of a large library must not keep new frames waiting, nor they it: both in turn
        if arrival.scanning:
            self._board.say(state="working")
            self._board.begin("Looking for changes")
        try:
            came = arrival.step()
        finally:
            self._board.end("Looking for changes")
        if came.frames:
            self._desk.worker.warm_up() if not self._says.may_work() else None
            self._desk.delivery.gather(came.frames)
        if came.looked and self._says.acted():
            self._desk.upkeep.person_acted()
        return came.looked

    def _rate(self) -> bool:
        if self._judge():
            return True
        done = self._desk.delivery.deliver(busy=self._desk.arrival.busy())
        if done is not None:
            self._desk.upkeep.delivered()
        return done is not None

    def _judge(self) -> bool:
        to_judge = self._desk.delivery.to_judge
        if not to_judge or self._says.may_work():
            return False
        self._board.say(state="working", why="", waiting=self._desk.delivery.waiting)
        self._board.begin("Rating", self._judged, self._judged + to_judge)
        did = self._desk.delivery.judge()
        self._judged += max(0, to_judge - self._desk.delivery.to_judge)
        return did

    def _keep_up(self) -> bool:
        what = ""
        if self._desk.upkeep.due_s() is not None and not self._desk.delivery.waiting:
            what = self._desk.upkeep.step()
        return bool(what)

    def _rest(self) -> None:
        """Show that nothing is being done."""
        self._judged = 0
        self._board.rest()
        self._board.trouble("failure", None)
        if self._stale:
            self._stale = False
            self._says.refresh()
        if not self._says.may_work() and not self._desk.worker.degraded:
            self._board.say(state="idle", why="", waiting=self._desk.delivery.waiting)
        self._desk.worker.idle()

    def _fail(self, error: SafelightError) -> None:
        """Say what went wrong and try again a little later: a full disk is emptied, a folder comes back."""
        self._board.rest()
        self._board.trouble("failure", Trouble(level="bad", told=error.summary, hint=error.hint))
        self._board.say(state="degraded", why=error.summary)
        self._backoff_s = min(LAST_BACKOFF_S, 2 * self._backoff_s) if self._backoff_s else FIRST_BACKOFF_S
        self._resting_s = self._clock() + self._backoff_s

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
                self._lent = -1
                if self._says.take_back():
                    self._lent = 0
                    self._desk.delivery.recall()
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

    def _arrives(self, noticed: Noticed) -> bool:
        """Tell whether a picture is arriving that may be rated at once."""
        worker = self._desk.worker
        if worker.alive or worker.degraded or self._lent or noticed.hint not in _ARRIVING:
            return False
        return role_of(noticed.path.name) in (Role.RAW, Role.IMAGE) and not self._says.may_work()

    def _lend(self, letter: LeaseBegins) -> None:
        self._lent = 1 if self._says.lend(letter) else self._lent
