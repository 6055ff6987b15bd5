"""The caller's side of operations: ids, retries, and errors that say what is known of the outcome."""

import asyncio
import contextlib
from asyncio import Future
from collections.abc import Callable
from typing import Any, Final

from casty import entropy
from casty.clock import SystemClock
from casty.coordination.operations import Operation, OperationId, Refused, Waiting, Withdraw
from casty.errors import (
    ActorFailedError,
    ActorStoppedError,
    ArgumentError,
    CastyError,
    JournalError,
    MailboxFullError,
    NodeLostError,
    SerializationError,
)
from casty.ref import ActorRef
from casty.spi.serializer import Serializer

RETRIED: Final = (
    ActorFailedError,
    ActorStoppedError,
    JournalError,
    MailboxFullError,
    NodeLostError,
    TimeoutError,
)
"""After these the operation may have happened or not: it is sent again, with the same id."""
BACKOFF: Final = 0.05
LONGEST_BACKOFF: Final = 1.0
SHORTEST_ATTEMPT: Final = 1.0
LONGEST_ATTEMPT: Final = 5.0
"""Seconds for a reply, beyond those for which the entity may wait, until an operation is sent again."""


class Client:
    """Sends the operations of one facade to their entities."""

    def __init__(
        self, clock: SystemClock, serializer: Serializer, entity: Callable[[str], ActorRef[Operation]]
    ) -> None:
        self.clock = clock
        """It outlives its system, as leases are counted for a moment longer."""
        self.serializer = serializer
        self.id = entropy.source().token(12).hex()
        self._entity = entity
        self._number = 0
        self._open: dict[int, None] = {}
        """The numbers of operations that are under way, lowest first."""

    async def call(self, entity_id: str, command: Any, what: str, timeout: float, *, longer: float = 0.0) -> Any:
        """Carry out a command once, however often it has to be sent. `longer` is how long the entity may wait itself.

        Raises `ArgumentError` if it does not fit the structure, and `TimeoutError` if no reply came in time: then it
        may have happened, or may still happen.
        """
        with self.operation() as operation:
            return await operation.attempt(entity_id, command, what, timeout, longer=longer)

    def operation(self) -> "ClientOperation":
        """A new operation, which ends with its block."""
        self._number += 1
        return ClientOperation(self, self._number)

    def begin(self, number: int) -> None:
        self._open[number] = None

    def end(self, number: int) -> None:
        del self._open[number]

    def message(self, number: int, attempt: int, command: Any) -> Operation:
        settled = next(iter(self._open), self._number + 1)
        return Operation(id=OperationId(self.id, number), settled=settled, attempt=attempt, command=command)

    async def ask(self, entity_id: str, message: Operation, timeout: float) -> Any:
        return await self._entity(entity_id).ask(message, timeout)

    def withdraw(self, entity_id: str, operation: OperationId) -> None:
        """Let the entity know that an operation has ended. It finds out by itself, later, if this is lost."""
        self._number += 1
        with contextlib.suppress(CastyError):  # the system has stopped
            self._entity(entity_id).tell(self.message(self._number, 1, Withdraw(operation)))

    async def pause(self, seconds: float) -> None:
        """Sleep by the system's clock."""
        over: Future[None] = asyncio.get_running_loop().create_future()
        handle = self.clock.call_later(seconds, _wake, over)
        try:
            await over
        finally:
            handle.cancel()


class ClientOperation:
    """One operation from its first attempt to its end."""

    def __init__(self, client: Client, number: int) -> None:
        self.id = OperationId(client.id, number)
        self._client = client
        self._attempts = 1
        self.sent = 0.0
        """When the last attempt was sent: what its reply grants, it grants from then on at the earliest."""

    def __enter__(self) -> "ClientOperation":
        self._client.begin(self.id.number)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.end(self.id.number)

    async def wait(
        self,
        entity_id: str,
        make: Callable[[float], Any],
        what: str,
        timeout: float | None,
        *,
        each: float,
        at_most: float = float("inf"),
    ) -> Any:
        """Send a command for which the entity may wait, again and again until it replies with more than `WAITING`.

        `make(seconds)` makes the command; the entity waits `each` seconds at a time. After `at_most` seconds the result
        is `WAITING`, and the operation is withdrawn, as it is where an exception ends it. Without a `timeout`, the
        entity may be out of reach for what is left of `at_most`.
        """
        clock = self._client.clock
        end = clock.time() + at_most
        try:
            while True:
                seconds = min(each, max(0.0, end - clock.time()))
                left = max(SHORTEST_ATTEMPT, end - clock.time() - seconds) if timeout is None else timeout
                reply = await self.attempt(entity_id, make(seconds), what, left, longer=seconds)
                if not isinstance(reply, Waiting):
                    return reply
                if clock.time() >= end:
                    break
        except BaseException:
            self._client.withdraw(entity_id, self.id)
            raise
        self._client.withdraw(entity_id, self.id)
        return reply

    async def attempt(self, entity_id: str, command: Any, what: str, timeout: float, *, longer: float = 0.0) -> Any:
        """Send the command until a reply comes. Raises as `Client.call` does."""
        clock = self._client.clock
        deadline = clock.time() + timeout + longer
        # Not the whole time for one attempt: its message may be lost without an error.
        patience = longer + min(max(SHORTEST_ATTEMPT, timeout / 3), LONGEST_ATTEMPT)
        backoff = BACKOFF
        while True:
            message = self._client.message(self.id.number, self._attempts, command)
            self.sent = clock.time()
            try:
                reply = await self._client.ask(entity_id, message, min(patience, max(0.0, deadline - self.sent)))
            except RETRIED as error:
                if clock.time() + backoff >= deadline or _is_hopeless(error):
                    raise TimeoutError(
                        f"{what} was not confirmed within {timeout:g} s: it may have happened, or may still happen; "
                        f"the last of {self._attempts} attempts failed: {error}"
                    ) from error
            else:
                if isinstance(reply, Refused):
                    raise ArgumentError(f"{what} was refused: {reply.reason}")
                return reply
            await self._client.pause(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF)
            self._attempts += 1


def _is_hopeless(error: Exception) -> bool:
    """Whether the entity failed on what it was to store, as it would again."""
    return isinstance(error, ActorFailedError) and isinstance(error.__cause__, SerializationError)


def _wake(over: "Future[None]") -> None:
    if not over.done():
        over.set_result(None)
