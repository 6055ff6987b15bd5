"""An offset is stored when its transaction commits, and only then."""

from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.offset_store.cancelling import cancel_after
from casty.testing.conformance.offset_store.registry import Checks, Subject

check = Checks()


async def advance(subject: Subject, name: str, offset: int) -> None:
    async with subject.open() as offsets, offsets.transaction(name) as transaction:
        await transaction.advance(offset)


async def expect_offset(what: str, subject: Subject, name: str, wanted: int) -> None:
    """Expect the offset from outside, and in the next transaction."""
    async with subject.open() as offsets:
        expect_equal(f"{what}: the offset of {name[:50]!r}", await offsets.offset(name), wanted)
        async with offsets.transaction(name) as transaction:
            expect_equal(f"{what}: what a transaction of {name[:50]!r} finds", transaction.offset, wanted)


@check
async def a_projection_begins_at_0(subject: Subject) -> None:
    await expect_offset("without any transaction", subject, "new", 0)


@check
async def an_offset_is_stored_with_the_commit_and_not_before(subject: Subject) -> None:
    async with subject.open() as offsets:
        async with offsets.transaction("a") as transaction:
            await transaction.advance(5)
            expect_equal("what the transaction found", transaction.offset, 0)
            async with subject.open() as others:
                expect_equal("the offset before the commit", await others.offset("a"), 0)
        expect_equal("the offset after the commit", await offsets.offset("a"), 5)
    await expect_offset("after the commit", subject, "a", 5)


@check
async def the_last_of_several_advances_counts(subject: Subject) -> None:
    async with subject.open() as offsets, offsets.transaction("a") as transaction:
        for offset in (3, 9, 7):
            await transaction.advance(offset)
    await expect_offset("after advances to 3, 9 and 7", subject, "a", 7)


@check
async def an_offset_may_go_back(subject: Subject) -> None:
    await advance(subject, "a", 100)
    await advance(subject, "a", 0)
    await expect_offset("after a rebuild", subject, "a", 0)


@check
async def a_transaction_without_an_advance_changes_nothing(subject: Subject) -> None:
    await advance(subject, "a", 5)
    async with subject.open() as offsets, offsets.transaction("a"):
        pass
    await expect_offset("after an empty transaction", subject, "a", 5)


@check
async def any_offset_of_63_bits_is_kept(subject: Subject) -> None:
    for offset in (1, 2**31, 2**53 + 1, 2**63 - 1):
        await advance(subject, "a", offset)
        await expect_offset("a large offset", subject, "a", offset)


@check
async def names_are_apart_however_alike_they_are(subject: Subject) -> None:
    names = ["a", "A", "a ", "\u00e1", "a\u0301", "ab", "a'b", 'a"b', "a%", "口座", "🏦", "x" * 300, "x" * 301]
    for number, name in enumerate(names, 1):
        await advance(subject, name, number)
    for number, name in enumerate(names, 1):
        await expect_offset("among names that look alike", subject, name, number)


@check
async def an_exception_stores_nothing_and_comes_out_unchanged(subject: Subject) -> None:
    await advance(subject, "a", 5)
    mistake = KeyError("a handler's")
    async with subject.open() as offsets:
        try:
            async with offsets.transaction("a") as transaction:
                await transaction.advance(6)
                raise mistake
        except KeyError as error:
            expect(error is mistake, f"the exception came out as another one: {error!r}")
        else:
            expect(False, "the transaction swallowed the exception")
        expect_equal("the offset after an exception", await offsets.offset("a"), 5)
        async with offsets.transaction("a") as transaction:
            await transaction.advance(7)
    await expect_offset("after an exception, and a transaction after it", subject, "a", 7)


@check
async def a_cancelled_transaction_stores_nothing(subject: Subject) -> None:
    await cancel_after(lambda transaction: transaction.advance(6), subject)
    await expect_offset("after a cancellation", subject, "a", 0)


@check
async def a_store_that_is_opened_again_has_its_offsets(subject: Subject) -> None:
    for offset in range(1, 4):
        async with subject.open() as offsets, offsets.transaction("a") as transaction:
            expect_equal("what the transaction finds", transaction.offset, offset - 1)
            await transaction.advance(offset)
    await expect_offset("after three openings", subject, "a", 3)
