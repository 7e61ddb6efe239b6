"""Carries an error of errors.py over the socket, so that a command fails with the same words wherever it was done.

Invariant: what is raised again is of the same class as what was caught, with the same summary and hint.
"""

from safelight import errors
from safelight.control.messages import Failure
from safelight.errors import ControlError, SafelightError

_KINDS = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, SafelightError)
}


def failure_of(error: SafelightError) -> Failure:
    """Return an error as a message; a request that was at fault is `Refused`."""
    kind = "Refused" if type(error) is ControlError else type(error).__name__
    return Failure(kind=kind, summary=error.summary, hint=error.hint)


def error_of(failure: Failure) -> SafelightError:
    """Return the error that a message tells of; one of a class that is not known here is a ControlError."""
    return _KINDS.get(failure.kind, ControlError)(failure.summary, hint=failure.hint)
