"""A lease that renews itself, against a store that a test holds in its hands."""

import asyncio

import pytest
from casty.errors import LeaseError
from casty.leases.memory import MemoryLeases
from casty.spi.lease import LeaseGrant
from casty.testing import ManualClock, settle
from casty_cluster.lease import Lease


class HeldStore:
    """Answers when a test has it answer."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[asyncio.Future[LeaseGrant | None]] = asyncio.Queue()
        self.released: list[int] = []

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        answer: asyncio.Future[LeaseGrant | None] = asyncio.get_running_loop().create_future()
        self.asked.put_nowait(answer)
        return await answer

    async def release(self, name: str, token: int) -> bool:
        self.released.append(token)
        return True


def lease_of(store: HeldStore, clock: ManualClock, lost: list[str]) -> Lease:
    return Lease(store, "lease", "one", on_lost=lost.append, seconds=12.0, clock=clock)


async def acquired(lease: Lease, store: HeldStore, token: int = 1) -> None:
    attempt = asyncio.ensure_future(lease.acquire())
    (await store.asked.get()).set_result(LeaseGrant(token, 12.0))
    assert await attempt == token


async def test_a_lease_is_held_renewed_and_given_back() -> None:
    store, clock, lost = HeldStore(), ManualClock(), list[str]()
    async with lease_of(store, clock, lost) as lease:
        assert not lease.check()
        await acquired(lease, store, 7)
        assert (lease.check(), lease.token) == (True, 7)
        for _ in range(10):
            await clock.advance(4.0)
            (await store.asked.get()).set_result(LeaseGrant(7, 12.0))
            await settle()
        assert lease.check()
    assert store.released == [7]
    assert (lease.check(), lost) == (False, [])


async def test_a_lease_that_cannot_be_renewed_is_lost_in_time() -> None:
    store, clock, lost = HeldStore(), ManualClock(), list[str]()
    async with lease_of(store, clock, lost) as lease:
        await acquired(lease, store)
        await clock.advance(4.0)
        answer = await store.asked.get()
        await clock.advance(5.9)
        assert lease.check()
        await clock.advance(0.2)
        assert not lease.check()
        assert lost == ["it could not be renewed in time"]
        answer.set_result(LeaseGrant(1, 12.0))
    assert store.released == [1]


async def test_an_error_of_the_store_is_no_grant() -> None:
    store, clock = HeldStore(), ManualClock()
    async with lease_of(store, clock, []) as lease:
        attempt = asyncio.ensure_future(lease.acquire())
        (await store.asked.get()).set_exception(LeaseError("the server is down"))
        assert await attempt is None
        assert not lease.check()
    assert store.released == []


async def test_whatever_a_store_raises_no_caller_waits_for_ever() -> None:
    store, clock = HeldStore(), ManualClock()
    async with lease_of(store, clock, []) as lease:
        attempt = asyncio.ensure_future(lease.acquire())
        (await store.asked.get()).set_exception(RuntimeError("a bug"))
        assert await attempt is None


async def test_an_immediate_request_is_answered_at_once() -> None:
    store, clock = HeldStore(), ManualClock()
    async with lease_of(store, clock, []) as lease:
        attempts = [asyncio.ensure_future(lease.acquire()) for _ in range(3)]
        (await store.asked.get()).set_result(LeaseGrant(5, 12.0))
        assert await asyncio.gather(*attempts) == [5, 5, 5]
        assert store.asked.empty()


async def test_a_lease_granted_during_release_is_given_back() -> None:
    store, clock = HeldStore(), ManualClock()
    async with lease_of(store, clock, []) as lease:
        attempt = asyncio.ensure_future(lease.acquire())
        answer = await store.asked.get()
        leaving = asyncio.ensure_future(lease.release())
        assert await attempt is None
        answer.set_result(LeaseGrant(1, 12.0))
        await leaving
    assert store.released == [1]


async def test_one_after_the_other_holds_a_real_lease() -> None:
    store, tokens = MemoryLeases(), list[int | None]()
    for owner in ("one", "two", "one"):
        async with Lease(store, "lease", owner, on_lost=pytest.fail) as lease:
            tokens.append(await lease.acquire())
            async with Lease(store, "lease", "another", on_lost=pytest.fail) as other:
                assert await other.acquire() is None
    assert tokens == [1, 2, 3]
