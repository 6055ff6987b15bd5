"""Rows written through the connection are committed together with the offset, or not at all."""

from typing import Any

from casty.spi.offset_store import OffsetTransaction
from casty.testing.conformance.expectations import expect_equal
from casty.testing.conformance.offset_store.cancelling import cancel_after
from casty.testing.conformance.offset_store.registry import Checks, Subject

check = Checks(lambda capabilities: capabilities.transactional)


async def expect_committed(what: str, subject: Subject, rows: list[str], offset: int) -> None:
    async with subject.open() as offsets:
        expect_equal(f"{what}: the offset", await offsets.offset("a"), offset)
    expect_equal(f"{what}: the rows", list(await subject.rows()), rows)


@check
async def rows_and_offset_are_committed_together(subject: Subject) -> None:
    async with subject.open() as offsets:
        async with offsets.transaction("a") as transaction:
            await subject.insert(transaction.connection, "one")
            await transaction.advance(1)
            await subject.insert(transaction.connection, "two")
            await expect_committed("before the commit", subject, [], 0)
        await expect_committed("after the commit", subject, ["one", "two"], 1)


@check
async def an_exception_rolls_both_back(subject: Subject) -> None:
    async with subject.open() as offsets:
        async with offsets.transaction("a") as transaction:
            await subject.insert(transaction.connection, "kept")
            await transaction.advance(1)
        try:
            async with offsets.transaction("a") as transaction:
                await subject.insert(transaction.connection, "lost")
                await transaction.advance(2)
                raise KeyError
        except KeyError:
            await expect_committed("after an exception", subject, ["kept"], 1)
        async with offsets.transaction("a") as transaction:
            await subject.insert(transaction.connection, "again")
            await transaction.advance(2)
    await expect_committed("after another try", subject, ["kept", "again"], 2)


@check
async def a_cancellation_rolls_both_back(subject: Subject) -> None:
    async def write(transaction: OffsetTransaction[Any]) -> None:
        await subject.insert(transaction.connection, "lost")
        await transaction.advance(1)

    await cancel_after(write, subject)
    await expect_committed("after a cancellation", subject, [], 0)


@check
async def rows_without_an_advance_are_committed_too(subject: Subject) -> None:
    async with subject.open() as offsets, offsets.transaction("a") as transaction:
        await subject.insert(transaction.connection, "made before the first event")
    await expect_committed("without an advance", subject, ["made before the first event"], 0)


@check
async def a_transaction_sees_its_own_rows_and_those_before_it(subject: Subject) -> None:
    for offset in range(1, 4):
        async with subject.open() as offsets, offsets.transaction("a") as transaction:
            await subject.insert(transaction.connection, str(transaction.offset))
            await transaction.advance(offset)
    await expect_committed("after three openings", subject, ["0", "1", "2"], 3)
