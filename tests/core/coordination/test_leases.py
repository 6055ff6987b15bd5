"""Locks as their holders know them: renewed in the background, lost in time, never held by a caller that has ended."""

import asyncio
import time
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination.client import Client
from casty.coordination.operations import OperationId
from casty.coordination.structures import Permits
from casty.distributed import DistributedRegister, LockGrant, LockLostError
from casty.errors import ActorStoppedError
from casty.testing import ManualClock, manual_time, settle


async def test_a_lock_is_renewed_for_as_long_as_it_is_held() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        grant = await d.lock("l", ttl=15.0).acquire()
        for _ in range(20):
            await clock.advance(5.0)
            assert grant.is_held
            assert grant.valid_until == clock.time() + 15.0
        assert await d.lock("l").try_acquire() is False
        assert await grant.release() is True
        assert [grant.is_held, await grant.release()] == [False, False]
        assert grant.valid_until == clock.time(), "the next caller may have it from now on"
        await clock.advance(60.0)
        assert clock.waits() == []
        assert await d.lock("l").try_acquire() is True


async def test_a_lock_that_is_held_is_waited_for() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        first, second, third = d.lock("l"), d.lock("l"), d.lock("l")
        assert (await first.acquire()).token == 1
        waiting = [asyncio.create_task(second.acquire()), asyncio.create_task(third.acquire())]
        await clock.advance(60.0)  # the callers have asked many times by now
        assert not any(task.done() for task in waiting)
        await first.release()
        await clock.advance(0.0)
        assert (await waiting[0]).token == 2
        assert not waiting[1].done()
        await second.release()
        await clock.advance(0.0)
        assert (await waiting[1]).token == 3


async def test_a_process_that_was_paused_for_too_long_knows_that_its_lock_is_lost() -> None:
    clock = manual_time()
    lost: list[LockGrant] = []
    async with ActorSystem(clock=clock) as system:
        lock = system.distributed().lock("l", ttl=15.0, on_lost=lost.append)
        grant = await lock.acquire()
        clock.stall(15.0)  # nothing has run, and so nothing can have noticed
        assert not grant.is_held
        with pytest.raises(LockLostError, match="the grant 1 of the lock 'l' is not held any more: its time is over"):
            grant.check()
        await clock.advance(0.0)
        assert lost == [grant]
        with pytest.raises(LockLostError, match="this process did not renew it in time"):
            grant.check()
        assert [lock.grant, await lock.release()] == [None, False]
        assert await lock.try_acquire() is True


class Fenced:
    """A resource that remembers the token of its last write, and refuses lower ones."""

    def __init__(self, register: DistributedRegister[tuple[int, str]]) -> None:
        self.register = register

    async def write(self, grant: LockGrant, text: str) -> bool:
        while True:
            before = await self.register.get()
            if before is not None and before[0] > grant.token:
                return False
            if await self.register.compare_and_set(before, (grant.token, text)):
                return True


@pytest.mark.parametrize("journal", [None, "memory://"])
async def test_the_token_stops_a_holder_that_was_paused_and_writes_when_it_wakes(journal: str | None) -> None:
    """L1. It does not look at its grant before: so a resource without tokens takes its write."""
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(journal)
        plain, fenced = d.register[str]("plain"), Fenced(d.register[tuple[int, str]]("fenced"))
        wakes = asyncio.Event()

        async def paused() -> bool:
            async with d.lock("l", ttl=15.0) as grant:
                await fenced.write(grant, "first")
                await wakes.wait()
                await plain.set("by the first holder")
                return await fenced.write(grant, "by the first holder")

        first = asyncio.create_task(paused())
        await settle()
        clock.stall(16.0)
        second = asyncio.create_task(d.lock("l", ttl=15.0).acquire())
        await clock.advance(0.0)
        grant = await second
        await plain.set("by the second holder")
        assert await fenced.write(grant, "by the second holder") is True
        wakes.set()
        assert await first is False
        assert await fenced.register.get() == (2, "by the second holder")
        assert await plain.get() == "by the first holder"


