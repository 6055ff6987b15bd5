"""Journals on simulated disks: right where nothing is wrong, and wrong in all the ways in which disks are."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from casty.errors import ConfigError, FencedError, JournalError
from casty.spi.journal import EventRecord, FencingStore, JournalStore
from casty.testing.conformance.journal import checks
from casty.testing.simulation import DiskFaults, HostCrashedError, Simulation, plugin, simulate, simulated
from casty.testing.simulation.store import ON_DISK, ON_SERVER

DISK, SERVER = plugin.casty_journals()
CHECKS = [(check, DISK) for check in checks(ON_DISK)] + [(check, SERVER) for check in checks(ON_SERVER)]


def record(number: int, entity_id: str = "e", *, writer: str = "w", epoch: int = 0) -> EventRecord:
    return EventRecord(
        entity_id=entity_id,
        sequence_nr=number,
        epoch=epoch,
        writer=writer,
        event_id=f"{entity_id}/{writer}/{number}".encode(),
        manifest="m",
        version=1,
        payload=b"p",
        timestamp=0.0,
        tags=(),
    )


def open_disk(name: str = "events") -> AbstractAsyncContextManager[JournalStore]:
    return DISK.open(f"sim-disk://{name}", DISK.options())


def open_server(name: str = "events") -> AbstractAsyncContextManager[FencingStore]:
    opened: Any = SERVER.open(f"sim-database://{name}", SERVER.options())
    return opened


async def stored(sim: Simulation, entity_id: str = "e") -> list[int]:
    records = await sim.host("a").disk.store("events").replay(entity_id, 1, 1_000, 1_000)
    return [record.sequence_nr for record in records]


@pytest.mark.parametrize(("check", "provider"), CHECKS, ids=[f"{p.names[0]}-{c.__name__}" for c, p in CHECKS])
def test_it_is_a_journal(check: Callable[..., Any], provider: Any) -> None:
    async def scenario(sim: Simulation) -> None:
        @asynccontextmanager
        async def open_store() -> AsyncGenerator[JournalStore]:
            async with provider.open(f"{provider.names[0]}://events", provider.options()) as store:
                yield store

        async def main() -> None:
            await check(open_store)

        await sim.host("a").run(main)

    simulate(scenario)


def test_what_is_stored_outlives_a_crash_and_not_a_wiped_disk() -> None:
    async def append() -> None:
        async with open_disk() as store:
            assert await store.append([[record(1)], [record(2)]]) == [None, None]

    async def scenario(sim: Simulation) -> None:
        host = sim.host("a")
        host.start(append)
        await asyncio.sleep(1.0)
        host.crash()
        assert await stored(sim) == [1, 2]
        host.disk.wipe()
        assert await stored(sim) == []
        host.restart(wipe=True)
        await asyncio.sleep(1.0)
        assert await stored(sim) == [1, 2]

    simulate(scenario)


def test_journals_have_names_and_hosts() -> None:
    async def append() -> None:
        async with open_disk("one") as one, open_disk("two") as two:
            await one.append([[record(1)]])
            assert await two.highest_sequence_nr("e") == 0

    async def look() -> int:
        async with open_disk("one") as store:
            return await store.highest_sequence_nr("e")

    async def scenario(sim: Simulation) -> None:
        await sim.host("a").run(append)
        assert await sim.host("a").run(look) == 1
        assert await sim.host("b").run(look) == 0
        with pytest.raises(RuntimeError, match="belongs to a simulated host"):
            await look()
        with pytest.raises(ConfigError, match="write sim-disk://events"):
            await sim.host("a").run(lambda: open_disk("").__aenter__())

    simulate(scenario)


def test_a_crash_tears_what_is_being_written_between_its_groups() -> None:
    async def append() -> None:
        async with open_disk() as store:
            await store.append([[record(n), record(n + 1)] for n in (1, 3, 5)])

    async def scenario(sim: Simulation) -> list[int]:
        sim.host("a").disk.faults = DiskFaults(delay=1.0)
        asyncio.get_running_loop().call_later(1.5, sim.host("a").crash)
        with pytest.raises(HostCrashedError):
            await sim.host("a").run(append)
        await asyncio.sleep(10.0)
        return await stored(sim)

    left = [simulate(scenario, seed).result for seed in range(30)]
    assert {tuple(numbers) for numbers in left} == {(), (1, 2), (1, 2, 3, 4), (1, 2, 3, 4, 5, 6)}


@simulated(seeds=10)
async def test_a_refused_write_is_not_stored(sim: Simulation) -> None:
    async def append() -> None:
        async with open_disk() as store:
            await store.append([[record(1)]])

    sim.host("a").disk.faults = DiskFaults(refused=1.0)
    with pytest.raises(JournalError, match="refused a write"):
        await sim.host("a").run(append)
    assert await stored(sim) == []


def test_a_doubtful_write_is_stored_or_is_not() -> None:
    async def append() -> None:
        async with open_disk() as store:
            await store.append([[record(1)], [record(2)]])

    async def scenario(sim: Simulation) -> list[int]:
        sim.host("a").disk.faults = DiskFaults(doubtful=1.0)
        with pytest.raises(JournalError, match="did not say whether"):
            await sim.host("a").run(append)
        return await stored(sim)

    left = {tuple(simulate(scenario, seed).result) for seed in range(30)}
    assert left == {(), (1,), (1, 2)}


def test_a_broken_disk_does_nothing_until_it_is_mended() -> None:
    async def append() -> None:
        async with open_disk() as store:
            await store.append([[record(1)]])

    async def read() -> int:
        async with open_disk() as store:
            return await store.highest_sequence_nr("e")

    async def scenario(sim: Simulation) -> None:
        disk = sim.host("a").disk
        disk.faults = DiskFaults(broken=True)
        for function in (append, read):
            with pytest.raises(JournalError, match="the disk of a is broken"):
                await sim.host("a").run(function)
        disk.mend()
        await sim.host("a").run(append)
        assert await sim.host("a").run(read) == 1

    simulate(scenario)


def test_a_disk_that_lies_loses_what_it_has_acknowledged_last() -> None:
    async def append() -> None:
        async with open_disk() as store:
            for number in range(1, 21):
                assert await store.append([[record(number)]]) == [None]
                await asyncio.sleep(0.05)

    async def scenario(sim: Simulation) -> list[int]:
        sim.host("a").disk.faults = DiskFaults(lying=True)
        await sim.host("a").run(append)
        assert await stored(sim) == list(range(1, 21))
        sim.host("a").crash()
        left = await stored(sim)
        await asyncio.sleep(5.0)
        assert left == await stored(sim) == list(range(1, len(left) + 1))
        return left

    lengths = {len(simulate(scenario, seed).result) for seed in range(20)}
    assert len(lengths) > 3
    assert min(lengths) < 20


def test_all_hosts_share_a_server_and_a_cut_keeps_them_from_it() -> None:
    async def append() -> None:
        async with open_server() as store:
            await store.append([[record(1)]])

    async def read() -> int:
        async with open_server() as store:
            return await store.highest_sequence_nr("e")

    async def scenario(sim: Simulation) -> None:
        await sim.host("a").run(append)
        sim.host("a").crash()
        assert await sim.host("b").run(read) == 1
        with sim.network.partition(["b"], ["database"]), pytest.raises(JournalError, match="b cannot reach the server"):
            await sim.host("b").run(read)
        assert await sim.host("b").run(read) == 1

    simulate(scenario)


def test_what_a_dead_host_has_asked_a_server_for_may_be_done_late_and_is_fenced_by_then() -> None:
    async def old() -> None:
        async with open_server() as store:
            await store.claim("k", "old", 1)
            await store.append([[record(1, writer="old", epoch=1)]])
            await asyncio.sleep(10.0)
            await store.append([[record(2, writer="old", epoch=1)]])

    async def new() -> list[str]:
        async with open_server() as store:
            await store.claim("k", "new", 2)
            outcomes = await store.append([[record(await store.highest_sequence_nr("e") + 1, writer="new", epoch=2)]])
            assert outcomes == [None]
            await asyncio.sleep(20.0)
            assert isinstance((await store.append([[record(9, writer="old", epoch=1)]]))[0], FencedError)
            return [event.writer for event in await store.replay("e", 1, 9, 9)]

    async def scenario(sim: Simulation) -> list[str]:
        sim.database.faults = DiskFaults(delay=0.2)
        asyncio.get_running_loop().call_later(11.3, sim.host("a").crash)
        with pytest.raises(HostCrashedError):
            await sim.host("a").run(old)
        await asyncio.sleep(sim.random.uniform(0.0, 5.0))
        return await sim.host("b").run(new)

    histories = {tuple(simulate(scenario, seed).result) for seed in range(40)}
    assert histories == {("old", "new"), ("old", "old", "new")}


def test_a_new_owner_of_a_shard_shuts_a_dead_one_out_from_all_its_entities() -> None:
    """Whatever a dead host has asked the server for is stored before the claim, or never."""
    entities = [f"e{number}" for number in range(5)]

    def groups(number: int, owner: str, epoch: int) -> list[list[EventRecord]]:
        return [[record(number, entity, writer=owner, epoch=epoch)] for entity in entities]

    async def old() -> None:
        async with open_server() as store:
            await store.claim("shard/t/1", "a/t/1", 1 << 32)
            for number in range(1, 100):
                await store.append(groups(number, "a/t/1", 1 << 32))

    async def new() -> int:
        async with open_server() as store:
            with pytest.raises(FencedError) as refused:
                await store.claim("shard/t/1", "b/t/1", 1)
            assert refused.value.held == 1 << 32
            await store.claim("shard/t/1", "b/t/1", 2 << 32)
            numbers = [await store.highest_sequence_nr(entity) for entity in entities]
            await asyncio.sleep(20.0)
            assert numbers == [await store.highest_sequence_nr(entity) for entity in entities]
            late = await store.append(groups(max(numbers) + 1, "a/t/1", 1 << 32))
            assert all(isinstance(outcome, FencedError) for outcome in late)
            return max(numbers)

    async def scenario(sim: Simulation) -> int:
        sim.database.faults = DiskFaults(delay=0.05)
        asyncio.get_running_loop().call_later(sim.random.uniform(1.0, 2.0), sim.host("a").crash)
        with pytest.raises(HostCrashedError):
            await sim.host("a").run(old)
        await asyncio.sleep(sim.random.uniform(0.0, 5.0))
        return await sim.host("b").run(new)

    for seed in range(40):
        simulate(scenario, seed)
