"""What every kind of reference must do, as plain async functions that raise `AssertionError`.

The author of a reference runs them with three lines of pytest, each check on a reference to a new receiver:

    @pytest.mark.parametrize("check", checks())
    async def test_conformance(check: Check) -> None:
        await check(open_receiver)

The function opens a `Receiver`, as an async context manager. The checks send it one message, so that they
apply to reply references too; `checks(takes_many=True)` adds those that send several.

Each check plays a command of an event-sourced actor: the command's messages must wait in its outbox.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, Protocol

from casty.output_commit import CURRENT
from casty.persistence.outbox import Outbox
from casty.ref import ActorRef
from casty.testing.conformance.checks import RoomChecks
from casty.testing.conformance.expectations import expect_equal


class Receiver(Protocol):
    """A reference, and the messages that have arrived through it."""

    ref: ActorRef[Any]

    async def received(self) -> list[str]:
        """The texts that have arrived so far, or have become dead letters if the reference has no living actor.
        Waits first until everything in flight has arrived.
        """
        ...


type OpenReceiver = Callable[[], AbstractAsyncContextManager[Receiver]]
type Check = Callable[[OpenReceiver], Awaitable[None]]

check: Final = RoomChecks[bool, Check]()


def checks(*, takes_many: bool = True) -> list[Check]:
    """The checks that a reference must pass, each with a descriptive name."""
    return check.of(takes_many)


@contextmanager
def command() -> Generator[Outbox]:
    """Act on behalf of a command that is in flight until its outbox is released or discarded."""
    outbox = Outbox()
    token = CURRENT.set(outbox)
    try:
        yield outbox
    finally:
        CURRENT.reset(token)


@check
async def a_message_arrives(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        receiver.ref.tell("a")
        expect_equal("received", await receiver.received(), ["a"])


@check
async def what_a_command_tells_waits_for_its_events(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        with command() as outbox:
            receiver.ref.tell("a")
        expect_equal("received before the events are durable", await receiver.received(), [])
        outbox.release()
        expect_equal("received after that", await receiver.received(), ["a"])


@check
async def what_a_failed_command_told_leaves_no_trace(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        with command() as outbox:
            receiver.ref.tell("never")
        outbox.discard()
        receiver.ref.tell("a")
        expect_equal("received", await receiver.received(), ["a"])


@check
async def what_a_task_of_a_command_tells_waits_as_well(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:

        async def task() -> None:
            receiver.ref.tell("a")

        with command() as outbox:
            await asyncio.create_task(task())
        expect_equal("received before the events are durable", await receiver.received(), [])
        outbox.release()
        expect_equal("received after that", await receiver.received(), ["a"])


@check
async def what_a_task_tells_after_its_command_goes_straight_through(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        durable = asyncio.Event()

        async def task() -> None:
            await durable.wait()
            receiver.ref.tell("a")

        with command() as outbox:
            late = asyncio.create_task(task())
        outbox.release()
        durable.set()
        await late
        expect_equal("received", await receiver.received(), ["a"])


@check
async def a_command_in_flight_holds_back_nothing_of_others(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        with command() as outbox:
            pass
        receiver.ref.tell("a")
        expect_equal("received", await receiver.received(), ["a"])
        outbox.discard()


@check.where(lambda takes_many: takes_many)
async def what_a_command_tells_keeps_its_order(open_receiver: OpenReceiver) -> None:
    async with open_receiver() as receiver:
        with command() as outbox:
            for text in ("a", "b", "c"):
                receiver.ref.tell(text)
        outbox.release()
        receiver.ref.tell("d")
        expect_equal("received", await receiver.received(), ["a", "b", "c", "d"])
