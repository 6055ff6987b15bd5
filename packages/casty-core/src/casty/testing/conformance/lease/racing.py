"""Many owners that request one lease concurrently."""

import asyncio
from contextlib import AsyncExitStack

from casty.spi.lease import LeaseStore
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.lease.expectations import LONG, granted, refused
from casty.testing.conformance.lease.registry import Checks, OpenLeases

check = Checks()

RACERS = 50
ROUNDS = 20


async def stores_of(stack: AsyncExitStack, open_leases: OpenLeases) -> list[LeaseStore]:
    return [await stack.enter_async_context(open_leases()) for _ in range(5)]


@check
async def of_many_racers_one_wins(open_leases: OpenLeases) -> None:
    async with AsyncExitStack() as stack:
        stores = await stores_of(stack, open_leases)
        last = 0
        for round_ in range(ROUNDS):
            owners = [f"racer {number}" for number in range(RACERS)]
            grants = await asyncio.gather(
                *(stores[number % 5].acquire("lease", owner, LONG) for number, owner in enumerate(owners))
            )
            winners = [(owner, grant) for owner, grant in zip(owners, grants, strict=True) if grant is not None]
            expect_equal(f"round {round_ + 1}: the number of winners among {RACERS}", len(winners), 1)
            ((_, grant),) = winners
            expect(grant.token > last, f"round {round_ + 1}: the token {grant.token} comes after {last}")
            last = grant.token
            expect_equal("the winner's release", await stores[0].release("lease", grant.token), True)


@check
async def one_owner_in_many_places_has_one_token(open_leases: OpenLeases) -> None:
    async with AsyncExitStack() as stack:
        stores = await stores_of(stack, open_leases)
        grants = await asyncio.gather(*(stores[number % 5].acquire("lease", "one", LONG) for number in range(RACERS)))
        expect_equal("the tokens of one owner", len(set(grants)), 1)
        expect(grants[0] is not None, "an owner alone did not get a free lease")


@check
async def of_many_releases_one_counts(open_leases: OpenLeases) -> None:
    async with AsyncExitStack() as stack:
        stores = await stores_of(stack, open_leases)
        token = (await granted(stores[0], "one")).token
        releases = await asyncio.gather(*(stores[number % 5].release("lease", token) for number in range(RACERS)))
        expect_equal("how many of the releases counted", sum(releases), 1)


@check
async def a_cancelled_caller_may_ask_again(open_leases: OpenLeases) -> None:
    """A cancelled attempt leaves the lease with its owner or free, and with no other owner."""
    async with open_leases() as store:
        for round_ in range(ROUNDS):
            attempt = asyncio.ensure_future(store.acquire("lease", "one", LONG))
            for _ in range(round_ % 5):
                await asyncio.sleep(0)
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)
            token = (await granted(store, "one")).token
            await refused(store, "two")
            await store.release("lease", token)
