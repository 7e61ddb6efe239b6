"""Starts Safelight in a portable build, and what Safelight starts by itself.

Decoders and the daemon's worker are started as `sys.executable -P -c PROGRAM ARGUMENT...`, the daemon by the tray as
`sys.executable -m safelight run`. In a portable build that executable is this program and no Python, so it does what
Python would have done with these words.
"""

import os
import sys


def main() -> None:
    """Do what Python would do with such arguments, or be the command line."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    if sys.argv[1:3] == ["-P", "-c"]:
        program = sys.argv[3]
        sys.argv = ["-c", *sys.argv[4:]]
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # the text is our own parent's
        return
    if sys.argv[1:3] == ["-m", "safelight"]:
        del sys.argv[1:3]
    from safelight.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