async def test_a_lock_that_another_caller_has_by_now_is_lost() -> None:
    clock = manual_time()
    lost: list[LockGrant] = []
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        grant = await d.lock("l", ttl=15.0, on_lost=lost.append).acquire()
        await d.lock("l").destroy()
        assert (await d.lock("l").acquire()).token == 2  # higher than that of the lock before
        await clock.advance(5.0)
        assert lost == [grant]
        assert grant.valid_until == clock.time(), "it is given back as soon as it is lost"
        with pytest.raises(LockLostError, match="its lease has expired"):
            grant.check()


async def test_the_task_of_a_lock_that_is_lost_is_cancelled_on_request() -> None:
    clock = manual_time()
    ended: list[str] = []
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()

        async def work(name: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        async def hold() -> None:
            async with d.lock("l", cancel_on_lost=True), asyncio.TaskGroup() as group:
                group.create_task(work("a"))
                group.create_task(work("b"))

        holder = asyncio.create_task(hold())
        await settle()
        clock.stall(100.0)
        await clock.advance(0.0)
        with pytest.raises(LockLostError):
            await holder
        assert (sorted(ended), holder.cancelling()) == (["a", "b"], 0)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async with ActorSystem() as system:
        lock = system.distributed().lock("l", cancel_on_lost=True)

        async def hold() -> None:
            async with lock:
                await asyncio.Event().wait()

        holder = asyncio.create_task(hold())
        await settle()
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder
        assert await lock.try_acquire() is True


async def test_a_callback_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    clock = manual_time()

    def fail(grant: LockGrant) -> None:
        raise RuntimeError("in on_lost")

    async with ActorSystem(clock=clock) as system:
        await system.distributed().lock("l", on_lost=fail).acquire()
        clock.stall(100.0)
        await clock.advance(0.0)
    assert "on_lost of the lock 'l' failed" in caplog.text


@pytest.mark.parametrize("how", ["cancelled", "timed out"])
async def test_b09_a_caller_that_waits_no_more_never_gets_the_lock(how: str) -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        holder = d.lock("l")
        await holder.acquire()
        waiting = asyncio.create_task(d.lock("l").acquire())
        await settle()
        if how == "cancelled":
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        else:
            waiting.cancel()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await d.lock("l").acquire()
            await asyncio.wait([waiting])
        await settle()
        await holder.release()
        assert await d.lock("l").try_acquire() is True


def lose(self: Client, entity_id: str, operation: OperationId) -> None:
    """Send nothing."""


async def test_a_caller_whose_withdrawal_is_lost_holds_the_lock_for_its_time_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = manual_time()
    monkeypatch.setattr(Client, "withdraw", lose)
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        holder, other = d.lock("l", ttl=15.0), d.lock("l", ttl=15.0)
        await holder.acquire()
        ghost = asyncio.create_task(d.lock("l", ttl=15.0).acquire())
        await settle()
        ghost.cancel()
        await holder.release()
        assert await other.try_acquire() is False  # it was granted to the ghost
        await clock.advance(15.0)
        assert await other.try_acquire() is True


async def test_a_thousand_callers_of_which_most_are_cancelled() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        holder = d.lock("l")
        await holder.acquire()
        served: list[int] = []

        async def caller(number: int) -> None:
            async with d.lock("l"):
                served.append(number)

        waiting = [asyncio.create_task(caller(number)) for number in range(1_000)]
        await settle()
        for number, task in enumerate(waiting):
            if number % 10:
                task.cancel()
        await holder.release()
        await asyncio.wait(waiting)
        assert served == list(range(0, 1_000, 10))


async def test_tokens_grow_across_restarts_and_the_lease_of_a_dead_process_ends() -> None:
    journal = InMemoryJournal()
    clock = manual_time()
    tokens: list[int] = []
    for _ in range(3):
        async with ActorSystem(clock=clock) as system:
            acquiring = asyncio.create_task(system.distributed(journal).lock("l", ttl=15.0).acquire())
            await clock.advance(16.0)
            tokens.append((await acquiring).token)
            # The process ends without a release.
    assert tokens == [1, 2, 3]


async def test_a_lock_outlives_its_entity() -> None:
    """B10: the entity starts again from its journal, and its holder renews the same grant."""
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(InMemoryJournal())
        grant = await d.lock("l", ttl=15.0).acquire()
        await crash(system, "lock:l")
        assert await d.lock("l").try_acquire() is False
        await clock.advance(30.0)
        assert grant.is_held
        assert await grant.release() is True
        assert (await d.lock("l").acquire()).token == 2


async def crash(system: ActorSystem, entity_id: str) -> None:
    """Fail an entity: supervision starts it again."""
    region: Any = system.lookup("/casty-distributed-persistent")
    region.entity(entity_id).tell("no operation")
    await settle()


async def test_a_waiter_survives_a_crash_of_the_entity() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(InMemoryJournal())
        holder = d.lock("l")
        await holder.acquire()
        waiting = asyncio.create_task(d.lock("l").acquire())
        await settle()
        await crash(system, "lock:l")
        await clock.advance(10.0)
        await holder.release()
        await clock.advance(1.0)
        assert (await waiting).token == 2


async def test_a_semaphore_has_so_many_holders() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        running = most = 0

        async def work() -> None:
            nonlocal running, most
            async with d.semaphore("pool", 3):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0)
                running -= 1

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(work())
        assert (running, most) == (0, 3)


