"""Runs a command of the program that kills itself before a certain statement reaches the catalog.

`python -m tests.faults.catching_up BEGINNING NUMBER WORD...`: before the NUMBER-th statement that begins so.
"""

import os
import signal
import sqlite3
import sys
from itertools import count
from typing import Any

from safelight.cli.main import main


def run(beginning: str, number: int) -> None:
    """Run the command of `sys.argv` until then."""
    connect, heard = sqlite3.connect, count(1)

    def hear(statement: str) -> None:
        if statement.lstrip().startswith(beginning) and next(heard) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def connected(*words: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*words, **named)
        connection.set_trace_callback(hear)
        return connection

    sqlite3.connect = connected  # type: ignore[assignment]
    main()


if __name__ == "__main__":
    beginning, number = sys.argv[1:3]
    sys.argv[1:] = sys.argv[3:]
    run(beginning, int(number))
