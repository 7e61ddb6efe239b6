"""What a decode worker runs for each request: `examine_file` with the real measures.

Apart from the worker, so that the worker can limit its memory before this module loads the libraries.
Invariant: takes only plain values as options, as they come from another process.
"""

from typing import Any

from safelight.decoding.examine import examine_file
from safelight.decoding.rules import DecodeRules, Gate
from safelight.domain.technical import measure
from safelight.ports import Examined, Request


def examine(request: Request, gate: Gate, **options: Any) -> Examined:
    """Examine one frame; `options` are fields of DecodeRules."""
    return examine_file(request, measure=measure, rules=DecodeRules(gate=gate, **options))