async def test_one_handle_holds_several_permits_and_each_block_its_own() -> None:
    async with ActorSystem() as system:
        pool = system.distributed().semaphore("pool", 3)
        first, second = await pool.acquire(), await pool.acquire()
        assert pool.grant is second
        async with pool as third:
            assert [first.token, second.token, third.token] == [1, 2, 3]
            assert await pool.try_acquire() is False
        assert [first.is_held, second.is_held, third.is_held] == [True, True, False]
        assert await pool.release() is True
        assert [first.is_held, second.is_held] == [True, False]
        assert [await pool.release(), await pool.release()] == [True, False]


async def test_a_handle_that_holds_nothing_releases_nothing() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        await d.lock("l").acquire()
        assert await d.lock("l").release() is False


async def test_an_election_has_one_leader_with_a_term() -> None:
    async with ActorSystem() as system:
        d = system.distributed()
        a, b = d.election("e", candidate="a"), d.election("e", candidate="b")
        assert await a.leader() is None
        term = await a.campaign()
        assert [term.token, await b.leader()] == [1, "a"]
        following = asyncio.create_task(b.campaign())
        await settle()
        assert await a.resign() is True
        assert [(await following).token, await a.leader()] == [2, "b"]
        assert await a.resign() is False


async def test_a_system_that_stops_ends_what_is_held() -> None:
    """No renewal is left behind, and no caller waits for ever."""
    async with ActorSystem() as system:
        d = system.distributed()
        grant = await d.lock("l", ttl=0.3).acquire()
        waiting = asyncio.create_task(d.lock("l").acquire())
        await settle()
    with pytest.raises((ActorStoppedError, TimeoutError, RuntimeError)):
        await waiting
    await asyncio.to_thread(time.sleep, 0.3)  # longer than the lease, and than the time to its next renewal
    assert not grant.is_held


async def test_renewals_go_on_while_the_journal_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal that fails is tried again until the lease ends: one failure is no loss."""
    clock = manual_time()
    fails = iter([True, True])
    decide = Permits.decide

    def unreliable(self: Permits, command: Any, *rest: Any) -> Any:
        if type(command).__name__ == "Renew" and next(fails, False):
            raise OSError("for a moment")
        return decide(self, command, *rest)

    monkeypatch.setattr(Permits, "decide", unreliable)
    async with ActorSystem(clock=clock) as system:
        grant = await system.distributed(InMemoryJournal()).lock("l", ttl=15.0).acquire()
        await advance_in_steps(clock, 30.0)
        assert grant.is_held


async def advance_in_steps(clock: ManualClock, seconds: float) -> None:
    for _ in range(round(seconds / 0.5)):
        await clock.advance(0.5)
