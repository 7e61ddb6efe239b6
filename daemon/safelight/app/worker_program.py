"""The program that looks at photographs, rates, learns and answers for the daemon, one request at a time.

Apart from the daemon, because the model, the vectors and all that they load take more memory than anything that idles
for weeks should, and because a picture that brings it down must not bring down the watch over the others.
Limits are set before any library is loaded. Its life hangs on a pipe of the daemon's, not on signals: a manager that
ends both at once ends the daemon, and the daemon ends this.
Invariant: every request but that to warm up is answered exactly once, or this program is gone.
"""

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from safelight.app.settings import EMBEDDED, Settings
from safelight.app.worker_duties import Duties
from safelight.app.worker_messages import WARM_UP, Start
from safelight.decoding.worker import die_with_parent, restrain
from safelight.errors import SafelightError, WorkerError


def main(arguments: list[str]) -> None:
    """Serve requests until the connection closes; `arguments`: descriptors of connection and lifeline."""
    connection, lifeline = Connection(int(arguments[0])), int(arguments[1])
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    die_with_parent(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)  # not ignored: what it starts would ignore it as well
    with contextlib.suppress(EOFError, OSError):  # the daemon is gone or has no more work
        start: Start = connection.recv()
        restrain(
            memory_bytes=start.program.memory_bytes,
            niceness=start.program.niceness,
            reserves=_may_use_gpu(start.settings),
        )
        with Duties.opened(start, say=connection.send) as duties:
            while True:
                name, asked = connection.recv()
                if name == WARM_UP:
                    duties.warm_up()
                else:
                    connection.send(_answer(duties, name, asked))


def _may_use_gpu(settings: Settings) -> bool:
    from safelight.inference.gpu import gpu_may_be_there

    return settings.accelerator != "cpu" and settings.bundle != EMBEDDED and gpu_may_be_there()


def _answer(duties: Duties, name: str, arguments: dict[str, Any]) -> tuple[str, Any]:
    duty: Callable[..., Any] = getattr(duties, name)
    try:
        return "done", duty(**arguments)
    except SafelightError as error:
        return "failed", error
    except MemoryError:
        raise SystemExit(1) from None  # a heap this full cannot be trusted to serve the next one
    except (EOFError, BrokenPipeError):
        raise  # the daemon is gone
    except Exception as error:  # noqa: BLE001  # whatever a picture or a library brings about must not end the daemon
        traceback.print_exc(file=sys.stderr)
        hint = "Please report it, with what the log says."
        return "failed", WorkerError(f"Safelight has a fault: {type(error).__name__} during {name}.", hint=hint)
