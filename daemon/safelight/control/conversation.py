"""Holds the conversation with one client: a line, its answer, the next line.

Invariant: at most one request is being answered and at most one answer is waiting to be read, so that a client costs a
bounded amount of memory; and every wait for the client has an end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.control.arguments import checked
from safelight.control.failures import failure_of
from safelight.control.lease import Lease
from safelight.control.lines import REPLY_BYTES, REQUEST_BYTES, line_of, message_of
from safelight.control.messages import Answer, Reply, Request, Status
from safelight.errors import ControlError, SafelightError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client is waited for, seconds."""

    line_s: float = 30.0  # to ask something, or the next thing
    taking_s: float = 10.0  # to read an answer
    between_s: float = 0.2  # from one status that is watched to the next


class Conversation:
    """One connection."""

    def __init__(
        self,
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        patience: Patience,
        state: Path,
        status: Callable[[], Status],
        answer: Callable[[Request], Awaitable[Answer]],
        lease: Lease,
        next_change: Callable[[], asyncio.Event],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._patience = patience
        self._state = state
        self._status = status
        self._answer = answer
        self._lease = lease
        self._next_change = next_change
        writer.transport.set_write_buffer_limits(high=0)  # drained means: the kernel has all of it

    async def hold(self) -> None:
        """Answer until the client goes. Raises ConnectionError when it has gone and TimeoutError when it is slow."""
        while True:
            try:
                line = await self._line()
                if line is None:
                    return
                request = message_of(line, Request)
            except ControlError as error:
                await self.refuse(error)
                return
            try:
                last = await self._answered(request)
            except SafelightError as error:
                await self._send(Reply(id=request.id, failure=failure_of(error)))
                continue
            if last:
                return

    async def refuse(self, error: ControlError) -> None:
        """Say why nothing is answered."""
        await self._send(Reply(id=0, failure=failure_of(error)))

    async def _line(self) -> bytes | None:
        """Return the next line, None when the client has ended. Raises ControlError for one that is too long."""
        try:
            async with asyncio.timeout(self._patience.line_s):  # wait_for can lose a cancellation (CPython 86296)
                return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            raise ControlError(f"A line may have at most {REQUEST_BYTES >> 10} KB.") from error

    async def _answered(self, request: Request) -> bool:
        """Answer one request; return whether it was the last of its connection."""
        arguments = checked(request.command, request.arguments)
        match request.command:
            case "hello":
                await self._send(Reply(id=request.id, answer=Answer(record={"state_folder": str(self._state)})))
            case "status":
                await self._send(Reply(id=request.id, status=self._status()))
            case "watch":
                await self._watch(request.id)
                return True
            case "lease":
                async with self._lease.held():
                    await self._send(Reply(id=request.id, answer=Answer()))
                    await self._reader.read(1)  # nothing more is said: this is the end of the connection
                return True
            case _:
                answer = await self._answer(request.model_copy(update={"arguments": arguments}))
                await self._send(Reply(id=request.id, answer=answer))
        return False

    async def _watch(self, number: int) -> None:
        gone = asyncio.ensure_future(self._reader.read(1))
        try:
            while not gone.done():
                change = self._next_change()  # asked for first: what changes from here on is told again
                await self._send(Reply(id=number, status=self._status()))
                await asyncio.wait({gone}, timeout=self._patience.between_s)
                changed = asyncio.ensure_future(change.wait())
                try:
                    await asyncio.wait({gone, changed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
        finally:
            gone.cancel()

    async def _send(self, reply: Reply) -> None:
        line = line_of(reply)
        if len(line) > REPLY_BYTES:
            error = ControlError("The answer is too long to be sent.", hint="Ask for less at once.")
            line = line_of(Reply(id=reply.id, failure=failure_of(error)))
        self._writer.write(line)
        async with asyncio.timeout(self._patience.taking_s):
            await self._writer.drain()
