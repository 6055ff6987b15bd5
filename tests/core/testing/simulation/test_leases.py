"""Leases on the simulated server pass everything, and cannot be had where it cannot be reached."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from casty.errors import LeaseError
from casty.spi.lease import LeaseStore
from casty.testing.conformance.lease import Check, checks
from casty.testing.simulation import Simulation, plugin, simulate

(PROVIDER,) = plugin.casty_leases()


@pytest.mark.parametrize("check", checks())
def test_conformance(check: Check) -> None:
    async def scenario(sim: Simulation) -> None:
        @asynccontextmanager
        async def open_store() -> AsyncGenerator[LeaseStore]:
            async with PROVIDER.open("sim-database://leases", PROVIDER.options()) as store:
                yield store

        async def main() -> None:
            await check(open_store)

        await sim.host("a").run(main)

    simulate(scenario)


def test_hosts_whose_clocks_differ_share_one_lease() -> None:
    async def scenario(sim: Simulation) -> None:
        async def grant() -> bool:
            async with PROVIDER.open("sim-database://leases", PROVIDER.options()) as store:
                return await store.acquire("downing", sim.random.randbytes(4).hex(), 40.0) is not None

        assert [await sim.host(name).run(grant) for name in "abc"] == [True, False, False]

    simulate(scenario)


def test_a_host_that_is_cut_off_from_the_server_gets_an_error() -> None:
    async def scenario(sim: Simulation) -> None:
        async def ask() -> None:
            async with PROVIDER.open("sim-database://leases", PROVIDER.options()) as store:
                with pytest.raises(LeaseError, match="a cannot reach the server"):
                    await store.acquire("downing", "a", 40.0)

        with sim.network.partition(["a"], ["database"]):
            await sim.host("a").run(ask)

    simulate(scenario)
