"""The simulated network does all that a transport must, in any order of events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from casty.address import PeerAddress
from casty.spi.transport import Endpoint, FrameReceiver, Transport
from casty.testing.conformance.transport import Capabilities, Check, OpenTransport, bounds, checks
from casty.testing.simulation import Link, Simulation, simulate_seeds
from casty.testing.simulation.hosts import HOST
from casty.testing.simulation.transport import SimulatedTransportOptions, open_simulated

SEEDS = 2
BROADBAND = Link(bandwidth=10e6)
OPTIONS = SimulatedTransportOptions(give_up_after=1.0)


def on_hosts_of(sim: Simulation) -> OpenTransport:
    """Opens each endpoint on a host of its own."""
    numbers = count(1)

    @asynccontextmanager
    async def open_on_host(
        receiver: FrameReceiver, endpoint: Endpoint, at: PeerAddress | None
    ) -> AsyncGenerator[Transport]:
        host = sim.host(at.host if at is not None else f"host-{next(numbers)}")
        if not host.is_up:
            await host.run(lambda: asyncio.sleep(0))
        opening = open_simulated(f"sim://{at or f'{host.name}:0'}", receiver, endpoint, OPTIONS)
        token = HOST.set(host)
        try:
            transport = await opening.__aenter__()
        finally:
            HOST.reset(token)
        try:
            yield transport
        finally:
            await opening.__aexit__(None, None, None)

    return open_on_host


@pytest.mark.parametrize("check", checks(Capabilities(processes=False, discards=True)))
def test_conformance(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST", 20_000)

    async def scenario(sim: Simulation) -> None:
        sim.network.link = BROADBAND
        await check(on_hosts_of(sim))

    simulate_seeds(scenario, SEEDS)
