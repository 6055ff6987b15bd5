"""Barriers as their parties know them: parties come, leave and come again."""

import asyncio
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal
from casty.coordination.client import Client
from casty.errors import NodeLostError
from casty.testing import manual_time, settle


async def test_a_party_that_withdraws_arrives_again() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        barrier = d.barrier("b", "a")
        leaving = asyncio.create_task(barrier.arrive(2))
        await settle()
        leaving.cancel()
        await settle()
        assert await d.barrier("b").present() == ()
        back = asyncio.create_task(barrier.arrive(2))
        await settle()
        assert await d.barrier("b").present() == ("a",)
        assert await d.barrier("b", "b").arrive(2) == await back == 1


async def test_a_party_whose_time_is_over_arrives_again() -> None:
    clock = manual_time()
    async with ActorSystem(clock=clock) as system:
        d = system.distributed(InMemoryJournal())
        barrier = d.barrier("b", "a", timeout=5.0)
        for _ in range(3):
            arriving = asyncio.create_task(barrier.arrive(2))
            for _ in range(3):
                await clock.advance(2.0)
            with pytest.raises(TimeoutError, match="fewer than 2 parties arrived within 5 s"):
                await arriving
            assert await d.barrier("b").present() == ()
        back = asyncio.create_task(barrier.arrive(2))
        await settle()
        assert await d.barrier("b", "b").arrive(2) == await back == 1


@pytest.mark.parametrize(("seconds", "passes"), [(30.0, True), (60.0, False)])
async def test_a_barrier_may_be_out_of_reach_for_as_long_as_a_party_waits(
    seconds: float, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that has died is replaced by another one in time, not at once."""
    clock = manual_time()
    ask = Client.ask
    began = clock.time()

    async def unreachable(self: Client, entity_id: str, message: Any, timeout: float) -> Any:
        if 2.0 < clock.time() - began < 2.0 + seconds:
            raise NodeLostError("the host of the barrier has died")
        return await ask(self, entity_id, message, timeout)

    monkeypatch.setattr(Client, "ask", unreachable)
    async with ActorSystem(clock=clock) as system:
        d = system.distributed()
        arriving = [asyncio.create_task(d.barrier("b", party, timeout=60.0).arrive(3)) for party in "ab"]
        for _ in range(round(seconds) + 10):
            await clock.advance(1.0)
        if passes:
            assert await d.barrier("b", "c").arrive(3) == 1
            assert await asyncio.gather(*arriving) == [1, 1]
        else:
            for one in arriving:
                with pytest.raises(TimeoutError, match="the host of the barrier has died"):
                    await one
