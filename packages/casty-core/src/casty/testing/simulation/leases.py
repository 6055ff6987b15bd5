"""Leases at `sim-database://name`: on the server that all hosts share, by the time of the simulation."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakKeyDictionary

from casty.errors import LeaseError
from casty.leases.memory import MemoryLeases
from casty.plugins.providers import LeaseProvider, NoOptions
from casty.spi.lease import LeaseGrant
from casty.testing.simulation.disk import Disk
from casty.testing.simulation.hosts import Host, this_host
from casty.testing.simulation.store import SERVER

_stores: Final[WeakKeyDictionary[Disk, dict[str, MemoryLeases]]] = WeakKeyDictionary()
"""Leases by server and name."""


class SimulatedLeases:
    """One process's access to the leases; see `casty.spi.lease`."""

    def __init__(self, host: Host, leases: MemoryLeases) -> None:
        self._host = host
        self._leases = leases

    async def acquire(self, name: str, owner: str, seconds: float) -> LeaseGrant | None:
        await self._travel()
        grant = await self._leases.acquire(name, owner, seconds)
        await self._travel()
        return grant

    async def release(self, name: str, token: int) -> bool:
        await self._travel()
        released = await self._leases.release(name, token)
        await self._travel()
        return released

    async def _travel(self) -> None:
        """Travel to the server or back. Raises `LeaseError` if the way is closed."""
        host, network = self._host, self._host.network
        await asyncio.sleep(host.server.latency())
        if not (network.is_open(host.name, SERVER) and network.is_open(SERVER, host.name)):
            raise LeaseError(f"{host.name} cannot reach the server of the leases")


@asynccontextmanager
async def _open(url: str, options: NoOptions) -> AsyncGenerator[SimulatedLeases]:
    host = this_host(f"the lease store {url}")
    named = _stores.setdefault(host.server, {})
    if url not in named:
        named[url] = MemoryLeases(host.loop.seconds)
    yield SimulatedLeases(host, named[url])


PROVIDER: Final = LeaseProvider(names=("sim-database",), open=_open)
