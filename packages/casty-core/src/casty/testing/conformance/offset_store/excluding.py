"""Two transactions of one projection never run at once, and readers of the offset never wait."""

import asyncio

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.offset_store.registry import Checks, Subject

check = Checks()

TURNS = 20
"""Iterations of the event loop within each transaction, so that transactions without exclusion would overlap."""


async def count(subject: Subject, times: int) -> None:
    """Advance by one, `times` times, each from the offset that the transaction finds."""
    for _ in range(times):
        async with subject.open() as offsets, offsets.transaction("counter") as transaction:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            await transaction.advance(transaction.offset + 1)


async def counted(subject: Subject) -> int:
    async with subject.open() as offsets:
        return await offsets.offset("counter")


@check
async def the_first_transactions_of_a_name_exclude_each_other(subject: Subject) -> None:
    await asyncio.gather(*(count(subject, 1) for _ in range(5)))
    expect_equal("after 5 increments at the same time", await counted(subject), 5)


@check
async def later_transactions_exclude_each_other(subject: Subject) -> None:
    await count(subject, 1)
    await asyncio.gather(*(count(subject, 10) for _ in range(4)))
    expect_equal("after 4 tasks with 10 increments each", await counted(subject), 41)


@check
async def a_transaction_that_failed_lets_the_next_one_in(subject: Subject) -> None:
    async def fail() -> None:
        async with subject.open() as offsets, offsets.transaction("counter") as transaction:
            await transaction.advance(100)
            await asyncio.sleep(0)
            raise KeyError

    outcomes = await asyncio.gather(fail(), count(subject, 1), fail(), count(subject, 1), return_exceptions=True)
    expect(isinstance(outcomes[0], KeyError), f"wanted the handler's KeyError, there is {outcomes[0]!r}")
    expect_equal("after two increments beside two failures", await counted(subject), 2)


@check
async def the_offset_can_be_read_while_a_transaction_runs(subject: Subject) -> None:
    await count(subject, 1)
    async with subject.open() as offsets, offsets.transaction("counter") as transaction:
        await transaction.advance(2)
        async with asyncio.timeout(5):
            expect_equal("the offset during a transaction", await counted(subject), 1)
