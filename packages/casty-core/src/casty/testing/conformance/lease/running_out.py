"""When a lease ends that nobody gives back."""

import asyncio

from casty.spi.lease import LeaseStore
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.lease.expectations import LONG, SHORT, granted, refused
from casty.testing.conformance.lease.registry import Checks, OpenLeases

check = Checks()

PATIENCE = 20.0
"""Seconds until a lease that ends after `SHORT` ones must be free at the latest, on a slow machine."""


async def granted_in_the_end(store: LeaseStore, owner: str) -> int:
    """The token, once the lease is free."""
    async with asyncio.timeout(PATIENCE):
        while True:
            grant = await store.acquire("lease", owner, LONG)
            if grant is not None:
                return grant.token
            await asyncio.sleep(0.01)


@check
async def a_lease_runs_out(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        first = await granted(store, "one", SHORT)
        token = await granted_in_the_end(other, "two")
        expect(token > first.token, f"the token {first.token} was followed by {token}")
        await refused(store, "one")
        expect_equal("the release by who had it before", await store.release("lease", first.token), False)


@check
async def it_does_not_run_out_early(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        for _ in range(3):
            asked = asyncio.get_running_loop().time()
            await granted(store, "one", SHORT)
            token = await granted_in_the_end(other, "two")
            held = asyncio.get_running_loop().time() - asked
            expect(held >= SHORT, f"a lease of {SHORT} s was free after {held:.3f} s")
            await other.release("lease", token)


@check
async def who_renews_it_keeps_it(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        first = await granted(store, "one", 2.0)
        ends = asyncio.get_running_loop().time() + 2.5
        while asyncio.get_running_loop().time() < ends:
            again = await granted(store, "one", 2.0)
            expect_equal("the token of a renewed lease", again.token, first.token)
            await refused(other, "two")
            await asyncio.sleep(0.1)


@check
async def who_comes_back_too_late_gets_a_new_token(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        first = await granted(store, "one", SHORT)
        await asyncio.sleep(SHORT + 0.1)
        second = await granted(store, "one", LONG)
        expect(second.token > first.token, f"after the lease ran out its token {first.token} came again")


@check
async def who_was_refused_has_changed_nothing(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        await granted(store, "one", SHORT)
        await refused(other, "two", 1_000.0)
        await granted_in_the_end(store, "three")


@check
async def a_shorter_grant_counts(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        await granted(store, "one", 1_000.0)
        await granted(store, "one", SHORT)
        await granted_in_the_end(other, "two")
