"""Event-sourced entities on the journal that all nodes share, and clients that deposit and read and remember it all."""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, Final, override

from casty import Behavior, CastyError
from casty.behaviors.clustered import RegionRef
from casty.extension import shard_of
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

from tests.simulation.bank import SERIALIZER, Command, Deposit, Deposited, Look, LookUp, account
from tests.simulation.sharding.regions import ENTITIES, REGION, SHARDS, EntityCluster

JOURNAL: Final = "ledger"
CLIENTS: Final = 3
"""On each node."""
NUMBERS: Final = 100_000
"""Deposits of one client."""
PACE: Final = 0.3
BETWEEN_READS: Final = 2.0
TIMEOUTS: Final = (0.2, 1.0, 5.0)
LATE: Final = 0.1
"""Virtual seconds after its timeout at which an ask has ended."""
AVAILABLE: Final = 15.0
"""Virtual seconds after which each entity replies again, once the cluster is one."""


class Ledger(EntityCluster):
    """Each client deposits numbers that grow, in accounts chosen by lot, one after the other. One more on each node
    looks up what is in them.
    """

    timeouts = TIMEOUTS

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.acknowledged: dict[int, str] = {}
        """The account of each deposit."""
        self.reads = 0
        """Linearizable ones that had a reply."""
        self._clients = count()
        self._paused: set[str] = set()
        self._stood_still: dict[str, float] = {}
        """When a host was seen paused last."""
        sim.invariant(self.pauses_are_noted)

    def pauses_are_noted(self) -> None:
        paused = {host.name for host in self.sim.hosts if host.is_paused}
        self._stood_still.update(dict.fromkeys(paused | self._paused, self.sim.time()))
        self._paused = paused

    @override
    def entity(self, name: str, entity_id: str) -> Behavior[Command]:
        return account(entity_id, f"sim-database://{JOURNAL}")

    @override
    def clients(
        self, name: str, system: ClusteredActorSystem, region: RegionRef[Command]
    ) -> list[Coroutine[Any, Any, None]]:
        deposits = [self._deposit(name, system, region, next(self._clients)) for _ in range(CLIENTS)]
        return [*deposits, self._look_up(system, region)]

    async def _deposit(self, name: str, system: ClusteredActorSystem, region: RegionRef[Command], client: int) -> None:
        numbers = count(client * NUMBERS)
        while await self.goes_on(system, PACE):
            timeout, began = self.sim.random.choice(self.timeouts), self.sim.time()
            entity_id, number = self.sim.random.choice(ENTITIES), next(numbers)
            entity = region.entity(entity_id)
            try:
                await system.ask(entity, lambda reply_to, n=number: Deposit(n, reply_to), timeout=timeout)
            except (CastyError, TimeoutError) as error:
                self.failed(system, entity_id, error)
            else:
                self.acknowledged[number] = entity_id
            took = self.sim.time() - began
            if took > timeout + LATE and self._stood_still.get(name, -1.0) < began:
                self.wrong.append(f"an ask of {name} with a timeout of {timeout} s took {took:.3f} s")

    def failed(self, system: ClusteredActorSystem, entity_id: str, error: Exception) -> None:
        """An ask of this node has failed, as any may."""

    async def _look_up(self, system: ClusteredActorSystem, region: RegionRef[Command]) -> None:
        """In all accounts at once. A host that was paused, and has lost its shards meanwhile, does so as it wakes."""
        while await self.goes_on(system, BETWEEN_READS):
            timeout = self.sim.random.choice(self.timeouts)
            await asyncio.gather(*(self._look_into(entity_id, system, region, timeout) for entity_id in ENTITIES))

    async def _look_into(
        self, entity_id: str, system: ClusteredActorSystem, region: RegionRef[Command], timeout: float
    ) -> None:
        """Whatever befalls the nodes, the reply shows all that was acknowledged before it was asked for."""
        acknowledged = {number for number, account in self.acknowledged.items() if account == entity_id}
        try:
            content = await system.ask(region.entity(entity_id), LookUp, timeout=timeout)
        except (CastyError, TimeoutError) as error:
            return self.failed(system, entity_id, error)
        self.reads += 1
        if missing := acknowledged.difference(content):
            self.wrong.append(f"{entity_id} was read without {sorted(missing)}, which it had acknowledged")

    async def every_account_replies(self) -> None:
        """On each node that is up, within `AVAILABLE` seconds, and with the same content."""
        hosts = [(name, host) for name in self.names if (host := self.sim.host(name)).is_up]
        seen = [await host.run(lambda name=name: self._look(name)) for name, host in hosts]
        stored = [await self._stored(entity_id) for entity_id in ENTITIES]
        for accounts in seen:
            assert accounts == [content[: len(account)] for account, content in zip(accounts, stored, strict=True)]

    async def _look(self, name: str) -> list[tuple[int, ...]]:
        async with asyncio.timeout(AVAILABLE), asyncio.TaskGroup() as group:
            looks = [group.create_task(self._content(self.systems[name], entity_id)) for entity_id in ENTITIES]
        return [look.result() for look in looks]

    async def _content(self, system: ClusteredActorSystem, entity_id: str) -> tuple[int, ...]:
        while True:
            try:
                return await system.entity_ref(REGION, entity_id).ask(Look, timeout=AVAILABLE)
            except CastyError:  # such as one that says that the journal was away a moment ago
                await asyncio.sleep(0.1)

    async def check(self) -> None:
        """What was acknowledged is stored, once, and what each client sent to an account in the order in which it was
        sent; each epoch has one writer, and no epoch comes back.
        """
        numbers: list[int] = []
        writers: dict[tuple[int, int], str] = {}
        for entity_id in ENTITIES:
            records = await self.sim.database.store(JOURNAL).replay(entity_id, 1, 1_000_000, 1_000_000)
            assert [record.sequence_nr for record in records] == list(range(1, len(records) + 1))
            epochs = [record.epoch for record in records]
            assert epochs == sorted(epochs), f"{entity_id} was written by an owner that had lost it: {epochs}"
            for record in records:
                writer = writers.setdefault((shard_of(entity_id, SHARDS), record.epoch), record.writer)
                assert writer == record.writer, f"{writer} and {record.writer} wrote at epoch {record.epoch}"
            content = await self._stored(entity_id)
            numbers += content
            for client in {number // NUMBERS for number in content}:
                of_client = [number for number in content if number // NUMBERS == client]
                assert of_client == sorted(of_client), f"{entity_id} has deposits of client {client} as {of_client}"
        assert sorted(set(self.acknowledged) - set(numbers)) == []
        assert len(numbers) == len(set(numbers))

    async def _stored(self, entity_id: str) -> tuple[int, ...]:
        records = await self.sim.database.store(JOURNAL).replay(entity_id, 1, 1_000_000, 1_000_000)
        events = [SERIALIZER.decode(record.manifest, record.version, record.payload) for record in records]
        return tuple(event.number for event in events if isinstance(event, Deposited))
