"""When a lease that is not released expires."""

import asyncio

from casty.spi.lease import LeaseStore
from casty.testing.conformance.expectations import expect, expect_equal
from casty.testing.conformance.lease.expectations import LONG, SHORT, granted, refused
from casty.testing.conformance.lease.registry import Checks, OpenLeases

check = Checks()

PATIENCE = 20.0
"""Seconds after which a lease of `SHORT` seconds must be free at the latest, even on a slow machine."""


async def granted_in_the_end(store: LeaseStore, owner: str) -> int:
    """Wait until the lease is free, acquire it, and return the token."""
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
        expect_equal("the release by the former holder", await store.release("lease", first.token), False)


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
async def a_renewed_lease_is_kept(open_leases: OpenLeases) -> None:
    async with open_leases() as store, open_leases() as other:
        first = await granted(store, "one", 2.0)
        ends = asyncio.get_running_loop().time() + 2.5
        while asyncio.get_running_loop().time() < ends:
            again = await granted(store, "one", 2.0)
            expect_equal("the token of a renewed lease", again.token, first.token)
            await refused(other, "two")
            await asyncio.sleep(0.1)


@check
async def a_late_renewal_gets_a_new_token(open_leases: OpenLeases) -> None:
    async with open_leases() as store:
        first = await granted(store, "one", SHORT)
        await asyncio.sleep(SHORT + 0.1)
        second = await granted(store, "one", LONG)
        expect(second.token > first.token, f"after the lease ran out its token {first.token} came again")


@check
async def a_refused_owner_has_changed_nothing(open_leases: OpenLeases) -> None:
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
