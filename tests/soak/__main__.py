"""`python -m tests.soak --seconds 300 --seed 1`: soaks the daemon and says what it found."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.soak import Plan, Report, soak


def main() -> int:
    """Run one soak; 1 when something did not agree."""
    asked = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    asked.add_argument("--seconds", type=float, default=300.0)
    asked.add_argument("--seed", type=int, default=int(time.time()) % 10_000)
    asked.add_argument("--keep", action="store_true", help="keep the folder also where everything agrees")
    given = asked.parse_args()
    place = Path(tempfile.mkdtemp(prefix="safelight-soak-"))
    _say(f"A soak of {given.seconds:.0f} s with seed {given.seed}, in {place}")
    with soak(Plan.of(seconds=given.seconds, seed=given.seed), place) as made:
        report = made.run()
    _tell(report)
    if report.problems or given.keep:
        (place / "told.txt").write_text("\n".join(made.ledger.told))
    else:
        shutil.rmtree(place)
    return 1 if report.problems else 0


def _tell(report: Report) -> None:
    for note in report.notes:
        _say(f"  {note}")
    for problem in report.problems:
        _say(f"PROBLEM: {problem}")
    _say("Not everything agrees." if report.problems else "Everything agrees.")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
