"""Journals on simulated disks: `sim-disk://name` on the host's own, `sim-database://name` on a server that all share.

Reads and writes take time, fail as `DiskFaults` says, and are interrupted by a crash at any point. The rules of a
journal are those of the store in memory.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Final
from zlib import crc32

from casty.errors import ConfigError, JournalClosedError, JournalError
from casty.journals import memory
from casty.plugins.providers import JournalProvider, NoOptions
from casty.spi.journal import (
    AppendGroup,
    AppendOutcome,
    EventRecord,
    JournalCapabilities,
    JournalKind,
    OrderedEvent,
    SnapshotRecord,
)
from casty.testing.simulation.disk import SYNC, Disk, Platter, Write
from casty.testing.simulation.hosts import Host, this_host

ON_DISK: Final = replace(memory.CAPABILITIES, durable=True)
ON_SERVER: Final = replace(memory.CAPABILITIES, durable=True, kind=JournalKind.centralized)
SERVER: Final = "database"
"""The name of the server of `sim-database://` in the network."""


class SimulatedStore:
    """One process's access to a journal; see `casty.spi.journal`."""

    def __init__(self, host: Host, disk: Disk, platter: Platter, capabilities: JournalCapabilities) -> None:
        self._host = host
        self._disk = disk
        self._platter = platter
        self._capabilities = capabilities
        self._closed = False

    @property
    def capabilities(self) -> JournalCapabilities:
        return self._capabilities

    async def append(self, groups: Sequence[AppendGroup]) -> Sequence[AppendOutcome]:
        disk, platter, write = self._disk, self._platter, Write(self._platter, groups)
        await self._access("an append")
        chance, faults = disk.random.random(), disk.faults
        if chance < faults.refused:
            raise JournalError(f"the disk of {disk.owner} refused a write; nothing of it is stored")
        disk.begin(self._host.name, write)
        try:
            await self._access("an append")
        finally:
            disk.end(write)
        if chance < faults.refused + faults.doubtful:
            platter.write(groups[: disk.random.randint(0, len(groups))])
            raise JournalError(f"the disk of {disk.owner} did not say whether a write is stored")
        if faults.lying:
            outcomes = platter.pretend(groups)
            self._host.loop.carry(disk.random.uniform(0.0, SYNC), platter.sync)
        else:
            outcomes = platter.write(groups)
        self._host.loop.record(f"{sum(map(len, groups))} events are stored, {digest(groups):08x}", self._host.name)
        self._host.network.delivered()
        await self._wait()
        return outcomes

    async def replay(
        self, entity_id: str, from_sequence_nr: int, to_sequence_nr: int, limit: int
    ) -> Sequence[EventRecord]:
        await self._access("a read")
        return await self._platter.store.replay(entity_id, from_sequence_nr, to_sequence_nr, limit)

    async def highest_sequence_nr(self, entity_id: str) -> int:
        await self._access("a read")
        return await self._platter.store.highest_sequence_nr(entity_id)

    async def save_snapshot(self, snapshot: SnapshotRecord, keep: int) -> None:
        await self._access("a snapshot")
        await self._platter.store.save_snapshot(snapshot, keep)
        await self._wait()

    async def load_snapshot(self, entity_id: str, to_sequence_nr: int) -> SnapshotRecord | None:
        await self._access("a read")
        return await self._platter.store.load_snapshot(entity_id, to_sequence_nr)

    async def claim(self, key: str, owner: str, epoch: int | None = None) -> int:
        await self._access("a claim")
        granted = await self._platter.store.claim(key, owner, epoch)
        await self._wait()
        return granted

    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        await self._access("a read")
        return await self._platter.store.read(after, limit, tags)

    async def highest_offset(self) -> int:
        await self._access("a read")
        return await self._platter.store.highest_offset()

    async def entity_ids(self, after: str, limit: int) -> Sequence[str]:
        await self._access("a read")
        return await self._platter.store.entity_ids(after, limit)

    async def delete_events(self, entity_id: str, to_sequence_nr: int) -> None:
        await self._access("a deletion")
        await self._platter.store.delete_events(entity_id, to_sequence_nr)
        await self._wait()

    def close(self) -> None:
        self._closed = True

    async def _access(self, what: str) -> None:
        """Travel to the disk. Raises `JournalError` if that fails."""
        if self._closed:
            raise JournalClosedError(f"the journal {self._platter.name!r} is closed; open it again for {what}")
        await self._wait()
        if self._disk.faults.broken:
            raise JournalError(f"the disk of {self._disk.owner} is broken: {what} failed")
        if self._disk is not self._host.disk and not self._reaches_server():
            raise JournalError(f"{self._host.name} cannot reach the server of the journal: {what} failed")

    async def _wait(self) -> None:
        await asyncio.sleep(self._disk.latency())

    def _reaches_server(self) -> bool:
        name, network = self._host.name, self._host.network
        return network.is_open(name, SERVER) and network.is_open(SERVER, name)


def digest(groups: Sequence[AppendGroup]) -> int:
    """A digest of the events, for the trace."""
    found = 0
    for group in groups:
        for event in group:
            found = crc32(event.payload, crc32(event.event_id + repr(event.timestamp).encode(), found))
    return found


@asynccontextmanager
async def _open_on_disk(url: str, options: NoOptions) -> AsyncGenerator[SimulatedStore]:
    host = this_host(f"the journal {url}")
    with closing(SimulatedStore(host, host.disk, host.disk.platter(_name(url)), ON_DISK)) as store:
        yield store


@asynccontextmanager
async def _open_on_server(url: str, options: NoOptions) -> AsyncGenerator[SimulatedStore]:
    host = this_host(f"the journal {url}")
    with closing(SimulatedStore(host, host.server, host.server.platter(_name(url)), ON_SERVER)) as store:
        yield store


def _name(url: str) -> str:
    scheme, _, name = url.partition("://")
    if not name:
        raise ConfigError(f"{url!r} lacks the journal's name; write {scheme}://events")
    return name


DISK_PROVIDER: Final = JournalProvider(names=("sim-disk",), open=_open_on_disk, capabilities=ON_DISK)
SERVER_PROVIDER: Final = JournalProvider(names=("sim-database",), open=_open_on_server, capabilities=ON_SERVER)
