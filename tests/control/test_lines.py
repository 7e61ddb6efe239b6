"""Whatever a file can be called survives the wire, and nothing but whole messages comes out of a line."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safelight.control.arguments import COMMANDS, checked
from safelight.control.failures import error_of, failure_of
from safelight.control.lines import line_of, message_of
from safelight.control.messages import (
    Answer,
    CardSeen,
    Doing,
    Failure,
    Reply,
    Request,
    ShootDone,
    Status,
    Trouble,
    Watched,
)
from safelight.errors import BundleError, ControlError, SafelightError, SidecarBusy, StateError, Unreadable

NAMES = st.binary(min_size=1, max_size=255).map(lambda name: name.replace(b"\0", b"0").replace(b"/", b"_"))
PATHS = st.lists(NAMES, min_size=1, max_size=6).map(lambda names: os.fsdecode(b"/" + b"/".join(names)))
NAMED = st.text(max_size=20) | PATHS
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMED,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMED, inner, max_size=4),
    max_leaves=12,
)
COUNTS = st.integers(min_value=0, max_value=10**9)
TIMES = st.floats(min_value=0, max_value=1e11)


def or_error(does: Callable[[], Any]) -> Any:
    """Return what comes of it, or the ControlError that it raises; anything else is a failure of the test."""
    try:
        return does()
    except ControlError as error:
        return error


def drawn(kind: type, **given_: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Return a strategy of messages; the fields that are not given keep their defaults."""
    return st.builds(kind, **given_)


STATUSES = drawn(
    Status,
    why=NAMED,
    doing=st.lists(drawn(Doing, what=NAMED, done=COUNTS, total=COUNTS), max_size=2).map(tuple),
    watched=st.lists(
        drawn(Watched, folder=PATHS, state=st.sampled_from(["watched", "absent"]), told=NAMED), max_size=2
    ).map(tuple),
    cards=st.lists(
        drawn(CardSeen, card=NAMED, label=NAMED, root=PATHS, policy=st.just("ask"), state=st.just("asking")), max_size=2
    ).map(tuple),
    shoots=st.lists(
        drawn(ShootDone, run=COUNTS, name=NAMED, folder=PATHS, at_s=TIMES, frames=COUNTS, five=COUNTS, low=COUNTS,
              bursts=COUNTS, seconds=TIMES),
        max_size=2,
    ).map(tuple),
    trouble=st.lists(drawn(Trouble, level=st.just("bad"), told=NAMED, hint=NAMED), max_size=2).map(tuple),
)  # fmt: skip
REPLIES = (
    st.builds(Reply, id=COUNTS, answer=st.builds(Answer, record=RECORDS, text=NAMED, status=COUNTS))
    | st.builds(Reply, id=COUNTS, status=STATUSES)
    | st.builds(Reply, id=COUNTS, failure=st.builds(Failure, kind=st.just("Refused"), summary=NAMED, hint=NAMED))
)


@given(PATHS)
def test_any_path_survives_as_an_argument(path: str) -> None:
    request = Request(id=1, command="explain", arguments={"file": path})
    line = line_of(request)
    assert line.count(b"\n") == 1 and line.isascii()
    back = message_of(line, Request)
    assert back == request
    arguments = checked(back.command, back.arguments)
    assert os.fsencode(arguments["file"]) == os.fsencode(path)


@given(REPLIES)
def test_any_reply_survives(reply: Reply) -> None:
    line = line_of(reply)
    assert line.endswith(b"\n") and line.count(b"\n") == 1 and line.isascii()
    assert message_of(line, Reply) == reply


@given(st.binary(max_size=300) | RECORDS.map(lambda record: json.dumps(record).encode()))
def test_noise_is_a_message_or_one_sentence(noise: bytes) -> None:
    for kind in (Request, Reply):
        message = or_error(lambda kind=kind: message_of(noise, kind))
        if isinstance(message, ControlError):
            assert message.summary.endswith(".") and len(message.summary) < 300
        else:
            assert message_of(line_of(message), kind) == message


@given(st.sampled_from(sorted(COMMANDS)), st.dictionaries(st.sampled_from(["folder", "file", "last", "x"]), RECORDS))
def test_any_arguments_are_checked_or_refused(command: str, arguments: dict[str, object]) -> None:
    found = or_error(lambda: checked(command, arguments))
    if isinstance(found, ControlError):
        assert command in found.summary
    else:
        assert checked(command, found) == found


@pytest.mark.parametrize("kind", [StateError, BundleError, Unreadable, SidecarBusy, SafelightError, ControlError])
def test_an_error_is_the_same_on_the_other_side(kind: type[SafelightError]) -> None:
    error = kind("The disk is full.", hint="Free \udcff some space.")
    line = line_of(Reply(id=1, failure=failure_of(error)))
    failure = message_of(line, Reply).failure
    assert failure is not None
    raised = error_of(failure)
    assert (type(raised), raised.summary, raised.hint) == (kind, error.summary, error.hint)


def test_an_error_of_a_class_that_is_not_known_is_told_all_the_same() -> None:
    for kind in ("FromTheFuture", "Path", "annotations", ""):
        raised = error_of(Failure(kind=kind, summary="It is so.", hint="Do that."))
        assert (type(raised), raised.told) == (ControlError, "It is so. Do that.")


def test_messages_do_not_change() -> None:
    status = Status()
    with pytest.raises(ValidationError):
        status.frames = 3
