"""Leases in memory: one store for each event loop."""

import asyncio

import pytest
from casty.errors import ConfigError
from casty.leases.memory import open_memory
from casty.plugins import NoOptions, PluginRegistry
from casty.spi.lease import LeaseGrant


async def acquire(owner: str) -> LeaseGrant | None:
    provider = PluginRegistry.discover().lease("memory://")
    async with provider.open("memory://", NoOptions()) as store:
        return await store.acquire("lease", owner, 60.0)


async def test_all_openers_share_it() -> None:
    assert await acquire("one") == (1, 60.0)
    assert await acquire("two") is None


def test_another_event_loop_has_another_store() -> None:
    assert asyncio.run(acquire("one")) == (1, 60.0)
    assert asyncio.run(acquire("two")) == (1, 60.0)


async def test_a_name_is_refused_as_it_would_mean_nothing() -> None:
    with pytest.raises(ConfigError, match="'memory://mine' names a lease store in memory, but they have no names"):
        async with open_memory("memory://mine", NoOptions()):
            pass
